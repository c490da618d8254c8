package constituencyweb

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// API registers the room's operations below /api/v1/constituency.
func (w *Web) API(api huma.API) {
	huma.Register(api, operation("lookup", http.MethodGet, "lookup", read, "Whose an address or name is on a day", "lookup?subject=192.0.2.1"), w.apiLookup)
	huma.Register(api, operation("sectors", http.MethodGet, "sectors", read, "The sectors and their codes", "sectors"), w.apiSectors)
	huma.Register(api, operation("organisations", http.MethodGet, "organisations", read, "Organisations by id", "organisations?kind=operator"), w.apiOrganisations)
	huma.Register(api, operation("organisation", http.MethodGet, "organisations/{id}", read, "One organisation with services and contacts", "organisations/1"), w.apiOrganisation)
	huma.Register(api, operation("assets", http.MethodGet, "assets", read, "Assets by id", "assets?organisation=1"), w.apiAssets)
	add := operation("add-asset", http.MethodPost, "assets", changeAsset, "Add an asset", `assets {"organisation":1,"asset_kind":"cidr","asset":"192.0.2.0/24"}`)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, w.apiAddAsset)
	huma.Register(api, operation("end-asset", http.MethodPost, "assets/{id}/end", changeAsset, "End an asset", `assets/1/end {"version":1}`), w.apiEndAsset)
	w.claimAPI(api)
	export := operation("export", http.MethodGet, "export", read, "Everything as CSV; importing it changes nothing", "export")
	export.Metadata["stream"] = true
	huma.Register(api, export, w.apiExport)
	for _, kind := range []constituency.ImportKind{constituency.OrganisationsFile, constituency.NetworksFile} {
		name, permission := "import", importFile
		if kind == constituency.NetworksFile {
			name, permission = "networks/import", "constituency.import_networks"
		}
		op := operation(strings.ReplaceAll(name, "/", "-"), http.MethodPost, name, permission,
			"Import a CSV file: without apply=true it says what would happen", name+"?apply=false organisation")
		op.Metadata["stream"] = true
		op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}}}
		huma.Register(api, op, func(ctx context.Context, in *importIn) (*importOut, error) { return w.apiImport(ctx, kind, in) })
	}
	w.bridges(api)
}

func operation(id, method, path, permission, summary, sample string) huma.Operation {
	return huma.Operation{
		OperationID: "constituency-" + id, Method: method, Path: "/api/v1/constituency/" + path, Summary: summary, Tags: []string{Room},
		Security: []map[string][]string{{"token": {permission}}},
		Metadata: map[string]any{"permission": permission, "sample": method + " /api/v1/constituency/" + sample},
	}
}

func apiActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

type lookupIn struct {
	Subject string `query:"subject" required:"true" doc:"address, AS number, domain or mail address" example:"192.0.2.7"`
	At      string `query:"at" doc:"day, today when empty" example:"2026-11-21"`
}

// Found is the answer to a look-up.
type Found struct {
	Organisation string `json:"organisation" doc:"name"`
	Kind         string `json:"kind" doc:"kind of the organisation"`
	Asset        string `json:"asset" doc:"what matched; empty when by country"`
	Rule         string `json:"rule" doc:"cidr, domain, maildomain, asn, network-prefix, network-asn or country"`
	Why          string `json:"why" doc:"in words"`
	ID           int64  `json:"organisation_id"`
	Level        string `json:"level" doc:"operator, network or national-csirt"`
	Day          string `json:"day"`
}

type lookupOut struct{ Body Found }

func (w *Web) apiLookup(ctx context.Context, in *lookupIn) (*lookupOut, error) {
	day := w.today()
	if in.At != "" {
		var err error
		if day, err = constituency.ParseDay(in.At); err != nil {
			return nil, fault.OnField("at", "constituency.day.form", fault.Args{"Value": fault.Clip(in.At)})
		}
	}
	l, err := w.room.Lookup(ctx, w.acts.Reader(), in.Subject, day)
	if err != nil {
		return nil, err
	}
	s := speaker{web.PrinterOf(ctx), w.room.Index()}
	if l.Match.Level == constituency.Unrouted {
		return nil, fault.New(fault.NotFound, "constituency.lookup.none", fault.Args{"Subject": fault.Clip(in.Subject), "Day": s.day(day)})
	}
	return &lookupOut{Found{
		Organisation: l.Org.Name, Kind: string(l.Org.Kind), Asset: l.Asset.Value, Rule: l.Match.Rule.String(), Why: s.why(l),
		ID: l.Org.ID, Level: l.Match.Level.String(), Day: day.Time().Format("2006-01-02"),
	}}, nil
}

// SectorLine is one sector with its name.
type SectorLine struct {
	constituency.Sector
	Name string `json:"name"`
}

type sectorsOut struct{ Body []SectorLine }

