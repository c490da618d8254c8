package warnweb

import (
	"net/http"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// listRows is how many recipients one page of the list shows.
const listRows = 200

// chosenPage is the dot of the list of whom a draft would be told to.
type chosenPage struct {
	Figures []web.Figure
	List    web.List
	Release *web.Confirm
	Why     *web.Empty // why it cannot be released
}

// chosen shows whom a draft would be told to, how and in which language, with what
// each would get one click away, and lets whoever may release it.
func (p *Pages) chosen(w http.ResponseWriter, r *http.Request) error {
	return p.showChosen(w, r, http.StatusOK, nil)
}

func (p *Pages) showChosen(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	u := warningURL(p.warn.WarningNumber(v.ID))
	if v.State != warn.Composed { // the list is the board's now
		http.Redirect(w, r, u, http.StatusSeeOther)
		return nil
	}
	list, seen, err := p.warn.Choose(r.Context(), p.warn.Acts.Reader(), v)
	if err != nil {
		return err
	}
	page := p.head(r, &v, p.crumb(&v))
	page.Lead = web.Say(r, "warn.list.lead")
	data := chosenPage{Figures: chosenFigures(r, list), List: p.chosenList(r, &v, list)}
	page.Audience = chosenAudience(r, &v, list)
	switch {
	case len(list) == 0:
		page.Actions = []web.Action{{Label: web.Say(r, "warn.edit"), URL: u + "/edit", Icon: "edit"}}
	case !can(r, release):
		data.Why = &web.Empty{Title: web.Say(r, "warn.release.not_you"), Why: web.Say(r, "warn.release.not_you.why")}
	default:
		data.Release = p.releaseConfirm(r, &v, list, seen)
		data.Release.Audience = page.Audience
	}
	if can(r, compose) && len(list) > 0 {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "warn.edit"), URL: u + "/edit", Icon: "edit"})
	}
	if problem != nil {
		fail(r, &page, problem)
		if data.Release != nil {
			data.Release.Reason = r.PostForm.Get("reason")
			for _, f := range page.Faults {
				if f.Field == "reason" {
					data.Release.ReasonFault = f.Text
				}
			}
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/chosen", page)
}

func manners() []warn.Manner { return []warn.Manner{warn.Sealed, warn.Plain, warn.Minimal} }

// mannerBadge says how a notice leaves, in words.
func mannerBadge(r *http.Request, m warn.Manner) web.Badge {
	switch m {
	case warn.Sealed:
		return web.Badge{Tone: "ok", Icon: "lock", Word: web.Say(r, "warn.manner.sealed")}
	case warn.Plain:
		return web.Badge{Tone: "info", Icon: "mail", Word: web.Say(r, "warn.manner.plain")}
	case warn.Minimal:
		return web.Badge{Tone: "medium", Icon: "link", Word: web.Say(r, "warn.manner.minimal")}
	}
	return web.Badge{Tone: "high", Icon: "warning", Word: web.Say(r, "warn.state.no-contact")}
}

func chosenFigures(r *http.Request, list []warn.Chosen) []web.Figure {
	count := map[warn.Manner]int64{}
	for i := range list {
		count[list[i].Manner]++
	}
	out := []web.Figure{{Label: web.Say(r, "warn.list.all"), N: int64(len(list)), Icon: "organisation", URL: "?#list"}}
	for _, m := range append(manners(), "") {
		if n := count[m]; n > 0 || m == "" {
			b := mannerBadge(r, m)
			f := web.Figure{Label: b.Word, N: n, Icon: b.Shape(), URL: "?manner=" + mannerWord(m) + "#list"}
			if m == "" && n > 0 {
				f.Tone = "critical"
			}
			out = append(out, f)
		}
	}
	return out
}

// mannerWord names a manner in an address; nobody to write to is none.
func mannerWord(m warn.Manner) string {
	if m == "" {
		return "none"
	}
	return string(m)
}

func (p *Pages) chosenList(r *http.Request, v *warn.Warning, list []warn.Chosen) web.List {
	q, u := r.URL.Query(), warningURL(p.warn.WarningNumber(v.ID))
	ways := web.Field{Name: "manner", Type: "select", Label: web.Say(r, "warn.fact.manner"), Options: []web.Option{{Label: web.Say(r, "warn.any")}}}
	for _, m := range append(manners(), "") {
		ways.Options = append(ways.Options, web.Option{Value: mannerWord(m), Label: mannerBadge(r, m).Word})
	}
	l := web.List{
		ID: "list", Caption: web.Say(r, "warn.list"), Filters: web.Sift(r, ways),
		Columns:   web.Columns(r, "warn.column.organisation", "warn.column.contact", "warn.fact.language", "warn.fact.manner", "warn.column.letter"),
		Downloads: []web.Action{{Label: web.Say(r, "warn.csv"), URL: u + "/list.csv", Icon: "download"}},
		Empty:     web.Empty{Title: web.Say(r, "warn.list.none"), Why: web.Say(r, "warn.list.none.why")},
	}
	if can(r, compose) {
		l.Empty.Do = &web.Action{Label: web.Say(r, "warn.edit"), URL: u + "/edit", Icon: "edit"}
	}
	var some []*warn.Chosen
	for i := range list {
		if way := q.Get("manner"); way == "" || mannerWord(list[i].Manner) == way {
			some = append(some, &list[i])
		}
	}
	l.Total = web.Total{N: int64(len(some))}
	from := min(int(positive(q.Get("after"))), len(some))
	to := min(from+listRows, len(some))
	if to < len(some) {
		l.Older = web.With(r.URL, "after", strconv.Itoa(to))
	}
	if from > 0 {
		l.Newer = web.With(r.URL, "after", strconv.Itoa(max(0, from-listRows)))
	}
	for _, c := range some[from:to] {
		letter := u + "/letter?org=" + number(c.Org.ID)
		row := web.Row{Name: c.Org.Name, Cells: []web.Cell{
			web.Anchor(c.Org.Name, orgURL(c.Org.ID)), {Text: c.Contact.Name, Sub: c.Contact.Email}, {Text: languageName(r, c.Language)},
			web.Marked(mannerBadge(r, c.Manner)), {},
		}}
		if c.Contact.ID == 0 {
			row.Tone, row.URL = "critical", orgURL(c.Org.ID)
		} else {
			row.URL, row.Cells[4] = letter, web.Anchor(web.Say(r, "warn.letter.show"), letter)
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

// chosenAudience says who will see the warning and in which languages.
func chosenAudience(r *http.Request, v *warn.Warning, list []warn.Chosen) *web.Audience {
	a := &web.Audience{Marking: v.Marking.String(), Summary: web.Say(r, "warn.audience.will", "Count", len(list))}
	tongues, order, none := map[string]int{}, []string{}, 0
	for i := range list {
		if list[i].Contact.ID == 0 {
			none++
			continue
		}
		if tongues[list[i].Language] == 0 {
			order = append(order, list[i].Language)
		}
		tongues[list[i].Language]++
	}
	for _, l := range order {
		a.Members = append(a.Members, web.Member{Name: languageName(r, l), Why: web.Say(r, "warn.audience.language", "Count", tongues[l])})
	}
	if none > 0 {
		a.Note = web.Say(r, "warn.audience.nobody", "Count", none)
	}
	return a
}

// releaseConfirm asks for the release: of a second person without more words, of who
// wrote it alone with a reason.
func (p *Pages) releaseConfirm(r *http.Request, v *warn.Warning, list []warn.Chosen, seen string) *web.Confirm {
	u := warningURL(p.warn.WarningNumber(v.ID))
	c := &web.Confirm{
		Title: web.Say(r, "warn.release.title"), Text: web.Say(r, "warn.release.text"), Action: u + "/release", Verb: web.Say(r, "warn.release"), Cancel: u,
		Hidden:  []web.Hidden{{Name: "version", Value: number(v.Version)}, {Name: "seen", Value: seen}},
		Effects: []web.Effect{{Count: int64(len(list)), What: web.Say(r, "warn.release.effect", "Count", len(list))}},
	}
	none := int64(0)
	for i := range list {
		if list[i].Contact.ID == 0 {
			none++
		}
	}
	if none > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: none, What: web.Say(r, "warn.release.effect.none", "Count", none), Tone: "high", URL: "?manner=none#list"})
	}
	if p.wrote(r, v) {
		c.Title, c.Text, c.Verb = web.Say(r, "warn.release.alone.title"), web.Say(r, "warn.release.alone.text"), web.Say(r, "warn.release.alone")
		c.Tone, c.NeedReason = "danger", true
		c.Hidden = append(c.Hidden, web.Hidden{Name: "on_call", Value: "yes"})
	}
	return c
}

func (p *Pages) release(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	err = p.warn.Release(r.Context(), actor(r), v.ID, warn.Release{
		Version: positive(r.PostForm.Get("version")), Seen: r.PostForm.Get("seen"), Reason: r.PostForm.Get("reason"), OnCall: r.PostForm.Get("on_call") != "",
	})
	if correctable(err) {
		return p.showChosen(w, r, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, warningURL(p.warn.WarningNumber(v.ID)), web.Flash{Key: "warn.release.done"})
	return nil
}

// letterPage is the dot of what one recipient would get.
type letterPage struct {
	Facts   web.Facts
	Subject string
	Body    string
	Nothing *web.Empty
}

func (p *Pages) letter(w http.ResponseWriter, r *http.Request) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	u := warningURL(p.warn.WarningNumber(v.ID))
	l, err := p.warn.Preview(r.Context(), p.warn.Acts.Reader(), v, positive(r.URL.Query().Get("org")))
	if err != nil {
		return err
	}
	page := p.head(r, &v, p.crumb(&v), web.Link{Label: web.Say(r, "warn.list"), URL: u + "/list"})
	page.Title, page.Lead = l.Org.Name, web.Say(r, "warn.letter.lead")
	data := letterPage{Facts: web.Facts{Title: web.Say(r, "warn.facts"), Items: []web.Fact{
		{Label: web.Say(r, "warn.column.contact"), Cell: web.Cell{Text: l.Contact.Name, Sub: l.Contact.Email}},
		{Label: web.Say(r, "warn.fact.language"), Cell: web.Text(languageName(r, l.Language))},
		{Label: web.Say(r, "warn.fact.manner"), Cell: web.Marked(mannerBadge(r, l.Manner))},
	}}}
	switch {
	case l.Contact.ID == 0:
		data.Nothing = &web.Empty{
			Title: web.Say(r, "warn.state.no-contact"), Why: web.Say(r, "warn.why.no_contact"),
			Do: &web.Action{Label: l.Org.Name, URL: orgURL(l.Org.ID), Icon: "contact"},
		}
	case l.Parcel.IsZero():
		data.Nothing = &web.Empty{Title: web.Say(r, "warn.state.withheld"), Why: web.Say(r, "warn.why.withheld")}
	default:
		view := l.Parcel.View()
		data.Subject, data.Body = view.Subject, masked(view.Body)
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "warn/letter", page)
}

// chosenCSV is the list as a table to keep.
func (p *Pages) chosenCSV(w http.ResponseWriter, r *http.Request) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	list, _, err := p.warn.Choose(r.Context(), p.warn.Acts.Reader(), v)
	if err != nil {
		return err
	}
	out := web.NewCSV(w, p.warn.WarningNumber(v.ID)+"-list.csv")
	if err := out.Row("organisation", "kind", "sectors", "contact", "address", "language", "manner"); err != nil {
		return err
	}
	for _, c := range list {
		if err := out.Row(c.Org.Name, string(c.Org.Kind), strings.Join(c.Org.Sectors, " "), c.Contact.Name, c.Contact.Email, c.Language, string(c.Manner)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (p *Pages) confirmReview(w http.ResponseWriter, r *http.Request) error {
	return p.showReview(w, r, http.StatusOK, nil)
}

func (p *Pages) showReview(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	u := warningURL(p.warn.WarningNumber(v.ID))
	f := &web.Form{
		Action: u + "/review", Submit: web.Say(r, "warn.review.save"), Cancel: u,
		Fields: []web.Field{
			{Name: "verdict", Type: "radio", Label: web.Say(r, "warn.review.verdict"), Required: true, Options: []web.Option{
				{Value: "approve", Label: web.Say(r, "warn.review.approve")}, {Value: "object", Label: web.Say(r, "warn.review.object")},
			}},
			{Name: "note", Type: "textarea", Rows: 4, Label: web.Say(r, "warn.review.note"), Why: web.Say(r, "warn.review.note.why")},
		},
	}
	page := p.head(r, &v, p.crumb(&v))
	page.Lead = web.Say(r, "warn.review.lead", "Name", p.who(r, v.ReleasedBy), "Reason", v.Reason)
	if problem != nil {
		f.Fill(r.PostForm.Get)
		fail(r, &page, problem, f)
	}
	page.Data = f
	return p.site.Page(w, r, status, "warn/form", page)
}

func (p *Pages) review(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	err = p.warn.Review(r.Context(), actor(r), v.ID, r.PostForm.Get("verdict") == "approve", r.PostForm.Get("note"))
	if correctable(err) {
		return p.showReview(w, r, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, warningURL(p.warn.WarningNumber(v.ID)), web.Flash{Key: "warn.review.done"})
	return nil
}

func (p *Pages) confirmClose(w http.ResponseWriter, r *http.Request) error {
	return p.showClose(w, r, http.StatusOK, nil)
}

func (p *Pages) showClose(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	list, err := p.taken(r, &v)
	if err != nil {
		return err
	}
	silent := int64(0)
	for i := range list {
		if list[i].At.IsZero() {
			silent++
		}
	}
	u := warningURL(p.warn.WarningNumber(v.ID))
	c := web.Confirm{
		Title: web.Say(r, "warn.close.title"), Text: web.Say(r, "warn.close.text"), Action: u + "/close", Verb: web.Say(r, "warn.close"),
		NeedReason: true, Cancel: u, Effects: []web.Effect{{Count: silent, What: web.Say(r, "warn.close.effect", "Count", silent), URL: u + "?show=silent#organisations"}},
	}
	return p.confirm(w, r, status, web.Say(r, "warn.close"), c, problem)
}

func (p *Pages) closeWarning(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	err = p.warn.CloseWarning(r.Context(), actor(r), v.ID, r.PostForm.Get("reason"))
	if correctable(err) {
		return p.showClose(w, r, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, warningURL(p.warn.WarningNumber(v.ID)), web.Flash{Key: "warn.close.done"})
	return nil
}
