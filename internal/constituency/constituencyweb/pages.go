package constituencyweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// marking is that of everything here: the desk's own.
const marking = "TLP:AMBER+STRICT"

const pageRows = 100

// mostCounted is how far lists count before they say "more than".
const mostCounted = 10_000

func (w *Web) speak(r *http.Request) speaker {
	return speaker{web.PrinterOf(r.Context()), w.room.Index()}
}

func (w *Web) today() constituency.Day { return constituency.DayOf(w.acts.Clock().Now()) }

// page is what all pages of the room share.
func (w *Web) page(title string) web.Page {
	return web.Page{Title: title, Room: Room, Marking: marking, Topics: []string{Room}}
}

func (w *Web) show(rw http.ResponseWriter, r *http.Request, name string, p web.Page) error {
	return w.site.Page(rw, r, http.StatusOK, "constituency/"+name, p)
}

func crumb(r *http.Request, key, url string) web.Link {
	return web.Link{Label: web.Say(r, key), URL: url}
}

func orgFilter(r *http.Request) constituency.OrgFilter {
	q := r.URL.Query()
	return constituency.OrgFilter{
		Kind: guard.Kind(q.Get("kind")), Sector: q.Get("sector"), Critical: q.Get("critical") != "", Text: q.Get("text"),
		After: number(q.Get("after")), Limit: pageRows,
	}
}

func (w *Web) organisations(rw http.ResponseWriter, r *http.Request) error {
	s, f := w.speak(r), orgFilter(r)
	rows, total := s.index.Organisations(f)
	p := w.page(s.T("constituency.organisations", nil))
	if can(r, changeOperator) {
		p.Primary = &web.Action{Label: s.T("constituency.organisation.add", nil), URL: "/constituency/organisations/new", Icon: "plus", Tone: "primary"}
	}
	if can(r, importFile) {
		p.Actions = append(p.Actions, web.Action{Label: s.T("constituency.import.title", nil), URL: "/constituency/import", Icon: "upload"})
	}
	p.Actions = append(p.Actions,
		web.Action{Label: s.T("constituency.claims", nil), URL: claimsURL, Icon: "question"},
		web.Action{Label: s.T("constituency.keys.expiring", nil), URL: "/constituency/keys", Icon: "key"},
		web.Action{Label: s.T("constituency.assets", nil), URL: "/constituency/assets", Icon: "asset"},
		web.Action{Label: s.T("constituency.lookup", nil), URL: "/constituency/lookup", Icon: "search"})
	list := web.List{
		ID: "organisations", Caption: s.T("constituency.organisations", nil), Live: true, Total: web.Total{N: int64(total)},
		Columns: []web.Column{
			{Label: s.T("constituency.organisation", nil)},
			{Label: s.T("constituency.kind", nil)},
			{Label: s.T("constituency.sectors", nil), Narrow: true},
			{Label: s.T("constituency.critical", nil)},
			{Label: s.T("constituency.country", nil), Narrow: true},
		},
		Filters: web.Sift(r,
			web.Field{Name: "text", Label: s.T("constituency.name", nil), Type: "search"},
			web.Field{
				Name: "kind", Label: s.T("constituency.kind", nil), Type: "select",
				Options: options(s.T("constituency.any", nil), kinds(), func(k string) string { return s.kind(guard.Kind(k)) }),
			},
			web.Field{
				Name: "sector", Label: s.T("constituency.sector", nil), Type: "select",
				Options: options(s.T("constituency.any", nil), sectorCodes(), s.sector),
			},
			web.Field{
				Name: "critical", Label: s.T("constituency.critical", nil), Type: "select",
				Options: options(s.T("constituency.any", nil), []string{"yes"}, func(string) string { return s.T("constituency.critical.yes", nil) }),
			},
		),
		Downloads: []web.Action{
			{Label: s.T("constituency.csv", nil), URL: "/constituency/organisations.csv?" + r.URL.RawQuery, Icon: "download"},
			{Label: s.T("constituency.export", nil), URL: "/constituency/export.csv", Icon: "download"},
		},
		Empty: web.Empty{
			Title: s.T("constituency.organisations.empty", nil), Why: s.T("constituency.organisations.empty.why", nil),
			Do: &web.Action{Label: s.T("constituency.import.title", nil), URL: "/constituency/import"},
		},
	}
	for _, o := range rows {
		list.Rows = append(list.Rows, web.Row{ID: strconv.FormatInt(o.ID, 10), Name: o.Name, URL: orgURL(o.ID), Cells: []web.Cell{
			web.Anchor(o.Name, orgURL(o.ID)), web.Text(s.kind(o.Kind)), web.Text(s.sectors(o.Sectors)), s.critical(o.Critical), web.Text(o.Country),
		}})
	}
	if len(rows) == pageRows {
		list.Older = web.With(r.URL, "after", strconv.FormatInt(rows[len(rows)-1].ID, 10))
	}
	p.Data = list
	return w.show(rw, r, "list", p)
}

