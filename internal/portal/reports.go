package portal

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// The kinds of things about reports: those of an organisation (its id), one of them, and
// one as whoever holds its code sees it (the report's id).
const (
	KindReports      = "portal-reports"
	KindReport       = "portal-report"
	KindReportStatus = "report-status"
)

// The static pages of reports.
const (
	ReportAsk   Static = "report"        // the public form
	ReportSent  Static = "report-sent"   // with the code to come back with, shown once
	ReportCode  Static = "report-status" // asks for a code
	ReportWrite Static = "report-write"  // an organisation's own form, with what it typed
)

func (p *Portal) reportClosures() map[string]guard.Closure {
	return map[string]guard.Closure{
		KindReports: view{p, p.reportsParts, p.renderReports}, KindReport: view{p, p.reportParts, p.renderReport},
		KindReportStatus: view{p, p.statusParts, p.renderStatus},
	}
}

// ReportLine is a report in a list.
type ReportLine struct {
	Number   string    `json:"number"`
	Title    string    `json:"title"`
	State    string    `json:"state"`
	Kind     string    `json:"kind"`
	Regime   string    `json:"regime,omitempty"`
	Stage    string    `json:"stage,omitempty"`
	Marking  string    `json:"marking"`
	Received time.Time `json:"received"`
	Closed   time.Time `json:"closed,omitzero"`
}

// DraftLine is a report that is being written.
type DraftLine struct {
	UID     string    `json:"uid"`
	Regime  string    `json:"regime,omitempty"`
	Stage   string    `json:"stage"`
	Title   string    `json:"title,omitempty"`
	Changed time.Time `json:"changed"`
}

// ReportsDoc is what an organisation reported, and what it is writing.
type ReportsDoc struct {
	Reports []ReportLine `json:"reports"`
	Drafts  []DraftLine  `json:"drafts"`
	Older   string       `json:"older,omitempty"`
}

// MessageLine is what was said afterwards.
type MessageLine struct {
	Kind string    `json:"kind"` // said | answer
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at"`
}

// ReportDoc is one report as its owner sees it.
type ReportDoc struct {
	ReportLine
	Text     string                `json:"text,omitempty"`
	Affected string                `json:"affected,omitempty"`
	Happened string                `json:"happened,omitempty"`
	Fields   []incident.FieldValue `json:"fields,omitempty"`
	Files    []string              `json:"files,omitempty"`
	Messages []MessageLine         `json:"messages"`
	Filed    []DeadlineLine        `json:"filed,omitempty"` // the deadlines that it met
}

// StatusDoc is one report as whoever holds its code sees it: the words that were
// reported are not in it.
type StatusDoc struct {
	Number   string        `json:"number"`
	State    string        `json:"state"`
	Received time.Time     `json:"received"`
	Messages []MessageLine `json:"messages"`
}

func (p *Portal) reportsOf(ctx context.Context, a ask) ([]incident.Report, error) {
	f := incident.ReportFilter{All: true, Exercise: a.exercise(), Limit: perPage + 1}
	v := incident.Viewer{Org: a.to.Org, Person: a.to.Person}
	if number := a.query.Get("before"); number != "" {
		at, err := p.Incidents.ReportNumbered(ctx, a.r, v, number)
		if err != nil {
			return nil, notFound()
		}
		f.Before = at.ID
	}
	return p.Incidents.Reports(ctx, a.r, v, f)
}

func (p *Portal) reportsParts(ctx context.Context, a ask) ([]guard.Part, error) {
	if a.to.Org != a.thing.ID {
		return nil, notFound()
	}
	own := standing{own: true}
	parts := own.page(a, a.thing.ID, tlp.Clear)
	found, err := p.reportsOf(ctx, a)
	for _, one := range found {
		parts = append(parts, own.part(strconv.FormatInt(one.ID, 10), one.Owner, one.Marking, one.Exercise))
	}
	return parts, err
}

