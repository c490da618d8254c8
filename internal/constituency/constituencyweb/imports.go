package constituencyweb

import (
	"net/http"
	"strconv"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

func (w *Web) importForm(rw http.ResponseWriter, r *http.Request) error {
	return w.showImportForm(rw, r, http.StatusOK, nil)
}

// importStart is the dot of the page that asks for a file.
type importStart struct {
	Form            web.Form
	Columns, Owners string
}

func (w *Web) showImportForm(rw http.ResponseWriter, r *http.Request, status int, err error) error {
	s := w.speak(r)
	f := web.Form{Action: "/constituency/import", Files: true, Submit: s.T("constituency.preview", nil), Cancel: "/constituency/organisations", Fields: []web.Field{
		{Name: "kind", Label: s.T("constituency.import.kind", nil), Type: "radio", Options: options("", []string{
			string(constituency.OrganisationsFile), string(constituency.NetworksFile),
		}, func(k string) string { return s.T("constituency.import.kind."+k, nil) }, string(constituency.OrganisationsFile))},
		{Name: "file", Label: s.T("constituency.import.file", nil), Type: "file", Accept: ".csv,text/csv", Required: true},
	}}
	p := w.page(s.T("constituency.import.title", nil))
	p.Topics, p.Lead = nil, s.T("constituency.import.lead", nil)
	if err != nil {
		p.Fault, p.Faults = web.Sentence(s.Printer, fault.Of(err)), web.FieldFaults(s.Printer, err)
	}
	p.Data = importStart{f, strings.Join(constituency.Columns(), ", "), strings.Join(constituency.NetworkColumns(), ", ")}
	return w.site.Page(rw, r, status, "constituency/import", p)
}

// maxUpload bounds a file: a million rows and more.
const maxUpload = 256 << 20

// importPreview takes a file and shows what it would do.
func (w *Web) importPreview(rw http.ResponseWriter, r *http.Request) error {
	up, err := w.uploads.Receive(r, actorOf(r).ID, fault.OnField("file", "constituency.import.no_file", nil))
	if correctable(err) {
		return w.showImportForm(rw, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	res, err := w.importFile(r, up, false)
	if err != nil || res.Refused > 0 {
		w.uploads.Done(up)
	}
	if correctable(err) {
		return w.showImportForm(rw, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return w.showImport(rw, r, up, res)
}

func (w *Web) importFile(r *http.Request, up *web.Upload, apply bool) (res constituency.ImportResult, err error) {
	kind := constituency.OrganisationsFile
	if up.Kind == string(constituency.NetworksFile) {
		kind = constituency.NetworksFile
	}
	err = up.Read(func(f web.File) error {
		res, err = w.room.Import(r.Context(), actorOf(r), kind, f, apply)
		return err
	})
	return res, err
}

// importData is the dot of the page that shows what a file would do.
type importData struct {
	Figures  []web.Figure
	Errors   web.List
	Confirm  *web.Confirm
	Examples web.List
	Again    web.Action
}

func (w *Web) showImport(rw http.ResponseWriter, r *http.Request, up *web.Upload, res constituency.ImportResult) error {
	s := w.speak(r)
	p := w.page(s.T("constituency.import.preview", nil))
	p.Topics, p.Lead = nil, fault.Clip(up.Name)
	p.Crumbs = []web.Link{crumb(r, "constituency.import.title", "/constituency/import")}
	data := importData{
		Again:   web.Action{Label: s.T("constituency.import.again", nil), URL: "/constituency/import"},
		Figures: []web.Figure{{Label: s.T("constituency.import.rows", nil), N: int64(res.Rows)}},
	}
	status := http.StatusOK
	if res.Refused > 0 {
		status = http.StatusUnprocessableEntity
		data.Figures = append(data.Figures, web.Figure{Label: s.T("constituency.import.refused", nil), N: int64(res.Refused), Tone: "critical", Icon: "danger"})
		data.Errors = s.importErrors(res)
		p.Fault = s.T("constituency.import.nothing", nil)
	} else {
		data.Figures = append(data.Figures, s.tallies(res)...)
		data.Confirm = s.importConfirm(up, res)
		data.Examples = w.assetList(r, s, res.Examples)
		data.Examples.ID, data.Examples.Caption, data.Examples.Total.Hide = "examples", s.T("constituency.import.examples", nil), true
		for i := range data.Examples.Rows {
			row := &data.Examples.Rows[i]
			row.URL, row.Cells[0].URL = "", ""
			if _, known := s.index.Org(res.Examples[i].Org); !known {
				row.Cells[2] = web.Text(s.T("constituency.import.new_organisation", nil))
			}
		}
	}
	p.Data = data
	return w.site.Page(rw, r, status, "constituency/preview", p)
}

func (s speaker) tallies(res constituency.ImportResult) (out []web.Figure) {
	for _, t := range []struct {
		what string
		constituency.Tally
	}{{"organisations", res.Organisations}, {"assets", res.Assets}, {"contacts", res.Contacts}} {
		note := s.T("constituency.import.tally", map[string]any{"Changed": t.Changed, "Unchanged": t.Unchanged})
		out = append(out, web.Figure{Label: s.T("constituency.import.added."+t.what, nil), N: int64(t.Added), Note: note})
	}
	return out
}

func (s speaker) importConfirm(up *web.Upload, res constituency.ImportResult) *web.Confirm {
	c := &web.Confirm{
		Title: s.T("constituency.import.apply", nil), Verb: s.T("constituency.import.apply", nil), Action: "/constituency/import/apply",
		Cancel: "/constituency/import", NoEffect: s.T("constituency.effect.none", nil), Hidden: []web.Hidden{{Name: "upload", Value: up.ID}},
	}
	if res.Effect != nil {
		c.Effects = s.effects(*res.Effect)
	} else if res.Assets.Added+res.Assets.Changed > 0 {
		c.NoEffect = s.T("constituency.effect.unknown", nil)
	}
	return c
}

func (s speaker) importErrors(res constituency.ImportResult) web.List {
	l := web.List{
		ID: "errors", Caption: s.T("constituency.import.errors", nil), Total: web.Total{N: int64(len(res.Errors)), AtLeast: len(res.Errors) >= constituency.MaxImportErrors},
		Columns: []web.Column{
			{Label: s.T("constituency.import.line", nil), Num: true}, {Label: s.T("constituency.import.column", nil)}, {Label: s.T("constituency.import.why", nil)},
		},
	}
	for i := range res.Errors {
		e := &res.Errors[i]
		line, _ := e.Args["Line"].(int)
		l.Rows = append(l.Rows, web.Row{Name: strconv.Itoa(line), Cells: []web.Cell{
			web.Number(int64(line), ""), web.Code(e.Field), web.Text(s.T(e.Key, e.Args)),
		}})
	}
	return l
}

func (w *Web) importApply(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	up, ok := w.uploads.Find(actorOf(r).ID, r.PostFormValue("upload"))
	if !ok {
		return fault.New(fault.NotFound, "constituency.import.upload_gone", nil)
	}
	res, err := w.importFile(r, up, true)
	if err != nil {
		return err
	}
	w.uploads.Done(up)
	if !res.Applied {
		return w.showImport(rw, r, up, res)
	}
	w.site.Redirect(rw, r, "/constituency/organisations", web.Flash{Key: "constituency.import.done", Args: map[string]any{
		"Organisations": res.Organisations.Added + res.Organisations.Changed, "Assets": res.Assets.Added + res.Assets.Changed,
	}})
	return nil
}
