// Package web is the frame that every page stands in: routes, pages, errors,
// security headers, languages, live updates and static files. It knows no domain
// word.
//
// A [Site] is built once from a [Config]. Rooms hand it their templates
// ([Site.Templates]) and their routes ([Site.Handle]); [Site.Handler] then parses
// and checks everything and returns the http.Handler. A wrong template, a catalogue
// key that English lacks or two routes with one pattern are errors there, at start,
// never on a page.
//
// A handler returns an error or answers. Pages are answered by [Site.Page], changes
// by [Site.Redirect] with a flash message, errors by returning a fault: the site
// turns the code into a status and the key into words in the reader's language, as a
// page for browsers and as RFC 9457 problem+json for programs. Operator detail goes
// to the log with the request's id and never to the reader.
//
// Who is asking is a [Viewer], found by Config.Identify before the handler runs and
// read with [ViewerOf]; [Say] speaks the request's language, and [PrinterOf] writes
// its numbers and times. A route names the permission it needs; [Public] and
// [SignedIn] are the two that need no room.
//
// Templates are html/template. Functions speak the reader's language and zone: T,
// date, clock, moment, age, number, percent, bytes, icon, asset. Components (list,
// form, timeline, facts, confirm, audience, heat, chart …) are templates in
// web/layout that take the structs of this package, so a room's page is mostly
// {{template "list" .Data.Findings}}.
//
// Promises: no page has inline script or style and the content security policy
// allows none; reports of breaches are counted ([Site.CSPReports]). A cross-site POST
// is refused. Bodies are bounded. Every page works without scripts.
//
// Not here: sessions and permissions (guard), what a page says (the rooms' …web
// packages), the API's schema (app), files of the frame (the top-level web folder).
package web
