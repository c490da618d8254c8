package portal

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// The kinds of what an organisation owes by law: the list (its id is the organisation's),
// one deadline, its document while it is written, and what was filed (the clock's id).
const (
	KindDeadlines = "portal-deadlines"
	KindDeadline  = "portal-deadline"
	KindDocument  = "portal-document"
	KindFiled     = "portal-filed"
)

func (p *Portal) deadlineClosures() map[string]guard.Closure {
	return map[string]guard.Closure{
		KindDeadlines: view{p, p.deadlinesParts, p.renderDeadlines}, KindDeadline: view{p, p.deadlineParts, p.renderDeadline},
		KindDocument: view{p, p.documentParts, p.renderDocument}, KindFiled: view{p, p.documentParts, p.renderFiled},
	}
}

// DeadlineLine is what an organisation owes by law in an incident, in the reader's
// language. Due is by when it is safe: the earlier of the two ends, or what an authority
// set.
type DeadlineLine struct {
	Ref       string    `json:"ref"`
	Incident  string    `json:"incident"`
	Title     string    `json:"title"` // of the incident
	Regime    string    `json:"regime"`
	Law       string    `json:"law"`
	Citation  string    `json:"citation"`
	Stage     string    `json:"stage"`
	Document  string    `json:"document"` // what the stage is called
	OwedTo    string    `json:"owed_to,omitempty"`
	OwedRole  string    `json:"owed_to_role"`
	Here      bool      `json:"filed_here"` // it is owed to the team: filing it here is enough
	State     string    `json:"state"`      // late | running | paused | waiting | met | void
	Due       time.Time `json:"due,omitzero"`
	Strict    time.Time `json:"strict,omitzero"`
	Lawful    time.Time `json:"lawful,omitzero"`
	Set       time.Time `json:"set_by_authority,omitzero"`
	From      string    `json:"from"`            // event, or stage
	FromStage string    `json:"from_document"`   // what the stage is called, empty for an event
	Anchor    time.Time `json:"anchor,omitzero"` // zero: not known yet
	Period    int       `json:"period,omitempty"`
	Unit      string    `json:"unit,omitempty"` // of the period
	When      string    `json:"when"`
	Verified  bool      `json:"verified"`
	Met       time.Time `json:"met,omitzero"`
	MetLate   bool      `json:"met_late,omitempty"`
	Exercise  bool      `json:"exercise,omitempty"`
	URL       string    `json:"url"`
}

// DeadlinesDoc is what an organisation owes, the most urgent first, and what is done.
type DeadlinesDoc struct {
	Open    []DeadlineLine `json:"open"`
	Settled []DeadlineLine `json:"settled"`
}

// DeadlineDoc is one deadline with what was filed.
type DeadlineDoc struct {
	DeadlineLine
	Why   []string    `json:"why"` // how it was counted, a step each
	Said  string      `json:"why_language,omitempty"`
	Filed []FiledLine `json:"filed"`
	Begun bool        `json:"begun,omitempty"` // somebody is writing the document
}

// FiledLine is a version of a document that was filed.
type FiledLine struct {
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Late      bool      `json:"late,omitempty"`
	Mine      bool      `json:"mine,omitempty"` // the reader's organisation filed it, else the team wrote it down
	How       string    `json:"how,omitempty"`
	Report    string    `json:"report,omitempty"` // the report that was the filing
	Stands    bool      `json:"stands,omitempty"` // the version that counts now
	Withdrawn bool      `json:"withdrawn,omitempty"`
}

// DocumentDoc is a document while it is written.
type DocumentDoc struct {
	DeadlineLine
	Fields  []regime.Field    `json:"fields"`
	Answers map[string]string `json:"answers"`
	Version int64             `json:"version"` // of the draft, 0 for none
	Seen    int64             `json:"seen"`    // the version that was filed last, 0 for none
}

// FiledDoc is a document that was filed.
type FiledDoc struct {
	DeadlineLine
	FiledLine
	Rules     string       `json:"rules_version"` // of the regime's file
	Digest    string       `json:"rules_digest"`  // SHA-256 of it
	Languages []string     `json:"-"`
	Fields    []FiledField `json:"fields"`
}

// FiledField is one answer.
type FiledField struct {
	ID       string    `json:"id"`
	Label    string    `json:"label"`
	Other    string    `json:"label_other,omitempty"` // in a second language
	Kind     string    `json:"kind"`
	Required bool      `json:"required"`
	Value    string    `json:"value"`
	Shown    string    `json:"shown,omitempty"` // the label of a choice
	Time     time.Time `json:"-"`
}

