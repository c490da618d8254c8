package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// api is the HTTP API: huma's operations as routes of the site.
type api struct {
	site   *web.Site
	huma   huma.API
	mux    *web.API
	inner  huma.Adapter
	once   func(http.HandlerFunc) http.HandlerFunc
	now    *huma.Operation // the one being registered
	faults []error
	spec   []byte
}

// Names in an operation.
const (
	// tokenScheme is the security requirement whose scope is the permission:
	// {"token": {"watch.read"}}.
	tokenScheme = "token"
	// streamKey in Metadata says that bodies of any size go in or out.
	streamKey = "stream"
	// secretKey in Metadata says that the answer holds a secret, which is not kept for
	// a repetition of the request.
	secretKey = "secret"
	// sampleKey in Metadata is the request line that the test of all routes sends.
	sampleKey = "sample"
)

// newAPI returns the API on a site. Once makes a POST happen once per
// Idempotency-Key; nil leaves that out.
func newAPI(site *web.Site, version string, once func(http.HandlerFunc) http.HandlerFunc) *api {
	faultErrors()
	a := &api{site: site, once: once}
	a.mux = site.API(func(string) string { return permissionOf(a.now) })
	a.mux.Stream = func(string) bool { return a.now.Metadata[streamKey] == true }
	a.mux.Sample = func(pattern string) string {
		if s, ok := a.now.Metadata[sampleKey].(string); ok {
			return s
		}
		return pattern
	}
	a.inner = humago.NewAdapter(onceMux{a.mux, a}, "")
	c := huma.DefaultConfig("Almenara", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		tokenScheme: {Type: "http", Scheme: "bearer", Description: "An API token. The scope names the permission that the operation needs."},
	}
	a.huma = huma.NewAPI(c, a)
	return a
}

// onceMux lets an Idempotency-Key work for every POST but uploads, which are known
// by their content, and answers with a secret.
type onceMux struct {
	*web.API
	api *api
}

// HandleFunc registers one pattern; huma's adapter calls it.
func (m onceMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	op := m.api.now
	if m.api.once != nil && op.Method == http.MethodPost && op.Metadata[streamKey] != true && op.Metadata[secretKey] != true {
		h = m.api.once(h)
	}
	m.API.HandleFunc(pattern, h)
}

// permissionOf is what an operation needs, "" when it does not say.
func permissionOf(op *huma.Operation) string {
	for _, s := range op.Security {
		if scopes := s[tokenScheme]; len(scopes) > 0 {
			return scopes[0]
		}
	}
	p, _ := op.Metadata["permission"].(string)
	return p
}

// schemaName names a type after its room: watchweb.Finding becomes WatchFinding.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	room := strings.TrimSuffix(path.Base(t.PkgPath()), "web")
	if room == "" || room == "." || t.Name() == "" {
		return name
	}
	return strings.ToUpper(room[:1]) + room[1:] + strings.ToUpper(name[:1]) + name[1:]
}

// Handle makes a route of an operation; huma calls it.
func (a *api) Handle(op *huma.Operation, handler func(huma.Context)) {
	if permissionOf(op) == "" {
		a.faults = append(a.faults, fmt.Errorf("operation %s %s names no permission", op.Method, op.Path))
		return
	}
	a.now = op
	a.inner.Handle(op, func(c huma.Context) {
		r, w := humago.Unwrap(c)
		t := &trouble{}
		r = r.WithContext(context.WithValue(r.Context(), troubleKey{}, t))
		handler(humago.NewContext(op, r, w))
		if t.err != nil {
			a.site.LogError(r, t.err)
		}
	})
}

// ServeHTTP is there because huma asks for it; requests come through the site.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// finish checks what the doors registered and adds the description of it all.
func (a *api) finish() error {
	if err := errors.Join(a.faults...); err != nil {
		return err
	}
	var err error
	if a.spec, err = json.Marshal(a.huma.OpenAPI()); err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	a.site.Templates("app", sub(templates, "templates"))
	a.site.Handle(
		web.Route{
			Method: http.MethodGet, Pattern: "/api/openapi.json", Permission: web.Public, API: true,
			Sample: "GET /api/openapi.json", Handler: a.serveSpec,
		},
		web.Route{
			Method: http.MethodGet, Pattern: "/api/docs", Permission: web.Public, Sample: "GET /api/docs", Handler: a.serveDocs,
		},
	)
	return nil
}

func (a *api) serveSpec(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(a.spec) // the client may be gone
	return nil
}

// docRoom is one room's operations on the page of the API.
type docRoom struct {
	Name string
	Ops  []docOperation
}

