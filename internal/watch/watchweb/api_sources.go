package watchweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
	"almenara.example/wire"
)

func (o *Operations) sourceOperations(api huma.API) {
	huma.Register(api, apiOperation(http.MethodGet, "/sources", "sources", "watch.read",
		"List feeds by name", "/sources"), o.sources)
	huma.Register(api, apiOperation(http.MethodPost, "/sources", "add-source", "watch.add_source",
		"Add a feed", `/sources {"name":"a-b","mode":"shadow"}`), o.addSource)
	huma.Register(api, apiOperation(http.MethodGet, "/sources/{source}", "source", "watch.read",
		"Read one feed", "/sources/none"), o.source)
	huma.Register(api, apiOperation(http.MethodPut, "/sources/{source}", "change-source", "watch.change_source",
		"Change a feed; If-Match names the version seen", `/sources/none {"mode":"shadow"}`), o.changeSource)
	huma.Register(api, apiOperation(http.MethodPost, "/sources/{source}/absence", "set-absence", "watch.change_source",
		"Say for one kind of a feed how many full scans without it prove absence", `/sources/none/absence {"kind":"scan_telnet","absent_after":2}`), o.setAbsence)
	huma.Register(api, apiOperation(http.MethodPost, "/sources/{source}/mode", "set-mode", "watch.set_mode",
		"Put a feed into another mode; If-Match names the version seen", `/sources/none/mode {"mode":"shadow"}`), o.setMode)
	huma.Register(api, apiOperation(http.MethodPost, "/sources/{source}/accept", "accept-preview", "watch.accept_preview",
		"Release what a feed found in shadow or on hold, up to a delivery", `/sources/none/accept {"up_to":1,"reason":"a"}`), o.accept)
	huma.Register(api, apiOperation(http.MethodGet, "/shadow", "shadow", "watch.read",
		"Show exactly what would have gone to whom", "/shadow"), o.shadow)
}

// sourceAnswer is one feed with its version as ETag.
type sourceAnswer struct {
	ETag string `header:"ETag"`
	Body wire.Source
}

func (o *Operations) wireSource(s watch.Source) wire.Source {
	out := wire.Source{
		Name: s.Name, Mode: string(s.Mode), Mapping: s.Mapping, Retention: s.Retention, AbsentAfter: s.AbsentAfter,
		Exercise: s.Exercise, LastTaken: apiStamp(s.LastTaken), Version: s.Version,
	}
	if s.Marking != tlp.Unmarked {
		out.Marking = s.Marking.String()
	}
	if s.Rhythm > 0 {
		out.Rhythm = s.Rhythm.String()
	}
	if late := s.Late(o.acts.Clock().Now()); late > 0 {
		out.Late = late.Round(time.Second).String()
	}
	return out
}

func (o *Operations) sources(ctx context.Context, _ *struct{}) (*apiAnswer[wire.Sources], error) {
	srcs, err := o.watch.Sources(ctx, o.read)
	if err != nil {
		return nil, err
	}
	out := wire.Sources{Sources: make([]wire.Source, len(srcs))}
	for i, s := range srcs {
		out.Sources[i] = o.wireSource(s)
	}
	return &apiAnswer[wire.Sources]{Body: out}, nil
}

type oneSource struct {
	Source string `path:"source"`
}

func (o *Operations) source(ctx context.Context, in *oneSource) (*sourceAnswer, error) {
	s, err := o.watch.SourceNamed(ctx, o.read, in.Source)
	if err != nil {
		return nil, err
	}
	return &sourceAnswer{ETag: apiETag(s.Version), Body: o.wireSource(s)}, nil
}

func apiETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// Version is the version that an editor saw. It is embedded in inputs.
type Version struct {
	IfMatch string `header:"If-Match" doc:"ETag of the version seen; without it the current one"`
}

// seen is the version that the editor saw, or the current one when he does not say.
func (v *Version) seen(current int64) (int64, error) {
	if v.IfMatch == "" || v.IfMatch == "*" {
		return current, nil
	}
	n, err := strconv.ParseInt(strings.Trim(v.IfMatch, `"`), 10, 64)
	if err != nil {
		return 0, fault.OnField("If-Match", "watch.api.version", nil)
	}
	return n, nil
}

// apiSettings are a feed's settings in the room's own words.
func apiSettings(in wire.SourceSettings) (s watch.SourceSettings, err error) {
	s = watch.SourceSettings{
		Mode: watch.Mode(in.Mode), Mapping: in.Mapping, Retention: in.Retention, AbsentAfter: in.AbsentAfter, Exercise: in.Exercise,
	}
	if s.Marking, err = apiMarking(in.Marking); err != nil {
		return s, err
	}
	if in.Rhythm != "" {
		if s.Rhythm, err = time.ParseDuration(in.Rhythm); err != nil {
			return s, fault.OnField("rhythm", "watch.source.rhythm", nil)
		}
	}
	return s, nil
}

