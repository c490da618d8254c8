package constituencyweb

import (
	"embed"
	"net/http"
	"slices"
	"strconv"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// Templates are this package's pages; the site knows them as "constituency/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the room's words, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Room is the name under which the site knows templates and rail entry.
const Room = "constituency"

// Permissions that the routes need.
const (
	read           = "constituency.read"
	changeAsset    = "constituency.change_asset"
	readLedger     = "ledger.read" // the record of actions is another room's page
	changeOperator = "constituency.change_operator"
	changeContact  = "constituency.change_contact"
	changeKey      = "guard.change_contact_key"
	importFile     = "constituency.import"
	claimAsset     = "constituency.claim_asset"

	renameOrganisation = "guard.rename_organisation"
	endOrganisation    = "constituency.end_organisation"
)

// Web is the door. Make it with New.
type Web struct {
	site    *web.Site
	room    *constituency.Constituency
	guard   *guard.Guard
	acts    *act.Acts
	uploads *web.Uploads
	rules   Rules // nil: everybody is told at once
}

// New returns the door, which answers through site.
func New(site *web.Site, room *constituency.Constituency, g *guard.Guard, acts *act.Acts) *Web {
	return &Web{site: site, room: room, guard: g, acts: acts, uploads: web.NewUploads(acts.Clock(), maxUpload)}
}

// Routes lists the pages.
func (w *Web) Routes() []web.Route {
	get := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Permission: permission, Handler: h, Sample: "GET " + sample}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Permission: permission, Handler: h, Sample: "POST " + sample}
	}
	base := "/constituency"
	upload := post(base+"/import", importFile, base+"/import kind=organisations", w.importPreview)
	upload.Stream = true
	export := get(base+"/export.csv", read, base+"/export.csv", w.exportAll)
	export.Stream = true
	return slices.Concat(w.contactRoutes(), w.claimRoutes(), w.standingRoutes(), []web.Route{
		get(base, read, base, w.start),
		get(base+"/organisations", read, base+"/organisations?kind=operator&sector=health", w.organisations),
		get(base+"/organisations.csv", read, base+"/organisations.csv", w.organisationsCSV),
		get(base+"/organisations/new", changeOperator, base+"/organisations/new", w.organisationNew),
		post(base+"/organisations", changeOperator, base+"/organisations name=Water&kind=operator&country=XA", w.organisationAdd),
		get(base+"/organisations/{id}", read, base+"/organisations/1", w.organisation),
		get(base+"/organisations/{id}/edit", changeOperator, base+"/organisations/1/edit", w.standingForm),
		post(base+"/organisations/{id}/edit", changeOperator, base+"/organisations/1/edit version=0", w.standingSave),
		get(base+"/organisations/{id}/contacts/new", changeContact, base+"/organisations/1/contacts/new", w.contactNew),
		post(base+"/organisations/{id}/contacts", changeContact, base+"/organisations/1/contacts contact_name=Ana&contact_phone=1", w.contactAdd),
		get(base+"/assets", read, base+"/assets?kind=cidr", w.assets),
		get(base+"/assets.csv", read, base+"/assets.csv", w.assetsCSV),
		get(base+"/assets/new", changeAsset, base+"/assets/new", w.assetNew),
		post(base+"/assets/new", changeAsset, base+"/assets/new organisation=1&asset_kind=cidr&asset=192.0.2.0/24", w.assetPreviewNew),
		post(base+"/assets", changeAsset, base+"/assets organisation=1&asset_kind=cidr&asset=192.0.2.0/24&reason=test", w.assetAdd),
		get(base+"/assets/{id}", read, base+"/assets/1", w.asset),
		get(base+"/assets/{id}/edit", changeAsset, base+"/assets/1/edit", w.assetForm),
		post(base+"/assets/{id}/preview", changeAsset, base+"/assets/1/preview verb=end&version=1", w.assetPreview),
		post(base+"/assets/{id}", changeAsset, base+"/assets/1 verb=end&version=1&reason=test", w.assetSave),
		get(base+"/lookup", read, base+"/lookup?subject=192.0.2.1", w.lookup),
		get(base+"/import", importFile, base+"/import", w.importForm),
		upload,
		post(base+"/import/apply", importFile, base+"/import/apply upload=x", w.importApply),
		export,
	})
}

// actorOf is who asks.
func actorOf(r *http.Request) act.Actor {
	a, _ := web.ViewerOf(r.Context()).Actor.(act.Actor)
	return a
}

// can tells whether the viewer may use routes with a permission.
func can(r *http.Request, permission string) bool { return web.ViewerOf(r.Context()).Can(permission) }

// pathID is the {id} of the address; what is no number exists as little as a number
// that nothing has.
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

func (w *Web) start(rw http.ResponseWriter, r *http.Request) error {
	http.Redirect(rw, r, "/constituency/organisations", http.StatusSeeOther)
	return nil
}

// orgURL and assetURL are where things are.
func orgURL(id int64) string   { return "/constituency/organisations/" + strconv.FormatInt(id, 10) }
func assetURL(id int64) string { return "/constituency/assets/" + strconv.FormatInt(id, 10) }
