package watchweb

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
)

// Operations are the room's part of the HTTP API, below /api/v1/watch. The
// command line lives off them.
type Operations struct {
	watch        *watch.Watch
	constituency *constituency.Constituency
	guard        *guard.Guard
	acts         *act.Acts
	read         sqldb.Reader
}

// NewOperations returns the operations over the rooms that they ask.
func NewOperations(w *watch.Watch, c *constituency.Constituency, g *guard.Guard, acts *act.Acts) *Operations {
	return &Operations{watch: w, constituency: c, guard: g, acts: acts, read: acts.Reader()}
}

// API registers the operations.
func (o *Operations) API(api huma.API) {
	o.deliveryOperations(api)
	o.findingOperations(api)
	o.quarantineOperations(api)
	o.sourceOperations(api)
	o.importOperations(api)
	o.mappingOperations(api)
}

// apiBase is the path of the room.
const apiBase = "/api/v1/watch"

// apiOperation describes one: the permission stands in its security requirement, the
// sample is what the test of all routes asks.
func apiOperation(method, path, id, permission, summary, sample string) huma.Operation {
	op := huma.Operation{
		Method: method, Path: apiBase + path, OperationID: "watch-" + id, Summary: summary, Tags: []string{"watch"},
		Security: []map[string][]string{{"token": {permission}}},
		Metadata: map[string]any{"sample": method + " " + apiBase + sample},
	}
	if method == http.MethodPost && strings.HasPrefix(id, "add-") {
		op.DefaultStatus = http.StatusCreated
	}
	return op
}

// streaming lets bodies of any size in and out.
func streaming(op huma.Operation) huma.Operation {
	op.Metadata["stream"] = true
	op.MaxBodyBytes = -1
	return op
}

// taking says that the body is bytes of a media type.
func taking(op huma.Operation, media, what string) huma.Operation {
	op.RequestBody = &huma.RequestBody{
		Description: what, Required: true,
		Content: map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	return op
}

// Upload takes the request's body as a stream. It is embedded in inputs.
type Upload struct{ body io.Reader }

// Resolve keeps the body; huma calls it before the handler.
func (u *Upload) Resolve(c huma.Context) []error {
	u.body = c.BodyReader()
	return nil
}

// apiActor is who asks.
func apiActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

// apiAnswer wraps a body as huma wants it.
type apiAnswer[T any] struct {
	Body T
}

func apiAnswered[T any](body T, err error) (*apiAnswer[T], error) {
	if err != nil {
		return nil, err
	}
	return &apiAnswer[T]{Body: body}, nil
}

// apiStamp writes a time; the zero time is empty.
func apiStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// apiDay writes a day; the zero time is empty.
func apiDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// apiHash is the hash of a blob's reference.
func apiHash(ref string) string { return strings.TrimPrefix(ref, "sha256:") }
