package watchweb

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/web"
	"almenara.example/wire"
)

func (o *Operations) importOperations(api huma.API) {
	op := apiOperation(http.MethodPost, "/import-sources/{origin}", "import-sources", "watch.add_source",
		"Make feeds of another system's (intelmq: its runtime.yaml): without apply=true it says what would happen", "/import-sources/intelmq {}")
	huma.Register(api, streaming(taking(op, "application/yaml", "the other system's configuration")), o.importSources)
}

type importSourcesInput struct {
	Origin string `path:"origin" enum:"intelmq"`
	Apply  bool   `query:"apply" doc:"add the feeds; otherwise only say what would happen"`
	Upload
}

func (o *Operations) importSources(ctx context.Context, in *importSourcesInput) (*apiAnswer[wire.SourcesImport], error) {
	res, err := o.watch.ImportSources(ctx, apiActor(ctx), in.body, in.Apply)
	if err != nil {
		return nil, err
	}
	out := wire.SourcesImport{Applied: res.Applied, Added: res.Added, Sources: []wire.ImportedSource{}, Notes: []wire.ImportNote{}}
	for _, s := range res.Sources {
		one := wire.ImportedSource{Line: s.Line, Collector: s.Collector, Parser: s.Parser, Name: s.Name, Mapping: s.Mapping, Here: s.Here}
		if s.Rhythm > 0 {
			one.Rhythm = s.Rhythm.String()
		}
		out.Sources = append(out.Sources, one)
	}
	for _, n := range res.Notes {
		out.Notes = append(out.Notes, wire.ImportNote{Line: n.Line, Reason: n.Key, Detail: web.PrinterOf(ctx).T(n.Key, n.Args)})
	}
	return &apiAnswer[wire.SourcesImport]{Body: out}, nil
}
