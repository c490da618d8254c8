// Package ledgerweb shows the record of actions: a list with filters, each entry
// with its proof, the signed checkpoint, and the same for programs.
//
// # Words
//
// An entry, a checkpoint, a proof and a tile are as in package ledger. An actor is
// shown by name where [Names] knows one; the record itself has opaque ids only.
//
// # Promises
//
//   - Everything here needs the permission ledger.read, tiles and checkpoint too:
//     the size of the record tells how much is done here.
//   - Nothing here writes; reading the record leaves no entry.
//   - A page shows the newest first and pages by order, so that an entry that
//     arrives meanwhile neither hides nor repeats another.
//   - An erased entry is shown as erased, with its order and time; its place in the
//     tree stays provable.
//
// # Not here
//
// Signing, proofs and verifying (ledger), names of persons (guard), what a verb's
// detail means (the rooms).
package ledgerweb

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/ledger"
)

// Templates are this package's pages; the site knows them as "ledger/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Names knows the names behind the opaque ids of the record.
type Names interface {
	// Who is the name of an actor or of a person that was acted on, and the page
	// about it; false when there is none.
	Who(ctx context.Context, actor string) (name, url string, ok bool)
}

// Permission is what every door here needs.
const Permission = "ledger.read"

// Pages are the pages and calls of the record. Make them with New.
type Pages struct {
	log   *ledger.Log
	names Names
	site  *web.Site
}

// New returns the pages, which answer through site.
func New(site *web.Site, log *ledger.Log, names Names) *Pages {
	return &Pages{log: log, names: names, site: site}
}

// Routes lists the doors.
func (p *Pages) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: "/ledger", Permission: Permission, Handler: p.list, Sample: "GET /ledger"},
		{Method: "GET", Pattern: "/ledger/csv", Permission: Permission, Handler: p.csv, Stream: true, Sample: "GET /ledger/csv"},
		{Method: "GET", Pattern: "/ledger/checkpoint", Permission: Permission, Handler: p.checkpoint, Sample: "GET /ledger/checkpoint"},
		{Method: "GET", Pattern: "/ledger/{order}", Permission: Permission, Handler: p.entry, Sample: "GET /ledger/1"},
		{Method: "GET", Pattern: "/ledger/{order}/proof", Permission: Permission, Handler: p.proof, Sample: "GET /ledger/1/proof"},
		{
			Method: "GET", Pattern: "/api/v1/ledger/log/{path...}", Permission: Permission, Handler: p.tile, API: true,
			Sample: "GET /api/v1/ledger/log/checkpoint",
		},
	}
}

const perPage = 50

// query reads the filters of the address. Days are days in the reader's zone.
func query(r *http.Request) (q ledger.Query, err error) {
	v := r.URL.Query()
	q = ledger.Query{
		Actor: strings.TrimSpace(v.Get("actor")), Verb: strings.TrimSpace(v.Get("verb")),
		Subject: strings.TrimSpace(v.Get("subject")), Limit: perPage + 1,
	}
	var parts []fault.Error
	day := func(name string, add int) int64 {
		text := v.Get(name)
		if text == "" {
			return 0
		}
		t, err := time.ParseInLocation(time.DateOnly, text, web.PrinterOf(r.Context()).Zone())
		if err != nil {
			parts = append(parts, *fault.OnField(name, "ledger.filter.day", nil))
			return 0
		}
		return clock.Micros(t.AddDate(0, 0, add))
	}
	q.From, q.To = day("from", 0), day("to", 1)
	for name, into := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		*into, _ = strconv.ParseInt(v.Get(name), 10, 64) // anything else starts at the newest
	}
	return q, fault.Join("ledger.filter.invalid", parts)
}

