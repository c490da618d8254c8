package deskweb

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// boardPage is the first page of the desk.
type boardPage struct {
	Needs   []web.Figure
	Quiet   web.Empty
	Closed  web.Empty // why there is no picture, when there is none
	Picture bool      // the asker may read watch
	Heat    web.Heat
	Late    web.List
	Today   web.List
	Times   web.Chart
	Gone    web.List
	Answers *answersPicture
}

// board is GET /.
func (p *Web) board(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	page := web.Page{
		Title: a.say("desk.board.title"), Room: "desk", Wide: true,
		Topics: []string{"watch", "constituency", "warn"},
	}
	data := boardPage{
		Quiet:  web.Empty{Title: a.say("desk.board.quiet"), Why: a.say("desk.board.quiet.why")},
		Closed: web.Empty{Title: a.say("desk.board.closed"), Why: a.say("desk.board.closed.why")},
	}
	others, err := p.otherNeeds(r, a)
	if err != nil {
		return err
	}
	var b *watch.Board
	if a.Can("watch.read") {
		is, err := p.Watch.Board(r.Context(), p.read, a.actor.Org)
		if err != nil {
			return err
		}
		b, data.Picture, page.Charts = &is, true, len(is.Outcomes) > 0
		if err := p.picture(r, a, b, &data, &page); err != nil {
			return err
		}
	}
	if p.Answers != nil && a.Can("warn.read") {
		f, err := p.Answers.Figures(r.Context(), p.read)
		if err != nil {
			return err
		}
		data.Answers = p.pictureOfAnswers(a, f)
		page.Charts = page.Charts || f.All.Now.Sent+f.All.Before.Sent > 0
	}
	if b == nil {
		page.Actions = ways(a)
	}
	for _, n := range desk.Waiting(b, others...) {
		data.Needs = append(data.Needs, p.figure(a, n))
	}
	page.Data = data
	return p.Site.Page(w, r, http.StatusOK, "desk/board", page)
}

// figure is a need as the board shows it: its age or when it is due stand before what
// to do about it.
func (p *Web) figure(a asker, n desk.Need) web.Figure {
	args := maps.Clone(n.Args)
	if args == nil {
		args = map[string]any{}
	}
	args["Count"] = n.N
	note := a.say(n.Note)
	now := p.Clock.Now()
	switch {
	case !n.Due.IsZero() && n.Due.After(now):
		note = a.say("desk.need.due", "Age", a.words.Age(n.Due.Sub(now))) + " " + note
	case !n.Due.IsZero():
		note = a.say("desk.need.overdue", "Age", a.words.Age(now.Sub(n.Due))) + " " + note
	case !n.Since.IsZero():
		note = a.say("desk.need.since", "Age", a.words.Age(now.Sub(n.Since))) + " " + note
	}
	return web.Figure{
		Label: a.words.T(n.Key, args), Note: note, N: n.N, AtLeast: n.AtLeast, URL: n.URL, Icon: n.Icon, Tone: toneOf(n.Consequence),
	}
}

// ways lead who does not read findings to what is theirs.
func ways(a asker) (out []web.Action) {
	if a.Can("watch.change_source") {
		out = append(out,
			web.Action{Label: a.say("watch.sources.title"), URL: "/watch/sources", Icon: "source"},
			web.Action{Label: a.say("watch.mappings.title"), URL: "/watch/mappings", Icon: "file"})
	}
	if a.Can("guard.read") {
		out = append(out, web.Action{Label: a.say("desk.board.persons"), URL: "/guard/persons", Icon: "person"})
	}
	return out
}

func toneOf(c desk.Consequence) string {
	switch c {
	case desk.Unheard, desk.Blind:
		return "critical"
	case desk.Untold:
		return "high"
	case desk.Unknown:
		return "medium"
	}
	return "low"
}

