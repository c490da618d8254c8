// Package portalweb is the portal's door: the pages that organisations outside see, the
// page behind a notice's link, the page that asks for a sign-in link, and the files and
// feeds that their programs fetch.
//
// A handler of this package gets the request and who asks, and returns a portal.Reply.
// It holds no http.ResponseWriter: door.go alone writes answers, and writes nothing but
// what the release gate cleared (a Parcel), a redirect, or a static page of the list in
// package portal. A wall test looks at this.
//
// # Promises
//
//   - Pages are made for a telephone first: one column, no rail, buttons as wide as the
//     thumb needs; they print; they need no scripts.
//   - They speak English, French and Spanish, and never the words of the house.
//   - Somebody else's number, a wrong one and one that is not there yet are answered alike.
//   - A GET of a link in a mail shows a form and nothing of the notice.
//   - Files and feeds carry an ETag of their bytes and are the same bytes while nothing
//     of the organisation's has changed.
//
// What is NOT here: what is shown (portal), sessions (guardweb), the desk's pages.
package portalweb
