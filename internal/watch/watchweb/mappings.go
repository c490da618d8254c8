package watchweb

import (
	"errors"
	"mime/multipart"
	"net/http"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// maxSchema bounds the form with a schema file.
const maxSchema = 33 << 20

// mappings is GET /watch/mappings.
func (p *Web) mappings(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := setUp(a); err != nil {
		return err
	}
	ms, err := p.watch.Mappings(r.Context(), p.read)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "mappings", Caption: a.say("watch.mappings.title"), Total: web.Total{N: int64(len(ms))},
		Columns: []web.Column{
			{Label: a.say("watch.label.mapping")},
			{Label: a.say("watch.label.version")},
			{Label: a.say("watch.label.sort")},
			{Label: a.say("watch.label.state")},
			{Label: a.say("watch.label.loaded"), Narrow: true},
			{Label: a.say("watch.label.content"), Narrow: true},
		},
		Empty: web.Empty{Title: a.say("watch.mappings.none"), Why: a.say("watch.mappings.none.why")},
	}
	for _, m := range ms {
		sort, state := a.say("watch.mappings.file"), web.Badge{Tone: "muted", Word: a.say("watch.mappings.replaced")}
		if m.Schema {
			sort = a.say("watch.mappings.schema")
		}
		if m.Active {
			state = web.Badge{Tone: "ok", Word: a.say("watch.mappings.active")}
		}
		list.Rows = append(list.Rows, web.Row{Cells: []web.Cell{
			web.Code(m.Name), web.Code(m.Version), web.Text(sort), web.Marked(state), web.Exactly(m.LoadedAt), web.Code(m.Ref),
		}})
	}
	page := web.Page{Title: a.say("watch.mappings.title"), Lead: a.say("watch.mappings.lead"), Room: room}
	if a.Can("watch.load_schema") || a.Can("watch.load_mapping") {
		page.Primary = &web.Action{Label: a.say("watch.mappings.load"), URL: "/watch/mappings/new", Icon: "upload", Tone: "primary"}
		list.Empty.Do = page.Primary
	}
	page.Data = list
	return p.site.Page(w, r, http.StatusOK, "watch/list", page)
}

// newMapping is GET /watch/mappings/new.
func (p *Web) newMapping(w http.ResponseWriter, r *http.Request) error {
	return p.showMapping(w, r, nil, nil)
}

func (p *Web) showMapping(w http.ResponseWriter, r *http.Request, typed func(string) string, failed error) error {
	a := askerOf(r)
	form := web.Form{
		Action: "/watch/mappings", Files: true, Submit: a.say("watch.mappings.load"), Cancel: "/watch/mappings",
		Fields: []web.Field{
			{Name: "sort", Label: a.say("watch.label.sort"), Type: "radio", Required: true},
			{Name: "name", Label: a.say("watch.label.name"), Mono: true, Why: a.say("watch.mappings.name.why"), Example: "honeypot-ssh"},
			{Name: "file", Label: a.say("watch.label.file"), Type: "file", Required: true, Why: a.say("watch.mappings.file.why")},
		},
	}
	if a.Can("watch.load_schema") {
		form.Fields[0].Options = append(form.Fields[0].Options, web.Option{
			Value: watch.SchemaShadowserver, Label: a.say("watch.mappings.schema"), Hint: a.say("watch.mappings.schema.hint"), Selected: true,
		})
	}
	if a.Can("watch.load_mapping") {
		form.Fields[0].Options = append(form.Fields[0].Options, web.Option{
			Value: "mapping", Label: a.say("watch.mappings.file"), Hint: a.say("watch.mappings.file.hint"), Selected: !a.Can("watch.load_schema"),
		})
	}
	if typed != nil {
		form.Fill(typed)
	}
	return p.form(w, r, web.Page{
		Title: a.say("watch.mappings.load"), Lead: a.say("watch.mappings.load.lead"), Room: room,
		Crumbs: []web.Link{a.crumb("watch.mappings.title", "/watch/mappings")},
	}, form, failed)
}

