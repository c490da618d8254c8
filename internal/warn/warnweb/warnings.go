package warnweb

import (
	"net/http"
	"slices"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

func warningURL(number string) string { return "/warn/warnings/" + number }

func severityBadge(r *http.Request, s warn.Severity) web.Badge {
	b := web.Badge{Tone: string(s), Word: web.Say(r, "warn.warning.severity."+string(s))}
	if s == warn.SeverityFlash {
		b.Tone = "critical"
	}
	return b
}

func warningBadge(r *http.Request, s warn.WarningState) web.Badge {
	b := web.Badge{Tone: "muted", Word: web.Say(r, "warn.wstate."+string(s))}
	switch s {
	case warn.Composed:
		b.Tone, b.Icon = "open", "edit"
	case warn.Released:
		b.Tone, b.Icon = "ok", "warn"
	case warn.Closed:
		b.Icon = "state-closed"
	}
	return b
}

func (p *Pages) warnings(w http.ResponseWriter, r *http.Request) error {
	ctx, db, q := r.Context(), p.warn.Acts.Reader(), r.URL.Query()
	vs, err := p.warn.WarningsList(ctx, db, warn.WarningFilter{
		State: warn.WarningState(q.Get("state")), Before: positive(q.Get("after")), Limit: perPage + 1,
	})
	if err != nil {
		return err
	}
	states := web.Field{Name: "state", Type: "select", Label: web.Say(r, "warn.column.state"), Options: []web.Option{{Label: web.Say(r, "warn.any")}}}
	for _, s := range []warn.WarningState{warn.Composed, warn.Released, warn.Closed, warn.Discarded} {
		states.Options = append(states.Options, web.Option{Value: string(s), Label: web.Say(r, "warn.wstate."+string(s))})
	}
	list := web.List{
		ID: "warnings", Caption: web.Say(r, "warn.warnings"), Total: web.Total{Hide: true}, Live: true, Filters: web.Sift(r, states),
		Columns: web.Columns(r, "warn.column.number", "warn.column.title", "warn.column.severity", "warn.column.state", "warn.column.released", "warn.column.taken"),
		Empty:   web.Empty{Title: web.Say(r, "warn.warnings.none"), Why: web.Say(r, "warn.warnings.none.why")},
	}
	page := web.Page{
		Title: web.Say(r, "warn.warnings"), Room: "warn", Lead: web.Say(r, "warn.warnings.lead"), Topics: topics(),
		Actions: []web.Action{
			{Label: web.Say(r, "warn.notices"), URL: "/warn/notices", Icon: "mail"}, {Label: web.Say(r, "warn.calls"), URL: "/warn/calls", Icon: "phone"},
		},
	}
	if can(r, compose) {
		page.Primary = &web.Action{Label: web.Say(r, "warn.compose"), URL: "/warn/warnings/new", Icon: "plus", Tone: "primary"}
		list.Empty.Do = page.Primary
	}
	if len(vs) > perPage {
		vs = vs[:perPage]
		list.Older = web.With(r.URL, "after", number(vs[perPage-1].ID))
	}
	ids := make([]int64, len(vs))
	for i := range vs {
		ids[i] = vs[i].ID
	}
	tallies, err := p.warn.Tallies(ctx, db, ids)
	if err != nil {
		return err
	}
	for i := range vs {
		list.Rows = append(list.Rows, p.warningRow(r, &vs[i], tallies[vs[i].ID]))
		page.Marking = stricterOr(page.Marking, vs[i].Marking.String())
	}
	page.Data = listPage{List: list, Stopped: p.stopped(r)}
	return p.site.Page(w, r, http.StatusOK, "warn/list", page)
}

func stricterOr(a, b string) string {
	if a == "" {
		return b
	}
	return stricter(a, b)
}

// topics are the news on which pages about warnings look again.
func topics() []string {
	return []string{"warn.notice-answered", "warn.notices-moved", "warn.warning-changed"}
}

func (p *Pages) warningRow(r *http.Request, v *warn.Warning, t warn.Tally) web.Row {
	u := warningURL(p.warn.WarningNumber(v.ID))
	t1, _ := v.Text(web.PrinterOf(r.Context()).Lang())
	row := web.Row{URL: u, Name: t1.Title, Cells: []web.Cell{
		{Text: p.warn.WarningNumber(v.ID), URL: u, Mono: true}, {Text: t1.Title, Sub: v.Marking.String()},
		web.Marked(severityBadge(r, v.Severity)), web.Marked(warningBadge(r, v.State)), web.Ago(v.ReleasedAt), {},
	}}
	if v.State == warn.Released || v.State == warn.Closed {
		row.Cells[5] = web.Text(web.Say(r, "warn.taken.of", "Taken", t.Taken, "Count", int64(len(v.Recipients))))
	}
	if v.State == warn.Discarded {
		row.Tone = "muted"
	}
	if v.Severity == warn.SeverityFlash && v.State == warn.Released && t.Taken < int64(len(v.Recipients)) {
		row.Tone = "critical"
	}
	return row
}

// warningPage is the dot of a warning's page.
type warningPage struct {
	Facts  web.Facts
	Texts  []textCard
	Board  *board
	Story  web.Timeline
	Choice web.Facts
}

// textCard is a warning in one language.
type textCard struct {
	Lang, Language, Title string
	Sections              []textSection
}

type textSection struct{ Label, Words string }

func (p *Pages) warningNumbered(r *http.Request) (warn.Warning, error) {
	return p.warn.WarningNumbered(r.Context(), p.warn.Acts.Reader(), r.PathValue("number"))
}

// head is what all pages about one warning share.
func (p *Pages) head(r *http.Request, v *warn.Warning, more ...web.Link) web.Page {
	t, _ := v.Text(web.PrinterOf(r.Context()).Lang())
	page := web.Page{
		Title: t.Title, Number: p.warn.WarningNumber(v.ID), Room: "warn", Exercise: v.Exercise, Marking: v.Marking.String(),
		Crumbs: append([]web.Link{{Label: web.Say(r, "warn.warnings"), URL: "/warn/warnings"}}, more...),
		Badges: []web.Badge{severityBadge(r, v.Severity), warningBadge(r, v.State)},
	}
	return page
}

func (p *Pages) crumb(v *warn.Warning) web.Link {
	n := p.warn.WarningNumber(v.ID)
	return web.Link{Label: n, URL: warningURL(n)}
}

func (p *Pages) warning(w http.ResponseWriter, r *http.Request) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	page := p.head(r, &v)
	page.Topics = topics()
	data := warningPage{Facts: p.warningFacts(r, &v), Texts: textCards(r, &v), Story: p.warningStory(r, &v), Choice: p.choiceFacts(r, &v)}
	if v.State == warn.Released || v.State == warn.Closed {
		if data.Board, err = p.board(r, &v); err != nil {
			return err
		}
		page.Lead = web.Say(r, "warn.taken.lead", "Taken", data.Board.Taken, "Count", data.Board.All)
	}
	page.Audience = p.warningAudience(r, &v)
	p.warningActions(r, &v, &page)
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "warn/warning", page)
}

