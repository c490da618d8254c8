package incidentweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// ClocksURL is the national board of clocks.
const ClocksURL = "/incident/clocks"

// ClockURL is the page of a clock.
func ClockURL(id int64) string { return ClocksURL + "/" + number(id) }

// Permissions of clocks; the verbs have the same names.
const (
	beginDuty = "incident.begin_duty"
	endDuty   = "incident.end_duty"
	setAnchor = "incident.set_anchor"
)

// clockRoutes are the pages of clocks: the board, those of an incident, one.
func (p *Pages) clockRoutes() []web.Route {
	const one = "/incident/incidents/ALM-0000-0000/clocks"
	const of = "/incident/incidents/{number}/clocks"
	routes := []web.Route{
		{Method: "GET", Pattern: ClocksURL, Permission: read, Handler: p.board, Sample: "GET /incident/clocks?due=24&regime=nis2"},
		{Method: "GET", Pattern: of, Permission: read, Handler: p.clocksPage, Sample: "GET " + one},
		{Method: "GET", Pattern: of + "/begin", Permission: beginDuty, Handler: p.newDuty, Sample: "GET " + one + "/begin"},
		{Method: "POST", Pattern: of + "/begin", Permission: beginDuty, Handler: p.beginDuty, Sample: "POST " + one + "/begin organisation=2&regime=nis2"},
		{Method: "GET", Pattern: of + "/anchor", Permission: setAnchor, Handler: p.newAnchor, Sample: "GET " + one + "/anchor?organisation=2&event=awareness"},
		{Method: "POST", Pattern: of + "/anchor", Permission: setAnchor, Handler: p.setAnchor, Sample: "POST " + one + "/anchor organisation=2&event=awareness&do=look"},
		{Method: "GET", Pattern: "/incident/duties/{duty}/end", Permission: endDuty, Handler: p.confirmEndDuty, Sample: "GET /incident/duties/1/end"},
		{Method: "POST", Pattern: "/incident/duties/{duty}/end", Permission: endDuty, Handler: p.endDuty, Sample: "POST /incident/duties/1/end reason=a"},
		{Method: "GET", Pattern: ClocksURL + "/{clock}", Permission: read, Handler: p.clockPage, Sample: "GET /incident/clocks/1"},
	}
	for _, v := range p.clockVerbs() {
		at := "/incident/clocks/{clock}/" + v.name
		routes = append(routes,
			web.Route{Method: "GET", Pattern: at, Permission: v.permission, Handler: p.askClock(v), Sample: "GET /incident/clocks/1/" + v.name},
			web.Route{Method: "POST", Pattern: at, Permission: v.permission, Handler: p.doClock(v), Sample: "POST /incident/clocks/1/" + v.name + " version=1&reason=a"})
	}
	return routes
}

// boardPage is the dot of the national board.
type boardPage struct {
	Figures []web.Figure
	List    web.List
}

// clockFilter reads the filters of the board's address.
func (p *Pages) clockFilter(r *http.Request) incident.ClockFilter {
	q := r.URL.Query()
	f := incident.ClockFilter{Regime: q.Get("regime"), Sector: q.Get("sector"), OwedBy: positive(q.Get("by")), Exercise: q.Get("exercise") != "", Limit: perPage + 1}
	now := p.in.Acts.Clock().Now()
	switch hours := positive(q.Get("due")); {
	case q.Get("due") == "overdue":
		f.Until = now
	case hours > 0 && hours < 10_000:
		f.Until = now.Add(time.Duration(hours) * time.Hour)
	}
	if at, id, ok := strings.Cut(q.Get("after"), "."); ok {
		f.After = incident.ClockCursor{WarnAt: clock.FromMicros(positive(at)), ID: positive(id)}
	}
	return f
}