func (s speaker) critical(yes bool) web.Cell {
	if !yes {
		return web.Cell{}
	}
	return web.Marked(web.Badge{Tone: "high", Icon: "flag", Word: s.T("constituency.critical.yes", nil)})
}

func (w *Web) organisationsCSV(rw http.ResponseWriter, r *http.Request) error {
	f := orgFilter(r)
	f.After, f.Limit = 0, 1<<30
	rows, _ := w.room.Index().Organisations(f)
	out := web.NewCSV(rw, "organisations.csv")
	err := out.Row("organisation", "kind", "country", "sectors", "critical", "population")
	for i := 0; i < len(rows) && err == nil; i++ {
		o := rows[i]
		err = out.Row(o.Name, string(o.Kind), o.Country, strings.Join(o.Sectors, ";"), strconv.FormatBool(o.Critical), strconv.FormatInt(o.Population, 10))
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// exportAll is the file that an import takes.
func (w *Web) exportAll(rw http.ResponseWriter, r *http.Request) error {
	rw.Header().Set("Content-Type", "text/csv; charset=utf-8")
	rw.Header().Set("Content-Disposition", web.Attachment("constituency.csv"))
	return w.room.Export(r.Context(), w.acts.Reader(), rw)
}

// organisationData is the dot of an organisation's page.
type organisationData struct {
	Facts, Standing web.Facts
	Services        web.List
	Contacts        table
	Assets          web.List
	Links           []web.Link
}

func (w *Web) organisation(rw http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "guard.organisation.none")
	if err != nil {
		return err
	}
	ctx, db, s := r.Context(), w.acts.Reader(), w.speak(r)
	o, err := w.guard.Organisation(ctx, db, id)
	if err != nil {
		return err
	}
	standing, err := w.room.Standing(ctx, db, id)
	if err != nil {
		return err
	}
	p := w.page(o.Name)
	p.Crumbs = []web.Link{crumb(r, "constituency.organisations", "/constituency/organisations")}
	p.Lead, p.Exercise = s.kind(o.Kind), o.Exercise
	if standing.Critical {
		p.Badges = append(p.Badges, *s.critical(true).Badge)
	}
	if can(r, changeOperator) {
		p.Primary = &web.Action{Label: s.T("constituency.standing.edit", nil), URL: orgURL(id) + "/edit", Icon: "edit", Tone: "primary"}
	}
	p.Actions = s.orgActions(r, o)
	if !o.EndedAt.IsZero() {
		p.Badges = append(p.Badges, web.Badge{Tone: "muted", Icon: "state-closed", Word: s.T("constituency.organisation.over", map[string]any{"Day": s.In(time.UTC).Date(o.EndedAt)})})
	}
	org := "organisation=" + strconv.FormatInt(id, 10)
	data := organisationData{
		Facts: web.Facts{Title: s.T("constituency.facts", nil), Items: []web.Fact{
			{Label: s.T("constituency.kind", nil), Cell: web.Text(s.kind(o.Kind))},
			{Label: s.T("constituency.country", nil), Cell: web.Text(o.Country)},
			{Label: s.T("constituency.since", nil), Cell: web.OnDay(o.AddedAt)},
		}},
		Standing: s.standing(standing), Services: s.services(standing.Services),
		Links: []web.Link{
			{Label: s.T("constituency.findings", nil), URL: "/watch/findings?state=open&" + org, Icon: "finding"},
		},
	}
	if can(r, readLedger) {
		data.Links = append(data.Links, s.record("organisation:"+strconv.FormatInt(id, 10)))
	}
	if err := w.actsFor(r, s, id, &data.Standing); err != nil {
		return err
	}
	if data.Contacts, err = w.contactTable(r, s, id); err != nil {
		return err
	}
	if data.Assets, err = w.assetsOf(r, s, id); err != nil {
		return err
	}
	p.Data = data
	return w.show(rw, r, "organisation", p)
}

// orgActions are what else may be done with an organisation that stands.
func (s speaker) orgActions(r *http.Request, o guard.Organisation) (out []web.Action) {
	if !o.EndedAt.IsZero() {
		return nil
	}
	at := orgURL(o.ID)
	for _, a := range []struct{ permission, key, path, icon string }{
		{claimAsset, "constituency.claim.add", "/claim", "question"},
		{changeOperator, "constituency.acts_for.edit", "/acts-for", "users"},
		{renameOrganisation, "constituency.organisation.rename", "/rename", "edit"},
		{endOrganisation, "constituency.organisation.end", "/end", "lock"},
	} {
		if can(r, a.permission) && (a.permission != endOrganisation || o.ID != guard.OwnOrg) {
			out = append(out, web.Action{Label: s.T(a.key, nil), URL: at + a.path, Icon: a.icon})
		}
	}
	return out
}

// assetsOf lists the first assets of an organisation on its own page.
func (w *Web) assetsOf(r *http.Request, s speaker, id int64) (web.List, error) {
	const some = 20
	org := "organisation=" + strconv.FormatInt(id, 10)
	assets, err := w.room.Assets(r.Context(), w.acts.Reader(), constituency.AssetFilter{Org: id, Limit: some})
	l := w.assetList(r, s, assets)
	l.Total.Hide = true
	l.Columns = slices.Delete(l.Columns, 2, 3) // whose they are is the page's title
	for i := range l.Rows {
		l.Rows[i].Cells = slices.Delete(l.Rows[i].Cells, 2, 3)
	}
	if can(r, changeAsset) {
		l.Downloads = []web.Action{{Label: s.T("constituency.asset.add", nil), URL: "/constituency/assets/new?" + org, Icon: "plus"}}
	}
	if len(assets) == some {
		l.Older = "/constituency/assets?" + org + "&after=" + strconv.FormatInt(assets[some-1].ID, 10)
	}
	return l, err
}

func (s speaker) standing(st constituency.Standing) web.Facts {
	f := web.Facts{Title: s.T("constituency.standing", nil), Items: []web.Fact{
		{Label: s.T("constituency.sectors", nil), Cell: web.Text(s.sectors(st.Sectors))},
	}}
	if st.Critical {
		until := s.T("constituency.until.open", nil)
		if st.Until != constituency.Forever {
			until = s.T("constituency.until", map[string]any{"Day": s.day(st.Until)})
		}
		f.Items = append(f.Items, web.Fact{Label: s.T("constituency.designation", nil), Cell: web.Cell{Text: st.Designation, Sub: until}})
	}
	if st.Population > 0 {
		f.Items = append(f.Items, web.Fact{Label: s.T("constituency.population", nil), Cell: web.Number(st.Population, "")})
	}
	return f
}

func (s speaker) services(services []constituency.Service) web.List {
	l := web.List{
		ID: "services", Caption: s.T("constituency.services", nil), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: s.T("constituency.service", nil)}, {Label: s.T("constituency.sector", nil)}, {Label: s.T("constituency.population", nil), Num: true},
		},
		Empty: web.Empty{Title: s.T("constituency.services.empty", nil)},
	}
	for _, v := range services {
		sector := web.Cell{}
		if v.Sector != "" {
			sector = web.Text(s.sector(v.Sector))
		}
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{web.Text(v.Name), sector, web.Number(v.Population, "")}})
	}
	return l
}