// listPage is the page of the record.
type listPage struct {
	List       web.List
	Checkpoint web.Facts
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	entries, err := p.log.Entries(r.Context(), q)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "ledger", Caption: web.Say(r, "ledger.entries"), Total: web.Total{Hide: true},
		Filters: filters(r),
		Empty:   web.Empty{Title: web.Say(r, "ledger.none"), Why: web.Say(r, "ledger.none.why")},
		Downloads: []web.Action{
			{Label: web.Say(r, "ledger.csv"), URL: web.With(withPath(r, "/ledger/csv"), "after", ""), Icon: "download"},
		},
	}
	for _, key := range []string{"order", "at", "actor", "verb", "subject", "reason"} {
		list.Columns = append(list.Columns, web.Column{Label: web.Say(r, "ledger.column."+key), Num: key == "order", Narrow: key == "reason"})
	}
	entries = p.page(r, q, entries, &list)
	known := memo{}
	for i := range entries {
		list.Rows = append(list.Rows, p.row(r, known, &entries[i]))
	}
	facts, err := p.checkpointFacts(r)
	if err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "ledger.title"), Room: "ledger", Lead: web.Say(r, "ledger.lead"),
		Data: listPage{List: list, Checkpoint: facts},
	}
	if errors.Is(p.log.Health(), ledger.ErrHeld) && web.ViewerOf(r.Context()).Can("ledger.state_restore") {
		page.Actions = []web.Action{{Label: web.Say(r, "ledger.resume.go"), URL: "/ledger/restored", Icon: "danger", Tone: "danger"}}
	}
	if p.log.Health() != nil {
		page.Badges = []web.Badge{{Tone: "critical", Word: web.Say(r, "ledger.unhealthy")}}
	}
	return p.site.Page(w, r, http.StatusOK, "ledger/list", page)
}

// page cuts the one entry too many and links the pages beside.
func (p *Pages) page(r *http.Request, q ledger.Query, entries []ledger.Entry, list *web.List) []ledger.Entry {
	more := len(entries) > perPage
	newer, older := q.Before != 0, more
	if q.After != 0 {
		newer, older = more, true
		if more {
			entries = entries[1:]
		}
	} else if more {
		entries = entries[:perPage]
	}
	if len(entries) == 0 {
		return entries
	}
	if older {
		list.Older = cursor(r, "before", entries[len(entries)-1].Order)
	}
	if newer {
		list.Newer = cursor(r, "after", entries[0].Order)
	}
	return entries
}

func cursor(r *http.Request, name string, order int64) string {
	u := *r.URL
	q := u.Query()
	q.Del("before")
	q.Del("after")
	q.Set(name, strconv.FormatInt(order, 10))
	u.RawQuery = q.Encode()
	return u.RequestURI()
}

func filters(r *http.Request) *web.Filters {
	field := func(name, kind, example string) web.Field {
		return web.Field{Name: name, Type: kind, Label: web.Say(r, "ledger.filter."+name), Example: example}
	}
	return web.Sift(r, field("actor", "text", "person:17"), field("verb", "text", "watch.close_finding"),
		field("subject", "text", "finding:17"), field("from", "date", ""), field("to", "date", ""))
}

// verb is what was done in words, with the verb's name below; a verb that the
// catalogue does not know is shown by its name alone.
func verb(r *http.Request, name string) web.Cell {
	if said := web.Say(r, "ledger.verb."+name); !strings.HasPrefix(said, "⟦") {
		return web.Cell{Text: said, Sub: name}
	}
	return web.Code(name)
}

// memo remembers the ids of one page, on which few actors do much.
type memo map[string]web.Cell

func (p *Pages) row(r *http.Request, known memo, e *ledger.Entry) web.Row {
	url := "/ledger/" + strconv.FormatInt(e.Order, 10)
	order, at := web.Anchor(web.PrinterOf(r.Context()).Number(e.Order), url), web.Exactly(clock.FromMicros(e.Time))
	if e.Erased {
		return web.Row{URL: url, Tone: "muted", Cells: []web.Cell{order, at, web.Text(web.Say(r, "ledger.erased")), {}, {}, {}}}
	}
	for _, id := range []string{e.Actor, e.Subject} {
		if _, ok := known[id]; !ok {
			known[id] = p.who(r, id)
		}
	}
	subject := known[e.Subject]
	if e.Exercise {
		subject.Sub = web.Say(r, "frame.exercise")
	}
	return web.Row{URL: url, Cells: []web.Cell{order, at, known[e.Actor], verb(r, e.Verb), subject, web.Text(e.Reason)}}
}

// who shows an opaque id by name where there is one.
func (p *Pages) who(r *http.Request, id string) web.Cell {
	if name, url, ok := p.names.Who(r.Context(), id); ok {
		return web.Anchor(name, url)
	}
	if strings.HasPrefix(id, "machine:") || id == "local-operator" || id == "visitor" {
		kind, rest, _ := strings.Cut(id, ":")
		return web.Cell{Text: web.Say(r, "ledger.actor."+kind), Sub: rest}
	}
	return web.Code(id)
}