// board shows what falls due in the whole country, the overdue first.
func (p *Pages) board(w http.ResponseWriter, r *http.Request) error {
	f, db, v := p.clockFilter(r), p.in.Acts.Reader(), viewer(r)
	found, err := p.in.RunningClocks(r.Context(), db, v, f)
	if err != nil {
		return err
	}
	counts, err := p.in.CountClocks(r.Context(), db, v, f)
	if err != nil {
		return err
	}
	data := boardPage{List: web.List{
		ID: "clocks", Caption: web.Say(r, "incident.desk.clocks"), Total: web.Total{Hide: true}, Live: true, Filters: p.clockFilters(r),
		Columns: web.Columns(r, "incident.desk.clocks.stage", "incident.desk.column.state", "incident.desk.clocks.safe", "incident.desk.clocks.lawful",
			"incident.desk.clocks.owed_by", "incident.desk.clocks.owed_to", "incident.desk.column.number"),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.clocks.none"), Why: web.Say(r, "incident.desk.clocks.none.why")},
	}}
	figure := func(key, due, tone string, n int64) {
		data.Figures = append(data.Figures, web.Figure{Label: web.Say(r, "incident.desk.clocks.due."+key), N: n, URL: web.With(r.URL, "due", due), Tone: tone, Icon: "clock"})
	}
	figure("overdue", "overdue", "critical", counts.Overdue)
	for _, h := range incident.Horizons() {
		figure(strconv.Itoa(h), strconv.Itoa(h), "", counts.Within[h])
	}
	page := web.Page{
		Title: web.Say(r, "incident.desk.clocks"), Room: "incident", Lead: web.Say(r, "incident.desk.clocks.lead"), Topics: []string{"incident"}, Exercise: f.Exercise,
		Crumbs:  []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
		Actions: []web.Action{{Label: web.Say(r, "incident.desk.regimes"), URL: regimesURL, Icon: "file"}, {Label: web.Say(r, "incident.desk.calls"), URL: callsURL, Icon: "phone"}},
	}
	if len(found) > perPage {
		found = found[:perPage]
		last := found[perPage-1]
		data.List.Older = web.With(r.URL, "after", number(clock.Micros(last.WarnAt))+"."+number(last.ID))
	}
	strictest := tlp.Clear
	heads := map[int64]incident.Incident{}
	for k := range found {
		row, m, err := p.boardRow(r, &found[k], heads)
		if err != nil {
			return err
		}
		data.List.Rows = append(data.List.Rows, row)
		strictest = tlp.Strictest(strictest, m)
	}
	if len(found) > 0 {
		page.Marking = strictest.String()
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "incident/clocks", page)
}

func (p *Pages) clockFilters(r *http.Request) *web.Filters {
	any := web.Option{Label: web.Say(r, "incident.desk.any")}
	due := web.Field{Name: "due", Type: "select", Label: web.Say(r, "incident.desk.clocks.due"), Options: []web.Option{any, {Value: "overdue", Label: web.Say(r, "incident.desk.clocks.due.overdue")}}}
	for _, h := range incident.Horizons() {
		due.Options = append(due.Options, web.Option{Value: strconv.Itoa(h), Label: web.Say(r, "incident.desk.clocks.due."+strconv.Itoa(h))})
	}
	law := web.Field{Name: "regime", Type: "select", Label: web.Say(r, "incident.desk.clocks.regime"), Options: append([]web.Option{any}, p.regimeOptions(r)...)}
	sector := web.Field{Name: "sector", Type: "select", Label: web.Say(r, "incident.desk.clocks.sector"), Options: []web.Option{any}}
	for _, s := range constituency.Sectors() {
		sector.Options = append(sector.Options, web.Option{Value: s.Code, Label: web.Say(r, s.Key())})
	}
	by := web.Field{Name: "by", Type: "select", Label: web.Say(r, "incident.desk.clocks.owed_by"), Options: []web.Option{any, {Value: number(guard.OwnOrg), Label: p.orgName(guard.OwnOrg)}}}
	if other := positive(r.URL.Query().Get("by")); other > guard.OwnOrg {
		by.Options = append(by.Options, web.Option{Value: number(other), Label: p.orgName(other)})
	}
	return web.Sift(r, due, law, sector, by)
}

// regimeOptions are the regimes that may be begun.
func (p *Pages) regimeOptions(r *http.Request) (out []web.Option) {
	for _, l := range p.in.Laws() {
		o := web.Option{Value: l.Regime.ID, Label: l.Regime.ID + " · " + l.Regime.Title.In(lang(r))}
		if l.Regime.InForce != regime.InForceYes {
			o.Hint = web.Say(r, "incident.desk.regimes.force."+string(l.Regime.InForce))
			o.Label += " · " + o.Hint
		}
		out = append(out, o)
	}
	return out
}