// actsFor adds whom it acts for, and who acts for it.
func (w *Web) actsFor(r *http.Request, s speaker, id int64, f *web.Facts) error {
	for _, side := range []struct {
		key string
		ask func() ([]int64, error)
	}{
		{"constituency.acts_for", func() ([]int64, error) { return w.room.ActsFor(r.Context(), w.acts.Reader(), id) }},
		{"constituency.represented_by", func() ([]int64, error) { return w.room.ProvidersOf(r.Context(), w.acts.Reader(), id) }},
	} {
		ids, err := side.ask()
		if err != nil {
			return err
		}
		for _, other := range ids {
			f.Items = append(f.Items, web.Fact{Label: s.T(side.key, nil), Cell: web.Anchor(s.org(other), orgURL(other))})
		}
	}
	return nil
}

// lookupData is the dot of the look-up page.
type lookupData struct {
	Form  web.Form
	Asked bool
	Found web.Facts
	Steps []string
	None  web.Empty
}

func (w *Web) lookup(rw http.ResponseWriter, r *http.Request) error {
	s, q := w.speak(r), r.URL.Query()
	p := w.page(s.T("constituency.lookup", nil))
	p.Topics = nil
	p.Lead = s.T("constituency.lookup.lead", nil)
	form := web.Form{Action: "/constituency/lookup", Get: true, Submit: s.T("constituency.lookup.do", nil), Fields: []web.Field{
		{Name: "subject", Label: s.T("constituency.lookup.subject", nil), Value: q.Get("subject"), Example: "192.0.2.7 · 2001:db8::7 · scada.water.example · AS64496", Required: true, Autofocus: true, Mono: true},
		{Name: "at", Label: s.T("constituency.lookup.at", nil), Type: "date", Value: q.Get("at"), Why: s.T("constituency.lookup.at.why", nil)},
	}}
	data := lookupData{Form: form}
	if subject := q.Get("subject"); subject != "" {
		l, err := w.ask(r, subject, q.Get("at"))
		switch {
		case fault.CodeOf(err) == fault.Invalid:
			p.Faults = web.FieldFaults(s.Printer, err)
			data.Form.Fail(p.Faults)
		case err != nil:
			return err
		default:
			data.answer(s, l)
		}
	}
	p.Data = data
	return w.show(rw, r, "lookup", p)
}

