package watchweb

import (
	"encoding/csv"
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// rawPage shows one row of a delivery: its bytes, and its values beside the names of
// their columns where they can be told apart.
type rawPage struct {
	Note   string
	Header string
	Line   string
	Values web.Facts
	Where  web.Facts
}

// raw is GET /watch/findings/{number}/raw?delivery=…&at=…
func (p *Web) raw(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	f, src, err := p.findingOf(r, a)
	if err != nil {
		return err
	}
	delivery, err := queryNumber(r, "delivery")
	if err != nil {
		return err
	}
	at, err := queryNumber(r, "at")
	if err != nil {
		return err
	}
	header, line, err := p.watch.RawLine(r.Context(), a.actor, f, delivery, at)
	if err != nil {
		return err
	}
	d, err := p.watch.Delivery(r.Context(), p.read, delivery)
	if err != nil {
		return err
	}
	number := p.watch.Number(f.ID)
	return p.site.Page(w, r, http.StatusOK, "watch/raw", web.Page{
		Title: a.say("watch.raw.title"), Number: number, Room: room, Marking: marking(src),
		Exercise: f.Flags&watch.Exercise != 0,
		Crumbs:   []web.Link{a.crumb("watch.findings.title", "/watch/findings"), {Label: number, URL: findingURL(number)}},
		Data:     p.rawOf(a, d, at, header, line),
	})
}

func (p *Web) rawOf(a asker, d watch.Delivery, at int64, header, line []byte) rawPage {
	return rawPage{
		Note: a.say("watch.raw.note"), Header: pictures(header), Line: pictures(line),
		Values: columns(a, header, line),
		Where: web.Facts{Title: a.say("watch.raw.where"), Items: []web.Fact{
			{Label: a.say("watch.label.delivery"), Cell: web.Anchor(d.FileName, deliveryURL(d.ID))},
			{Label: a.say("watch.label.day"), Cell: web.OnDay(d.Observed)},
			{Label: a.say("watch.label.offset"), Cell: web.Cell{Count: &at}},
			{Label: a.say("watch.label.content"), Cell: web.Cell{Text: d.Content, Mono: true}},
		}},
	}
}

// columns sets the values of a row beside the names in the header line. A row that
// has not as many values as there are names stays without.
func columns(a asker, header, line []byte) web.Facts {
	out := web.Facts{Title: a.say("watch.raw.values")}
	if len(header) > 0 && header[0] == '{' {
		return out
	}
	names, err := csv.NewReader(strings.NewReader(string(header))).Read()
	if err != nil {
		return out
	}
	values, err := csv.NewReader(strings.NewReader(string(line))).Read()
	if err != nil || len(values) != len(names) {
		return out
	}
	for i, n := range names {
		out.Items = append(out.Items, web.Fact{Label: pictures([]byte(n)), Cell: web.Code(pictures([]byte(values[i])))})
	}
	return out
}
