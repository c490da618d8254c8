// Package app is the wiring and the life of the process: it knows every room, and
// no room knows it.
//
// [New] opens the folder and the database, brings the schema there, wires the
// rooms and loads what they keep in memory. [App.Start] serves; [App.Stop] tears
// down within [StopWithin]; [Run] is all of it until its context ends. Tests start
// the real thing on 127.0.0.1:0.
//
// # Words
//
// An installation is a folder (--data DIR) and a database. The folder holds
//
//	almenara.toml       the configuration, see [Config]
//	almenara.db         the database, unless it is PostgreSQL
//	almenara.db.before-VERSION   copies made before a newer program changed the schema
//	keys/               what must not be lost or read: ledger, blobs, numbers, cursors
//	blobs/              deliveries and derived sets, encrypted by frames
//	ledger/log/         tiles and checkpoint; ledger/high is the largest tree ever signed
//	drop/               a folder per source for feeds that leave files
//	locales/            words of further languages, dropped in by the country
//	run/                the local socket and the lock of the running server
//
// [Found] makes it, once. A second server on the same folder is refused.
//
// rooms.go is the one list of rooms: their migrations in order, routes, API
// operations, templates and words; who hears whose facts; who can tell the effect
// of a change; who answers the release gate.
//
// # The API
//
// Rooms register huma operations on the API that [App] hands to their doors. An
// operation names the permission it needs in its security requirement, as the
// scope of "token": {"token": {"watch.read"}}; one
// without is refused at start. A handler returns plain errors: faults become RFC
// 9457 problems in the caller's language, everything else an internal one whose
// detail goes to the log only.
//
// What is NOT here: words of the domain, SQL, pages.
package app