// deadlines are the reader's clocks with their incidents.
func (p *Portal) deadlines(ctx context.Context, a ask, f incident.OwnFilter) (cs []incident.Clock, heads map[int64]incident.Incident, err error) {
	heads = map[int64]incident.Incident{}
	if cs, err = p.Incidents.OwnClocks(ctx, a.r, a.viewer(), f); err != nil {
		return nil, nil, err
	}
	for _, c := range cs {
		if _, ok := heads[c.Incident]; !ok {
			if heads[c.Incident], err = p.Incidents.Incident(ctx, a.r, a.viewer(), c.Incident); err != nil {
				return nil, nil, err
			}
		}
	}
	return cs, heads, nil
}

// deadlineHeads are the parts that clocks show: the heads of their incidents.
func (p *Portal) deadlineHeads(ctx context.Context, a ask, fs ...incident.OwnFilter) (parts []guard.Part, err error) {
	var seen []int64
	for _, f := range fs {
		cs, heads, err := p.deadlines(ctx, a, f)
		if err != nil {
			return nil, err
		}
		for _, c := range cs {
			if i := heads[c.Incident]; !slices.Contains(seen, i.ID) {
				seen = append(seen, i.ID)
				parts = append(parts, headPart(a, &i))
			}
		}
	}
	return parts, nil
}

