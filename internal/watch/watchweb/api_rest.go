package watchweb

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/watch"
	"almenara.example/wire"
)

func (o *Operations) quarantineOperations(api huma.API) {
	huma.Register(api, apiOperation(http.MethodGet, "/quarantine", "quarantine", "watch.read",
		"List rows that were set aside", "/quarantine"), o.quarantine)
	huma.Register(api, apiOperation(http.MethodPost, "/quarantine/dismiss", "dismiss", "watch.dismiss_quarantine",
		"Let waiting rows be, with a reason", `/quarantine/dismiss {"delivery":1,"reason":"a"}`), o.dismiss)
	huma.Register(api, apiOperation(http.MethodPost, "/quarantine/rerun", "rerun", "watch.rerun_quarantine",
		"Read waiting rows again with the mapping as it is now", `/quarantine/rerun {"delivery":1}`), o.rerun)
}

type quarantineInput struct {
	Delivery int64  `query:"delivery"`
	Reason   string `query:"reason" doc:"such as bad_ip"`
	State    string `query:"state" enum:"open,rerun,dismissed,taken"`
	After    string `query:"after" doc:"continue a list: its next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (o *Operations) quarantine(ctx context.Context, in *quarantineInput) (*apiAnswer[wire.Quarantine], error) {
	f := watch.QuarantineFilter{
		Delivery: in.Delivery, Reason: in.Reason, State: watch.QuarantineState(in.State), Limit: in.Limit,
	}
	if in.After != "" {
		d, l, found := strings.Cut(in.After, ":")
		var errD, errL error
		f.AfterDelivery, errD = strconv.ParseInt(d, 10, 64)
		f.AfterLine, errL = strconv.ParseInt(l, 10, 64)
		if !found || errD != nil || errL != nil {
			return nil, fault.OnField("after", "watch.api.after", nil)
		}
	}
	rows, err := o.watch.Quarantine(ctx, o.read, f)
	if err != nil {
		return nil, err
	}
	out := wire.Quarantine{Rows: make([]wire.Quarantined, len(rows))}
	for i, q := range rows {
		out.Rows[i] = wire.Quarantined{
			Delivery: q.Delivery, Line: q.Line, Column: q.Column, Reason: q.Reason, State: string(q.State),
		}
	}
	if len(rows) == in.Limit {
		last := rows[len(rows)-1]
		out.Next = fmt.Sprintf("%d:%d", last.Delivery, last.Line)
	}
	return &apiAnswer[wire.Quarantine]{Body: out}, nil
}

type chooseInput struct{ Body wire.QuarantineChoice }

func (in *chooseInput) filter() watch.QuarantineFilter {
	return watch.QuarantineFilter{Delivery: in.Body.Delivery, Line: in.Body.Line, Reason: in.Body.RowReason}
}

func (o *Operations) dismiss(ctx context.Context, in *chooseInput) (*apiAnswer[wire.Affected], error) {
	n, err := o.watch.Dismiss(ctx, apiActor(ctx), in.filter(), in.Body.WhyDismiss)
	return apiAnswered(wire.Affected{Count: n}, err)
}

func (o *Operations) rerun(ctx context.Context, in *chooseInput) (*apiAnswer[wire.Affected], error) {
	n, err := o.watch.Rerun(ctx, apiActor(ctx), in.filter())
	return apiAnswered(wire.Affected{Count: n}, err)
}

func (o *Operations) mappingOperations(api huma.API) {
	huma.Register(api, apiOperation(http.MethodGet, "/mappings", "mappings", "watch.read",
		"List loaded mappings and schemas", "/mappings"), o.mappings)
	mapping := apiOperation(http.MethodPost, "/mappings/{name}", "add-mapping", "watch.load_mapping",
		"Load a mapping file", "/mappings/none x")
	huma.Register(api, streaming(taking(mapping, "application/toml", "the mapping file")), o.loadMapping)
	schema := apiOperation(http.MethodPost, "/schema", "add-schema", "watch.load_schema",
		"Load Shadowserver's schema file (intelmq.json)", "/schema {}")
	huma.Register(api, streaming(taking(schema, "application/octet-stream", "the schema file")), o.loadSchema)
}

func wireMapping(m watch.Mapping) wire.Mapping {
	return wire.Mapping{
		Name: m.Name, Version: m.Version, Schema: m.Schema, Active: m.Active, SHA256: apiHash(m.Ref), Loaded: apiStamp(m.LoadedAt),
	}
}

func (o *Operations) mappings(ctx context.Context, _ *struct{}) (*apiAnswer[wire.Mappings], error) {
	ms, err := o.watch.Mappings(ctx, o.read)
	if err != nil {
		return nil, err
	}
	out := wire.Mappings{Mappings: make([]wire.Mapping, len(ms))}
	for i, m := range ms {
		out.Mappings[i] = wireMapping(m)
	}
	return &apiAnswer[wire.Mappings]{Body: out}, nil
}

type loadMappingInput struct {
	Name string `path:"name"`
	Upload
}

func (o *Operations) loadMapping(ctx context.Context, in *loadMappingInput) (*apiAnswer[wire.Mapping], error) {
	m, err := o.watch.LoadMapping(ctx, apiActor(ctx), in.Name, in.body)
	return apiAnswered(wireMapping(m), err)
}

type loadSchemaInput struct{ Upload }

func (o *Operations) loadSchema(ctx context.Context, in *loadSchemaInput) (*apiAnswer[wire.Mapping], error) {
	m, kinds, err := o.watch.LoadSchema(ctx, apiActor(ctx), in.body)
	out := wireMapping(m)
	out.Kinds = kinds
	return apiAnswered(out, err)
}
