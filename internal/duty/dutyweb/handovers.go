package dutyweb

import (
	"net/http"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

const pageRows = 50

func (w *Web) handovers(rw http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	notes, err := w.room.Handovers(r.Context(), w.acts.Reader(), duty.HandoverFilter{
		Open: q.Get("open") != "", Text: q.Get("text"), Before: number(q.Get("before")), Limit: pageRows,
	})
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.handovers"), home(r))
	if can(r, write) {
		p.Primary = &web.Action{Label: web.Say(r, "duty.handover.write"), URL: "/duty/handovers/new", Icon: "edit", Tone: "primary"}
	}
	l := noteList(r, notes)
	l.Total.Hide = true
	l.Filters = web.Sift(r,
		web.Field{Name: "text", Label: web.Say(r, "duty.handover.text"), Type: "search"},
		web.Field{Name: "open", Label: web.Say(r, "duty.state"), Type: "select", Options: []web.Option{
			{Label: web.Say(r, "duty.any")}, {Value: "yes", Label: web.Say(r, "duty.handover.open")},
		}},
	)
	l.Empty = web.Empty{Title: web.Say(r, "duty.handovers.empty"), Why: web.Say(r, "duty.handovers.empty.why")}
	if len(notes) == pageRows {
		l.Older = web.With(r.URL, "before", text(notes[len(notes)-1].ID))
	}
	p.Data = l
	return w.show(rw, r, "list", p)
}

func (w *Web) handoverFormOf(r *http.Request) web.Form {
	return web.Form{Action: "/duty/handovers", Cancel: "/duty", Submit: web.Say(r, "duty.handover.save"), Fields: []web.Field{{
		Name: "text", Label: web.Say(r, "duty.handover.text"), Type: "textarea", Rows: 14, Required: true, Autofocus: true,
		Why: web.Say(r, "duty.handover.text.why"),
	}}}
}

func (w *Web) handoverNew(rw http.ResponseWriter, r *http.Request) error {
	return w.form(rw, r, http.StatusOK, page(r, web.Say(r, "duty.handover.write"), home(r)), w.handoverFormOf(r), nil)
}

func (w *Web) handoverWrite(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	h, err := w.room.WriteHandover(r.Context(), actorOf(r), r.PostFormValue("text"))
	if correctable(err) {
		f := w.handoverFormOf(r)
		f.Fill(r.PostFormValue)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), page(r, web.Say(r, "duty.handover.write"), home(r)), f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, handoverURL(h.ID), web.Flash{Key: "duty.handover.written"})
	return nil
}

// handoverData is the dot of a note's page.
type handoverData struct {
	Text  string
	Facts web.Facts
}

func (w *Web) handoverNamed(r *http.Request) (duty.Handover, error) {
	id, err := pathID(r, "duty.handover.none")
	if err != nil {
		return duty.Handover{}, err
	}
	return w.room.Handover(r.Context(), w.acts.Reader(), id)
}

func (w *Web) handover(rw http.ResponseWriter, r *http.Request) error {
	h, err := w.handoverNamed(r)
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.handover"), home(r), web.Link{Label: web.Say(r, "duty.handovers"), URL: "/duty/handovers"})
	p.Badges = []web.Badge{stateOf(r, &h)}
	facts := web.Facts{Items: []web.Fact{
		{Label: web.Say(r, "duty.written_by"), Cell: web.Text(author(r, h.Author))},
		{Label: web.Say(r, "duty.written"), Cell: web.Exactly(h.WrittenAt)},
	}}
	if !h.Open() {
		facts.Items = append(facts.Items,
			web.Fact{Label: web.Say(r, "duty.taken_by"), Cell: web.Text(author(r, h.Taker))},
			web.Fact{Label: web.Say(r, "duty.taken"), Cell: web.Exactly(h.TakenAt)})
	} else if can(r, takeOver) && h.WrittenBy != web.ViewerOf(r.Context()).ID {
		p.Primary = &web.Action{Label: web.Say(r, "duty.handover.take"), URL: handoverURL(h.ID) + "/take", Post: true, Tone: "primary", Icon: "check"}
	}
	p.Data = handoverData{Text: h.Text, Facts: facts}
	return w.show(rw, r, "handover", p)
}

func (w *Web) handoverTake(rw http.ResponseWriter, r *http.Request) error {
	h, err := w.handoverNamed(r)
	if err != nil {
		return err
	}
	if _, err := w.room.TakeOver(r.Context(), actorOf(r), h.ID); err != nil {
		return err
	}
	w.site.Redirect(rw, r, handoverURL(h.ID), web.Flash{Key: "duty.handover.now_taken"})
	return nil
}
