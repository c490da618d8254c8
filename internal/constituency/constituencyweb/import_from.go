package constituencyweb

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// bridges registers what other systems need to come over, or to ask.
func (w *Web) bridges(api huma.API) {
	op := operation("import-from", http.MethodPost, "import-from/{origin}", importFile,
		"Import the file of another system (certbund: SQL dump of its contact database; n6: JSON of its organisations): without apply=true it says what would happen",
		"import-from/n6?apply=false []")
	op.Metadata["stream"] = true
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string"}}}}
	huma.Register(api, op, w.apiImportFrom)
	w.tuency(api)
}

type importFromIn struct {
	Origin string `path:"origin" enum:"certbund,n6"`
	Apply  bool   `query:"apply" doc:"apply the file; otherwise only say what would happen"`
	body   io.Reader
}

// Resolve keeps the stream for the handler; huma calls it.
func (in *importFromIn) Resolve(c huma.Context) []error {
	in.body = c.BodyReader()
	return nil
}

// ImportFromAnswer says what an import did or would do, and what it leaves out.
type ImportFromAnswer struct {
	ImportAnswer
	Notes []ImportNote `json:"notes" doc:"what is not carried over, or not as it was"`
}

// ImportNote is one thing, or a sort of things, that is not carried over.
type ImportNote struct {
	Line   int    `json:"line" doc:"in the origin's file; the first of them when there are several"`
	Count  int    `json:"count"`
	Reason string `json:"reason" doc:"catalogue key, stable for programs"`
	Detail string `json:"detail" doc:"in words, with what to do"`
}

type importFromOut struct {
	Status int
	Body   ImportFromAnswer
}

func (w *Web) apiImportFrom(ctx context.Context, in *importFromIn) (*importFromOut, error) {
	f, err := web.Spool(in.body, maxUpload)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	res, notes, err := w.room.ImportFrom(ctx, apiActor(ctx), constituency.Origin(in.Origin), f, in.Apply)
	if err != nil {
		return nil, err
	}
	answer := importAnswerOf(ctx, res)
	out := &importFromOut{Status: answer.Status, Body: ImportFromAnswer{ImportAnswer: answer.Body, Notes: []ImportNote{}}}
	p := web.PrinterOf(ctx)
	for _, n := range notes {
		args := fault.Args{}
		for k, v := range n.Args {
			args[k] = v
		}
		if key, ok := args["Because"].(string); ok {
			because, _ := args["BecauseArgs"].(fault.Args)
			args["Why"] = p.T(key, because)
		}
		out.Body.Notes = append(out.Body.Notes, ImportNote{n.Line, n.Count, n.Key, p.T(n.Key, args)})
	}
	return out, nil
}
