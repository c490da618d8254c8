// Package constituencyweb is the door of the constituency: its pages below
// /constituency and its part of the API below /api/v1/constituency.
//
// Pages, API and command line call the same verbs and queries; nothing is decided
// here. A change of assets is shown with its effect first and done by a second
// request that names the version which the first one saw.
//
// A file to import is checked first and shown; it waits on the server's disk, for an
// hour and for the same person, until it is applied.
//
// What is NOT here: the queue of what nobody is found for (watch), sign-in (guard).
package constituencyweb
