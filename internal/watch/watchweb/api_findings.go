package watchweb

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
	"almenara.example/wire"
)

func (o *Operations) findingOperations(api huma.API) {
	huma.Register(api, apiOperation(http.MethodGet, "/findings", "findings", "watch.read",
		"List findings, newest first", "/findings?state=open"), o.findings)
	export := apiOperation(http.MethodGet, "/findings/export", "export-findings", "watch.read",
		"Stream findings, newest first, one JSON object per line", "/findings/export?state=open")
	huma.Register(api, streaming(export), o.export)
	huma.Register(api, apiOperation(http.MethodGet, "/findings/{number}", "finding", "watch.read",
		"Read one finding", "/findings/ALM-0000-0000"), o.finding)
	huma.Register(api, apiOperation(http.MethodPost, "/findings/{number}/decision", "decide-finding", "watch.read",
		"Close a finding, open it again, or say that it is not ours or false", `/findings/ALM-0000-0000/decision {"state":"closed","reason":"a"}`), o.decide)
}

// FindingFilter says which findings are meant: several values of one field are an
// "or", fields are an "and".
type FindingFilter struct {
	State        []string `query:"state,explode" doc:"open, no-longer-seen, expired, closed, not-ours, false-positive"`
	Severity     []string `query:"severity,explode" doc:"critical, high, medium, low, info, none"`
	Kind         []string `query:"kind,explode" doc:"kind of report, such as scan_telnet"`
	Source       []string `query:"source,explode" doc:"name of a feed"`
	Sector       []string `query:"sector,explode" doc:"code of a sector, such as drinking-water"`
	Organisation []string `query:"organisation,explode" doc:"name of an organisation"`
	IP           string   `query:"ip" doc:"address or prefix"`
	Host         string   `query:"host" doc:"domain name"`
	Number       string   `query:"number" doc:"ALM-4K7Q-2M9X"`
	Delivery     int64    `query:"delivery" doc:"shown by this delivery"`
	Unrouted     bool     `query:"unrouted" doc:"those that nobody could be named for"`
}

// filter is the filter in the room's own words.
func (o *Operations) filter(ctx context.Context, in *FindingFilter) (f watch.Filter, err error) {
	if in.Unrouted {
		f = watch.Unrouted()
	}
	f.Kinds, f.Sources, f.Sectors = in.Kind, in.Source, in.Sector
	f.Host, f.Number, f.Delivery = in.Host, in.Number, in.Delivery
	for _, s := range in.State {
		v, err := watch.ParseState(s)
		if err != nil {
			return f, err
		}
		f.States = append(f.States, v)
	}
	for _, s := range in.Severity {
		v, err := watch.ParseSeverity(s)
		if err != nil {
			return f, err
		}
		f.Severities = append(f.Severities, v)
	}
	for _, code := range in.Sector {
		if !constituency.IsSector(code) {
			return f, fault.OnField("sector", "watch.api.sector", fault.Args{"Value": apiShort(code)})
		}
	}
	if f.IP, err = apiRange(in.IP); err != nil {
		return f, err
	}
	for _, name := range in.Organisation {
		org, ok, err := o.guard.OrganisationNamed(ctx, o.read, name)
		if err != nil {
			return f, err
		}
		if !ok {
			return f, fault.OnField("organisation", "guard.organisation.none", nil)
		}
		f.Orgs = append(f.Orgs, org.ID)
	}
	return f, nil
}

// apiRange reads an address or a prefix.
func apiRange(s string) (netip.Prefix, error) {
	if s == "" {
		return netip.Prefix{}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fault.OnField("ip", "watch.api.address", fault.Args{"Value": apiShort(s)})
	}
	return p, nil
}

