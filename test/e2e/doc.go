// Package e2e plays whole stories in a real Chromium against a whole installation,
// one story per file: a morning at the desk, a day in shadow, a source that goes live and
// is restored, a FLASH at night, a notice that is forwarded, a visitor who answers
// by a link, every page in every look, and the built program's demo.
//
// A [stage] is an installation on a free port of the loopback, served under a name
// that browsers take for this machine, with a real mail server beside it. Every page
// that a story visits is seen by [stage.look]: axe-core finds no fault, nothing
// scrolls sideways, and a picture is kept in the folder named by ALMENARA_ARTEFACTS
// (else in the test's own). At the end no breach of the content security policy was
// reported and no page wrote an error into the console.
//
// ALMENARA_E2E_FULL=1 shows every page in every look instead of in pairs.
package e2e
