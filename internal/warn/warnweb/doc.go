// Package warnweb is warn's door: the desk's pages of notices, warnings to many, the
// call list, mail that came in, rules, outbox and failed work, the page behind the link
// in a notice, and the API calls below /api/v1/warn.
//
// # What a talking person does
//
// On a notice's page the key p goes to the name field, which holds the contact's name
// already; Enter records that they have taken the warning, now. On a warning's board p
// leads from an organisation's line there and back. On the list of mail c goes to the
// line's button, and Enter confirms the answer that the words look like; a mail whose
// signature speaks against it has no such button: it is opened first. Without scripts
// the same fields and buttons are there.
//
// # Warnings to many
//
// A draft is a form; its list shows whom it would be told to, how and in which
// language, and the letter that each would get as the release gate would clear it. The
// release names the fingerprint of the list that was looked at.
//
// The page behind a link is for somebody who holds the link and no session. A GET
// shows only a confirm button, the same for every notice, so that a link scanner
// that fetches it answers nothing and learns nothing; a POST records the answer.
//
// What is NOT here: rules, texts and sending (warn); the portal (a later release).
package warnweb

import (
	"embed"
	"net/http"
	"strconv"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// Templates are this package's pages; the site knows them as "warn/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Pages are warn's pages and calls. Make them with New.
type Pages struct {
	warn *warn.Warn
	site *web.Site
	raw  RawMail // nil: attachments are named, not handed out
	// offer is what another room does with a mail that belongs to nothing; nil: none does.
	offer func(*http.Request, *warn.Mail) *web.Action
}

// New returns the pages, which answer through site.
func New(site *web.Site, w *warn.Warn) *Pages { return &Pages{warn: w, site: site} }

// Routes lists warn's doors.
func (p *Pages) Routes() []web.Route {
	return append(p.deskRoutes(), []web.Route{
		{Method: "GET", Pattern: "/warn/notices", Permission: "warn.read", Handler: p.notices, Sample: "GET /warn/notices"},
		{Method: "GET", Pattern: "/warn/notices/{number}", Permission: "warn.read", Handler: p.notice, Sample: "GET /warn/notices/ALM-0000-0000"},
		{Method: "POST", Pattern: "/warn/notices/{number}/answer", Permission: "warn.record_answer", Handler: p.recordAnswer, Sample: "POST /warn/notices/ALM-0000-0000/answer by=a&what=done&via=phone"},
		{Method: "GET", Pattern: "/warn/notices/{number}/repeat", Permission: "warn.retry", Handler: p.confirmRepeat, Sample: "GET /warn/notices/ALM-0000-0000/repeat"},
		{Method: "POST", Pattern: "/warn/notices/{number}/repeat", Permission: "warn.retry", Handler: p.repeat, Sample: "POST /warn/notices/ALM-0000-0000/repeat reason=a"},
		{Method: "GET", Pattern: "/warn/outbox", Permission: "warn.read", Handler: p.outbox, Sample: "GET /warn/outbox"},
		{Method: "GET", Pattern: "/warn/failed", Permission: "warn.read", Handler: p.failedWork, Sample: "GET /warn/failed"},
		{Method: "POST", Pattern: "/warn/failed/{job}/retry", Permission: "warn.retry", Handler: p.retryJob, Sample: "POST /warn/failed/1/retry a=b"},
		{Method: "POST", Pattern: "/warn/failed/{job}/dismiss", Permission: "warn.retry", Handler: p.dismissJob, Sample: "POST /warn/failed/1/dismiss a=b"},
		{Method: "GET", Pattern: "/warn/stop", Permission: "warn.stop_sending", Handler: p.confirmStop, Sample: "GET /warn/stop"},
		{Method: "POST", Pattern: "/warn/stop", Permission: "warn.stop_sending", Handler: p.stop, Sample: "POST /warn/stop reason=a"},
		{Method: "POST", Pattern: "/warn/resume", Permission: "warn.resume_sending", Handler: p.resume, Sample: "POST /warn/resume a=b"},
	}...)
}

// actor is who asks.
func actor(r *http.Request) act.Actor {
	a, _ := web.ViewerOf(r.Context()).Actor.(act.Actor)
	return a
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