// checkpointFacts is what the signed tree says of itself now.
func (p *Pages) checkpointFacts(r *http.Request) (web.Facts, error) {
	facts := web.Facts{Title: web.Say(r, "ledger.checkpoint")}
	add := func(key string, c web.Cell) {
		facts.Items = append(facts.Items, web.Fact{Label: web.Say(r, key), Cell: c})
	}
	if p.log.Health() == nil {
		add("ledger.health", web.Marked(web.Badge{Tone: "ok", Word: web.Say(r, "ledger.healthy")}))
	} else {
		add("ledger.health", web.Marked(web.Badge{Tone: "critical", Word: web.Say(r, "ledger.unhealthy")}))
	}
	cp, err := p.log.Checkpoint()
	if fault.CodeOf(err) == fault.NotFound {
		add("ledger.checkpoint", web.Text(web.Say(r, "ledger.checkpoint.none")))
		return facts, nil
	}
	if err != nil {
		return facts, err
	}
	add("ledger.checkpoint.size", web.Number(cp.Size, ""))
	add("ledger.checkpoint.root", web.Cell{Text: cp.Root.String(), Mono: true, Copy: true})
	add("ledger.checkpoint.origin", web.Code(cp.Origin))
	add("ledger.checkpoint.key", web.Cell{Text: p.log.VerifierKey(), Mono: true, Copy: true})
	add("ledger.checkpoint.file", web.Anchor("checkpoint", "/ledger/checkpoint"))
	return facts, nil
}

// checkpoint answers the signed note as it is.
func (p *Pages) checkpoint(w http.ResponseWriter, _ *http.Request) error {
	cp, err := p.log.Checkpoint()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(cp.Note) // the reader may be gone
	return nil
}

// tile answers the files of the log (C2SP tlog-tiles) below its own prefix.
func (p *Pages) tile(w http.ResponseWriter, r *http.Request) error {
	body, err := p.log.Tile(r.PathValue("path"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(body) //nolint:gosec // hashes as octets, no page; the reader may be gone
	return nil
}

func orderOf(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("order"), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.NotFound, "fault.not_found", nil)
	}
	return n, nil
}

// find is the entry in the address and those that joined it.
func (p *Pages) find(ctx context.Context, order int64) (e ledger.Entry, joined []ledger.Entry, err error) {
	found, err := p.log.Entries(ctx, ledger.Query{Before: order + 1, Limit: 1})
	if err != nil {
		return e, nil, err
	}
	if len(found) == 0 || found[0].Order != order {
		return e, nil, fault.New(fault.NotFound, "ledger.entry.unknown", fault.Args{"Order": order})
	}
	// Acts that join draw their orders right after it.
	next, err := p.log.Entries(ctx, ledger.Query{After: order, Limit: 200})
	if err != nil {
		return e, nil, err
	}
	for i := len(next) - 1; i >= 0; i-- {
		if next[i].Parent == order {
			joined = append(joined, next[i])
		}
	}
	return found[0], joined, nil
}

// entryPage is one entry's page.
type entryPage struct {
	Facts  web.Facts
	Detail string
	Joined *web.List
	Proof  web.Facts
}

func (p *Pages) entry(w http.ResponseWriter, r *http.Request) error {
	order, err := orderOf(r)
	if err != nil {
		return err
	}
	e, joined, err := p.find(r.Context(), order)
	if err != nil {
		return err
	}
	data := entryPage{Facts: p.facts(r, &e), Detail: string(e.Detail)}
	if len(joined) > 0 {
		data.Joined = p.joinedList(r, joined)
	}
	page := web.Page{
		Title: verb(r, e.Verb).Text, Number: web.PrinterOf(r.Context()).Number(order), Room: "ledger", Exercise: e.Exercise,
		Crumbs: []web.Link{{Label: web.Say(r, "ledger.title"), URL: "/ledger"}},
	}
	if e.Erased {
		page.Title = web.Say(r, "ledger.erased")
	}
	proof, err := p.log.Inclusion(r.Context(), order)
	switch {
	case fault.CodeOf(err) == fault.Unavailable:
		data.Proof.Items = []web.Fact{{Label: web.Say(r, "ledger.proof"), Cell: web.Text(web.Say(r, "ledger.proof.soon"))}}
	case err != nil:
		return err
	default:
		data.Proof = p.proofFacts(r, &proof)
		page.Actions = []web.Action{{Label: web.Say(r, "ledger.proof.get"), URL: r.URL.Path + "/proof", Icon: "download"}}
	}
	data.Proof.Title = web.Say(r, "ledger.proof")
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "ledger/entry", page)
}

