package dutyweb

import (
	"net/http"
	"time"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/web"
)

// gapDays is how far ahead gaps are shown.
const gapDays = 14

// table is a list with buttons in its last column.
type table struct {
	ID, Caption string
	Columns     []string
	Add         []web.Action
	Rows        []tableRow
	Empty       web.Empty
}

type tableRow struct {
	Cells   []web.Cell
	Actions []web.Action
}

// nowData is the dot of the first page.
type nowData struct {
	On       []web.Facts
	Nobody   *web.Empty
	Gaps     web.List
	ShowGaps bool
	Notes    web.List
	Shifts   table
}

func (w *Web) now(rw http.ResponseWriter, r *http.Request) error {
	ctx, db, at := r.Context(), w.acts.Reader(), w.acts.Clock().Now()
	present, err := w.room.Now(ctx, db, at)
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.title"))
	if can(r, write) {
		p.Primary = &web.Action{Label: web.Say(r, "duty.handover.write"), URL: "/duty/handovers/new", Icon: "edit", Tone: "primary"}
	}
	p.Actions = []web.Action{
		{Label: web.Say(r, "duty.roster"), URL: "/duty/roster", Icon: "clock"},
		{Label: web.Say(r, "duty.calls"), URL: "/duty/calls", Icon: "phone"},
		{Label: web.Say(r, "duty.sheet"), URL: "/duty/sheet", Icon: "contact"},
		{Label: web.Say(r, "duty.packs"), URL: "/duty/packs", Icon: "file"},
	}
	data := nowData{}
	for _, s := range present.On {
		data.On = append(data.On, w.present(r, s))
	}
	if _, ok := present.Officer(); !ok {
		data.Nobody = &web.Empty{
			Title: web.Say(r, "duty.nobody"), Why: web.Say(r, "duty.nobody.why"),
			Do: &web.Action{Label: web.Say(r, "duty.calls"), URL: "/duty/calls", Icon: "phone"},
		}
	}
	if data.ShowGaps, err = w.room.Used(ctx, db, at); err != nil {
		return err
	}
	gaps, err := w.room.GapsAhead(ctx, db, gapDays)
	if err != nil {
		return err
	}
	data.Gaps = gapList(r, gaps)
	notes, err := w.room.Handovers(ctx, db, duty.HandoverFilter{Open: true, Limit: 20})
	if err != nil {
		return err
	}
	data.Notes = noteList(r, notes)
	data.Notes.ID, data.Notes.Caption, data.Notes.Total.Hide = "notes", web.Say(r, "duty.handovers.open"), true
	data.Notes.Empty = web.Empty{Title: web.Say(r, "duty.handovers.open.empty"), Why: web.Say(r, "duty.handovers.open.empty.why")}
	data.Notes.Downloads = []web.Action{{Label: web.Say(r, "duty.handovers"), URL: "/duty/handovers", Icon: "history"}}
	shifts, err := w.room.Roster(ctx, db, at, at.AddDate(0, 0, 7))
	if err != nil {
		return err
	}
	data.Shifts = w.shiftTable(r, shifts, at)
	data.Shifts.Caption = web.Say(r, "duty.roster.week")
	p.Data = data
	return w.show(rw, r, "now", p)
}

// present is a card of somebody on duty.
func (w *Web) present(r *http.Request, s duty.Shift) web.Facts {
	clockThere := ""
	if there, err := time.LoadLocation(s.Zone); err == nil {
		clockThere = web.PrinterOf(r.Context()).In(there).Clock(w.acts.Clock().Now())
	}
	return web.Facts{Title: web.Say(r, "duty.role."+string(s.Role)), Items: []web.Fact{
		{Label: web.Say(r, "duty.name"), Cell: web.Text(s.Name)},
		{Label: web.Say(r, "duty.phone"), Cell: web.Cell{Text: s.Phone, Mono: true}},
		{Label: web.Say(r, "duty.email"), Cell: web.Text(s.Email)},
		{Label: web.Say(r, "duty.until"), Cell: web.Exactly(s.Ends)},
		{Label: web.Say(r, "duty.zone"), Cell: web.Cell{Text: s.Zone, Sub: clockThere}},
	}}
}

func gapList(r *http.Request, gaps []duty.Gap) web.List {
	l := web.List{
		ID: "gaps", Caption: web.Say(r, "duty.gaps", "Days", gapDays), Total: web.Total{N: int64(len(gaps))},
		Columns: []web.Column{{Label: web.Say(r, "duty.state")}, {Label: web.Say(r, "duty.from")}, {Label: web.Say(r, "duty.to")}},
		Empty:   web.Empty{Title: web.Say(r, "duty.gaps.empty"), Why: web.Say(r, "duty.gaps.empty.why", "Days", gapDays)},
	}
	for _, g := range gaps {
		l.Rows = append(l.Rows, web.Row{Tone: "critical", Cells: []web.Cell{
			web.Marked(web.Badge{Tone: "high", Icon: "warning", Word: web.Say(r, "duty.gap")}), web.Exactly(g.From), web.Exactly(g.To),
		}})
	}
	return l
}