type findingsInput struct {
	FindingFilter
	Before string `query:"before" doc:"continue a list: its next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (o *Operations) findings(ctx context.Context, in *findingsInput) (*apiAnswer[wire.Findings], error) {
	f, err := o.filter(ctx, &in.FindingFilter)
	if err != nil {
		return nil, err
	}
	page := watch.Page{Reader: apiActor(ctx).Org, Limit: in.Limit}
	if in.Before != "" {
		// The number is a keyed permutation of the order: it continues a list and says
		// nothing about what is hidden in between.
		from, err := o.watch.Finding(ctx, o.read, in.Before, page.Reader)
		if err != nil {
			return nil, err
		}
		page.Before = from.ID
	}
	l, err := o.watch.List(ctx, o.read, f, page)
	if err != nil {
		return nil, err
	}
	w := o.newWriter()
	out := wire.Findings{Total: l.Total, Findings: make([]wire.Finding, len(l.Findings))}
	for i := range l.Findings {
		if out.Findings[i], err = w.finding(ctx, &l.Findings[i]); err != nil {
			return nil, err
		}
	}
	if l.Older && len(out.Findings) > 0 {
		out.Next = out.Findings[len(out.Findings)-1].Number
	}
	return &apiAnswer[wire.Findings]{Body: out}, nil
}

// findingWriter writes findings for programs and remembers names meanwhile.
type findingWriter struct {
	*Operations
	index   *constituency.Index
	assets  map[int64]string
	sources map[int64]string
}

func (o *Operations) newWriter() *findingWriter {
	return &findingWriter{
		Operations: o, index: o.constituency.Index(), assets: map[int64]string{0: ""}, sources: map[int64]string{},
	}
}

// keptAssets bounds what an export remembers.
const keptAssets = 50_000

func (w *findingWriter) asset(ctx context.Context, id int64) (string, error) {
	if v, ok := w.assets[id]; ok {
		return v, nil
	}
	a, err := w.constituency.Asset(ctx, w.read, id)
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return "", err
	}
	if len(w.assets) < keptAssets {
		w.assets[id] = a.Value
	}
	return a.Value, nil
}

func (w *findingWriter) source(ctx context.Context, id int64) (string, error) {
	if v, ok := w.sources[id]; ok {
		return v, nil
	}
	s, err := w.watch.Source(ctx, w.read, id)
	w.sources[id] = s.Name
	return s.Name, err
}

func (w *findingWriter) finding(ctx context.Context, f *watch.Finding) (out wire.Finding, err error) {
	stream, _ := w.watch.StreamOf(f.Stream)
	out = wire.Finding{
		Number: w.watch.Number(f.ID), State: f.State.String(), Severity: f.Severity.String(), Kind: stream.Kind,
		Level: constituency.Level(f.Level).String(), Port: max(f.Port, 0), Transport: f.Transport, Host: f.Host,
		Identifier: f.Class.Identifier, First: apiStamp(f.First), Last: apiStamp(f.Last), Seen: f.Seen,
		Exercise: f.Flags&watch.Exercise != 0,
	}
	if f.IP.IsValid() {
		out.IP = f.IP.Unmap().String()
	}
	if f.Class.Taxonomy != "" || f.Class.Type != "" {
		out.Class = f.Class.Taxonomy + "/" + f.Class.Type
	}
	if org, ok := w.index.Org(f.Org); ok {
		out.Organisation = org.Name
	}
	if out.Source, err = w.source(ctx, stream.Source); err != nil {
		return out, err
	}
	out.Asset, err = w.asset(ctx, f.Asset)
	return out, err
}

type exportInput struct{ FindingFilter }

// export streams; trouble on the way breaks the stream off, so that no reader takes
// a part for the whole.
func (o *Operations) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	f, err := o.filter(ctx, &in.FindingFilter)
	if err != nil {
		return nil, err
	}
	if f.Delivery != 0 { // what can be refused is refused before the stream begins
		if _, err := o.watch.Delivery(ctx, o.read, f.Delivery); err != nil {
			return nil, err
		}
	}
	reader := apiActor(ctx).Org
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/x-ndjson")
		c.SetStatus(http.StatusOK)
		buf := bufio.NewWriterSize(c.BodyWriter(), 64<<10)
		enc := json.NewEncoder(buf)
		w := o.newWriter()
		err := o.watch.Each(c.Context(), o.read, f, reader, func(one watch.Finding) error {
			line, err := w.finding(c.Context(), &one)
			if err != nil {
				return err
			}
			return enc.Encode(line)
		})
		if err == nil {
			err = buf.Flush()
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

type findingInput struct {
	Number string `path:"number"`
}

func (o *Operations) finding(ctx context.Context, in *findingInput) (*apiAnswer[wire.Finding], error) {
	f, err := o.watch.Finding(ctx, o.read, in.Number, apiActor(ctx).Org)
	if err != nil {
		return nil, err
	}
	return apiAnswered(o.newWriter().finding(ctx, &f))
}

type decideInput struct {
	Number string `path:"number"`
	Body   wire.Decision
}

func (o *Operations) decide(ctx context.Context, in *decideInput) (*apiAnswer[wire.Finding], error) {
	state, err := watch.ParseState(in.Body.State)
	if err != nil {
		return nil, err
	}
	f, err := o.watch.Finding(ctx, o.read, in.Number, apiActor(ctx).Org)
	if err != nil {
		return nil, err
	}
	d := watch.Decision{To: state, Reason: in.Body.Reason}
	if err := o.watch.Decide(ctx, apiActor(ctx), []int64{f.ID}, d); err != nil {
		return nil, err
	}
	return o.finding(ctx, &findingInput{Number: in.Number})
}

// apiMarking reads a marking; empty is none.
func apiMarking(s string) (tlp.Marking, error) {
	if s == "" {
		return tlp.Unmarked, nil
	}
	m, err := tlp.Parse(s)
	if err != nil {
		return m, fault.OnField("marking", "watch.api.marking", fault.Args{"Value": apiShort(s)})
	}
	return m, nil
}
