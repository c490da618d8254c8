package watchweb

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// perPage is how many lines a list shows.
const perPage = 50

// findings is GET /watch/findings.
func (p *Web) findings(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	f, err := p.filterOf(r)
	if err != nil {
		return err
	}
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	page, err := p.pageOf(r, a)
	if err != nil {
		return err
	}
	l, err := p.watch.List(r.Context(), p.read, f, page)
	if err != nil {
		return err
	}
	list := p.listOf(r, a, l)
	list.ID, list.Caption = "findings", a.say("watch.findings.title")
	list.Filters = p.sift(r, a, srcs)
	list.Views = views(r, a)
	list.Bulk = p.bulk(a)
	list.Downloads = []web.Action{{
		Label: "CSV", Icon: "download", URL: turnless("/watch/findings.csv", r.URL.Query()),
	}}
	list.Empty = p.emptyFindings(a, list.Filters, srcs)
	return p.site.Page(w, r, http.StatusOK, "watch/list", web.Page{
		Title: a.say("watch.findings.title"), Lead: a.say("watch.findings.lead"), Room: room, Wide: true,
		Marking: p.markingOf(srcs, l.Findings), Topics: []string{"watch.delivery-taken", "watch.findings-changed"}, Data: list,
	})
}

// turnless is an address with the filters of a list and without its page.
func turnless(path string, q url.Values) string {
	kept := url.Values{}
	for name, vs := range q {
		if name != "before" && name != "after" {
			kept[name] = vs
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + kept.Encode()
}

// pageOf reads which page of findings is asked for. Cursors are numbers of findings.
func (p *Web) pageOf(r *http.Request, a asker) (page watch.Page, err error) {
	page = watch.Page{Reader: a.actor.Org, Limit: perPage}
	if s := r.URL.Query().Get("before"); s != "" {
		page.Before, err = p.watch.ParseNumber(s)
	} else if s := r.URL.Query().Get("after"); s != "" {
		page.After, err = p.watch.ParseNumber(s)
	}
	return page, err
}

// listOf makes the lines of a page of findings.
func (p *Web) listOf(r *http.Request, a asker, l watch.List) web.List {
	list := web.List{
		Live: true, Total: web.Total{N: int64(l.Total)},
		Columns: []web.Column{
			{Label: a.say("watch.label.number")},
			{Label: a.say("watch.label.what")},
			{Label: a.say("watch.label.severity")},
			{Label: a.say("watch.label.organisation")},
			{Label: a.say("watch.label.place")},
			{Label: a.say("watch.label.state")},
			{Label: a.say("watch.label.last")},
		},
	}
	for _, f := range l.Findings {
		list.Rows = append(list.Rows, p.row(a, f))
	}
	if n := len(l.Findings); n > 0 {
		if l.Newer {
			list.Newer = turn(r.URL, "after", p.watch.Number(l.Findings[0].ID))
		}
		if l.Older {
			list.Older = turn(r.URL, "before", p.watch.Number(l.Findings[n-1].ID))
		}
	}
	return list
}

func (p *Web) row(a asker, f watch.Finding) web.Row {
	number := p.watch.Number(f.ID)
	severity, state := a.severity(f.Severity), a.state(f.State)
	row := web.Row{
		ID: number, Name: number, URL: findingURL(number),
		Cells: []web.Cell{
			{Text: number, URL: findingURL(number), Mono: true},
			{Text: p.what(f), Sub: p.kind(f)},
			web.Marked(severity),
			p.organisation(a, f.Org, f.Level),
			{Text: place(f), Sub: port(f), Mono: true},
			web.Marked(state),
			{Age: f.Last, Sub: a.say("watch.findings.since", "Day", a.day(f.First))},
		},
	}
	if onDay(f.Last) {
		row.Cells[6].Age, row.Cells[6].Text = time.Time{}, a.day(f.Last)
	}
	switch {
	case f.State != watch.Open:
		row.Tone = "muted"
	case f.Severity == watch.Critical:
		row.Tone = "critical"
	}
	return row
}

// views are the lists that are asked for most.
func views(r *http.Request, a asker) []web.Link {
	here := r.URL.Query().Encode()
	var out []web.Link
	for _, v := range []struct {
		key   string
		query url.Values
	}{
		{"watch.view.all", url.Values{}},
		{"watch.view.open", url.Values{"state": {"open"}}},
		{"watch.view.grave", url.Values{"state": {"open"}, "severity": {"critical", "high"}}},
		{"watch.view.gone", url.Values{"state": {"no-longer-seen"}}},
	} {
		to := "/watch/findings"
		if q := v.query.Encode(); q != "" {
			to += "?" + q
		}
		out = append(out, web.Link{Label: a.say(v.key), URL: to, Current: v.query.Encode() == here})
	}
	return out
}

func (p *Web) emptyFindings(a asker, f *web.Filters, srcs []watch.Source) web.Empty {
	if f != nil && len(f.Chips) > 0 {
		return web.Empty{
			Title: a.say("watch.findings.none_match"), Why: a.say("watch.findings.none_match.why"),
			Do: &web.Action{Label: a.say("watch.findings.clear"), URL: f.Clear},
		}
	}
	e := web.Empty{Title: a.say("watch.findings.none"), Why: a.say("watch.findings.none.why")}
	switch {
	case len(srcs) == 0 && a.Can("watch.add_source"):
		e.Do = &web.Action{Label: a.say("watch.source.add"), URL: "/watch/sources/new", Icon: "plus"}
	case a.Can("watch.deliver"):
		e.Do = &web.Action{Label: a.say("watch.upload.title"), URL: "/watch/deliveries/new", Icon: "upload"}
	}
	return e
}

// markingOf is the highest marking among the sources of some findings.
func (p *Web) markingOf(srcs []watch.Source, fs []watch.Finding) string {
	var shown []watch.Source
	for _, s := range srcs {
		for _, f := range fs {
			if st, _ := p.watch.StreamOf(f.Stream); st.Source == s.ID {
				shown = append(shown, s)
				break
			}
		}
	}
	return marking(shown...)
}

// findingsCSV is GET /watch/findings.csv: the whole list of the filter.
func (p *Web) findingsCSV(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	f, err := p.filterOf(r)
	if err != nil {
		return err
	}
	out := web.NewCSV(w, "findings.csv")
	_ = out.Row(csvHead()...) // what goes wrong shows at the end
	err = p.watch.Each(r.Context(), p.read, f, a.actor.Org, func(one watch.Finding) error {
		return out.Row(p.csvRow(one)...)
	})
	return p.endCSV(r, out, err)
}

// endCSV ends a download. Once it has begun no error page can be shown: the last
// line says that the file is not complete, and the log says why.
func (p *Web) endCSV(r *http.Request, out *web.CSV, err error) error {
	if err != nil && r.Context().Err() == nil {
		p.site.LogError(r, err)
		_ = out.Row(askerOf(r).say("watch.page.csv_broken")) // the next line says whether it arrived
	}
	_ = out.Flush() // the reader may be gone
	return nil
}

func csvHead() []string {
	return []string{
		"number", "state", "severity", "kind", "taxonomy", "type", "identifier", "organisation", "level", "ip", "port",
		"transport", "asn", "host", "country", "first", "last", "seen",
	}
}

func (p *Web) csvRow(f watch.Finding) []string {
	o, _ := p.constituency.Index().Org(f.Org)
	prt, asn, ip := "", "", ""
	if f.Port >= 0 {
		prt = strconv.Itoa(f.Port)
	}
	if f.ASN != 0 {
		asn = strconv.FormatUint(uint64(f.ASN), 10)
	}
	if f.IP.IsValid() {
		ip = f.IP.String()
	}
	return []string{
		p.watch.Number(f.ID), f.State.String(), f.Severity.String(), p.kind(f), f.Class.Taxonomy, f.Class.Type,
		f.Class.Identifier, o.Name, levels()[f.Level&3], ip, prt, f.Transport, asn, f.Host, f.CC,
		iso(f.First), iso(f.Last), strconv.Itoa(f.Seen),
	}
}

// iso is a time for files.
func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