func (w *Web) apiSectors(ctx context.Context, _ *struct{}) (*sectorsOut, error) {
	out := &sectorsOut{}
	for _, s := range constituency.Sectors() {
		out.Body = append(out.Body, SectorLine{s, web.PrinterOf(ctx).T(s.Key(), nil)})
	}
	return out, nil
}

// Organisation is one organisation of a list.
type Organisation struct {
	ID         int64    `json:"id"`
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	Country    string   `json:"country"`
	Sectors    []string `json:"sectors"`
	Critical   bool     `json:"critical"`
	Population int64    `json:"population" doc:"persons served"`
}

func organisationOf(o constituency.OrgInfo) Organisation {
	return Organisation{o.ID, o.Name, string(o.Kind), o.Country, append([]string{}, o.Sectors...), o.Critical, o.Population}
}

type organisationsIn struct {
	Kind     string `query:"kind"`
	Sector   string `query:"sector"`
	Critical bool   `query:"critical"`
	Text     string `query:"text" doc:"somewhere in the name"`
	After    int64  `query:"after" doc:"ids above it" minimum:"0"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type organisationsOut struct {
	Total int `header:"X-Total-Count"`
	Body  []Organisation
}

func (w *Web) apiOrganisations(_ context.Context, in *organisationsIn) (*organisationsOut, error) {
	rows, total := w.room.Index().Organisations(constituency.OrgFilter{
		Kind: guard.Kind(in.Kind), Sector: in.Sector, Critical: in.Critical, Text: in.Text, After: in.After, Limit: in.Limit,
	})
	out := &organisationsOut{Total: total, Body: make([]Organisation, len(rows))}
	for i, o := range rows {
		out.Body[i] = organisationOf(o)
	}
	return out, nil
}

type idIn struct {
	ID int64 `path:"id" minimum:"1"`
}

// OrganisationDetail is one organisation with what belongs to it.
type OrganisationDetail struct {
	Organisation
	Designation string    `json:"designation,omitempty"`
	Services    []Service `json:"services"`
	Contacts    []Contact `json:"contacts" doc:"in order of escalation"`
	ActsFor     []int64   `json:"acts_for"`
	Version     int64     `json:"version"`
}

// Service is an essential service.
type Service struct {
	Name       string `json:"name"`
	Sector     string `json:"sector"`
	Population int64  `json:"population"`
}

// Contact is how to reach an organisation.
type Contact struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Language string `json:"language"`
	Role     string `json:"role"`
	Hours    string `json:"hours"`
	Position int64  `json:"position"`
	Version  int64  `json:"version"`
}

type organisationOut struct{ Body OrganisationDetail }

func (w *Web) apiOrganisation(ctx context.Context, in *idIn) (*organisationOut, error) {
	o, ok := w.room.Index().Org(in.ID)
	if !ok {
		return nil, fault.New(fault.NotFound, "guard.organisation.none", nil)
	}
	st, err := w.room.Standing(ctx, w.acts.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	contacts, err := w.room.Contacts(ctx, w.acts.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	d := OrganisationDetail{Organisation: organisationOf(o), Designation: st.Designation, Services: []Service{}, Contacts: []Contact{}, Version: st.Version}
	for _, v := range st.Services {
		d.Services = append(d.Services, Service{v.Name, v.Sector, v.Population})
	}
	for _, k := range contacts {
		d.Contacts = append(d.Contacts, Contact{k.ID, k.Name, k.Email, k.Phone, k.Language, k.Role, k.Hours, k.Position, k.Version})
	}
	if d.ActsFor, err = w.room.ActsFor(ctx, w.acts.Reader(), in.ID); err != nil {
		return nil, err
	}
	return &organisationOut{d}, nil
}

// Asset is an asset as the API shows it.
type Asset struct {
	ID           int64  `json:"id"`
	Organisation int64  `json:"organisation"`
	Kind         string `json:"asset_kind"`
	Value        string `json:"asset"`
	From         string `json:"valid_from" doc:"first day; empty: no beginning"`
	To           string `json:"valid_to" doc:"last day; empty: no end"`
	Source       string `json:"source"`
	Waiting      bool   `json:"waiting" doc:"a claim that nobody approved yet"`
	Version      int64  `json:"version"`
}

func assetOf(a constituency.Asset) Asset {
	return Asset{a.ID, a.Org, a.Kind.String(), a.Value, a.From.String(), a.To.String(), a.Source.String(), a.Waiting, a.Version}
}

type assetsIn struct {
	Organisation int64  `query:"organisation" minimum:"0"`
	Kind         string `query:"kind" enum:"cidr,asn,domain,maildomain,product,site"`
	Value        string `query:"value" doc:"exactly, in canonical form"`
	After        int64  `query:"after" minimum:"0"`
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type assetsOut struct{ Body []Asset }

func (w *Web) apiAssets(ctx context.Context, in *assetsIn) (*assetsOut, error) {
	f := constituency.AssetFilter{Org: in.Organisation, Value: in.Value, After: in.After, Limit: in.Limit}
	for i, name := range constituency.AssetKinds() {
		if name == in.Kind {
			f.Kind = constituency.AssetKind(i + 1)
		}
	}
	rows, err := w.room.Assets(ctx, w.acts.Reader(), f)
	out := &assetsOut{Body: make([]Asset, len(rows))}
	for i, a := range rows {
		out.Body[i] = assetOf(a)
	}
	return out, err
}

type addAssetIn struct {
	Body struct {
		Organisation int64  `json:"organisation"`
		Kind         string `json:"asset_kind" example:"cidr"`
		Value        string `json:"asset" example:"192.0.2.0/24"`
		From         string `json:"valid_from,omitempty" example:"2026-11-21"`
		To           string `json:"valid_to,omitempty"`
		Reason       string `json:"reason,omitempty"`
	}
}

type assetOut struct{ Body Asset }

func (w *Web) apiAddAsset(ctx context.Context, in *addAssetIn) (*assetOut, error) {
	b := in.Body
	return w.apiChange(ctx, b.Reason, constituency.AssetChange{Add: &constituency.NewAsset{
		Org: b.Organisation, Kind: b.Kind, Value: b.Value, From: b.From, To: b.To,
	}})
}

type endAssetIn struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Version int64  `json:"version" doc:"the one that you saw"`
		On      string `json:"on,omitempty" doc:"last day; empty: yesterday, so that it ends at once"`
		Reason  string `json:"reason,omitempty"`
	}
}

func (w *Web) apiEndAsset(ctx context.Context, in *endAssetIn) (*assetOut, error) {
	return w.apiChange(ctx, in.Body.Reason, constituency.AssetChange{End: &constituency.AssetEnd{ID: in.ID, On: in.Body.On, Version: in.Body.Version}})
}

func (w *Web) apiChange(ctx context.Context, reason string, ch constituency.AssetChange) (*assetOut, error) {
	after, err := w.room.ChangeAssets(ctx, apiActor(ctx), reason, ch)
	if err != nil {
		return nil, err
	}
	return &assetOut{assetOf(after[0])}, nil
}

func (w *Web) apiExport(_ context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "text/csv; charset=utf-8")
		c.SetHeader("Content-Disposition", web.Attachment("constituency.csv"))
		if err := w.room.Export(c.Context(), w.acts.Reader(), c.BodyWriter()); err != nil {
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
	}}, nil
}

// importIn takes the body as a stream.
type importIn struct {
	Apply bool `query:"apply" doc:"apply the file; otherwise only say what would happen"`
	body  io.Reader
}

// Resolve keeps the stream for the handler; huma calls it.
func (in *importIn) Resolve(c huma.Context) []error {
	in.body = c.BodyReader()
	return nil
}

// ImportAnswer says what an import did or would do.
type ImportAnswer struct {
	Applied       bool               `json:"applied"`
	Rows          int                `json:"rows"`
	Refused       int                `json:"refused" doc:"rows; above zero nothing is applied"`
	Organisations constituency.Tally `json:"organisations"`
	Assets        constituency.Tally `json:"assets"`
	Contacts      constituency.Tally `json:"contacts"`
	Errors        []ImportError      `json:"errors" doc:"the first 200"`
}

// ImportError is what is wrong with a row.
type ImportError struct {
	Line   int    `json:"line"`
	Column string `json:"column"`
	Value  string `json:"value"`
	Reason string `json:"reason" doc:"catalogue key, stable for programs"`
	Detail string `json:"detail" doc:"in words, with an example that would do"`
}

type importOut struct {
	Status int
	Body   ImportAnswer
}

// apiImport answers 200 when the file was or can be applied, 422 when rows are
// refused.
func (w *Web) apiImport(ctx context.Context, kind constituency.ImportKind, in *importIn) (*importOut, error) {
	f, err := web.Spool(in.body, maxUpload)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	res, err := w.room.Import(ctx, apiActor(ctx), kind, f, in.Apply)
	if err != nil {
		return nil, err
	}
	return importAnswerOf(ctx, res), nil
}

func importAnswerOf(ctx context.Context, res constituency.ImportResult) *importOut {
	out := &importOut{Status: http.StatusOK, Body: ImportAnswer{
		Applied: res.Applied, Rows: res.Rows, Refused: res.Refused, Organisations: res.Organisations, Assets: res.Assets, Contacts: res.Contacts,
		Errors: []ImportError{},
	}}
	if res.Refused > 0 {
		out.Status = http.StatusUnprocessableEntity
	}
	for i := range res.Errors {
		e := &res.Errors[i]
		line, _ := e.Args["Line"].(int)
		value, _ := e.Args["Value"].(string)
		out.Body.Errors = append(out.Body.Errors, ImportError{line, e.Field, value, e.Key, web.PrinterOf(ctx).T(e.Key, e.Args)})
	}
	return out
}