func lang(r *http.Request) string { return web.PrinterOf(r.Context()).Lang() }

// boardRow is a clock on the board, with its incident.
func (p *Pages) boardRow(r *http.Request, c *incident.Clock, heads map[int64]incident.Incident) (row web.Row, m tlp.Marking, err error) {
	i, ok := heads[c.Incident]
	if !ok {
		if i, err = p.in.Incident(r.Context(), p.in.Acts.Reader(), viewer(r), c.Incident); err != nil {
			return row, m, err
		}
		heads[c.Incident] = i
	}
	n := p.in.Number(i.ID)
	row = web.Row{URL: ClockURL(c.ID), Name: c.Stage, Cells: append(p.clockCells(r, c), web.Cell{Text: n, URL: incidentURL(n) + "/clocks", Mono: true, Sub: clip(i.Title, 60)})}
	if c.WarnAt.Before(p.in.Acts.Clock().Now()) {
		row.Tone = "critical"
	}
	return row, i.Marking, nil
}

// clockCells are what every list says of a clock.
func (p *Pages) clockCells(r *http.Request, c *incident.Clock) []web.Cell {
	return []web.Cell{
		{Text: p.stageTitle(r, c), URL: ClockURL(c.ID), Sub: c.Regime + " · " + c.Citation}, web.Marked(p.clockBadge(r, c)),
		p.when(r, c, c.WarnAt), p.when(r, c, c.End()), p.party(r, c.OwedBy, c.OwedByOrg), p.party(r, c.OwedTo, c.OwedToOrg),
	}
}

// when is a time of a clock, or why there is none.
func (p *Pages) when(r *http.Request, c *incident.Clock, t time.Time) web.Cell {
	if t.IsZero() {
		if c.State == incident.ClockRunning {
			return web.Text(web.Say(r, "incident.desk.clocks.no_period"))
		}
		return web.Text("–")
	}
	left := t.Sub(p.in.Acts.Clock().Now())
	cell := web.Exactly(t)
	if c.State == incident.ClockRunning {
		key := "incident.desk.clocks.in"
		if left < 0 {
			key, left = "incident.desk.clocks.ago", -left
		}
		cell.Sub = web.Say(r, key, "Age", web.PrinterOf(r.Context()).Age(left))
	}
	return cell
}

// party is a side of a clock: the organisation, or what it is where it is not ours.
func (p *Pages) party(r *http.Request, role regime.Role, org int64) web.Cell {
	if org == 0 {
		return web.Text(web.Say(r, "incident.desk.clocks.role."+string(role)))
	}
	c := web.Anchor(p.orgName(org), orgURL(org))
	c.Sub = web.Say(r, "incident.desk.clocks.role."+string(role))
	return c
}

// stageTitle is a stage in the reader's language, by the version of the law under
// which the clock runs.
func (p *Pages) stageTitle(r *http.Request, c *incident.Clock) string {
	_, s, err := p.in.StageOf(c)
	if err != nil || s.ID == "" {
		return c.Stage
	}
	return s.Title.In(lang(r))
}

func (p *Pages) clockBadge(r *http.Request, c *incident.Clock) web.Badge {
	now := p.in.Acts.Clock().Now()
	b := web.Badge{Word: web.Say(r, "incident.desk.clocks.state."+c.Word(now)), Tone: "muted", Icon: "clock"}
	switch c.State {
	case incident.ClockRunning:
		b.Tone = "open"
		switch {
		case c.Late(now):
			b.Tone = "critical"
		case !c.WarnAt.IsZero() && c.WarnAt.Before(now):
			b.Tone, b.Word = "high", web.Say(r, "incident.desk.clocks.state.strict")
		case !c.WarnAt.IsZero() && c.WarnAt.Sub(now) < 6*time.Hour:
			b.Tone = "high"
		}
	case incident.ClockMet:
		b.Tone, b.Icon = "ok", "check"
		if c.Late(now) {
			b.Tone, b.Word = "medium", web.Say(r, "incident.desk.clocks.state.met_late")
		}
	case incident.ClockWaiting, incident.ClockPaused, incident.ClockVoid:
	}
	return b
}