func (p *Pages) facts(r *http.Request, e *ledger.Entry) web.Facts {
	f := web.Facts{}
	add := func(key string, c web.Cell) {
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, "ledger.column."+key), Cell: c})
	}
	add("at", web.Exactly(clock.FromMicros(e.Time)))
	if e.Erased {
		return f
	}
	add("actor", p.who(r, e.Actor))
	add("verb", verb(r, e.Verb))
	add("subject", p.who(r, e.Subject))
	add("reason", web.Text(e.Reason))
	add("purpose", web.Text(e.Purpose))
	add("mandate", web.Code(e.Mandate))
	add("policy", web.Code(e.Policy))
	if e.Parent != 0 {
		add("parent", web.Anchor(web.PrinterOf(r.Context()).Number(e.Parent), "/ledger/"+strconv.FormatInt(e.Parent, 10)))
	}
	return f
}

func (p *Pages) joinedList(r *http.Request, joined []ledger.Entry) *web.List {
	list := &web.List{ID: "joined", Caption: web.Say(r, "ledger.joined"), Total: web.Total{N: int64(len(joined))}}
	for _, key := range []string{"order", "actor", "verb", "subject"} { // the time is the whole act's
		list.Columns = append(list.Columns, web.Column{Label: web.Say(r, "ledger.column."+key), Num: key == "order"})
	}
	known := memo{}
	for i := range joined {
		row := p.row(r, known, &joined[i])
		row.Cells = []web.Cell{row.Cells[0], row.Cells[2], row.Cells[3], row.Cells[4]}
		list.Rows = append(list.Rows, row)
	}
	return list
}

func (p *Pages) proofFacts(r *http.Request, proof *ledger.Proof) web.Facts {
	commitment := hexOf(proof.Commitment[:])
	return web.Facts{Items: []web.Fact{
		{Label: web.Say(r, "ledger.proof.commitment"), Cell: web.Cell{Text: commitment, Mono: true, Copy: true}},
		{Label: web.Say(r, "ledger.proof.signed"), Cell: web.Marked(web.Badge{Tone: "ok", Word: web.Say(r, "ledger.proof.yes")})},
	}}
}

// proof answers the proof of one entry as a file (C2SP tlog-proof).
func (p *Pages) proof(w http.ResponseWriter, r *http.Request) error {
	order, err := orderOf(r)
	if err != nil {
		return err
	}
	proof, err := p.log.Inclusion(r.Context(), order)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", web.Attachment("entry-"+strconv.FormatInt(order, 10)+".tlog-proof"))
	_, _ = w.Write(proof.Text) // the reader may be gone
	return nil
}

// csv answers every entry that the filters select, newest first.
func (p *Pages) csv(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	q.After, q.Before, q.Limit = 0, 0, 1000
	first, err := p.log.Entries(r.Context(), q)
	if err != nil {
		return err
	}
	out := web.NewCSV(w, "ledger.csv")
	werr := out.Row("order", "time", "actor", "verb", "subject", "mandate", "purpose", "policy", "reason", "parent", "exercise", "erased", "detail")
	for entries := first; werr == nil && len(entries) > 0; {
		for i := range entries {
			werr = errors.Join(werr, out.Row(cells(&entries[i])...))
		}
		q.Before = entries[len(entries)-1].Order
		if entries, err = p.log.Entries(r.Context(), q); err != nil {
			// The answer is under way: a line says that it is not whole.
			p.site.LogError(r, err)
			werr = errors.Join(out.Row("INCOMPLETE"), out.Flush())
			break
		}
	}
	_ = errors.Join(werr, out.Flush()) // the reader may be gone
	return nil
}

func cells(e *ledger.Entry) []string {
	return []string{
		strconv.FormatInt(e.Order, 10), clock.FromMicros(e.Time).Format(time.RFC3339Nano), e.Actor, e.Verb, e.Subject, e.Mandate,
		e.Purpose, e.Policy, e.Reason, strconv.FormatInt(e.Parent, 10), strconv.FormatBool(e.Exercise),
		strconv.FormatBool(e.Erased), string(e.Detail),
	}
}