// ask looks something up on the day given, today when none is.
func (w *Web) ask(r *http.Request, subject, at string) (l constituency.LookupResult, err error) {
	day := w.today()
	if at != "" {
		if day, err = constituency.ParseDay(at); err != nil {
			return l, fault.OnField("at", "constituency.day.form", fault.Args{"Value": fault.Clip(at)})
		}
	}
	return w.room.Lookup(r.Context(), w.acts.Reader(), subject, day)
}

func (d *lookupData) answer(s speaker, l constituency.LookupResult) {
	d.Asked = true
	for _, c := range l.Tried {
		d.Steps = append(d.Steps, s.step(c, l.Subject))
	}
	if l.Match.Level == constituency.Unrouted {
		d.None = web.Empty{Title: s.T("constituency.lookup.nobody", nil), Why: s.T("constituency.lookup.nobody.why", nil)}
		return
	}
	d.Found = web.Facts{Title: s.T("constituency.lookup.found", nil), Items: []web.Fact{
		{Label: s.T("constituency.organisation", nil), Cell: web.Anchor(l.Org.Name, orgURL(l.Org.ID))},
		{Label: s.T("constituency.kind", nil), Cell: web.Text(s.kind(l.Org.Kind))},
		{Label: s.T("constituency.rule", nil), Cell: web.Text(s.T("constituency.rule."+l.Match.Rule.String(), nil))},
	}}
	if l.Asset.ID != 0 {
		d.Found.Items = append(d.Found.Items, web.Fact{
			Label: s.T("constituency.asset", nil),
			Cell:  web.Cell{Text: l.Asset.Value, URL: assetURL(l.Asset.ID), Mono: true, Sub: s.validity(l.Asset.From, l.Asset.To) + " · " + s.source(l.Asset.Source)},
		})
	}
}