func (p *Web) otherNeeds(r *http.Request, a asker) (out []desk.Need, err error) {
	for _, n := range p.Needs {
		more, err := n.NeedsOf(r.Context(), p.read, a.actor)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if p.FailedWork != nil && a.Can(p.FailedWorkPermission) {
		n, err := p.FailedWork(r.Context())
		if err != nil {
			return nil, err
		}
		out = append(out, desk.Need{
			Key: "desk.need.work", Note: "desk.need.work.do", N: n, URL: p.FailedWorkURL, Icon: "jobs", Consequence: desk.Untold,
		})
	}
	return out, nil
}

// picture fills the board's part that watch sums up.
func (p *Web) picture(r *http.Request, a asker, b *watch.Board, data *boardPage, page *web.Page) error {
	srcs, err := p.Watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	most := tlp.Unmarked
	for _, s := range srcs {
		most = tlp.Strictest(most, s.Marking)
	}
	if most.Marked() {
		page.Marking = most.String()
	}
	if b.Open > 0 {
		page.Lead = a.say("desk.board.open", "Count", int64(b.Open))
	}
	data.Heat = heat(a, b)
	data.Late = late(a, b)
	data.Today = today(a, b, srcs)
	data.Times, data.Gone = times(a, b), gone(a, b)
	if len(srcs) == 0 && a.Can("watch.add_source") {
		data.Heat.Empty.Do = &web.Action{Label: a.say("desk.board.add_source"), URL: "/watch/sources/new", Icon: "plus", Tone: "primary"}
	}
	return nil
}

func list(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return "/watch/findings?" + q.Encode()
}

// heat is open findings by sector and severity; each figure links to its list.
func heat(a asker, b *watch.Board) web.Heat {
	h := web.Heat{
		ID: "heat", Caption: a.say("desk.board.heat"), Corner: a.say("desk.board.sector"), Note: a.say("desk.board.heat.note"),
		Empty: web.Empty{Title: a.say("desk.board.heat.none"), Why: a.say("desk.board.heat.none.why")},
	}
	for _, s := range watch.Severities() {
		h.Columns = append(h.Columns, web.Link{Label: a.say("watch.word.severity." + s.String()), URL: list("state", "open", "severity", s.String())})
	}
	for _, row := range b.Heat {
		code := row.Sector
		if code == "" {
			code = "none"
		}
		line := web.HeatRow{Label: sector(a, row.Sector), URL: list("state", "open", "sector", code)}
		for _, s := range watch.Severities() {
			line.Cells = append(line.Cells, web.HeatCell{N: int64(row.Counts[s]), URL: list("state", "open", "sector", code, "severity", s.String())})
		}
		h.Rows = append(h.Rows, line)
	}
	h.Weigh()
	return h
}

func sector(a asker, code string) string {
	if code == "" {
		return a.say("watch.page.sector.none")
	}
	return a.say(constituency.Sector{Code: code}.Key())
}

func late(a asker, b *watch.Board) web.List {
	l := web.List{
		ID: "late", Caption: a.say("desk.board.late"), Total: web.Total{N: int64(len(b.Late))},
		Columns: []web.Column{
			{Label: a.say("watch.label.source")}, {Label: a.say("desk.board.late.last")}, {Label: a.say("desk.board.late.by")},
		},
		Empty: web.Empty{Title: a.say("desk.board.late.none"), Why: a.say("desk.board.late.none.why")},
	}
	for _, s := range b.Late {
		l.Rows = append(l.Rows, web.Row{Tone: "critical", Cells: []web.Cell{
			web.Anchor(s.Source.Name, "/watch/sources/"+strconv.FormatInt(s.Source.ID, 10)), web.Exactly(s.Source.LastTaken),
			web.Text(a.words.Age(s.By)),
		}})
	}
	return l
}

// today is what came since midnight UTC.
func today(a asker, b *watch.Board, srcs []watch.Source) web.List {
	l := web.List{
		ID: "today", Caption: a.say("desk.board.today"), Live: true,
		Total: web.Total{N: int64(len(b.Today)), AtLeast: len(b.Today) >= 30},
		Columns: []web.Column{
			{Label: a.say("watch.label.delivery")},
			{Label: a.say("watch.label.rows"), Num: true, Narrow: true},
			{Label: a.say("watch.label.opened"), Num: true},
			{Label: a.say("watch.label.gone"), Num: true},
			{Label: a.say("watch.label.reopened"), Num: true, Narrow: true},
			{Label: a.say("watch.label.quarantined"), Num: true, Narrow: true},
		},
		Empty: web.Empty{Title: a.say("desk.board.today.none"), Why: a.say("desk.board.today.none.why")},
	}
	if a.Can("watch.deliver") && len(srcs) > 0 {
		l.Empty.Do = &web.Action{Label: a.say("desk.board.hand_in"), URL: "/watch/deliveries/new", Icon: "upload"}
	}
	for _, d := range b.Today {
		to := "/watch/deliveries/" + strconv.FormatInt(d.ID, 10)
		row := web.Row{URL: to, Cells: []web.Cell{
			{Text: d.FileName, URL: to, Sub: sourceName(srcs, d.Source)},
			web.Number(d.Rows, ""),
			web.Number(d.Opened, to+"/findings?change=opened"), web.Number(d.NoLongerSeen, to+"/findings?change=no-longer-seen"),
			web.Number(d.Reopened, to+"/findings?change=reopened"),
			web.Number(d.Quarantined, "/watch/quarantine?delivery="+strconv.FormatInt(d.ID, 10)),
		}}
		if d.State == watch.Failed {
			row.Tone = "critical"
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

func sourceName(srcs []watch.Source, id int64) string {
	i := slices.IndexFunc(srcs, func(s watch.Source) bool { return s.ID == id })
	if i < 0 {
		return ""
	}
	return srcs[i].Name
}

// times is how long findings stood open until they were no longer seen, slowest
// sector first, beside the quarter before.
func times(a asker, b *watch.Board) web.Chart {
	rows := slowest(b)
	c := web.Chart{
		ID: "times", Kind: "bar", Units: a.say("desk.board.times.units"), Source: a.say("desk.board.times.source"), At: b.At,
		Axis:  a.say("desk.board.sector"),
		Empty: web.Empty{Title: a.say("desk.board.times.none"), Why: a.say("desk.board.times.none.why")},
		Title: a.say("desk.board.times"),
	}
	if len(rows) == 0 {
		return c
	}
	now := web.Series{Name: a.say("desk.board.quarter"), Tone: "medium"}
	before := web.Series{Name: a.say("desk.board.quarter.before"), Tone: "muted"}
	for _, o := range rows {
		c.X = append(c.X, sector(a, o.Sector))
		now.Values = append(now.Values, int64(o.Median/time.Hour))
		before.Values = append(before.Values, int64(o.Before/time.Hour))
	}
	c.Series = []web.Series{now, before}
	if rows[0].Median > 0 {
		c.Title = a.say("desk.board.times.finding", "Sector", c.X[0], "Hours", a.words.Number(int64(rows[0].Median/time.Hour)))
	}
	return c
}

func slowest(b *watch.Board) []watch.OutcomeRow {
	rows := slices.Clone(b.Outcomes)
	slices.SortStableFunc(rows, func(x, y watch.OutcomeRow) int { return int(y.Median/time.Hour) - int(x.Median/time.Hour) })
	return rows
}

// gone says the same in words, with the lists.
func gone(a asker, b *watch.Board) web.List {
	l := web.List{
		ID: "gone", Caption: a.say("desk.board.times"), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: a.say("desk.board.sector")}, {Label: a.say("desk.board.gone"), Num: true},
			{Label: a.say("desk.board.quarter")}, {Label: a.say("desk.board.quarter.before"), Narrow: true}, {Label: a.say("desk.board.change")},
		},
		Empty: web.Empty{Title: a.say("desk.board.times.none"), Why: a.say("desk.board.times.none.why")},
	}
	for _, o := range slowest(b) {
		code := o.Sector
		if code == "" {
			code = "none"
		}
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.Anchor(sector(a, o.Sector), list("state", "no-longer-seen", "sector", code)), web.Number(o.Gone, ""),
			web.Text(within(a, o.Median)), web.Text(within(a, o.Before)), change(a, o.Median, o.Before),
		}})
	}
	return l
}

// within says a median that is an upper bound.
func within(a asker, d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return a.say("desk.board.within", "Age", a.words.Age(d))
}

// change compares two medians in a word with a shape.
func change(a asker, now, before time.Duration) web.Cell {
	switch {
	case now == 0 || before == 0:
		return web.Text("–")
	case now < before:
		return web.Marked(web.Badge{Tone: "ok", Icon: "ok", Word: a.say("desk.board.faster")})
	case now > before:
		return web.Marked(web.Badge{Tone: "high", Word: a.say("desk.board.slower")})
	}
	return web.Marked(web.Badge{Tone: "muted", Word: a.say("desk.board.same")})
}