func noteList(r *http.Request, notes []duty.Handover) web.List {
	l := web.List{
		ID: "handovers", Caption: web.Say(r, "duty.handovers"), Live: true,
		Columns: []web.Column{
			{Label: web.Say(r, "duty.handover")}, {Label: web.Say(r, "duty.written_by")}, {Label: web.Say(r, "duty.written")}, {Label: web.Say(r, "duty.state")},
		},
	}
	for i := range notes {
		h := &notes[i]
		state := stateOf(r, h)
		l.Rows = append(l.Rows, web.Row{URL: handoverURL(h.ID), Name: first(h.Text), Cells: []web.Cell{
			web.Anchor(first(h.Text), handoverURL(h.ID)), web.Text(author(r, h.Author)), web.Ago(h.WrittenAt), {Badge: &state, Sub: h.Taker},
		}})
	}
	return l
}

// author names who wrote a note; a note that no person wrote comes from this machine's
// operator.
func author(r *http.Request, name string) string {
	if name == "" {
		return web.Say(r, "duty.operator")
	}
	return name
}

func stateOf(r *http.Request, h *duty.Handover) web.Badge {
	if h.Open() {
		return web.Badge{Tone: "medium", Icon: "question", Word: web.Say(r, "duty.handover.open")}
	}
	return web.Badge{Tone: "ok", Word: web.Say(r, "duty.handover.taken_over")}
}

// first is the beginning of a note, for lists.
func first(s string) string {
	const most = 100
	for i, c := range s {
		if c == '\n' {
			return s[:i]
		}
		if i > most {
			return s[:i] + "…"
		}
	}
	return s
}

// shiftTable lists shifts with what the viewer may do with each.
func (w *Web) shiftTable(r *http.Request, shifts []duty.Shift, now time.Time) table {
	t := table{
		ID: "shifts", Caption: web.Say(r, "duty.roster"),
		Columns: []string{web.Say(r, "duty.from"), web.Say(r, "duty.to"), web.Say(r, "duty.role"), web.Say(r, "duty.name"), web.Say(r, "duty.phone")},
		Empty:   web.Empty{Title: web.Say(r, "duty.roster.empty"), Why: web.Say(r, "duty.roster.empty.why")},
	}
	if can(r, add) {
		t.Add = []web.Action{{Label: web.Say(r, "duty.shift.add"), URL: "/duty/shifts/new", Icon: "plus"}}
	}
	me := web.ViewerOf(r.Context()).ID
	for _, s := range shifts {
		role := web.Cell{Text: web.Say(r, "duty.role."+string(s.Role))}
		if s.At(now) {
			role = web.Cell{Badge: &web.Badge{Tone: "ok", Word: web.Say(r, "duty.now")}, Sub: role.Text}
		}
		row := tableRow{Cells: []web.Cell{web.Exactly(s.Begins), web.Exactly(s.Ends), role, web.Text(s.Name), {Text: s.Phone, Mono: true}}}
		if s.Ends.After(now) {
			if can(r, change) {
				row.Actions = append(row.Actions, web.Action{Label: web.Say(r, "duty.shift.change"), URL: shiftURL(s.ID), Icon: "edit"})
			}
			if can(r, "duty.swap_shifts") || can(r, swapOwn) && me == "person:"+text(s.Person) {
				row.Actions = append(row.Actions, web.Action{Label: web.Say(r, "duty.swap"), URL: shiftURL(s.ID) + "/swap", Icon: "sort"})
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// rosterDays is how much of the roster one page shows.
const rosterDays = 28

// rosterData is the dot of the roster's page.
type rosterData struct {
	Gaps   web.List
	Shifts table
	Links  []web.Action
}

func (w *Web) roster(rw http.ResponseWriter, r *http.Request) error {
	now := w.acts.Clock().Now()
	here := now.In(zone(r))
	from := time.Date(here.Year(), here.Month(), here.Day(), 0, 0, 0, 0, zone(r))
	if day, err := time.ParseInLocation(time.DateOnly, r.URL.Query().Get("from"), zone(r)); err == nil {
		from = day
	}
	to := from.AddDate(0, 0, rosterDays)
	shifts, err := w.room.Roster(r.Context(), w.acts.Reader(), from, to)
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.roster"), home(r))
	speak := web.PrinterOf(r.Context())
	p.Lead = web.Say(r, "duty.roster.lead", "From", speak.Date(from), "To", speak.Date(to.AddDate(0, 0, -1)))
	data := rosterData{Shifts: w.shiftTable(r, shifts, now)}
	since := from
	if now.After(since) {
		since = now
	}
	if len(shifts) > 0 && since.Before(to) {
		data.Gaps = gapList(r, duty.Gaps(shifts, duty.Officer, since, to))
		data.Gaps.Caption = web.Say(r, "duty.gaps.here")
	}
	at := func(d int) string { return web.With(r.URL, "from", from.AddDate(0, 0, d).Format(time.DateOnly)) }
	data.Links = []web.Action{
		{Label: web.Say(r, "duty.roster.before"), URL: at(-rosterDays), Icon: "newer"},
		{Label: web.Say(r, "duty.roster.after"), URL: at(rosterDays), Icon: "older"},
	}
	p.Data = data
	return w.show(rw, r, "roster", p)
}