// warningActions gives the one primary action by state, and the others.
func (p *Pages) warningActions(r *http.Request, v *warn.Warning, page *web.Page) {
	u := warningURL(p.warn.WarningNumber(v.ID))
	primary := func(key, url, icon string) {
		page.Primary = &web.Action{Label: web.Say(r, key), URL: url, Icon: icon, Tone: "primary"}
	}
	other := func(key, url, icon string) {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, key), URL: url, Icon: icon})
	}
	switch v.State {
	case warn.Composed:
		if can(r, compose) {
			other("warn.edit", u+"/edit", "edit")
			page.Actions = append(page.Actions, web.Action{
				Label: web.Say(r, "warn.discard"), URL: u + "/discard", Icon: "trash", Post: true, Hidden: []web.Hidden{{Name: "version", Value: number(v.Version)}},
			})
		}
		switch {
		case !can(r, release):
			other("warn.look", u+"/list", "eye")
		case p.wrote(r, v):
			primary("warn.look.alone", u+"/list", "eye")
		default:
			primary("warn.look.release", u+"/list", "eye")
		}
	case warn.Released:
		switch {
		case p.reviewable(r, v):
			primary("warn.review", u+"/review", "check")
			if can(r, closing) {
				other("warn.close", u+"/close", "state-closed")
			}
		case can(r, closing):
			primary("warn.close", u+"/close", "state-closed")
		}
		other("warn.calls", "/warn/calls?warning="+p.warn.WarningNumber(v.ID), "phone")
	case warn.Closed:
		if p.reviewable(r, v) {
			primary("warn.review", u+"/review", "check")
		}
	}
}

// wrote tells whether the viewer wrote the warning, so that another one releases it.
func (p *Pages) wrote(r *http.Request, v *warn.Warning) bool {
	me := web.ViewerOf(r.Context()).ID
	return me == v.ChangedBy || me == v.ComposedBy
}

// reviewable tells whether the viewer may judge the release.
func (p *Pages) reviewable(r *http.Request, v *warn.Warning) bool {
	return !v.ReviewDue.IsZero() && v.Review == "" && v.ReleasedBy != web.ViewerOf(r.Context()).ID && can(r, review)
}

func textCards(r *http.Request, v *warn.Warning) (out []textCard) {
	for _, l := range v.Languages() {
		t := v.Texts[l]
		card := textCard{Lang: l, Language: languageName(r, l), Title: t.Title}
		for _, s := range []textSection{
			{web.Say(r, "warn.text.what"), t.What}, {web.Say(r, "warn.text.affected"), t.Affected}, {web.Say(r, "warn.text.do"), t.Do},
		} {
			if s.Words != "" {
				card.Sections = append(card.Sections, s)
			}
		}
		out = append(out, card)
	}
	return out
}

