package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// incidentNamed is another incident, by its number in a form.
func (p *Pages) incidentNamed(r *http.Request, field string) (incident.Incident, error) {
	i, err := p.in.Numbered(r.Context(), p.in.Acts.Reader(), viewer(r), r.PostForm.Get(field))
	if fault.CodeOf(err) == fault.NotFound {
		err = fault.OnField(field, "incident.none", nil)
	}
	return i, err
}

func (p *Pages) confirmMerge(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showMerge(w, r, &i, nil)
}

func (p *Pages) showMerge(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	c := web.Confirm{
		Title: web.Say(r, "incident.desk.merge"), Text: web.Say(r, "incident.desk.merge.text"), Action: u + "/merge", Verb: web.Say(r, "incident.desk.merge"), NeedReason: true, Cancel: u,
		NoEffect: web.Say(r, "incident.desk.merge.effect"), Fields: []web.Field{{
			Name: "into", Type: "text", Label: web.Say(r, "incident.desk.merge.into"), Required: true, Autofocus: true, Autocomplete: "off", Example: "ALM-4K7Q-2M9X", Mono: true,
		}},
	}
	if i.MergedInto != 0 {
		c.Title, c.Verb, c.Fields = web.Say(r, "incident.desk.unmerge"), web.Say(r, "incident.desk.unmerge"), nil
		c.Text, c.NoEffect = "", web.Say(r, "incident.desk.unmerge.effect")
	}
	return p.confirmPage(w, r, p.about(r, i, c.Title), c, problem)
}

func (p *Pages) merge(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.merged", "", func(i *incident.Incident) error {
		reason := r.PostForm.Get("reason")
		if !r.PostForm.Has("into") { // only the form that takes apart; one that merges may come twice
			return p.in.Unmerge(r.Context(), actor(r), i.ID, reason)
		}
		into, err := p.incidentNamed(r, "into")
		if err != nil {
			return err
		}
		return p.in.Merge(r.Context(), actor(r), i.ID, into.ID, reason)
	}, func(i *incident.Incident, problem error) error { return p.showMerge(w, r, i, problem) })
}

// choice is one box to tick.
type choice struct {
	Name    string // of the form's value
	ID      int64
	Label   string
	Sub     string
	Checked bool
	Marking tlp.Marking
}

// markAs marks a page at least as strictly as the words that it shows.
func markAs(page *web.Page, shown []choice) {
	strictest, _ := tlp.Parse(page.Marking) // what cannot be read is TLP:RED
	for _, c := range shown {
		strictest = tlp.Strictest(strictest, c.Marking)
	}
	page.Marking = strictest.String()
}

func (p *Pages) confirmSplit(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showSplit(w, r, &i, nil)
}

func (p *Pages) showSplit(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	entries, err := p.in.Story(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return err
	}
	u := incidentURL(p.in.Number(i.ID))
	data := choosePage{
		Action: u + "/split", Cancel: u, Legend: web.Say(r, "incident.desk.split.which"), Submit: web.Say(r, "incident.desk.split"), Note: web.Say(r, "incident.desk.split.goes"),
		Fields: []web.Field{
			{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.split.title"), Required: true, Autocomplete: "off"},
			{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Required: true},
		},
	}
	for _, e := range entries {
		if e.Incident == i.ID && e.RetractedAt.IsZero() {
			data.Entries = append(data.Entries, p.choice(r, e))
		}
	}
	return p.showChoose(w, r, p.about(r, i, web.Say(r, "incident.desk.split")), data, problem)
}

func (p *Pages) split(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	var entries []int64
	for _, s := range r.PostForm["entry"] {
		entries = append(entries, positive(s))
	}
	to, err := p.in.Split(r.Context(), actor(r), i.ID, entries, r.PostForm.Get("title"), r.PostForm.Get("reason"))
	if correctable(err) {
		return p.showSplit(w, r, &i, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(to.ID)), web.Flash{Key: "incident.desk.split.done"})
	return nil
}

func (p *Pages) confirmUnsplit(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showUnsplit(w, r, &i, nil)
}

func (p *Pages) showUnsplit(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u, title := incidentURL(p.in.Number(i.ID)), web.Say(r, "incident.desk.unsplit")
	return p.confirmPage(w, r, p.about(r, i, title), web.Confirm{
		Title: title, Action: u + "/unsplit", Verb: title, NeedReason: true, Cancel: u, NoEffect: web.Say(r, "incident.desk.unsplit.effect"),
	}, problem)
}

func (p *Pages) unsplit(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.unsplit.done", "", func(i *incident.Incident) error {
		return p.in.Unsplit(r.Context(), actor(r), i.ID, r.PostForm.Get("reason"))
	}, func(i *incident.Incident, problem error) error { return p.showUnsplit(w, r, i, problem) })
}
