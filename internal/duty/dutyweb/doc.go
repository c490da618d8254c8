// Package dutyweb is the door of the duty room: its pages below /duty and its part of
// the API below /api/v1/duty.
//
// Pages, API and command line call the same verbs and queries; nothing is decided
// here. Times are asked for and shown in the reader's zone, with UTC beside them. The
// pack is a page of its own outside the frame: it carries its style in itself, so that
// it can be kept as one file, and a content security policy that lets only that style
// pass.
//
// What is NOT here: contacts and keys (constituencyweb), sign-in (guard).
package dutyweb