// deadlineLines writes the clocks whose incidents were cleared.
func (p *Portal) deadlineLines(ctx context.Context, a ask, ok cleared, f incident.OwnFilter) (out []DeadlineLine, err error) {
	cs, heads, err := p.deadlines(ctx, a, f)
	if err != nil {
		return nil, err
	}
	out = []DeadlineLine{}
	for k := range cs {
		i := heads[cs[k].Incident]
		if !ok[lineRef(i.ID)] {
			continue
		}
		l, _, err := p.deadlineLine(ctx, a, &cs[k], &i)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// deadlineLine writes one clock.
func (p *Portal) deadlineLine(ctx context.Context, a ask, c *incident.Clock, i *incident.Incident) (l DeadlineLine, law incident.Law, err error) {
	law, stage, err := p.Incidents.StageOf(c)
	if err != nil {
		return l, law, err
	}
	now, lang := p.Acts.Clock().Now(), a.to.Language
	ref := p.Incidents.ClockRef(c.ID)
	l = DeadlineLine{
		Ref: ref, Incident: p.Incidents.Number(i.ID), Title: i.Title, Regime: c.Regime, Law: law.Regime.Title.In(lang), Citation: c.Citation, Stage: c.Stage,
		Document: stage.Title.In(lang), OwedTo: p.orgName(c.OwedToOrg), OwedRole: string(c.OwedTo), Here: c.OwedToOrg == guard.OwnOrg, State: c.Word(now), Due: c.WarnAt,
		Strict: c.Strict, Lawful: c.Lawful, Set: c.Amended, From: string(c.From), Anchor: c.Anchor, When: string(stage.When), Verified: c.Verified, Met: c.MetAt,
		MetLate: c.State == incident.ClockMet && c.Late(now), Exercise: c.Exercise, URL: p.PublicURL + "/portal/deadlines/" + ref,
	}
	if l.From == "" {
		l.From = string(stage.From)
	}
	if s, ok := law.Regime.Stage(l.From); ok {
		l.FromStage = s.Title.In(lang)
	}
	period, err := p.Incidents.PeriodOf(ctx, a.r, c)
	l.Period, l.Unit = period.N, strings.ReplaceAll(string(period.Unit), " ", "_")
	return l, law, err
}

func (p *Portal) deadlinesParts(ctx context.Context, a ask) ([]guard.Part, error) {
	parts, err := p.ownParts(ctx, a)
	if err != nil {
		return nil, err
	}
	parts[0].Marking = tlp.Clear
	heads, err := p.deadlineHeads(ctx, a, incident.OwnFilter{Exercise: a.exercise()}, incident.OwnFilter{Exercise: a.exercise(), Settled: true})
	return append(parts, heads...), err
}

func (p *Portal) renderDeadlines(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	var d DeadlinesDoc
	if d.Open, err = p.deadlineLines(ctx, a, ok, incident.OwnFilter{Exercise: a.exercise()}); err != nil {
		return v, err
	}
	if d.Settled, err = p.deadlineLines(ctx, a, ok, incident.OwnFilter{Exercise: a.exercise(), Settled: true}); err != nil {
		return v, err
	}
	return asJSON(d)
}

// owedBy is one of the reader's clocks and its incident; NotFound for any other.
func (p *Portal) owedBy(ctx context.Context, a ask) (c incident.Clock, i incident.Incident, err error) {
	if c, err = p.Incidents.OwnClock(ctx, a.r, a.viewer(), a.thing.ID); err == nil {
		i, err = p.Incidents.Incident(ctx, a.r, a.viewer(), c.Incident)
	}
	return c, i, hidden(err)
}

func (p *Portal) deadlineParts(ctx context.Context, a ask) ([]guard.Part, error) {
	_, i, err := p.owedBy(ctx, a)
	return []guard.Part{headPart(a, &i)}, err
}

// documentParts: beside the head, the words of the document, which may be those of
// entries that are for the organisation alone.
func (p *Portal) documentParts(ctx context.Context, a ask) ([]guard.Part, error) {
	c, i, err := p.owedBy(ctx, a)
	head := headPart(a, &i)
	words := head
	words.Ref, words.Marking = documentRef, tlp.Strictest(i.Marking, tlp.AmberStrict)
	words.Exercise = c.Exercise
	return []guard.Part{head, words}, err
}

const documentRef = "document"

func (p *Portal) renderDeadline(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	c, i, err := p.owedBy(ctx, a)
	if err != nil {
		return v, err
	}
	d := DeadlineDoc{Why: []string{}}
	if d.DeadlineLine, _, err = p.deadlineLine(ctx, a, &c, &i); err != nil {
		return v, err
	}
	why, err := p.Incidents.Explain(ctx, a.r, p.Catalogue.Printer(a.to.Language), &c)
	if err != nil {
		return v, err
	}
	d.Why, d.Said = append(d.Why, why.Lines...), why.Language
	if d.Filed, err = p.filedLines(ctx, a, &c); err != nil {
		return v, err
	}
	_, version, err := p.Incidents.OwnDocument(ctx, a.r, a.viewer(), c.ID)
	if err != nil {
		return v, err
	}
	d.Begun = version > 0
	return asJSON(d)
}

func (p *Portal) filedLines(ctx context.Context, a ask, c *incident.Clock) ([]FiledLine, error) {
	out := []FiledLine{}
	fs, err := p.Incidents.OwnFiled(ctx, a.r, a.viewer(), c.ID)
	stands := -1
	for k, f := range fs {
		out = append(out, p.filedLine(a, c, &fs[k]))
		if f.Sent {
			stands = k
		}
	}
	if stands >= 0 {
		out[stands].Stands = true
	}
	return out, err
}

func (p *Portal) filedLine(a ask, c *incident.Clock, f *incident.Filing) FiledLine {
	l := FiledLine{Number: f.Number, At: f.SentAt, Late: !c.End().IsZero() && f.SentAt.After(c.End()), Mine: f.Org == a.to.Org, How: f.SentHow, Withdrawn: f.Withdrawn}
	if f.Report != 0 {
		l.Report, l.How = p.Incidents.ReportNo(f.Report), ""
	}
	return l
}

func (p *Portal) renderDocument(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	c, i, err := p.owedBy(ctx, a)
	if err != nil {
		return v, err
	}
	var d DocumentDoc
	if d.DeadlineLine, _, err = p.deadlineLine(ctx, a, &c, &i); err != nil {
		return v, err
	}
	_, stage, err := p.Incidents.StageOf(&c)
	if err != nil {
		return v, err
	}
	d.Fields = stage.Fields
	if d.Answers, d.Version, err = p.Incidents.OwnDocument(ctx, a.r, a.viewer(), c.ID); err != nil {
		return v, err
	}
	filed, err := p.filedLines(ctx, a, &c)
	for _, l := range filed {
		if l.Stands {
			d.Seen = l.Number
		}
	}
	if err != nil {
		return v, err
	}
	return asJSON(d)
}

// renderFiled shows a version that was filed; with names a second language.
func (p *Portal) renderFiled(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	c, i, err := p.owedBy(ctx, a)
	if err != nil {
		return v, err
	}
	fs, err := p.Incidents.OwnFiled(ctx, a.r, a.viewer(), c.ID)
	if err != nil {
		return v, err
	}
	lines, err := p.filedLines(ctx, a, &c)
	if err != nil {
		return v, err
	}
	at := slices.IndexFunc(fs, func(f incident.Filing) bool { return strconv.FormatInt(f.Number, 10) == a.query.Get("number") })
	if at < 0 {
		return v, notFound()
	}
	d := FiledDoc{FiledLine: lines[at], Fields: []FiledField{}}
	var law incident.Law
	if d.DeadlineLine, law, err = p.deadlineLine(ctx, a, &c, &i); err != nil {
		return v, err
	}
	d.Rules, d.Digest = law.Regime.Version, law.Digest
	_, stage, err := p.Incidents.StageOf(&c)
	if err != nil {
		return v, err
	}
	for k := range stage.Fields {
		d.Fields = append(d.Fields, filedField(&stage.Fields[k], fs[at].Answers, a.to.Language, a.query.Get("with")))
	}
	return asJSON(d)
}

func filedField(f *regime.Field, answers map[string]string, lang, other string) FiledField {
	out := FiledField{ID: f.ID, Label: f.Label.In(lang), Kind: string(f.Kind), Required: f.Required, Value: answers[f.ID]}
	if l := f.Label.In(other); other != "" && l != out.Label {
		out.Other = l
	}
	for _, c := range f.Choices {
		if c.ID == out.Value {
			out.Shown = c.Label.In(lang)
		}
	}
	return out
}

// DeadlineOf returns the clock of a reference that a reader's organisation owes; NotFound
// for any other.
func (p *Portal) DeadlineOf(ctx context.Context, w Who, ref string) (incident.Clock, error) {
	id, err := p.Incidents.ByClockRef(ref)
	if err != nil {
		return incident.Clock{}, notFound()
	}
	c, err := p.Incidents.OwnClock(ctx, p.read, viewerOf(w), id)
	return c, hidden(err)
}

// ShowDeadline is one of the views of a deadline.
func (p *Portal) ShowDeadline(ctx context.Context, w Who, kind, ref string, q url.Values) (guard.Parcel, error) {
	c, err := p.DeadlineOf(ctx, w, ref)
	if err != nil {
		return guard.Parcel{}, err
	}
	return p.Release(ctx, w, kind, c.ID, q)
}

// KeepDocument keeps what a reader is writing for a deadline.
func (p *Portal) KeepDocument(ctx context.Context, w Who, ref string, n incident.OwnFiling) error {
	c, err := p.DeadlineOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return inForm(p.Incidents.KeepOwnDraft(ctx, w.Actor, c.ID, n))
}

// DropDocument throws away what was being written.
func (p *Portal) DropDocument(ctx context.Context, w Who, ref string) error {
	c, err := p.DeadlineOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.DropOwnDraft(ctx, w.Actor, c.ID)
}

// FileDocument files the document of a deadline.
func (p *Portal) FileDocument(ctx context.Context, w Who, ref string, n incident.OwnFiling) error {
	c, err := p.DeadlineOf(ctx, w, ref)
	if err != nil {
		return err
	}
	_, err = p.Incidents.FileOwn(ctx, w.Actor, c.ID, n)
	return hidden(inForm(err))
}

// inForm gives faults about the law's fields the names that they have in a form.
func inForm(err error) error {
	if err == nil {
		return nil
	}
	f := *fault.Of(err)
	f.Parts = slices.Clone(f.Parts)
	for k := range f.Parts {
		if name := f.Parts[k].Field; name != "" && name != "how" && name != "at" {
			f.Parts[k].Field = incident.FieldPrefix + name
		}
	}
	return &f
}

// CountDeadlines counts what a reader's organisation owes by law and what runs.
func (p *Portal) CountDeadlines(ctx context.Context, w Who) int64 {
	n, err := p.Incidents.CountOwnClocks(ctx, p.read, viewerOf(w))
	if err != nil {
		return 0 // the page itself says what is wrong
	}
	return n
}

// OpenFor lists the reader's open deadlines of a stage, for a report that may be the
// filing of one: by reference, with the incident's number and title.
func (p *Portal) OpenFor(ctx context.Context, w Who, regimeID, stage string) (out []Choice, err error) {
	if regimeID == "" {
		return nil, nil
	}
	cs, err := p.Incidents.OwnClocks(ctx, p.read, viewerOf(w), incident.OwnFilter{})
	for _, c := range cs {
		if c.Regime != regimeID || c.Stage != stage {
			continue
		}
		i, err := p.Incidents.Incident(ctx, p.read, viewerOf(w), c.Incident)
		if err != nil {
			return nil, err
		}
		if i.State == incident.Open && i.MergedInto == 0 {
			out = append(out, Choice{UID: p.Incidents.ClockRef(c.ID), Name: i.Title, Of: p.Incidents.Number(i.ID)})
		}
	}
	return out, err
}