type docOperation struct {
	ID, Method, Path, Summary, Text, Permission string
	Params                                      []docParam
	Body                                        string
}

type docParam struct {
	Name, In, Type, Text string
	Required             bool
}

func (a *api) serveDocs(w http.ResponseWriter, r *http.Request) error {
	return a.site.Page(w, r, http.StatusOK, "app/docs", web.Page{
		Title: web.PrinterOf(r.Context()).T("app.docs.title", nil), Room: "api", Data: a.describe(),
	})
}

// describe lists the operations by room and path.
func (a *api) describe() []docRoom {
	spec := a.huma.OpenAPI()
	byRoom := map[string]*docRoom{}
	for p, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil || op.Hidden {
				continue
			}
			room, _, _ := strings.Cut(strings.TrimPrefix(p, "/api/v1/"), "/")
			if byRoom[room] == nil {
				byRoom[room] = &docRoom{Name: room}
			}
			byRoom[room].Ops = append(byRoom[room].Ops, a.describeOperation(p, op))
		}
	}
	var out []docRoom
	for _, d := range byRoom {
		slices.SortFunc(d.Ops, func(x, y docOperation) int {
			return strings.Compare(x.Path+" "+x.Method, y.Path+" "+y.Method)
		})
		out = append(out, *d)
	}
	slices.SortFunc(out, func(x, y docRoom) int { return strings.Compare(x.Name, y.Name) })
	return out
}

func (a *api) describeOperation(p string, op *huma.Operation) docOperation {
	d := docOperation{
		ID: op.OperationID, Method: op.Method, Path: p, Summary: op.Summary, Text: op.Description, Permission: permissionOf(op),
	}
	for _, prm := range op.Parameters {
		if prm == nil || prm.Schema == nil {
			continue
		}
		d.Params = append(d.Params, docParam{prm.Name, prm.In, prm.Schema.Type, firstOf(prm.Description, prm.Schema.Description), prm.Required})
	}
	if op.RequestBody != nil {
		for t, media := range op.RequestBody.Content {
			d.Body = t
			d.Params = append(d.Params, a.describeBody(media.Schema)...)
		}
	}
	return d
}

// describeBody lists the fields of a JSON body.
func (a *api) describeBody(s *huma.Schema) (out []docParam) {
	if s != nil && s.Ref != "" {
		s = a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	if s == nil {
		return nil
	}
	for name, p := range s.Properties {
		if name == "$schema" || p == nil {
			continue
		}
		out = append(out, docParam{name, "body", p.Type, p.Description, slices.Contains(s.Required, name)})
	}
	slices.SortFunc(out, func(x, y docParam) int { return strings.Compare(x.Name, y.Name) })
	return out
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// trouble remembers, for the log, what a handler returned.
type trouble struct{ err error }

type troubleKey struct{}

// faultErrors makes huma answer errors as the rest of the house does: faults by
// their code and key in the caller's language, everything else without detail.
// Huma keeps this in variables of its own, so it is done once in a process.
var faultErrors = sync.OnceValue(func() bool {
	huma.NewError = func(status int, msg string, _ ...error) huma.StatusError {
		return &web.Problem{Type: "about:blank", Status: status, Title: http.StatusText(status), Detail: msg}
	}
	huma.NewErrorWithContext = func(c huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if c == nil {
			return huma.NewError(status, msg)
		}
		err := apiError(status, msg, errs)
		if t, ok := c.Context().Value(troubleKey{}).(*trouble); ok && !errors.Is(err, context.Canceled) {
			t.err = err
		}
		p := web.ProblemOf(c.Context(), err)
		if fault.CodeOf(err) == fault.Invalid && status != http.StatusInternalServerError {
			p.Status = status
		}
		return p
	}
	return true
})

// apiError is what huma or a handler complains of, as a fault.
func apiError(status int, msg string, errs []error) error {
	if status >= http.StatusInternalServerError {
		err := errors.Join(errs...)
		if errors.Is(err, context.Canceled) { // the server stops, or the caller has gone
			return fault.Wrap(fault.Unavailable, "fault.unavailable", nil, err)
		}
		return err
	}
	var parts []fault.Error
	for _, e := range errs {
		var d huma.ErrorDetailer
		if !errors.As(e, &d) {
			return e
		}
		detail := d.ErrorDetail()
		_, field, found := strings.Cut(detail.Location, ".")
		if !found {
			field = detail.Location
		}
		parts = append(parts, *fault.OnField(field, "app.api.field", fault.Args{"Why": detail.Message}))
	}
	return &fault.Error{Code: fault.Invalid, Key: "app.api.request", Args: fault.Args{"Why": msg}, Parts: parts}
}
