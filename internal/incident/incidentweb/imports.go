package incidentweb

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// importCases is the permission to import; the verb has the same name.
const importCases = "incident.import"

// importCalls are the calls of who comes over from another system.
func (p *Pages) importCalls(api huma.API) {
	op := operation(http.MethodPost, "import", "import/{origin}", importCases,
		"Import the closed cases of another system (rtir, thehive, iris) as closed incidents: without apply=true it says what would happen", `import/iris?apply=false {}`)
	op.Metadata["stream"] = true
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string"}}}}
	huma.Register(api, op, p.apiImport)
}

// importInput takes the body as a stream, which is kept on disk while it is read.
type importInput struct {
	Origin string `path:"origin" enum:"rtir,thehive,iris"`
	Apply  bool   `query:"apply" doc:"import; otherwise only say what would happen"`
	body   io.Reader
}

// Resolve keeps the stream for the handler; huma calls it.
func (in *importInput) Resolve(c huma.Context) []error {
	in.body = c.BodyReader()
	return nil
}

// ImportAnswer says what an import did or would do.
type ImportAnswer struct {
	Applied     bool         `json:"applied"`
	Cases       int          `json:"cases" doc:"tickets or cases in the file"`
	Added       int          `json:"added" doc:"incidents that are new"`
	Extended    int          `json:"extended" doc:"incidents from an earlier import that get what was missing"`
	Here        int          `json:"here" doc:"here already: nothing comes twice"`
	Open        int          `json:"open" doc:"left out: not closed there"`
	Entries     int          `json:"entries"`
	Tasks       int          `json:"tasks"`
	Observables int          `json:"observables"`
	Files       int          `json:"files"`
	People      int          `json:"people" doc:"names by whom something is said; none of them becomes a person here"`
	Notes       []ImportNote `json:"notes" doc:"what is not carried over, or not as it was"`
}

// ImportNote is one thing, or a sort of things, that is not carried over as it was.
type ImportNote struct {
	Line   int    `json:"line" doc:"of the file; the first of them when there are several"`
	Count  int    `json:"count"`
	Reason string `json:"reason" doc:"catalogue key, stable for programs"`
	Detail string `json:"detail" doc:"in words, with what to do"`
}

type importOutput struct{ Body ImportAnswer }

func (p *Pages) apiImport(ctx context.Context, in *importInput) (*importOutput, error) {
	file, err := web.Spool(in.body, p.in.MaxImport)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = p.in.ImportTooLarge()
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it is only read
	r, err := p.in.Import(ctx, apiActor(ctx), incident.Origin(in.Origin), file, in.Apply)
	if err != nil {
		return nil, err
	}
	out := &importOutput{ImportAnswer{
		Applied: r.Applied, Cases: r.Cases, Added: r.Added, Extended: r.Extended, Here: r.Here, Open: r.Open, Entries: r.Entries, Tasks: r.Tasks,
		Observables: r.Observables, Files: r.Files, People: r.People, Notes: []ImportNote{},
	}}
	for _, n := range r.Notes {
		out.Body.Notes = append(out.Body.Notes, ImportNote{n.Line, n.Count, n.Key, sayNote(web.PrinterOf(ctx), n)})
	}
	return out, nil
}

// sayNote says what is not carried over as it was, and what to do.
func sayNote(words *i18n.Printer, n incident.ImportNote) string {
	return words.T(n.Key, n.Args) + " " + words.T(n.Key+".do", n.Args)
}