// clocksPage is the dot of an incident's clocks.
type clocksData struct {
	Proposals web.List
	Duties    []web.List
	Anchors   []web.List
	Empty     *web.Empty
}

// clocksPage shows the clocks of an incident: what probably applies, what applies, and
// from when it is counted.
func (p *Pages) clocksPage(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	page := p.about(r, &i, web.Say(r, "incident.desk.clocks"))
	page.Topics, page.Marking = []string{incident.Topic(i.ID)}, i.Marking.String()
	u := incidentURL(p.in.Number(i.ID))
	if can(r, beginDuty) {
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.duty.begin"), URL: u + "/clocks/begin", Icon: "plus", Tone: "primary"}
	}
	if can(r, setAnchor) {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.anchor.set"), URL: u + "/clocks/anchor", Icon: "clock"})
	}
	page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.significance"), URL: u + "/significance", Icon: "question"})
	data := clocksData{}
	if data.Proposals, err = p.proposals(r, &i); err != nil {
		return err
	}
	if data.Duties, err = p.dutyLists(r, &i); err != nil {
		return err
	}
	if data.Anchors, err = p.anchorLists(r, &i); err != nil {
		return err
	}
	if len(data.Duties) == 0 {
		data.Empty = &web.Empty{Title: web.Say(r, "incident.desk.duty.none"), Why: web.Say(r, "incident.desk.duty.none.why"), Do: page.Primary}
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "incident/clocks-of", page)
}

// proposals lists which regimes probably apply; each leads to the form that confirms.
func (p *Pages) proposals(r *http.Request, i *incident.Incident) (web.List, error) {
	list := web.List{
		ID: "proposals", Caption: web.Say(r, "incident.desk.duty.proposed"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.column.organisation", "incident.desk.clocks.regime", "incident.desk.reason", "incident.desk.column.do"),
	}
	if !can(r, beginDuty) {
		return list, nil
	}
	found, err := p.in.Propose(r.Context(), p.in.Acts.Reader(), i)
	for _, x := range found {
		u := incidentURL(p.in.Number(i.ID)) + "/clocks/begin?organisation=" + number(x.Org) + "&regime=" + x.Regime
		list.Rows = append(list.Rows, web.Row{Name: x.Regime, Cells: []web.Cell{
			web.Anchor(p.orgName(x.Org), orgURL(x.Org)), web.Text(x.Regime), web.Text(web.Say(r, x.Why)), web.Anchor(web.Say(r, "incident.desk.duty.confirm"), u),
		}})
	}
	return list, err
}

// dutyLists are the clocks by duty.
func (p *Pages) dutyLists(r *http.Request, i *incident.Incident) (out []web.List, err error) {
	db, v := p.in.Acts.Reader(), viewer(r)
	duties, err := p.in.Duties(r.Context(), db, v, i.ID)
	if err != nil {
		return nil, err
	}
	clocks, err := p.in.Clocks(r.Context(), db, v, i.ID)
	if err != nil {
		return nil, err
	}
	for k := range duties {
		d := &duties[k]
		l, err := p.in.LawOf(d)
		if err != nil {
			return nil, err
		}
		list := web.List{
			ID: "duty-" + number(d.ID), Caption: p.orgName(d.Org) + " · " + l.Regime.Title.In(lang(r)) + " · " + p.confirmed(r, &l), Total: web.Total{Hide: true}, Live: true,
			Columns: web.Columns(r, "incident.desk.clocks.stage", "incident.desk.column.state", "incident.desk.clocks.safe", "incident.desk.clocks.lawful",
				"incident.desk.clocks.owed_by", "incident.desk.clocks.owed_to"),
		}
		if !d.EndedAt.IsZero() {
			list.Caption += " · " + web.Say(r, "incident.desk.duty.ended")
		} else if can(r, endDuty) {
			list.Downloads = []web.Action{{Label: web.Say(r, "incident.desk.duty.end"), URL: "/incident/duties/" + number(d.ID) + "/end", Icon: "cross"}}
		}
		for n := range clocks {
			if clocks[n].Duty == d.ID {
				row := web.Row{URL: ClockURL(clocks[n].ID), Name: clocks[n].Stage, Cells: p.clockCells(r, &clocks[n])}
				if clocks[n].State == incident.ClockVoid {
					row.Tone = "muted"
				}
				list.Rows = append(list.Rows, row)
			}
		}
		out = append(out, list)
	}
	return out, nil
}

// confirmed says whether a person has confirmed a regime file.
func (p *Pages) confirmed(r *http.Request, l *incident.Law) string {
	if l.Confirmed() {
		return web.Say(r, "incident.desk.regimes.verified")
	}
	return web.Say(r, "incident.desk.regimes.unverified")
}

// anchorLists are the times from which is counted, by organisation: what stands and
// what stood before.
func (p *Pages) anchorLists(r *http.Request, i *incident.Incident) (out []web.List, err error) {
	ps, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, true)
	if err != nil {
		return nil, err
	}
	var seen []int64
	for _, one := range ps {
		if slices.Contains(seen, one.Org) {
			continue
		}
		seen = append(seen, one.Org)
		as, err := p.in.Anchors(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID, one.Org)
		if err != nil {
			return nil, err
		}
		if len(as) == 0 {
			continue
		}
		list := web.List{
			ID: "anchors-" + number(one.Org), Caption: web.Say(r, "incident.desk.anchor.of", "Name", p.orgName(one.Org)), Total: web.Total{Hide: true}, Live: true,
			Columns: web.Columns(r, "incident.desk.anchor.event", "incident.desk.at", "incident.desk.recorded", "incident.desk.reason", "incident.desk.column.do"),
		}
		for k := range as {
			list.Rows = append(list.Rows, p.anchorRow(r, i, &as[k]))
		}
		out = append(out, list)
	}
	return out, nil
}

