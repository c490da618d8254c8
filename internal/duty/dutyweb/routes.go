package dutyweb

import (
	"embed"
	"net/http"
	"strconv"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// Templates are this package's pages; the site knows them as "duty/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the pages' words, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Room is the name under which the site knows templates and rail entry.
const Room = "duty"

// Permissions that the routes need. Who swaps an own shift may open the page; the verb
// looks at whose shifts they are.
const (
	read     = "duty.read"
	add      = "duty.add_shift"
	change   = "duty.change_shift"
	swapOwn  = "duty.swap_own_shift"
	write    = "duty.write_handover"
	takeOver = "duty.take_over"
	calls    = "duty.change_call_list"
	makePack = "duty.make_pack"
)

// Web is the door. Make it with New.
type Web struct {
	site *web.Site
	room *duty.Duty
	acts *act.Acts
}

// New returns the door, which answers through site.
func New(site *web.Site, room *duty.Duty) *Web { return &Web{site: site, room: room, acts: room.Acts} }

// Routes lists the pages.
func (w *Web) Routes() []web.Route {
	get := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: "/duty" + pattern, Permission: permission, Handler: h, Sample: "GET /duty" + sample}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: "/duty" + pattern, Permission: permission, Handler: h, Sample: "POST /duty" + sample}
	}
	return []web.Route{
		get("", read, "", w.now),
		get("/roster", read, "/roster?from=2026-11-21", w.roster),
		get("/shifts/new", add, "/shifts/new", w.shiftNew),
		post("/shifts", add, "/shifts person=1&begins=2026-11-21T08:00&ends=2026-11-21T20:00", w.shiftAdd),
		get("/shifts/{id}", change, "/shifts/1", w.shiftForm),
		post("/shifts/{id}", change, "/shifts/1 version=1", w.shiftSave),
		post("/shifts/{id}/remove", change, "/shifts/1/remove version=1", w.shiftRemove),
		get("/shifts/{id}/swap", swapOwn, "/shifts/1/swap", w.swapForm),
		post("/shifts/{id}/swap", swapOwn, "/shifts/99/swap version=1&other=98:1", w.swapSave),
		get("/handovers", read, "/handovers?text=grid", w.handovers),
		get("/handovers/new", write, "/handovers/new", w.handoverNew),
		post("/handovers", write, "/handovers text=nothing", w.handoverWrite),
		get("/handovers/{id}", read, "/handovers/1", w.handover),
		post("/handovers/{id}/take", takeOver, "/handovers/1/take", w.handoverTake),
		get("/calls", read, "/calls", w.callList),
		post("/calls", calls, "/calls person=1&note=test", w.callAdd),
		post("/calls/{id}", calls, "/calls/1 verb=up", w.callTurn),
		get("/sheet", read, "/sheet?sector=energy-gas", w.sheet),
		get("/sheet.csv", read, "/sheet.csv?sector=energy-gas", w.sheetCSV),
		get("/packs", read, "/packs", w.packs),
		post("/packs", makePack, "/packs", w.packMake),
		get("/packs/{file}", read, "/packs/pack-20261121T180000Z.html", w.packFile),
		get("/pack", read, "/pack", w.pack),
		get("/pack.csv", read, "/pack.csv", w.packCSV),
	}
}

// actorOf is who asks.
func actorOf(r *http.Request) act.Actor {
	a, _ := web.ViewerOf(r.Context()).Actor.(act.Actor)
	return a
}

// can tells whether the viewer may use routes with a permission.
func can(r *http.Request, permission string) bool { return web.ViewerOf(r.Context()).Can(permission) }

// pathID is the {id} of the address.
func pathID(r *http.Request, none string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.New(fault.NotFound, none, nil)
	}
	return id, nil
}

// number reads a number of a form or address; 0 when there is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

// Where things are.
func shiftURL(id int64) string    { return "/duty/shifts/" + text(id) }
func handoverURL(id int64) string { return "/duty/handovers/" + text(id) }

// local is how a form writes a time, in the reader's zone.
const local = "2006-01-02T15:04"

// timeOf reads a time of a form; zero when there is none or it is no time.
func timeOf(r *http.Request, name string) time.Time {
	t, err := time.ParseInLocation(local, r.PostFormValue(name), zone(r))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func zone(r *http.Request) *time.Location { return web.PrinterOf(r.Context()).Zone() }

// page is what all pages of the room share.
func page(r *http.Request, title string, crumbs ...web.Link) web.Page {
	return web.Page{Title: title, Room: Room, Marking: duty.Marking, Topics: []string{Room}, Crumbs: crumbs}
}

func home(r *http.Request) web.Link { return web.Link{Label: web.Say(r, "duty.title"), URL: "/duty"} }

func (w *Web) show(rw http.ResponseWriter, r *http.Request, name string, p web.Page) error {
	return w.site.Page(rw, r, http.StatusOK, "duty/"+name, p)
}

// form shows a form, with what is wrong with it.
func (w *Web) form(rw http.ResponseWriter, r *http.Request, status int, p web.Page, f web.Form, err error) error {
	p.Topics = nil
	if err != nil {
		printer := web.PrinterOf(r.Context())
		p.Fault, p.Faults = web.Sentence(printer, fault.Of(err)), web.FieldFaults(printer, err)
		f.Fail(p.Faults)
	}
	p.Data = f
	return w.site.Page(rw, r, status, "duty/form", p)
}

// correctable faults are shown on the form with what was typed.
func correctable(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Invalid || code == fault.Conflict
}
