// Package guardweb is guard's door: it finds out who a request comes from, lets
// persons sign in and out, and shows and changes persons, roles, passkeys,
// sessions and tokens.
//
// # Words
//
// A [Door] identifies: a session cookie, a bearer token, or the local socket whose
// peer is the server's own user. It is made before the site, because the site asks
// it who comes. [Pages] are the rest, made after the site, because they answer
// through it.
//
// # Promises
//
//   - A wrong, used, expired or foreign credential is answered in one way,
//     whichever it was; tries are limited per address and altogether.
//   - Opening a one-time link changes nothing: mail programs and scanners open
//     links. Only the button on its page uses the link.
//   - The session cookie is HttpOnly, SameSite=Lax, and Secure on https. Lax and
//     not Strict: with Strict a person who follows a link from a mail would arrive
//     signed out. Posts from other sites are refused by the frame.
//   - A challenge of a passkey ceremony is kept here, bound to one browser by a
//     cookie, lives a few minutes and is used once.
//   - A secret (link, token) is shown once, on the page that answers its making,
//     and is in no log and no address that this server writes.
//   - Every page but the passkey buttons works without scripts; those say so.
//
// # Not here
//
// Who may do what (guard), organisations, contacts and their pages
// (constituency), the release of links by mail (outbound).
package guardweb
