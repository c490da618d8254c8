package watchweb

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// groupsShown is how many groups of rows the page sums up.
const groupsShown = 30

// quarantinePage is the list of rows and their sums by reason.
type quarantinePage struct {
	Groups web.List
	List   web.List
}

// quarantine is GET /watch/quarantine.
func (p *Web) quarantine(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := checkQuery(r); err != nil {
		return err
	}
	f, err := quarantineFilter(r)
	if err != nil {
		return err
	}
	f.Limit = perPage + 1
	rows, err := p.watch.Quarantine(r.Context(), p.read, f)
	if err != nil {
		return err
	}
	n, atLeast, err := p.watch.CountQuarantine(r.Context(), p.read, f)
	if err != nil {
		return err
	}
	names, srcs, err := p.fileNames(r, rows)
	if err != nil {
		return err
	}
	list := p.quarantineList(r, a, rows, names)
	list.Total = web.Total{N: n, AtLeast: atLeast}
	list.Filters = quarantineFilters(r, a)
	data := quarantinePage{List: list}
	if data.Groups, err = p.groups(r, a, f.Delivery); err != nil {
		return err
	}
	return p.site.Page(w, r, http.StatusOK, "watch/quarantine", web.Page{
		Title: a.say("watch.quarantine.title"), Lead: a.say("watch.quarantine.lead"), Room: room, Wide: true,
		Marking: marking(srcs...), Topics: []string{"watch.delivery-taken"}, Data: data,
	})
}

func quarantineFilter(r *http.Request) (f watch.QuarantineFilter, err error) {
	q := r.URL.Query()
	f.Reason, f.State = q.Get("reason"), watch.QuarantineState(q.Get("state"))
	if f.State != "" && !slices.Contains(quarantineStates(), f.State) {
		return f, fault.OnField("state", "watch.page.quarantine_state", fault.Args{"Value": string(f.State)})
	}
	if f.Delivery, err = queryNumber(r, "delivery"); err != nil {
		return f, err
	}
	if at := q.Get("after"); at != "" {
		f.AfterDelivery, f.AfterLine, err = rowKey(at)
	}
	return f, err
}

func quarantineStates() []watch.QuarantineState {
	return []watch.QuarantineState{watch.Waiting, watch.Rerunning, watch.Dismissed, watch.TakenIn}
}

func quarantineFilters(r *http.Request, a asker) *web.Filters {
	states := []web.Option{{Label: a.say("watch.page.any")}}
	for _, s := range quarantineStates() {
		states = append(states, web.Option{Value: string(s), Label: a.quarantineState(s).Word})
	}
	why := []web.Option{{Label: a.say("watch.page.any")}}
	for _, s := range reasons() {
		why = append(why, web.Option{Value: s, Label: a.reason(s)})
	}
	f := web.Sift(r,
		web.Field{Name: "state", Label: a.say("watch.label.state"), Type: "select", Options: states},
		web.Field{Name: "reason", Label: a.say("watch.label.reason"), Type: "select", Options: why},
		web.Field{Name: "delivery", Label: a.say("watch.label.delivery_number"), Example: "17"},
	)
	if len(f.Chips) == 0 {
		f.Clear = ""
	}
	return f
}

// A row of quarantine is named by delivery and line, as in "17.204".
func keyOf(delivery, line int64) string {
	return strconv.FormatInt(delivery, 10) + "." + strconv.FormatInt(line, 10)
}

func rowKey(s string) (delivery, line int64, err error) {
	d, l, _ := strings.Cut(s, ".")
	if delivery, err = number64(d, "watch.quarantine.none"); err != nil {
		return 0, 0, err
	}
	line, err = number64(l, "watch.quarantine.none")
	return delivery, line, err
}

// fileNames are the names of the deliveries of rows, and their sources.
func (p *Web) fileNames(r *http.Request, rows []watch.Quarantined) (names map[int64]string, srcs []watch.Source, err error) {
	names = map[int64]string{}
	all, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return nil, nil, err
	}
	shown := map[int64]bool{}
	for _, q := range rows {
		if names[q.Delivery] != "" {
			continue
		}
		d, err := p.watch.Delivery(r.Context(), p.read, q.Delivery)
		if err != nil {
			return nil, nil, err
		}
		names[d.ID], shown[d.Source] = d.FileName, true
	}
	for _, s := range all {
		if shown[s.ID] {
			srcs = append(srcs, s)
		}
	}
	return names, srcs, nil
}

