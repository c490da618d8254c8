package dutyweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// callsData is the dot of the call list's page.
type callsData struct {
	Calls table
	Add   *web.Form
}

func (w *Web) callList(rw http.ResponseWriter, r *http.Request) error {
	return w.showCalls(rw, r, http.StatusOK, nil)
}

func (w *Web) showCalls(rw http.ResponseWriter, r *http.Request, status int, problem error) error {
	list, err := w.room.CallList(r.Context(), w.acts.Reader())
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.calls"), home(r))
	p.Lead = web.Say(r, "duty.calls.lead")
	data := callsData{Calls: callTable(r, list)}
	if can(r, calls) {
		if data.Add, err = w.callForm(r, list); err != nil {
			return err
		}
	}
	if problem != nil {
		printer := web.PrinterOf(r.Context())
		p.Fault, p.Faults = web.Sentence(printer, fault.Of(problem)), web.FieldFaults(printer, problem)
		if data.Add != nil {
			data.Add.Fill(r.PostFormValue)
			data.Add.Fail(p.Faults)
		}
	}
	p.Data = data
	return w.site.Page(rw, r, status, "duty/calls", p)
}

func callTable(r *http.Request, list []duty.Caller) table {
	t := table{
		ID: "calls", Caption: web.Say(r, "duty.calls"),
		Columns: []string{web.Say(r, "duty.order"), web.Say(r, "duty.name"), web.Say(r, "duty.phone"), web.Say(r, "duty.note"), web.Say(r, "duty.zone")},
		Empty:   web.Empty{Title: web.Say(r, "duty.calls.empty"), Why: web.Say(r, "duty.calls.empty.why")},
	}
	for i, c := range list {
		row := tableRow{Cells: []web.Cell{
			web.Number(int64(i+1), ""), {Text: c.Name, Sub: c.Email}, {Text: c.Phone, Mono: true}, web.Text(c.Note), {Text: c.Zone, Sub: c.Language},
		}}
		if can(r, calls) {
			turn := func(verb, icon string) {
				row.Actions = append(row.Actions, web.Action{
					Label: web.Say(r, "duty.calls."+verb), URL: "/duty/calls/" + text(c.ID), Icon: icon, Post: true, Hidden: []web.Hidden{{Name: "verb", Value: verb}},
				})
			}
			if i > 0 {
				turn("up", "up")
			}
			if i < len(list)-1 {
				turn("down", "down")
			}
			turn("remove", "trash")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// callForm asks for one more person; nil when everybody is on the list.
func (w *Web) callForm(r *http.Request, list []duty.Caller) (*web.Form, error) {
	staff, err := w.room.Staff(r.Context(), w.acts.Reader())
	if err != nil {
		return nil, err
	}
	there := map[int64]bool{}
	for _, c := range list {
		there[c.Person] = true
	}
	var people []web.Option
	for _, p := range staff {
		if !there[p.ID] {
			people = append(people, web.Option{Value: text(p.ID), Label: p.Name, Hint: p.Phone})
		}
	}
	if len(people) == 0 {
		return nil, nil //nolint:nilnil // nobody is left to add
	}
	return &web.Form{Action: "/duty/calls", Submit: web.Say(r, "duty.calls.add"), Fields: []web.Field{
		{Name: "person", Label: web.Say(r, "duty.name"), Type: "select", Options: people, Required: true},
		{Name: "note", Label: web.Say(r, "duty.note"), Example: web.Say(r, "duty.calls.note.example")},
	}}, nil
}

func (w *Web) callAdd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	err := w.room.AddCaller(r.Context(), actorOf(r), number(r.PostFormValue("person")), r.PostFormValue("note"))
	if correctable(err) {
		return w.showCalls(rw, r, web.Status(fault.CodeOf(err)), err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/calls", web.Flash{Key: "duty.saved"})
	return nil
}

func (w *Web) callTurn(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "duty.call.none")
	if err != nil {
		return err
	}
	switch verb := r.PostFormValue("verb"); verb {
	case "up", "down":
		err = w.room.MoveCaller(r.Context(), actorOf(r), id, verb == "up")
	case "remove":
		err = w.room.RemoveCaller(r.Context(), actorOf(r), id)
	default:
		err = fault.OnField("verb", "fault.form", nil)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/calls", web.Flash{Key: "duty.saved"})
	return nil
}

func (w *Web) sheet(rw http.ResponseWriter, r *http.Request) error {
	sector := r.URL.Query().Get("sector")
	rows, err := w.room.CallSheet(r.Context(), w.acts.Reader(), sector)
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.sheet"), home(r))
	p.Lead = web.Say(r, "duty.sheet.lead")
	l := web.List{
		ID: "sheet", Caption: web.Say(r, "duty.sheet"), Total: web.Total{N: int64(len(rows))},
		Columns: []web.Column{
			{Label: web.Say(r, "duty.organisation")}, {Label: web.Say(r, "duty.order"), Num: true}, {Label: web.Say(r, "duty.name")},
			{Label: web.Say(r, "duty.phone")}, {Label: web.Say(r, "duty.email")}, {Label: web.Say(r, "duty.hours")},
		},
		Downloads: []web.Action{{Label: web.Say(r, "duty.csv"), URL: "/duty/sheet.csv?" + r.URL.RawQuery, Icon: "download"}},
		Empty:     web.Empty{Title: web.Say(r, "duty.sheet.empty"), Why: web.Say(r, "duty.sheet.empty.why")},
	}
	options := []web.Option{{Label: web.Say(r, "duty.any")}}
	for _, s := range constituency.Sectors() {
		options = append(options, web.Option{Value: s.Code, Label: web.Say(r, s.Key())})
	}
	l.Filters = web.Sift(r, web.Field{Name: "sector", Label: web.Say(r, "duty.sector"), Type: "select", Options: options})
	for i := range rows {
		l.Rows = append(l.Rows, sheetRows(r, &rows[i])...)
	}
	p.Data = l
	return w.show(rw, r, "list", p)
}

// sheetRows are an organisation's lines: one per contact, or one that says that there
// is none.
func sheetRows(r *http.Request, c *duty.CallRow) (out []web.Row) {
	name := web.Anchor(c.Name, "/constituency/organisations/"+text(c.Org))
	if c.Critical {
		name.Sub = web.Say(r, "duty.pack.critical")
	}
	if len(c.Contacts) == 0 {
		none := web.Badge{Tone: "high", Icon: "warning", Word: web.Say(r, "duty.pack.no_contact")}
		return []web.Row{{Name: c.Name, URL: name.URL, Cells: []web.Cell{name, {}, web.Marked(none), {}, {}, {}}}}
	}
	for i, k := range c.Contacts {
		who := name
		if i > 0 {
			who = web.Text(c.Name)
		}
		out = append(out, web.Row{Name: c.Name, URL: name.URL, Cells: []web.Cell{
			who, web.Number(int64(i+1), ""), {Text: k.Name, Sub: k.Role}, {Text: k.Phone, Mono: true}, web.Text(k.Email), {Text: k.Hours, Sub: k.Language},
		}})
	}
	return out
}

func (w *Web) sheetCSV(rw http.ResponseWriter, r *http.Request) error {
	sector := r.URL.Query().Get("sector")
	rows, err := w.room.CallSheet(r.Context(), w.acts.Reader(), sector)
	if err != nil {
		return err
	}
	b, err := w.room.SheetCSV(sector, rows)
	if err != nil {
		return err
	}
	return send(rw, "call-sheet.csv", b)
}

// send answers with a file to keep.
func send(rw http.ResponseWriter, name string, b []byte) error {
	kind := "text/csv; charset=utf-8"
	if strings.HasSuffix(name, ".html") {
		kind = "text/html; charset=utf-8"
	}
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("Content-Disposition", web.Attachment(name))
	_, err := rw.Write(b)
	return err
}