// warningFacts are what is known about a warning.
func (p *Pages) warningFacts(r *http.Request, v *warn.Warning) web.Facts {
	until := web.Exactly(v.Until)
	if v.Until.IsZero() {
		until = web.Text(web.Say(r, "warn.until.none"))
	}
	within := web.Text(web.Say(r, "warn.within.none"))
	if v.AnswerWithin > 0 {
		within = web.Text(web.PrinterOf(r.Context()).Age(v.AnswerWithin))
	}
	items := []web.Fact{
		{Label: web.Say(r, "warn.fact.marking"), Cell: web.Text(v.Marking.String())},
		{Label: web.Say(r, "warn.fact.until"), Cell: until},
		{Label: web.Say(r, "warn.fact.within"), Cell: within},
		{Label: web.Say(r, "warn.fact.composed"), Cell: web.Cell{At: v.ComposedAt, Sub: p.who(r, v.ComposedBy)}},
	}
	if v.ChangedAt.After(v.ComposedAt) {
		items = append(items, web.Fact{Label: web.Say(r, "warn.fact.changed"), Cell: web.Cell{At: v.ChangedAt, Sub: p.who(r, v.ChangedBy)}})
	}
	if !v.ReleasedAt.IsZero() {
		items = append(items,
			web.Fact{Label: web.Say(r, "warn.fact.released"), Cell: web.Cell{At: v.ReleasedAt, Sub: p.who(r, v.ReleasedBy)}},
			web.Fact{Label: web.Say(r, "warn.fact.how"), Cell: web.Cell{Text: web.Say(r, "warn.how."+v.ReleasedHow), Sub: v.Reason}})
	}
	if !v.ReviewDue.IsZero() {
		cell := web.Cell{At: v.ReviewDue, Sub: web.Say(r, "warn.review.due")}
		if v.Review != "" {
			cell = web.Cell{Text: web.Say(r, "warn.review."+v.Review), Sub: p.who(r, v.ReviewedBy)}
		}
		items = append(items, web.Fact{Label: web.Say(r, "warn.review"), Cell: cell})
	}
	return web.Facts{Title: web.Say(r, "warn.facts"), Items: items}
}

// warningStory is what happened to a warning, oldest first.
func (p *Pages) warningStory(r *http.Request, v *warn.Warning) web.Timeline {
	t := web.Timeline{Title: web.Say(r, "warn.story"), Moments: []web.Moment{
		{At: v.ComposedAt, Who: p.who(r, v.ComposedBy), What: web.Say(r, "warn.wstory.composed"), Icon: "edit"},
	}}
	if v.ChangedAt.After(v.ComposedAt) {
		t.Moments = append(t.Moments, web.Moment{At: v.ChangedAt, Who: p.who(r, v.ChangedBy), What: web.Say(r, "warn.wstory.changed"), Icon: "edit"})
	}
	if !v.ReleasedAt.IsZero() {
		t.Moments = append(t.Moments, web.Moment{
			At: v.ReleasedAt, Who: p.who(r, v.ReleasedBy), What: web.Say(r, "warn.wstory.released", "Count", len(v.Recipients)), Detail: v.Reason,
			Icon: "warn", Badge: &web.Badge{Tone: "info", Word: web.Say(r, "warn.how."+v.ReleasedHow)},
		})
	}
	if !v.ReviewedAt.IsZero() {
		t.Moments = append(t.Moments, web.Moment{
			At: v.ReviewedAt, Who: p.who(r, v.ReviewedBy), What: web.Say(r, "warn.wstory."+v.Review), Detail: v.ReviewNote, Icon: "check",
		})
	}
	if !v.ClosedAt.IsZero() {
		t.Moments = append(t.Moments, web.Moment{At: v.ClosedAt, What: web.Say(r, "warn.wstory."+string(v.State)), Icon: "state-closed"})
	}
	return t
}

// warningAudience says who can see the warning: the desk, and who was told.
func (p *Pages) warningAudience(r *http.Request, v *warn.Warning) *web.Audience {
	a := &web.Audience{Marking: v.Marking.String(), Summary: web.Say(r, "warn.audience.draft")}
	if v.State != warn.Released && v.State != warn.Closed {
		return a
	}
	a.Summary = web.Say(r, "warn.audience.released", "Count", len(v.Recipients))
	for _, org := range v.Recipients[:min(len(v.Recipients), 20)] {
		a.Members = append(a.Members, web.Member{Name: p.orgName(org), URL: orgURL(org)})
	}
	slices.SortFunc(a.Members, func(x, y web.Member) int { return compare(x.Name, y.Name) })
	if len(v.Recipients) > 20 {
		a.Note = web.Say(r, "warn.audience.more", "Count", len(v.Recipients)-20)
	}
	return a
}
