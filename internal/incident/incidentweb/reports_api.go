package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/incident"
	"almenara.example/observable"
	"almenara.example/xarf"
)

// reportCalls are the calls about reports.
func (p *Pages) reportCalls(api huma.API) {
	const one = "reports/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "reports", "reports", read, "List reports, those that wait with the new ones first", "reports?limit=1"), p.apiReports)
	huma.Register(api, operation(http.MethodPost, "report", "reports", takeReport, "Report something", `reports {"text":"a"}`), p.apiReport)
	x := operation(http.MethodPost, "report-xarf", "reports/xarf", takeReport, "Hand in an abuse report in XARF 4; one report_id is taken once", `reports/xarf {}`)
	x.MaxBodyBytes = xarf.MaxReport
	huma.Register(api, x, p.apiXARF)
	huma.Register(api, operation(http.MethodGet, "report-show", "reports/{number}", read, "A report with what was said about it", one), p.apiShowReport)
	huma.Register(api, operation(http.MethodPost, "report-open", "reports/{number}/open", linkReport, "Open an incident from a report", one+`/open {"title":"a","severity":"high","marking":"TLP:AMBER"}`), p.apiOpenFromReport)
	huma.Register(api, operation(http.MethodPost, "report-link", "reports/{number}/link", linkReport, "Make a report part of an incident", one+`/link {"incident":"ALM-0000-0000"}`), p.apiLinkReport)
	huma.Register(api, operation(http.MethodPost, "report-unlink", "reports/{number}/unlink", unlinkReport, "Take a report out of an incident", one+`/unlink {"incident":"ALM-0000-0000","reason":"a"}`), p.apiUnlinkReport)
	huma.Register(api, operation(http.MethodPost, "report-close", "reports/{number}/close", closeReport, "Resolve or reject a report", one+`/close {"state":"rejected","reason":"a"}`), p.apiCloseReport)
}

// ReportLine is a report in an answer of the API.
type ReportLine struct {
	Number       string    `json:"number"`
	State        string    `json:"state"`
	Source       string    `json:"source"`
	Kind         string    `json:"kind"`
	Reporter     string    `json:"reporter"`
	Organisation string    `json:"organisation,omitempty"`
	Confirmed    bool      `json:"confirmed,omitempty"`
	Name         string    `json:"name,omitempty"`
	Title        string    `json:"title"`
	Marking      string    `json:"marking"`
	Severity     string    `json:"severity,omitempty"`
	Class        string    `json:"class,omitempty"`
	Regime       string    `json:"regime,omitempty"`
	Stage        string    `json:"stage,omitempty"`
	Exercise     bool      `json:"exercise,omitempty"`
	Said         time.Time `json:"said"`
	Received     time.Time `json:"received"`
	Closed       time.Time `json:"closed,omitzero"`
	Resolution   string    `json:"resolution,omitempty"`
	Version      int64     `json:"version"`
}

func (p *Pages) reportLine(one *incident.Report) ReportLine {
	return ReportLine{
		Number: p.in.ReportNo(one.ID), State: string(one.State), Source: string(one.Source), Kind: string(one.Kind), Reporter: string(one.Reporter),
		Organisation: p.orgName(one.Owner), Confirmed: one.Confirmed, Name: one.Name, Title: one.Title, Marking: one.Marking.String(), Severity: string(one.Severity),
		Class: one.Class, Regime: one.Regime, Stage: one.Stage, Exercise: one.Exercise, Said: one.SaidAt, Received: one.ReceivedAt, Closed: one.ClosedAt,
		Resolution: string(one.Resolution), Version: one.Version,
	}
}

