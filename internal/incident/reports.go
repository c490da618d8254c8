package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// ReportState is where a report stands, as RTIR has it.
type ReportState string

// The states of reports.
const (
	ReportNew      ReportState = "new"
	ReportOpen     ReportState = "open" // somebody is at it, or it belongs to an incident
	ReportResolved ReportState = "resolved"
	ReportRejected ReportState = "rejected"
)

// ReportStates lists them in the order of a report's life.
func ReportStates() []ReportState {
	return []ReportState{ReportNew, ReportOpen, ReportResolved, ReportRejected}
}

// Waits tells whether the report still waits for somebody.
func (s ReportState) Waits() bool { return s == ReportNew || s == ReportOpen }

// ReportSource is how a report came in.
type ReportSource string

// The ways in.
const (
	ByPublicPage ReportSource = "public"
	ByPortal     ReportSource = "portal"
	ByPhone      ReportSource = "phone"
	ByLetter     ReportSource = "mail"
	ByAPI        ReportSource = "api"
	ByXARF       ReportSource = "xarf"
)

// ReportSources lists them in the order of the pages.
func ReportSources() []ReportSource {
	return []ReportSource{ByPhone, ByPortal, ByPublicPage, ByLetter, ByAPI, ByXARF}
}

// ReportKind is what a report is of.
type ReportKind string

// The kinds: harm, harm that nearly came, harm that may come.
const (
	OfIncident ReportKind = "incident"
	OfNearMiss ReportKind = "near-miss"
	OfThreat   ReportKind = "threat"
)

// ReportKinds lists them in the order of the pages.
func ReportKinds() []ReportKind { return []ReportKind{OfIncident, OfNearMiss, OfThreat} }

// Reporter is a type of reporter, as RTIR has them.
type Reporter string

// The types of reporters.
const (
	Customer   Reporter = "customer" // of the constituency
	Individual Reporter = "individual"
	OtherISP   Reporter = "isp"
	OfPolice   Reporter = "police"
	OtherIRT   Reporter = "irt"
	OtherOne   Reporter = "other"
)

// Reporters lists them in the order of the pages.
func Reporters() []Reporter {
	return []Reporter{Customer, Individual, OtherISP, OfPolice, OtherIRT, OtherOne}
}

// Resolution is how a report that was resolved ended, as RTIR has it.
type Resolution string

// The resolutions.
const (
	WasResolved        Resolution = "resolved"
	NotResolved        Resolution = "unresolved"
	NoResponseCustomer Resolution = "no-response-customer"
	NoResponseISP      Resolution = "no-response-isp"
)

// Resolutions lists them in the order of the pages.
func Resolutions() []Resolution {
	return []Resolution{WasResolved, NotResolved, NoResponseCustomer, NoResponseISP}
}

// Report is what somebody told us.
type Report struct {
	ID         int64
	State      ReportState
	Source     ReportSource
	Kind       ReportKind
	Reporter   Reporter
	Owner      int64 // the organisation whose word it is; 0: nobody who is known here
	Confirmed  bool  // it is sure that the owner said it: signed in, signed, or called back
	Person     int64 // who of the owner; 0: not known
	Title      string
	Text       string
	Affected   string // what, and where, in the reporter's words
	Happened   string // when, in the reporter's words
	Name       string // how the reporter called himself
	Email      string
	Phone      string // as the reporter said it
	CallBack   string // as the directory has it
	Language   string // of the reporter
	Marking    tlp.Marking
	Severity   Severity // empty: not judged yet
	Class      string   // RSIT type; empty: not yet known
	Regime     string   // of a mandatory report; empty: voluntary
	Stage      string
	Law        int64        // the version of the regime, 0: voluntary
	Fields     []FieldValue // what the stage asks for
	Exercise   bool
	SaidAt     time.Time
	ReceivedAt time.Time
	ReceivedBy string
	ClosedAt   time.Time
	ClosedBy   string
	Resolution Resolution
	Reason     string // for the desk alone
	External   string // by which the same thing is taken once
	Version    int64
}

// FieldPrefix keeps the law's names of fields apart from a form's own.
const FieldPrefix = "field-"

// FieldValue is an answer to a field of a regime's stage.
type FieldValue struct {
	ID    string `json:"id"`
	Label string `json:"label"` // as it was asked
	Value string `json:"value"`
}

// ReportNo is the number by which people know a report.
func (in *Incidents) ReportNo(report int64) string { return in.ReportNumber.Format(uint64(report)) }

func reportSubject(id int64) string { return fmt.Sprintf("incident-report:%d", id) }