func (p *Portal) renderReports(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	d := ReportsDoc{Reports: []ReportLine{}, Drafts: []DraftLine{}}
	found, err := p.reportsOf(ctx, a)
	if err != nil {
		return v, err
	}
	if len(found) > perPage {
		found = found[:perPage]
		d.Older = p.Incidents.ReportNo(found[perPage-1].ID)
	}
	for i := range found {
		if ok[strconv.FormatInt(found[i].ID, 10)] {
			d.Reports = append(d.Reports, p.reportLine(&found[i]))
		}
	}
	drafts, err := p.Incidents.Drafts(ctx, a.r, a.thing.ID)
	for _, one := range drafts {
		if !a.exercise() {
			d.Drafts = append(d.Drafts, DraftLine{one.UID, one.Regime, one.Stage, one.Fields["title"], one.ChangedAt})
		}
	}
	if err != nil {
		return v, err
	}
	return asJSON(d)
}

func (p *Portal) reportLine(one *incident.Report) ReportLine {
	return ReportLine{
		Number: p.Incidents.ReportNo(one.ID), Title: one.Title, State: string(one.State), Kind: string(one.Kind), Regime: one.Regime, Stage: one.Stage,
		Marking: one.Marking.String(), Received: one.ReceivedAt, Closed: one.ClosedAt,
	}
}

// ReportOf returns the report of a number for a reader; NotFound for anybody else's.
func (p *Portal) ReportOf(ctx context.Context, w Who, number string) (incident.Report, error) {
	one, err := p.Incidents.ReportNumbered(ctx, p.read, incident.ViewerOf(w.Actor), number)
	if fault.CodeOf(err) == fault.NotFound || err == nil && one.Owner != w.Actor.Org {
		err = notFound()
	}
	return one, err
}

func (p *Portal) reportParts(ctx context.Context, a ask) ([]guard.Part, error) {
	one, err := p.Incidents.Report(ctx, a.r, incident.Viewer{Org: a.to.Org, Person: a.to.Person}, a.thing.ID)
	if err != nil || one.Owner != a.to.Org {
		return nil, notFound()
	}
	parts := []guard.Part{standing{own: true}.part(pageRef, one.Owner, one.Marking, one.Exercise)}
	err = p.filedBy(ctx, a, one.ID, func(_ *incident.Clock, i *incident.Incident) error {
		parts = append(parts, headPart(a, i))
		return nil
	})
	return parts, err
}

// filedBy goes through the deadlines of the reader's that a report met.
func (p *Portal) filedBy(ctx context.Context, a ask, report int64, f func(*incident.Clock, *incident.Incident) error) error {
	filed, err := p.Incidents.FiledBy(ctx, a.r, a.viewer(), report)
	if err != nil {
		return err
	}
	for _, one := range filed {
		c, err := p.Incidents.OwnClock(ctx, a.r, a.viewer(), one.Clock)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), c.Incident)
		if err != nil {
			return err
		}
		if err := f(&c, &i); err != nil {
			return err
		}
	}
	return nil
}

func (p *Portal) renderReport(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	one, err := p.Incidents.Report(ctx, a.r, incident.Viewer{Org: a.to.Org, Person: a.to.Person}, a.thing.ID)
	if err != nil {
		return v, err
	}
	d := ReportDoc{ReportLine: p.reportLine(&one), Text: one.Text, Affected: one.Affected, Happened: one.Happened, Fields: one.Fields, Messages: []MessageLine{}}
	fs, err := p.Incidents.ReportFiles(ctx, a.r, one.ID)
	if err != nil {
		return v, err
	}
	for _, f := range fs {
		d.Files = append(d.Files, f.Name)
	}
	ms, err := p.Incidents.Messages(ctx, a.r, one.ID, false)
	if err != nil {
		return v, err
	}
	for _, m := range ms {
		d.Messages = append(d.Messages, MessageLine{string(m.Kind), m.Text, m.At})
	}
	if err := p.filedBy(ctx, a, one.ID, func(c *incident.Clock, i *incident.Incident) error {
		if !ok[lineRef(i.ID)] {
			return nil
		}
		l, _, err := p.deadlineLine(ctx, a, c, i)
		d.Filed = append(d.Filed, l)
		return err
	}); err != nil {
		return v, err
	}
	return asJSON(d)
}

// Status shows a report to whoever holds its code; NotFound for a code that is none.
func (p *Portal) Status(ctx context.Context, code, language string) (guard.Parcel, error) {
	one, err := p.Incidents.ReportOfCode(ctx, p.read, code)
	if err != nil {
		return guard.Parcel{}, err
	}
	t, to := guard.Thing{Kind: KindReportStatus, ID: one.ID}, guard.Recipient{Language: language, Channel: guard.ByLink}
	parcel, err := p.gate.Release(ctx, p.read, act.MachineActor("portal.show"), t, to, Purpose)
	if fault.CodeOf(err) == fault.Denied {
		err = notFound()
	}
	return parcel, err
}