type reportsInput struct {
	State    string `query:"state" enum:"new,open,resolved,rejected,all," doc:"empty: those that wait"`
	Source   string `query:"source" enum:"public,portal,phone,mail,api,xarf,"`
	Kind     string `query:"kind" enum:"incident,near-miss,threat,"`
	Severity string `query:"severity" enum:"critical,high,medium,low,"`
	Exercise bool   `query:"exercise"`
	Before   string `query:"before" doc:"go on after the report of this number"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type reportsOutput struct {
	Body struct {
		Reports []ReportLine `json:"reports"`
	}
}

func (p *Pages) apiReports(ctx context.Context, in *reportsInput) (*reportsOutput, error) {
	f := incident.ReportFilter{
		Source: incident.ReportSource(in.Source), Kind: incident.ReportKind(in.Kind), Severity: incident.Severity(in.Severity), Exercise: in.Exercise, Limit: in.Limit,
		All: in.State == "all",
	}
	if !f.All {
		f.State = incident.ReportState(in.State)
	}
	v, db := incident.ViewerOf(apiActor(ctx)), p.in.Acts.Reader()
	if in.Before != "" {
		at, err := p.in.ReportNumbered(ctx, db, v, in.Before)
		if err != nil {
			return nil, err
		}
		f.Before = at.ID
	}
	found, err := p.in.Reports(ctx, db, v, f)
	if err != nil {
		return nil, err
	}
	out := &reportsOutput{}
	out.Body.Reports = linesOf(found, p.reportLine)
	return out, nil
}

type reportInput struct {
	Body struct {
		Text         string    `json:"text" doc:"what happened" maxLength:"20000"`
		Title        string    `json:"title,omitempty" doc:"one line; the beginning of the text when missing"`
		Kind         string    `json:"kind,omitempty" enum:"incident,near-miss,threat,"`
		Source       string    `json:"source,omitempty" enum:"phone,api," doc:"how it came in"`
		Reporter     string    `json:"reporter,omitempty" enum:"customer,individual,isp,police,irt,other,"`
		Organisation string    `json:"organisation,omitempty" doc:"whose word it is, by name"`
		Name         string    `json:"name,omitempty" doc:"who reports"`
		Email        string    `json:"email,omitempty" doc:"where answers go"`
		Phone        string    `json:"phone,omitempty"`
		Affected     string    `json:"affected,omitempty"`
		Happened     string    `json:"happened,omitempty" doc:"when, in the reporter's words"`
		Marking      string    `json:"marking,omitempty" example:"TLP:AMBER" doc:"TLP:AMBER when missing"`
		Severity     string    `json:"severity,omitempty" enum:"critical,high,medium,low,"`
		Class        string    `json:"class,omitempty" doc:"RSIT type"`
		Said         time.Time `json:"said,omitzero" doc:"when it was told us; now when missing"`
		ID           string    `json:"id,omitempty" maxLength:"200" doc:"the reporter's own id: the same one is taken once"`
		Observables  []string  `json:"observables,omitempty" maxItems:"1000"`
		Exercise     bool      `json:"exercise,omitempty"`
	}
}

type reportOutput struct{ Body ReportLine }

func (p *Pages) apiReport(ctx context.Context, in *reportInput) (out *reportOutput, err error) {
	b := in.Body
	n := incident.NewReport{
		Source: incident.ByAPI, Text: b.Text, Title: b.Title, Kind: incident.ReportKind(b.Kind), Reporter: incident.Reporter(b.Reporter), Name: b.Name, Email: b.Email,
		Phone: b.Phone, Affected: b.Affected, Happened: b.Happened, Severity: incident.Severity(b.Severity), Class: b.Class, SaidAt: b.Said, Exercise: b.Exercise,
		Language: p.in.Language,
	}
	if b.Source != "" {
		n.Source = incident.ReportSource(b.Source)
	}
	if b.ID != "" {
		n.External = "api:" + b.ID
	}
	if b.Marking != "" {
		if n.Marking, err = parseMarking("marking", b.Marking); err != nil {
			return nil, err
		}
	}
	if b.Organisation != "" {
		o, err := p.apiOrg(ctx, "organisation", b.Organisation)
		if err != nil {
			return nil, err
		}
		n.Owner = o.ID
	}
	for _, v := range b.Observables {
		n.Observables = append(n.Observables, incident.NewObservable{Value: v})
	}
	one, err := p.in.TakeReport(ctx, apiActor(ctx), n)
	if err != nil {
		return nil, err
	}
	return &reportOutput{p.reportLine(&one)}, nil
}

type xarfInput struct{ RawBody []byte }

func (p *Pages) apiXARF(ctx context.Context, in *xarfInput) (*reportOutput, error) {
	one, err := p.in.TakeXARF(ctx, apiActor(ctx), in.RawBody)
	if err != nil {
		return nil, err
	}
	return &reportOutput{p.reportLine(&one)}, nil
}

func (p *Pages) apiReportNumbered(ctx context.Context, n string) (incident.Report, error) {
	return p.in.ReportNumbered(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), n)
}

// MessageLine is what was said about a report, in an answer of the API.
type MessageLine struct {
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

type showReportOutput struct {
	Body struct {
		ReportLine
		Text        string                  `json:"text"`
		Affected    string                  `json:"affected,omitempty"`
		Happened    string                  `json:"happened,omitempty"`
		Fields      []incident.FieldValue   `json:"fields,omitempty"`
		Observables []observable.Observable `json:"observables,omitempty"`
		Messages    []MessageLine           `json:"messages"`
		Incidents   []string                `json:"incidents"`
	}
}

func (p *Pages) apiShowReport(ctx context.Context, in *NumberInput) (*showReportOutput, error) {
	one, err := p.apiReportNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	db, v := p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx))
	out := &showReportOutput{}
	b := &out.Body
	b.ReportLine, b.Text, b.Affected, b.Happened, b.Fields = p.reportLine(&one), one.Text, one.Affected, one.Happened, one.Fields
	b.Messages, b.Incidents = []MessageLine{}, []string{}
	sights, err := p.in.ReportObservables(ctx, db, one.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range sights {
		b.Observables = append(b.Observables, observable.Observable{Kind: s.Kind, Value: s.Value})
	}
	ms, err := p.in.Messages(ctx, db, one.ID, v.Desk())
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		b.Messages = append(b.Messages, MessageLine{string(m.Kind), m.Text, m.At})
	}
	links, err := p.in.LinksOfReport(ctx, db, v, one.ID)
	for _, l := range links {
		b.Incidents = append(b.Incidents, p.in.Number(l.Incident))
	}
	return out, err
}

type openFromReportInput struct {
	NumberInput
	Body struct {
		Title    string `json:"title" maxLength:"200"`
		Severity string `json:"severity" enum:"critical,high,medium,low"`
		Marking  string `json:"marking" example:"TLP:AMBER"`
		Class    string `json:"class,omitempty"`
		Part     bool   `json:"part,omitempty" doc:"the reporter's organisation takes part"`
	}
}

func (p *Pages) apiOpenFromReport(ctx context.Context, in *openFromReportInput) (*lineOutput, error) {
	one, err := p.apiReportNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	m, err := parseMarking("marking", in.Body.Marking)
	if err != nil {
		return nil, err
	}
	i, err := p.in.OpenFromReport(ctx, apiActor(ctx), one.ID, incident.Incident{
		Title: in.Body.Title, Severity: incident.Severity(in.Body.Severity), Marking: m, Class: in.Body.Class,
	}, in.Body.Part)
	if err != nil {
		return nil, err
	}
	return &lineOutput{p.line(&i)}, nil
}

type linkReportInput struct {
	NumberInput
	Body struct {
		Incident string `json:"incident" doc:"number"`
	}
}

// apiReportAnd is a report and an incident, by their numbers.
func (p *Pages) apiReportAnd(ctx context.Context, report, other string) (one incident.Report, i incident.Incident, err error) {
	if one, err = p.apiReportNumbered(ctx, report); err != nil {
		return one, i, err
	}
	if i, err = p.apiNumbered(ctx, other); fault.CodeOf(err) == fault.NotFound {
		err = fault.OnField("incident", "incident.none", nil)
	}
	return one, i, err
}

func (p *Pages) apiLinkReport(ctx context.Context, in *linkReportInput) (*noContent, error) {
	one, i, err := p.apiReportAnd(ctx, in.Number, in.Body.Incident)
	if err != nil {
		return nil, err
	}
	_, err = p.in.LinkReport(ctx, apiActor(ctx), one.ID, i.ID)
	return nil, err
}

type unlinkReportInput struct {
	NumberInput
	Body struct {
		Incident string `json:"incident" doc:"number"`
		Reason   string `json:"reason"`
	}
}

func (p *Pages) apiUnlinkReport(ctx context.Context, in *unlinkReportInput) (*noContent, error) {
	one, i, err := p.apiReportAnd(ctx, in.Number, in.Body.Incident)
	if err != nil {
		return nil, err
	}
	return nil, p.in.UnlinkReport(ctx, apiActor(ctx), one.ID, i.ID, in.Body.Reason)
}

type closeReportInput struct {
	NumberInput
	Body struct {
		State      string `json:"state" enum:"resolved,rejected"`
		Resolution string `json:"resolution,omitempty" enum:"resolved,unresolved,no-response-customer,no-response-isp,"`
		Reason     string `json:"reason,omitempty" doc:"for the desk alone; a rejection needs one"`
		Answer     string `json:"answer,omitempty" doc:"for the reporter"`
		Version    int64  `json:"version,omitempty" doc:"the version that you looked at; 0 does not mind"`
	}
}

func (p *Pages) apiCloseReport(ctx context.Context, in *closeReportInput) (*noContent, error) {
	one, err := p.apiReportNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	return nil, p.in.CloseReport(ctx, apiActor(ctx), one.ID, incident.ReportState(b.State), incident.Resolution(b.Resolution), b.Reason, b.Answer, b.Version)
}