func (p *Pages) anchorRow(r *http.Request, i *incident.Incident, a *incident.Anchor) web.Row {
	what := web.Cell{Text: p.eventName(r, a.Event), Sub: a.Regime}
	at := web.Exactly(a.At)
	if a.At.IsZero() {
		at = web.Text(web.Say(r, "incident.desk.anchor.withdrawn"))
	}
	row := web.Row{Name: what.Text, Cells: []web.Cell{what, at, {At: a.RecordedAt, Sub: p.who(r, a.RecordedBy)}, web.Text(a.Reason), {}}}
	if a.Entry != 0 {
		row.Cells[3].Sub, row.Cells[3].URL = web.Say(r, "incident.desk.entry"), "/incident/entries/"+number(a.Entry)
	}
	switch {
	case !a.ReplacedAt.IsZero():
		row.Tone, row.Cells[4] = "muted", web.Cell{At: a.ReplacedAt, Sub: web.Say(r, "incident.desk.anchor.replaced")}
	case can(r, setAnchor):
		u := incidentURL(p.in.Number(i.ID)) + "/clocks/anchor?organisation=" + number(a.Org) + "&event=" + string(a.Event) + "&regime=" + a.Regime
		row.Cells[4] = web.Anchor(web.Say(r, "incident.desk.anchor.correct"), u)
	}
	return row
}

// eventName is what happened, in the reader's language; a stage by its id.
func (p *Pages) eventName(r *http.Request, e regime.Event) string {
	if slices.Contains(incident.Events(), e) {
		return web.Say(r, "incident.desk.event."+string(e))
	}
	return web.Say(r, "incident.desk.event.stage", "Stage", string(e))
}

// clockExtra is what the clocks add to an incident's page.
func (p *Pages) clockExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	u := incidentURL(p.in.Number(i.ID)) + "/clocks"
	x.Actions = []web.Action{{Label: web.Say(r, "incident.desk.clocks"), URL: u, Icon: "clock"}}
	clocks, err := p.in.Clocks(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return x, err
	}
	slices.SortStableFunc(clocks, func(a, b incident.Clock) int { return a.WarnAt.Compare(b.WarnAt) })
	f := web.Facts{Title: web.Say(r, "incident.desk.clocks")}
	for k := range clocks {
		if c := &clocks[k]; c.State == incident.ClockRunning && len(f.Items) < 6 {
			cell := p.when(r, c, c.WarnAt)
			cell.URL = ClockURL(c.ID)
			f.Items = append(f.Items, web.Fact{Label: p.stageTitle(r, c) + " · " + p.orgName(c.Party), Cell: cell})
		}
	}
	if len(f.Items) > 0 {
		x.Facts = []web.Facts{f}
	}
	return x, nil
}