// The bounds of reports.
const (
	maxReportText   = 20_000 // characters
	maxFields       = 100
	maxFieldsText   = 20_000 // characters of all of them
	maxMessages     = 200    // of one report
	MaxReportFiles  = 5      // at once
	MaxReportFile   = 5 << 20
	maxFilesPerCase = 40 // of one report in all
	extractAtMost   = 200
	maxPublicADay   = 2000      // reports that nobody signed in for
	maxPublicBytes  = 512 << 20 // of their files, in a day
)

// NewReport is what comes in. Source says how; the verb that takes it sets who.
type NewReport struct {
	Source   ReportSource
	Kind     ReportKind // empty: incident
	Reporter Reporter   // empty: other
	Owner    int64
	Title    string // empty: the beginning of the text
	Text     string
	Affected string
	Happened string
	Name     string
	Email    string
	Phone    string
	Language string
	Marking  tlp.Marking // unmarked: TLP:AMBER
	Severity Severity
	Class    string
	Regime   string
	Stage    string
	Fields   []FieldValue
	Clock    int64 // the deadline of the reporter's own that it meets, 0: none yet
	Drill    int64 // the exercise that it belongs to, in which the reporter takes part; 0: none
	Exercise bool
	SaidAt   time.Time // zero: now
	External string
	Files    []NewFile
	// Observables are added to those that the text shows.
	Observables []NewObservable

	code string // by which the reporter comes back
	law  *Law   // of Regime
}

// tidy cleans every text and fills in what is left out.
func (n *NewReport) tidy() {
	for _, s := range []*string{&n.Title, &n.Text, &n.Affected, &n.Happened, &n.Name, &n.Email, &n.Phone} {
		*s = clean(*s)
	}
	n.Fields = slices.DeleteFunc(slices.Clone(n.Fields), func(f FieldValue) bool { return text.Blank(f.Value) })
	for i := range n.Fields {
		n.Fields[i].Value, n.Fields[i].Label = clean(n.Fields[i].Value), clean(n.Fields[i].Label)
	}
	if n.Kind == "" {
		n.Kind = OfIncident
	}
	if n.Reporter == "" {
		n.Reporter = OtherOne
	}
	if n.Marking == tlp.Unmarked {
		n.Marking = tlp.Amber
	}
	if n.Title == "" {
		n.Title = firstWords(n.Text, 100)
	}
}

// firstWords is the beginning of a text on one line, cut between words.
func firstWords(s string, most int) string {
	words := strings.Fields(s)
	out := ""
	for i, w := range words {
		if len([]rune(out))+len([]rune(w))+1 > most {
			if i == 0 {
				return string([]rune(w)[:most]) + "…"
			}
			return out + "…"
		}
		out = strings.TrimSpace(out + " " + w)
	}
	return out
}

func (n *NewReport) validate(now time.Time) error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	add(known("kind", "incident.reports.kind", ReportKinds(), n.Kind))
	add(known("reporter", "incident.reports.reporter", Reporters(), n.Reporter))
	add(checkText("text", n.Text, maxReportText, len(n.Fields) == 0))
	add(checkLine("title", n.Title, MaxTitle, false))
	add(checkText("affected", n.Affected, MaxReason, false))
	add(checkText("happened", n.Happened, MaxTitle, false))
	add(checkContact(n.Name, n.Email, n.Phone))
	add(checkReportMarking(n.Marking))
	if n.Severity != "" {
		add(known("severity", "incident.severity.unknown", Severities(), n.Severity))
	}
	add(checkClass(n.Class))
	add(checkFields(n.Fields))
	add(checkObservables(n.Observables))
	add(checkReportFiles(n.Files, len(n.Files)))
	add(checkHappened("said", n.SaidAt, now))
	return fault.Join("incident.reports.invalid", bad)
}

// checkReportMarking: the desk as a whole reads reports, so none is for named persons.
func checkReportMarking(m tlp.Marking) error {
	if m == tlp.Red {
		return fault.OnField("marking", "incident.reports.red", nil)
	}
	return checkMarking("marking", m)
}

func checkContact(name, email, phone string) error {
	if err := checkLine("name", name, MaxTitle, false); err != nil {
		return err
	}
	if email != "" {
		if err := guard.CheckEmail("email", email); err != nil {
			return err
		}
	}
	return checkLine("phone", phone, 60, false)
}

func checkFields(fs []FieldValue) error {
	if len(fs) > maxFields {
		return fault.OnField("fields", "incident.reports.fields_many", fault.Args{"Max": maxFields})
	}
	size := 0
	for _, f := range fs {
		if err := checkText(FieldPrefix+f.ID, f.Value, maxReportText, false); err != nil {
			return err
		}
		size += len([]rune(f.Value)) + len([]rune(f.Label))
	}
	if size > maxFieldsText {
		return fault.OnField("fields", "incident.text.long", fault.Args{"Max": maxFieldsText})
	}
	return nil
}

