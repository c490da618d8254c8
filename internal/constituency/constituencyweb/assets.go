package constituencyweb

import (
	"net/http"
	"strconv"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// assetFilter reads the filters of the list of assets. A value is brought into its
// canonical form, so that 192.0.2.7 and AS64496 are found as people write them.
func (w *Web) assetFilter(r *http.Request) constituency.AssetFilter {
	q := r.URL.Query()
	f := constituency.AssetFilter{
		Org: number(q.Get("organisation")), Value: q.Get("value"), Waiting: q.Get("state") == "waiting",
		After: number(q.Get("after")), Limit: pageRows,
	}
	for i, name := range constituency.AssetKinds() {
		if name == q.Get("kind") {
			f.Kind = constituency.AssetKind(i + 1)
		}
	}
	if f.Value != "" {
		for _, kind := range constituency.AssetKinds()[:4] {
			if _, value, err := constituency.ParseAsset(kind, f.Value); err == nil {
				f.Value = value
				break
			}
		}
	}
	if q.Get("state") == "valid" {
		f.On = w.today()
	}
	return f
}

func (w *Web) assets(rw http.ResponseWriter, r *http.Request) error {
	s, f := w.speak(r), w.assetFilter(r)
	rows, err := w.room.Assets(r.Context(), w.acts.Reader(), f)
	if err != nil {
		return err
	}
	n, err := w.room.CountAssets(r.Context(), w.acts.Reader(), f, mostCounted+1)
	if err != nil {
		return err
	}
	p := w.page(s.T("constituency.assets", nil))
	if can(r, changeAsset) {
		p.Primary = &web.Action{Label: s.T("constituency.asset.add", nil), URL: "/constituency/assets/new", Icon: "plus", Tone: "primary"}
	}
	list := w.assetList(r, s, rows)
	list.Live = true
	list.Total = web.Total{N: min(n, mostCounted), AtLeast: n > mostCounted}
	org := r.URL.Query().Get("organisation")
	fields := []web.Field{
		{Name: "value", Label: s.T("constituency.asset", nil), Type: "search", Mono: true},
		{
			Name: "kind", Label: s.T("constituency.asset_kind", nil), Type: "select",
			Options: options(s.T("constituency.any", nil), constituency.AssetKinds(), func(k string) string { return s.T("constituency.asset_kind."+k, nil) }),
		},
		{
			Name: "state", Label: s.T("constituency.state", nil), Type: "select",
			Options: options(s.T("constituency.any", nil), []string{"valid", "waiting"}, func(k string) string { return s.T("constituency.state."+k, nil) }),
		},
	}
	if org != "" {
		fields = append(fields, web.Field{
			Name: "organisation", Label: s.T("constituency.organisation", nil), Type: "select",
			Options: options(s.T("constituency.any", nil), []string{org}, func(string) string { return s.org(f.Org) }),
		})
	}
	list.Filters = web.Sift(r, fields...)
	list.Downloads = []web.Action{{Label: s.T("constituency.csv", nil), URL: "/constituency/assets.csv?" + r.URL.RawQuery, Icon: "download"}}
	if len(rows) == pageRows {
		list.Older = web.With(r.URL, "after", strconv.FormatInt(rows[len(rows)-1].ID, 10))
	}
	p.Data = list
	return w.show(rw, r, "list", p)
}

func (w *Web) assetList(r *http.Request, s speaker, assets []constituency.Asset) web.List {
	l := web.List{
		ID: "assets", Caption: s.T("constituency.assets", nil),
		Columns: []web.Column{
			{Label: s.T("constituency.asset", nil)},
			{Label: s.T("constituency.asset_kind", nil), Narrow: true},
			{Label: s.T("constituency.organisation", nil)},
			{Label: s.T("constituency.state", nil)},
			{Label: s.T("constituency.source", nil), Narrow: true},
		},
		Empty: web.Empty{Title: s.T("constituency.assets.empty", nil), Why: s.T("constituency.assets.empty.why", nil)},
	}
	if can(r, changeAsset) {
		l.Empty.Do = &web.Action{Label: s.T("constituency.asset.add", nil), URL: "/constituency/assets/new"}
	}
	for _, a := range assets {
		state := s.state(a, w.today())
		l.Rows = append(l.Rows, web.Row{URL: assetURL(a.ID), Name: a.Value, Cells: []web.Cell{
			{Text: a.Value, URL: assetURL(a.ID), Mono: true},
			web.Text(s.assetKind(a.Kind)), web.Anchor(s.org(a.Org), orgURL(a.Org)),
			{Badge: &state, Sub: s.validity(a.From, a.To)},
			web.Text(s.source(a.Source)),
		}})
	}
	return l
}

func (w *Web) assetsCSV(rw http.ResponseWriter, r *http.Request) error {
	f := w.assetFilter(r)
	f.After, f.Limit = 0, 1000
	x, out := w.room.Index(), web.NewCSV(rw, "assets.csv")
	err := out.Row("organisation", "asset_kind", "asset", "valid_from", "valid_to", "source")
	for err == nil {
		var rows []constituency.Asset
		if rows, err = w.room.Assets(r.Context(), w.acts.Reader(), f); err != nil || len(rows) == 0 {
			break
		}
		for _, a := range rows {
			o, _ := x.Org(a.Org)
			if err = out.Row(o.Name, a.Kind.String(), a.Value, a.From.String(), a.To.String(), a.Source.String()); err != nil {
				return err
			}
		}
		f.After = rows[len(rows)-1].ID
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// assetData is the dot of an asset's page.
type assetData struct {
	Facts web.Facts
	Links []web.Link
}

func (w *Web) asset(rw http.ResponseWriter, r *http.Request) error {
	a, err := w.assetOf(r)
	if err != nil {
		return err
	}
	s := w.speak(r)
	state := s.state(a, w.today())
	p := w.page(a.Value)
	p.Crumbs = []web.Link{crumb(r, "constituency.assets", "/constituency/assets")}
	p.Badges = []web.Badge{state}
	if can(r, changeAsset) {
		p.Primary = &web.Action{Label: s.T("constituency.asset.change", nil), URL: assetURL(a.ID) + "/edit", Icon: "edit", Tone: "primary"}
		p.Actions = w.assetActions(s, a)
	}
	data := assetData{
		Facts: web.Facts{Title: s.T("constituency.facts", nil), Items: []web.Fact{
			{Label: s.T("constituency.organisation", nil), Cell: web.Anchor(s.org(a.Org), orgURL(a.Org))},
			{Label: s.T("constituency.asset_kind", nil), Cell: web.Text(s.assetKind(a.Kind))},
			{Label: s.T("constituency.validity", nil), Cell: web.Text(s.validity(a.From, a.To))},
			{Label: s.T("constituency.source", nil), Cell: web.Text(s.source(a.Source))},
		}},
	}
	if can(r, readLedger) {
		data.Links = []web.Link{s.record(constituency.AssetSubject(a.ID))}
	}
	p.Data = data
	return w.show(rw, r, "asset", p)
}

func (w *Web) assetActions(s speaker, a constituency.Asset) (out []web.Action) {
	ask := func(verb string) web.Action {
		return web.Action{
			Label: s.T("constituency.asset."+verb, nil), URL: assetURL(a.ID) + "/preview", Post: true,
			Hidden: []web.Hidden{{Name: "verb", Value: verb}, {Name: "version", Value: strconv.FormatInt(a.Version, 10)}},
		}
	}
	if a.Waiting {
		return []web.Action{{Label: s.T("constituency.claim.decide", nil), URL: claimURL(a.ID), Icon: "question"}}
	}
	if a.To >= w.today() {
		out = append(out, ask("end"))
	}
	return out
}

func (w *Web) assetOf(r *http.Request) (constituency.Asset, error) {
	id, err := pathID(r, "constituency.asset.none")
	if err != nil {
		return constituency.Asset{}, err
	}
	return w.room.Asset(r.Context(), w.acts.Reader(), id)
}

// Forms of assets carry the same names on page, API and in files.

func (w *Web) newAssetForm(r *http.Request) web.Form {
	s := w.speak(r)
	var orgs []web.Option
	s.index.EachOrg(func(o constituency.OrgInfo) bool {
		if !o.Ended {
			orgs = append(orgs, web.Option{Value: strconv.FormatInt(o.ID, 10), Label: o.Name})
		}
		return true
	})
	return web.Form{Action: "/constituency/assets/new", Submit: s.T("constituency.preview", nil), Cancel: "/constituency/assets", Fields: []web.Field{
		{Name: "organisation", Label: s.T("constituency.organisation", nil), Type: "select", Options: orgs, Required: true},
		{
			Name: "asset_kind", Label: s.T("constituency.asset_kind", nil), Type: "select", Required: true,
			Options: options("", constituency.AssetKinds(), func(k string) string { return s.T("constituency.asset_kind."+k, nil) }),
		},
		{Name: "asset", Label: s.T("constituency.asset", nil), Required: true, Mono: true, Example: "192.0.2.0/24 · AS64496 · water.example"},
		{Name: "valid_from", Label: s.T("constituency.valid_from", nil), Type: "date", Why: s.T("constituency.valid_from.why", nil)},
		{Name: "valid_to", Label: s.T("constituency.valid_to", nil), Type: "date", Why: s.T("constituency.valid_to.why", nil)},
	}}
}

func (w *Web) assetNew(rw http.ResponseWriter, r *http.Request) error {
	f := w.newAssetForm(r)
	f.Fill(r.URL.Query().Get)
	return w.form(rw, r, http.StatusOK, web.Say(r, "constituency.asset.add"), f, nil)
}

func (w *Web) assetForm(rw http.ResponseWriter, r *http.Request) error {
	a, err := w.assetOf(r)
	if err != nil {
		return err
	}
	return w.form(rw, r, http.StatusOK, a.Value, w.editAssetForm(r, a), nil)
}

func (w *Web) editAssetForm(r *http.Request, a constituency.Asset) web.Form {
	f := w.newAssetForm(r)
	f.Action, f.Cancel = assetURL(a.ID)+"/preview", assetURL(a.ID)
	f.Fields = append(f.Fields[:1:1], f.Fields[3:]...)
	f.Hidden = []web.Hidden{{Name: "verb", Value: "change"}, {Name: "version", Value: strconv.FormatInt(a.Version, 10)}}
	values := map[string]string{"organisation": strconv.FormatInt(a.Org, 10), "valid_from": a.From.String(), "valid_to": a.To.String()}
	f.Fill(func(name string) string { return values[name] })
	return f
}

// changeOf reads a proposed change from a form.
func changeOf(r *http.Request, id int64) constituency.AssetChange {
	v := r.PostFormValue
	switch {
	case id == 0:
		return constituency.AssetChange{Add: &constituency.NewAsset{
			Org: number(v("organisation")), Kind: v("asset_kind"), Value: v("asset"), From: v("valid_from"), To: v("valid_to"),
		}}
	case v("verb") == "end":
		return constituency.AssetChange{End: &constituency.AssetEnd{ID: id, On: v("on"), Version: number(v("version"))}}
	case v("verb") == "approve":
		return constituency.AssetChange{Approve: id}
	}
	return constituency.AssetChange{Change: &constituency.AssetEdit{
		ID: id, Org: number(v("organisation")), From: v("valid_from"), To: v("valid_to"), Version: number(v("version")),
	}}
}

func (w *Web) assetPreviewNew(rw http.ResponseWriter, r *http.Request) error {
	return w.previewAsset(rw, r, 0, w.newAssetForm(r), web.Say(r, "constituency.asset.add"))
}

func (w *Web) assetPreview(rw http.ResponseWriter, r *http.Request) error {
	a, err := w.assetOf(r)
	if err != nil {
		return err
	}
	return w.previewAsset(rw, r, a.ID, w.editAssetForm(r, a), a.Value)
}

func (w *Web) previewAsset(rw http.ResponseWriter, r *http.Request, id int64, form web.Form, title string) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	if verb := r.PostFormValue("verb"); id != 0 && verb != "change" && verb != "end" && verb != "approve" {
		return fault.OnField("verb", "fault.form", nil)
	}
	change := changeOf(r, id)
	preview, err := w.room.PreviewAssets(r.Context(), w.acts.Reader(), change)
	if code := fault.CodeOf(err); code == fault.Invalid || code == fault.Conflict {
		form.Fill(r.PostFormValue)
		return w.form(rw, r, web.Status(code), title, form, err)
	}
	if err != nil {
		return err
	}
	return w.confirmAsset(rw, r, id, preview, title)
}

// confirmData is the dot of the page before a change of assets.
type confirmData struct {
	Confirm  web.Confirm
	Facts    web.Facts
	Near     web.List
	Examples []string
}

func (w *Web) confirmAsset(rw http.ResponseWriter, r *http.Request, id int64, preview constituency.AssetPreview, title string) error {
	s, will := w.speak(r), preview.After[0]
	verb := r.PostFormValue("verb")
	if id == 0 {
		verb = "add"
	}
	c := web.Confirm{
		Title: s.T("constituency.asset."+verb, nil), Verb: s.T("constituency.asset."+verb, nil), NeedReason: true,
		Action: "/constituency/assets", Cancel: "/constituency/assets", NoEffect: s.T("constituency.effect.none", nil), Effects: s.effects(preview.Preview),
	}
	if id != 0 {
		c.Action, c.Cancel = assetURL(id), assetURL(id)
	}
	if verb == "end" {
		c.Tone = "danger"
	}
	for _, name := range []string{"organisation", "asset_kind", "asset", "valid_from", "valid_to", "verb", "version", "on"} {
		if v := r.PostFormValue(name); v != "" {
			c.Hidden = append(c.Hidden, web.Hidden{Name: name, Value: v})
		}
	}
	data := confirmData{Confirm: c, Near: w.assetList(r, s, preview.Near), Facts: web.Facts{Title: s.T("constituency.effect.after", nil), Items: []web.Fact{
		{Label: s.T("constituency.asset", nil), Cell: web.Code(will.Value)},
		{Label: s.T("constituency.organisation", nil), Cell: web.Anchor(s.org(will.Org), orgURL(will.Org))},
		{Label: s.T("constituency.validity", nil), Cell: web.Text(s.validity(will.From, will.To))},
	}}}
	data.Near.ID, data.Near.Caption, data.Near.Total.N = "near", s.T("constituency.near", nil), int64(len(preview.Near))
	data.Examples = s.examples(preview.Preview)
	p := w.page(title)
	p.Topics, p.Data = nil, data
	return w.show(rw, r, "confirm", p)
}

// effects says in words what a change does to what is open.
func (s speaker) effects(p constituency.Preview) (out []web.Effect) {
	for _, e := range []struct {
		key  string
		n    int
		tone string
	}{{"gained", p.Gained, ""}, {"moved", p.Moved, ""}, {"lost", p.Lost, "high"}, {"unrouted", p.Unrouted, "high"}} {
		if e.n > 0 {
			out = append(out, web.Effect{Count: int64(e.n), What: s.T("constituency.effect."+e.key, map[string]any{"Count": e.n}), Tone: e.tone})
		}
	}
	return out
}

func (w *Web) assetAdd(rw http.ResponseWriter, r *http.Request) error { return w.doAsset(rw, r, 0) }

func (w *Web) assetSave(rw http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "constituency.asset.none")
	if err != nil {
		return err
	}
	return w.doAsset(rw, r, id)
}

func (w *Web) doAsset(rw http.ResponseWriter, r *http.Request, id int64) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	after, err := w.room.ChangeAssets(r.Context(), actorOf(r), r.PostFormValue("reason"), changeOf(r, id))
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, assetURL(after[0].ID), web.Flash{Key: "constituency.asset.saved", Args: map[string]any{"Value": after[0].Value}})
	return nil
}

// form shows a form, with what is wrong with it.
func (w *Web) form(rw http.ResponseWriter, r *http.Request, status int, title string, f web.Form, err error) error {
	p := w.page(title)
	p.Topics = nil
	if err != nil {
		printer := web.PrinterOf(r.Context())
		p.Fault, p.Faults = web.Sentence(printer, fault.Of(err)), web.FieldFaults(printer, err)
		f.Fail(p.Faults)
	}
	p.Data = f
	return w.site.Page(rw, r, status, "constituency/form", p)
}