// loadMapping is POST /watch/mappings.
func (p *Web) loadMapping(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	if r.MultipartForm != nil {
		defer func() { _ = r.MultipartForm.RemoveAll() }() // temporary files; the folder is cleaned at start, too
	}
	m, kinds, err := p.takeMapping(r, askerOf(r))
	if err != nil && shownAgain(err) {
		return p.showMapping(w, r, r.PostFormValue, err)
	}
	if err != nil {
		return err
	}
	flash := web.Flash{Key: "watch.mappings.loaded", Args: map[string]any{"Name": m.Name, "Version": m.Version}}
	if m.Schema {
		flash = web.Flash{Key: "watch.mappings.schema_loaded", Args: map[string]any{"Count": kinds, "Version": m.Version}}
	}
	p.site.Redirect(w, r, "/watch/mappings", flash)
	return nil
}

func (p *Web) takeMapping(r *http.Request, a asker) (m watch.Mapping, kinds int, err error) {
	var file multipart.File
	file, _, err = r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return m, 0, fault.OnField("file", "watch.mappings.no_file", nil)
	}
	if err != nil {
		return m, 0, fault.Wrap(fault.Invalid, "fault.form", nil, err)
	}
	defer file.Close()
	switch r.PostFormValue("sort") {
	case watch.SchemaShadowserver:
		m, kinds, err = p.watch.LoadSchema(r.Context(), a.actor, file)
	case "mapping":
		m, err = p.watch.LoadMapping(r.Context(), a.actor, r.PostFormValue("name"), file)
	default:
		err = fault.OnField("sort", "watch.mappings.sort", nil)
	}
	if f := fault.Of(err); err != nil && f.Field == "" && shownAgain(err) {
		on := *f
		on.Field = "file"
		err = &on
	}
	return m, kinds, err
}

// unrouted is GET /watch/unrouted: open findings that nobody could be named for.
func (p *Web) unrouted(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := checkQuery(r); err != nil {
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
	l, err := p.watch.List(r.Context(), p.read, watch.Unrouted(), page)
	if err != nil {
		return err
	}
	list := p.listOf(r, a, l)
	list.ID, list.Caption, list.Bulk = "unrouted", a.say("watch.unrouted.title"), p.bulk(a)
	list.Empty = web.Empty{Title: a.say("watch.unrouted.none"), Why: a.say("watch.unrouted.none.why")}
	list.Downloads = []web.Action{
		{Label: "CSV", Icon: "download", URL: "/watch/findings.csv?level=unrouted&state=open"},
		{Label: a.say("watch.unrouted.filter"), Icon: "filter", URL: "/watch/findings?level=unrouted&state=open"},
	}
	for i, f := range l.Findings { // what is known of the network says where to look next
		list.Rows[i].Cells[3] = web.Cell{Text: joinNonEmpty(" · ", asn(f.ASN), f.CC)}
		if a.Can("constituency.read") && place(f) != "" {
			list.Rows[i].Cells[3].URL = address("/constituency/lookup", "subject", place(f))
			if list.Rows[i].Cells[3].Text == "" {
				list.Rows[i].Cells[3].Text = a.say("watch.unrouted.look_up")
			}
		}
	}
	list.Columns[3].Label = a.say("watch.label.network")
	head := web.Page{
		Title: a.say("watch.unrouted.title"), Lead: a.say("watch.unrouted.lead"), Room: room, Wide: true,
		Marking: p.markingOf(srcs, l.Findings), Topics: []string{"watch", "constituency"}, Data: list,
	}
	if a.Can("constituency.import") {
		head.Primary = &web.Action{Label: a.say("watch.unrouted.import"), URL: "/constituency/import", Icon: "upload", Tone: "primary"}
	}
	return p.site.Page(w, r, http.StatusOK, "watch/list", head)
}