// checkReportFiles bounds what comes at once, and what a report has in all.
func checkReportFiles(fs []NewFile, all int) error {
	if len(fs) > MaxReportFiles || all > maxFilesPerCase {
		return fault.OnField("files", "incident.file.many", fault.Args{"Max": MaxReportFiles})
	}
	for _, f := range fs {
		if len(f.Body) > MaxReportFile {
			return fault.OnField("files", "incident.file.large", fault.Args{"Name": fault.Clip(f.Name), "Max": MaxReportFile >> 20})
		}
	}
	return checkFiles(fs)
}

// CheckStage checks the answers to the fields of a stage, in a language: what is
// required is there, a time is one, a choice is one that is offered.
func CheckStage(s *regime.Stage, lang string, value func(id string) string) (out []FieldValue, err error) {
	var bad []fault.Error
	for _, f := range s.Fields {
		v := clean(value(f.ID))
		switch {
		case v == "" && f.Required:
			bad = append(bad, *fault.Of(fault.OnField(FieldPrefix+f.ID, "incident.reports.field_required", fault.Args{"Label": f.Label.In(lang)})))
		case v != "" && !fits(&f, v):
			bad = append(bad, *fault.Of(fault.OnField(FieldPrefix+f.ID, "incident.reports.field_form."+string(f.Kind), fault.Args{"Label": f.Label.In(lang)})))
		}
		out = append(out, FieldValue{ID: f.ID, Label: f.Label.In(lang), Value: v})
	}
	return out, fault.Join("incident.reports.invalid", bad)
}

// fits tells whether a value has the form of its field.
func fits(f *regime.Field, v string) bool {
	switch f.Kind {
	case regime.KindTime:
		_, err := time.Parse(time.RFC3339, v)
		return err == nil
	case regime.KindNumber:
		return strings.Trim(v, "0123456789 .,") == ""
	case regime.KindYesNo:
		return v == "yes" || v == "no"
	case regime.KindChoice:
		return slices.ContainsFunc(f.Choices, func(c regime.Choice) bool { return c.ID == v })
	case regime.KindText:
		return !strings.Contains(v, "\n")
	case regime.KindParagraph, regime.KindList:
	}
	return true
}

const reportColumns = `id, state, source, kind, reporter, owner_org, confirmed, person_id, title, text, affected, happened, name, email, phone,
	call_back, language, marking, severity, class, regime, stage, fields, exercise, said_at, received_at, received_by, closed_at, closed_by,
	resolution, reason, external, version, law_id`

func scanReport(r sqldb.Row) (p Report, err error) {
	var marking, fields string
	var said, received, closed int64
	err = r.Scan(&p.ID, &p.State, &p.Source, &p.Kind, &p.Reporter, &p.Owner, &p.Confirmed, &p.Person, &p.Title, &p.Text, &p.Affected, &p.Happened,
		&p.Name, &p.Email, &p.Phone, &p.CallBack, &p.Language, &marking, &p.Severity, &p.Class, &p.Regime, &p.Stage, &fields, &p.Exercise,
		&said, &received, &p.ReceivedBy, &closed, &p.ClosedBy, &p.Resolution, &p.Reason, &p.External, &p.Version, &p.Law)
	if err != nil {
		return p, err
	}
	p.SaidAt, p.ReceivedAt, p.ClosedAt = clock.FromMicros(said), clock.FromMicros(received), clock.FromMicros(closed)
	if p.Marking, err = tlp.Parse(marking); err != nil {
		return p, fmt.Errorf("marking of report %d: %w", p.ID, err)
	}
	if fields != "" {
		err = json.Unmarshal([]byte(fields), &p.Fields)
	}
	return p, err
}

func (in *Incidents) insertReport(ctx context.Context, tx *act.Tx, p *Report) error {
	fields, err := fieldsText(p.Fields)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_report (`+reportColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
		$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, 0, '', '', '', $28, 1, $29)`,
		p.ID, string(p.State), string(p.Source), string(p.Kind), string(p.Reporter), p.Owner, p.Confirmed, p.Person, p.Title, p.Text, p.Affected,
		p.Happened, p.Name, p.Email, p.Phone, p.CallBack, p.Language, p.Marking.String(), string(p.Severity), p.Class, p.Regime, p.Stage, fields,
		p.Exercise, clock.Micros(p.SaidAt), clock.Micros(p.ReceivedAt), p.ReceivedBy, p.External, p.Law)
	if err != nil {
		return err
	}
	return in.keepReportWords(ctx, tx, p)
}

func fieldsText(fs []FieldValue) (string, error) {
	if len(fs) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(fs)
	if err != nil {
		return "", fmt.Errorf("write fields: %w", err)
	}
	return string(raw), nil
}