// statusParts: that there is such a report, and the answers, which are written for
// whoever holds the code.
func (p *Portal) statusParts(ctx context.Context, a ask) ([]guard.Part, error) {
	one, err := p.Incidents.Report(ctx, a.r, incident.Viewer{Org: guard.OwnOrg}, a.thing.ID)
	if err != nil {
		return nil, err
	}
	return []guard.Part{{Ref: pageRef, Held: true, Owned: true, Marking: tlp.Amber, Exercise: one.Exercise}}, nil
}

func (p *Portal) renderStatus(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	one, err := p.Incidents.Report(ctx, a.r, incident.Viewer{Org: guard.OwnOrg}, a.thing.ID)
	if err != nil {
		return v, err
	}
	d := StatusDoc{Number: p.Incidents.ReportNo(one.ID), State: string(one.State), Received: one.ReceivedAt, Messages: []MessageLine{}}
	ms, err := p.Incidents.Messages(ctx, a.r, one.ID, false)
	if err != nil {
		return v, err
	}
	for _, m := range ms {
		l := MessageLine{Kind: string(m.Kind), At: m.At}
		if m.Kind == incident.Answer {
			l.Text = m.Text
		}
		d.Messages = append(d.Messages, l)
	}
	return asJSON(d)
}

// Duty is a stage of a regime that an operator owes.
type Duty struct {
	Regime regime.Regime
	Stage  regime.Stage
}

// Duties lists what operators owe under the installation's regimes that are in force, as
// the desk has them now.
func (p *Portal) Duties() (out []Duty) {
	for _, l := range p.Incidents.Laws() {
		for _, s := range l.Regime.Stages {
			if l.Regime.InForce == regime.InForceYes && s.OwedBy == regime.Operator && len(s.Fields) > 0 {
				out = append(out, Duty{l.Regime, s})
			}
		}
	}
	return out
}

// DutyTitle is what a law and its stage are called, also where the law has changed since;
// empty where there never was one.
func (p *Portal) DutyTitle(regimeID, stage, lang string) string {
	l, s, ok := p.Incidents.StageNamed(regimeID, stage)
	if !ok {
		return ""
	}
	return l.Regime.Title.In(lang) + " · " + s.Title.In(lang)
}

// DutyOf is a duty by its names; false when there is none.
func (p *Portal) DutyOf(regime, stage string) (Duty, bool) {
	for _, d := range p.Duties() {
		if d.Regime.ID == regime && d.Stage.ID == stage {
			return d, true
		}
	}
	return Duty{}, false
}

// NameOf is an organisation's name, from memory.
func (p *Portal) NameOf(org int64) string {
	o, _ := p.Constituency.Index().Org(org)
	return o.Name
}

// AddToReport keeps what a reader adds to a report of its organisation.
func (p *Portal) AddToReport(ctx context.Context, w Who, number, text string, files []incident.NewFile) error {
	one, err := p.ReportOf(ctx, w, number)
	if err != nil {
		return err
	}
	return p.Incidents.WriteOnReport(ctx, w.Actor, one.ID, incident.Said, text, files)
}

// ShowReport is one report of a reader's organisation.
func (p *Portal) ShowReport(ctx context.Context, w Who, number string) (guard.Parcel, error) {
	one, err := p.ReportOf(ctx, w, number)
	if err != nil {
		return guard.Parcel{}, err
	}
	return p.Release(ctx, w, KindReport, one.ID, url.Values{})
}

// ExercisesOf lists the exercises that are running and in which a reader takes part.
func (p *Portal) ExercisesOf(ctx context.Context, w Who) (out []Choice, err error) {
	is, err := p.Incidents.Mine(ctx, p.read, viewerOf(w), incident.Filter{Exercise: true, State: incident.Open})
	for _, i := range is {
		if i.MergedInto == 0 {
			out = append(out, Choice{UID: p.Incidents.Number(i.ID), Name: i.Title})
		}
	}
	return out, err
}
