package warnweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// noticeFilter reads the list's filters from the address; nobody tells that they name
// an organisation or warning that there is not.
func (p *Pages) noticeFilter(r *http.Request) (f warn.Filter, nobody bool, err error) {
	q, db := r.URL.Query(), p.warn.Acts.Reader()
	f = warn.Filter{State: warn.State(q.Get("state")), Unanswered: q.Get("unanswered") != "", Before: positive(q.Get("after"))}
	if name := strings.TrimSpace(q.Get("organisation")); name != "" {
		o, ok, err := p.warn.Guard.OrganisationNamed(r.Context(), db, name)
		if err != nil {
			return f, false, err
		}
		f.Org, nobody = o.ID, !ok
	}
	if n := strings.TrimSpace(q.Get("warning")); n != "" {
		v, err := p.warn.WarningNumbered(r.Context(), db, n)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return f, false, err
		}
		f.Warning, nobody = v.ID, nobody || err != nil
	}
	return f, nobody, nil
}

func noticeFilters(r *http.Request) []web.Field {
	return []web.Field{
		stateFilter(r),
		{Name: "organisation", Type: "search", Label: web.Say(r, "warn.column.organisation")},
		{Name: "unanswered", Type: "select", Label: web.Say(r, "warn.column.answered"), Options: []web.Option{
			{Label: web.Say(r, "warn.any")}, {Value: "yes", Label: web.Say(r, "warn.unanswered")},
		}},
		{Name: "warning", Type: "search", Label: web.Say(r, "warn.fact.warning"), Mono: true},
	}
}

// noticeActions are the ways on from the list of notices.
func (p *Pages) noticeActions(r *http.Request) []web.Action {
	out := []web.Action{
		{Label: web.Say(r, "warn.warnings"), URL: "/warn/warnings", Icon: "warn"},
		{Label: web.Say(r, "warn.mails"), URL: "/warn/mail", Icon: "mail"},
		{Label: web.Say(r, "warn.calls"), URL: "/warn/calls", Icon: "phone"},
		{Label: web.Say(r, "warn.answers"), URL: "/warn/answers", Icon: "question"},
		{Label: web.Say(r, "warn.rules"), URL: "/warn/rules", Icon: "filter"},
		{Label: web.Say(r, "warn.outbox"), URL: "/warn/outbox", Icon: "outbound"},
		{Label: web.Say(r, "warn.failed"), URL: "/warn/failed", Icon: "warning"},
	}
	if !can(r, retry) {
		return out
	}
	waiting, err := p.warn.Waiting(r.Context(), p.warn.Acts.Reader())
	if err == nil && waiting[warn.Unknown] > 0 {
		out = append(out, web.Action{Label: web.Say(r, "warn.repeat.all", "Count", waiting[warn.Unknown]), URL: "/warn/repeat", Icon: "refresh"})
	}
	return out
}

// answeredCell is when a notice was answered, and what was said last.
func answeredCell(r *http.Request, n *warn.Notice) web.Cell {
	c := web.Ago(n.AnsweredAt)
	if n.LastAnswer != "" {
		c.Sub = web.Say(r, "warn.what."+string(n.LastAnswer))
	}
	return c
}

// stamp is a time for machines; empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// noticesCSV is the filtered list as a table, all of it.
func (p *Pages) noticesCSV(w http.ResponseWriter, r *http.Request) error {
	f, nobody, err := p.noticeFilter(r)
	if err != nil {
		return err
	}
	out := web.NewCSV(w, "notices.csv")
	if err := out.Row("notice", "organisation", "contact", "state", "manner", "findings", "warning", "step", "drafted", "sent", "seen", "answered", "answer"); err != nil {
		return err
	}
	f.Limit = 1000
	for !nobody {
		ns, err := p.warn.Notices(r.Context(), p.warn.Acts.Reader(), f)
		if err != nil {
			return err
		}
		for i := range ns {
			n := &ns[i]
			warning := ""
			if n.Warning != 0 {
				warning = p.warn.WarningNumber(n.Warning)
			}
			if err := out.Row(p.warn.Number(n.ID), p.orgName(n.Org), n.Address, string(n.State), string(n.Manner), strconv.Itoa(n.Total), warning,
				strconv.Itoa(n.Step+1), stamp(n.DraftedAt), stamp(n.SentAt), stamp(n.SeenAt), stamp(n.AnsweredAt), string(n.LastAnswer)); err != nil {
				return err
			}
		}
		if len(ns) < f.Limit {
			break
		}
		f.Before = ns[len(ns)-1].ID
	}
	return out.Flush()
}

func (p *Pages) confirmRepeatAll(w http.ResponseWriter, r *http.Request) error {
	return p.showRepeatAll(w, r, http.StatusOK, nil)
}

// showRepeatAll says how many notices of unknown outcome would be sent once more.
func (p *Pages) showRepeatAll(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	waiting, err := p.warn.Waiting(r.Context(), p.warn.Acts.Reader())
	if err != nil {
		return err
	}
	c := web.Confirm{
		Title: web.Say(r, "warn.repeat.all.title"), Text: web.Say(r, "warn.repeat.all.text"), Action: "/warn/repeat", Verb: web.Say(r, "warn.repeat"),
		Tone: "danger", NeedReason: true, Cancel: "/warn/notices?state=unknown",
	}
	if n := waiting[warn.Unknown]; n > 0 {
		c.Effects = []web.Effect{{Count: min(n, 5000), What: web.Say(r, "warn.repeat.all.effect", "Count", n), URL: "/warn/notices?state=unknown", Tone: "high"}}
	}
	return p.confirm(w, r, status, c.Verb, c, problem)
}

func (p *Pages) repeatAll(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	n, err := p.warn.RepeatUnknown(r.Context(), actor(r), r.PostForm.Get("reason"))
	if f := fault.Of(err); err != nil && f.Field == "reason" {
		return p.showRepeatAll(w, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/notices", web.Flash{Key: "warn.repeat.all.done", Args: map[string]any{"Count": n}})
	return nil
}