func (p *Web) quarantineList(r *http.Request, a asker, rows []watch.Quarantined, names map[int64]string) web.List {
	list := web.List{
		ID: "rows", Caption: a.say("watch.quarantine.rows"), Live: true,
		Columns: []web.Column{
			{Label: a.say("watch.label.line")},
			{Label: a.say("watch.label.delivery")},
			{Label: a.say("watch.label.reason")},
			{Label: a.say("watch.label.column")},
			{Label: a.say("watch.label.state")},
			{Label: a.say("watch.label.bytes"), Num: true, Narrow: true},
		},
		Empty: web.Empty{Title: a.say("watch.quarantine.no_rows"), Why: a.say("watch.quarantine.no_rows.why")},
		Bulk:  quarantineBulk(a),
	}
	if len(rows) > perPage {
		rows = rows[:perPage]
		last := rows[perPage-1]
		list.Older = turn(r.URL, "after", keyOf(last.Delivery, last.Line))
	}
	if r.URL.Query().Get("after") != "" {
		list.Newer = turnless(r.URL.Path, r.URL.Query())
	}
	raw := a.Can("watch.read_raw")
	for _, q := range rows {
		key := keyOf(q.Delivery, q.Line)
		state := a.quarantineState(q.State)
		row := web.Row{ID: key, Name: a.say("watch.quarantine.row", "Line", q.Line, "File", names[q.Delivery]), Cells: []web.Cell{
			{Text: a.words.Number(q.Line)},
			web.Anchor(names[q.Delivery], deliveryURL(q.Delivery)), web.Text(a.reason(q.Reason)),
			web.Code(pictures([]byte(q.Column))), web.Marked(state), web.Number(q.Len, ""),
		}}
		if raw {
			row.URL = "/watch/quarantine/" + strings.Replace(key, ".", "/", 1)
			row.Cells[0].URL = row.URL
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

func quarantineBulk(a asker) *web.Bulk {
	b := &web.Bulk{Action: "/watch/quarantine/choose"}
	if a.Can("watch.dismiss_quarantine") {
		b.Verbs = append(b.Verbs, web.Option{Value: "dismiss", Label: a.say("watch.quarantine.dismiss")})
	}
	if a.Can("watch.rerun_quarantine") {
		b.Verbs = append(b.Verbs, web.Option{Value: "rerun", Label: a.say("watch.quarantine.rerun")})
	}
	if len(b.Verbs) == 0 {
		return nil
	}
	return b
}

// groups sums up what waits, by delivery and reason; a line leads to the question
// about all of its rows.
func (p *Web) groups(r *http.Request, a asker, delivery int64) (web.List, error) {
	gs, err := p.watch.QuarantineGroups(r.Context(), p.read, delivery, groupsShown)
	list := web.List{
		ID: "groups", Caption: a.say("watch.quarantine.groups"), Total: web.Total{N: int64(len(gs)), AtLeast: len(gs) == groupsShown}, Live: true,
		Columns: []web.Column{
			{Label: a.say("watch.label.delivery")},
			{Label: a.say("watch.label.reason")},
			{Label: a.say("watch.label.rows"), Num: true},
			{Label: a.say("watch.quarantine.all")},
			{Label: a.say("watch.quarantine.all")},
		},
		Empty: web.Empty{Title: a.say("watch.quarantine.nothing_waits"), Why: a.say("watch.quarantine.no_rows.why")},
	}
	if err != nil {
		return list, err
	}
	for _, g := range gs {
		d, err := p.watch.Delivery(r.Context(), p.read, g.Delivery)
		if err != nil {
			return list, err
		}
		id := strconv.FormatInt(d.ID, 10)
		rows := address("/watch/quarantine", "delivery", id, "reason", g.Reason, "state", "open")
		row := web.Row{URL: rows, Cells: []web.Cell{web.Anchor(d.FileName, deliveryURL(d.ID)), web.Text(a.reason(g.Reason)), web.Number(g.Rows, rows), {}, {}}}
		ask := func(verb string) string {
			return address("/watch/quarantine/decide", "verb", verb, "delivery", id, "why", g.Reason)
		}
		if a.Can("watch.dismiss_quarantine") {
			row.Cells[3] = web.Anchor(a.say("watch.quarantine.dismiss"), ask("dismiss"))
		}
		if a.Can("watch.rerun_quarantine") {
			row.Cells[4] = web.Anchor(a.say("watch.quarantine.rerun"), ask("rerun"))
		}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// quarantined is GET /watch/quarantine/{delivery}/{line}: the exact bytes.
func (p *Web) quarantined(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	d, src, err := p.deliveryOf(r)
	if err != nil {
		return err
	}
	line, err := number64(r.PathValue("line"), "watch.quarantine.none")
	if err != nil {
		return err
	}
	rows, err := p.watch.Quarantine(r.Context(), p.read, watch.QuarantineFilter{Delivery: d.ID, Line: line, Limit: 1})
	if err != nil {
		return err
	}
	if line == 0 || len(rows) == 0 {
		return fault.New(fault.NotFound, "watch.quarantine.none", nil)
	}
	header, raw, err := p.watch.QuarantinedRow(r.Context(), a.actor, d.ID, line)
	if err != nil {
		return err
	}
	q := rows[0]
	data := p.rawOf(a, d, q.Offset, header, raw)
	data.Where.Items = append(data.Where.Items,
		web.Fact{Label: a.say("watch.label.line"), Cell: web.Number(q.Line, "")},
		web.Fact{Label: a.say("watch.label.reason"), Cell: web.Text(a.reason(q.Reason))},
		web.Fact{Label: a.say("watch.label.column"), Cell: web.Code(pictures([]byte(q.Column)))})
	page := web.Page{
		Title: a.say("watch.quarantine.row", "Line", q.Line, "File", d.FileName), Room: room, Marking: marking(src),
		Badges: []web.Badge{a.quarantineState(q.State)}, Crumbs: []web.Link{a.crumb("watch.quarantine.title", "/watch/quarantine")}, Data: data,
	}
	if q.State == watch.Waiting {
		ask := func(verb string) string {
			return address("/watch/quarantine/decide", "verb", verb, "id", keyOf(d.ID, q.Line))
		}
		if a.Can("watch.rerun_quarantine") {
			page.Primary = &web.Action{Label: a.say("watch.quarantine.rerun"), URL: ask("rerun"), Icon: "refresh", Tone: "primary"}
		}
		if a.Can("watch.dismiss_quarantine") {
			page.Actions = []web.Action{{Label: a.say("watch.quarantine.dismiss"), URL: ask("dismiss"), Icon: "cross"}}
		}
	}
	return p.site.Page(w, r, http.StatusOK, "watch/raw", page)
}
