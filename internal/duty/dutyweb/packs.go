package dutyweb

import (
	"net/http"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/web"
)

// packsData is the dot of the page of packs.
type packsData struct {
	Packs web.List
	Links []web.Action
}

func (w *Web) packs(rw http.ResponseWriter, r *http.Request) error {
	files, err := w.room.Packs()
	if err != nil {
		return err
	}
	p := page(r, web.Say(r, "duty.packs"), home(r))
	p.Lead = web.Say(r, "duty.packs.lead", "Kept", duty.Kept)
	if can(r, makePack) {
		p.Primary = &web.Action{Label: web.Say(r, "duty.packs.make"), URL: "/duty/packs", Post: true, Tone: "primary", Icon: "file"}
	}
	l := web.List{
		ID: "packs", Caption: web.Say(r, "duty.packs"), Live: true, Total: web.Total{N: int64(len(files))},
		Columns: []web.Column{{Label: web.Say(r, "duty.packs.made")}, {Label: web.Say(r, "duty.packs.page")}, {Label: web.Say(r, "duty.packs.table")}},
		Empty:   web.Empty{Title: web.Say(r, "duty.packs.empty"), Why: web.Say(r, "duty.packs.empty.why")},
	}
	speak := web.PrinterOf(r.Context())
	for _, f := range files {
		l.Rows = append(l.Rows, web.Row{Name: f.Name, Cells: []web.Cell{
			web.Exactly(f.Made), {Text: f.Name + ".html", URL: "/duty/packs/" + f.Name + ".html", Sub: speak.Bytes(f.Size)},
			web.Anchor(f.Name+".csv", "/duty/packs/"+f.Name+".csv"),
		}})
	}
	p.Data = packsData{Packs: l, Links: []web.Action{
		{Label: web.Say(r, "duty.packs.now"), URL: "/duty/pack", Icon: "external"},
		{Label: web.Say(r, "duty.packs.now_table"), URL: "/duty/pack.csv", Icon: "download"},
	}}
	return w.show(rw, r, "packs", p)
}

func (w *Web) packMake(rw http.ResponseWriter, r *http.Request) error {
	if _, err := w.room.MakePack(r.Context(), actorOf(r)); err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/packs", web.Flash{Key: "duty.packs.done"})
	return nil
}

func (w *Web) packFile(rw http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	b, err := w.room.ReadPack(name)
	if err != nil {
		return err
	}
	return send(rw, name, b)
}

// pack shows the pack as things are now, to print or to keep. Its own style passes by
// its hash; nothing else is loaded at all.
func (w *Web) pack(rw http.ResponseWriter, r *http.Request) error {
	p, err := w.room.BuildPack(r.Context(), w.acts.Reader())
	if err != nil {
		return err
	}
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; style-src "+duty.StyleHash()+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = rw.Write(p.HTML)
	return err
}

func (w *Web) packCSV(rw http.ResponseWriter, r *http.Request) error {
	p, err := w.room.BuildPack(r.Context(), w.acts.Reader())
	if err != nil {
		return err
	}
	return send(rw, "pack-"+p.Made.UTC().Format("20060102T150405Z")+".csv", p.CSV)
}