type addSourceInput struct{ Body wire.NewSource }

func (o *Operations) addSource(ctx context.Context, in *addSourceInput) (*sourceAnswer, error) {
	s, err := apiSettings(in.Body.SourceSettings)
	if err != nil {
		return nil, err
	}
	src, err := o.watch.AddSource(ctx, apiActor(ctx), in.Body.Name, s)
	if err != nil {
		return nil, err
	}
	return &sourceAnswer{ETag: apiETag(src.Version), Body: o.wireSource(src)}, nil
}

type changeSourceInput struct {
	Source string `path:"source"`
	Version
	Body wire.SourceSettings
}

func (o *Operations) changeSource(ctx context.Context, in *changeSourceInput) (*sourceAnswer, error) {
	src, err := o.watch.SourceNamed(ctx, o.read, in.Source)
	if err != nil {
		return nil, err
	}
	version, err := in.seen(src.Version)
	if err != nil {
		return nil, err
	}
	s, err := apiSettings(in.Body)
	if err != nil {
		return nil, err
	}
	if s.Mapping == "" {
		s.Mapping = src.Mapping
	}
	s.AbsentAfter = max(s.AbsentAfter, 1)
	if err := o.watch.ChangeSource(ctx, apiActor(ctx), src.ID, version, s); err != nil {
		return nil, err
	}
	return o.source(ctx, &oneSource{Source: in.Source})
}

type setAbsenceInput struct {
	Source string `path:"source"`
	Body   wire.AbsenceRule
}

func (o *Operations) setAbsence(ctx context.Context, in *setAbsenceInput) (*sourceAnswer, error) {
	src, err := o.watch.SourceNamed(ctx, o.read, in.Source)
	if err != nil {
		return nil, err
	}
	streams, err := o.watch.Streams(ctx, o.read)
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		if s.Source == src.ID && s.Kind == in.Body.Kind {
			if err := o.watch.SetAbsentAfter(ctx, apiActor(ctx), s.ID, in.Body.AbsentAfter); err != nil {
				return nil, err
			}
			return o.source(ctx, &oneSource{Source: in.Source})
		}
	}
	return nil, fault.New(fault.NotFound, "watch.stream.none", nil)
}

type setModeInput struct {
	Source string `path:"source"`
	Version
	Body wire.ModeChange
}

func (o *Operations) setMode(ctx context.Context, in *setModeInput) (*sourceAnswer, error) {
	src, err := o.watch.SourceNamed(ctx, o.read, in.Source)
	if err != nil {
		return nil, err
	}
	version, err := in.seen(src.Version)
	if err != nil {
		return nil, err
	}
	if err := o.watch.SetMode(ctx, apiActor(ctx), src.ID, version, watch.Mode(in.Body.Mode), in.Body.Reason); err != nil {
		return nil, err
	}
	return o.source(ctx, &oneSource{Source: in.Source})
}

type acceptInput struct {
	Source string `path:"source"`
	Body   wire.Acceptance
}

func (o *Operations) accept(ctx context.Context, in *acceptInput) (*sourceAnswer, error) {
	src, err := o.watch.SourceNamed(ctx, o.read, in.Source)
	if err != nil {
		return nil, err
	}
	if err := o.watch.AcceptPreview(ctx, apiActor(ctx), src.ID, in.Body.UpTo, in.Body.Reason); err != nil {
		return nil, err
	}
	return o.source(ctx, &oneSource{Source: in.Source})
}

type shadowInput struct {
	Source string `query:"source" doc:"name of a feed; else all"`
}

func (o *Operations) shadow(ctx context.Context, in *shadowInput) (*apiAnswer[wire.Shadows], error) {
	srcs, err := o.watch.Sources(ctx, o.read)
	if in.Source != "" {
		var one watch.Source
		one, err = o.watch.SourceNamed(ctx, o.read, in.Source)
		srcs = []watch.Source{one}
	}
	if err != nil {
		return nil, err
	}
	out := wire.Shadows{Sources: []wire.Shadow{}}
	x := o.constituency.Index()
	for _, s := range srcs {
		lines, upTo, err := o.watch.Shadow(ctx, o.read, s)
		if err != nil {
			return nil, err
		}
		one := wire.Shadow{Source: s.Name, UpTo: upTo, Lines: make([]wire.WouldTell, len(lines))}
		for i, l := range lines {
			org, _ := x.Org(l.Org)
			one.Lines[i] = wire.WouldTell{
				Source: s.Name, Organisation: org.Name, Level: l.Level.String(), Contact: l.Contact, Findings: l.Findings,
			}
		}
		out.Sources = append(out.Sources, one)
	}
	return &apiAnswer[wire.Shadows]{Body: out}, nil
}
