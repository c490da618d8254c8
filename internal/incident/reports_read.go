package incident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// maySeeReport is the condition on a report p that it exists for a viewer ($1
// organisation): the desk's, or its own word for sure.
const maySeeReport = `($1 = 1 or (p.owner_org = $1 and p.confirmed))`

func noReport() error { return fault.New(fault.NotFound, "incident.reports.none", nil) }

// Report returns a report that a viewer may see; NotFound for any other.
func (in *Incidents) Report(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Report, error) {
	p, ok, err := sqldb.One(ctx, r, scanReport, `select `+reportColumns+` from incident_report p where `+maySeeReport+` and p.id = $2`, v.Org, id)
	if err == nil && !ok {
		err = noReport()
	}
	return p, err
}

// ReportNumbered returns the report of a number; NotFound also for what is no number.
func (in *Incidents) ReportNumbered(ctx context.Context, r sqldb.Reader, v Viewer, number string) (Report, error) {
	id, err := in.ReportNumber.Parse(number)
	if err != nil {
		return Report{}, noReport()
	}
	return in.Report(ctx, r, v, int64(id))
}

// ReportOfCode returns the report whose reporter holds a code; NotFound for any other.
func (in *Incidents) ReportOfCode(ctx context.Context, r sqldb.Reader, code string) (Report, error) {
	hash := codeHash(code)
	if hash == "" {
		return Report{}, noReport()
	}
	p, ok, err := sqldb.One(ctx, r, scanReport, `select `+reportColumns+` from incident_report p
		where p.id in (select report_id from incident_report_code where hash = $1)`, hash)
	if err == nil && !ok {
		err = noReport()
	}
	return p, err
}

// ReportFilter says which reports to list; zero fields do not filter.
type ReportFilter struct {
	State    ReportState // empty: those that wait, the new ones first
	All      bool        // whatever their state, in the order in which they came
	Source   ReportSource
	Kind     ReportKind
	Severity Severity
	Class    string
	Owner    int64
	Exercise bool
	Before   int64 // keyset: those that came before this one
	Limit    int   // default 50
}

// Reports lists reports that a viewer may see, newest first; those that wait with the
// new ones first, then those that somebody is at.
func (in *Incidents) Reports(ctx context.Context, r sqldb.Reader, v Viewer, f ReportFilter) ([]Report, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 1000)
	if f.All || f.State != "" {
		return in.reportsIn(ctx, r, v, f)
	}
	states := []ReportState{ReportNew, ReportOpen}
	if f.Before != 0 { // the list goes on in the part where the last one stands
		last, err := in.Report(ctx, r, v, f.Before)
		if err != nil {
			return nil, err
		}
		if last.State != ReportNew {
			states = states[1:]
		}
	}
	var out []Report
	for _, s := range states {
		part := f
		part.State, part.Limit = s, f.Limit-len(out)
		if part.Limit == 0 {
			break
		}
		found, err := in.reportsIn(ctx, r, v, part)
		if err != nil {
			return nil, err
		}
		out, f.Before = append(out, found...), 0
	}
	return out, nil
}

// reportsIn lists the reports of one state, or of all. The index holds every column that
// a filter asks for, so only the rows of the page are read.
func (in *Incidents) reportsIn(ctx context.Context, r sqldb.Reader, v Viewer, f ReportFilter) ([]Report, error) {
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	where, args := f.where(v)
	n := len(args)
	return sqldb.All(ctx, r, scanReport, `select `+reportColumns+` from incident_report where id in (select p.id from incident_report p where `+where+
		fmt.Sprintf(" and p.id < $%d order by p.id desc limit $%d) order by id desc", n+1, n+2), append(args, f.Before, f.Limit)...)
}

// CountReports counts what Reports would list in one state, or in all, at most most.
func (in *Incidents) CountReports(ctx context.Context, r sqldb.Reader, v Viewer, f ReportFilter, most int) (int64, error) {
	where, args := f.where(v)
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select 1 from incident_report p where `+where+
		fmt.Sprintf(" limit $%d) as found", len(args)+1), append(args, most)...)
	return n, err
}

func (f ReportFilter) where(v Viewer) (string, []any) {
	args := []any{f.Exercise}
	conditions := []string{"p.exercise = $1"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	if !v.Desk() {
		add("p.owner_org = $%d and p.confirmed", v.Org)
	}
	if f.State != "" {
		add("p.state = $%d", string(f.State))
	}
	if f.Source != "" {
		add("p.source = $%d", string(f.Source))
	}
	if f.Kind != "" {
		add("p.kind = $%d", string(f.Kind))
	}
	if f.Severity != "" {
		add("p.severity = $%d", string(f.Severity))
	}
	if f.Class != "" {
		add("p.class = $%d", f.Class)
	}
	if f.Owner != 0 {
		add("p.owner_org = $%d", f.Owner)
	}
	return strings.Join(conditions, " and "), args
}

// MessageKind is who speaks to whom.
type MessageKind string

// The kinds of messages.
const (
	Said       MessageKind = "said"   // by the reporter
	Answer     MessageKind = "answer" // to the reporter
	NoteInside MessageKind = "note"   // the desk's own
)

// Message is what was said about a report afterwards.
type Message struct {
	ID   int64
	Kind MessageKind
	Text string
	By   string
	At   time.Time
}

func scanMessage(r sqldb.Row) (m Message, err error) {
	var at int64
	err = r.Scan(&m.ID, &m.Kind, &m.Text, &m.By, &at)
	m.At = clock.FromMicros(at)
	return m, err
}

// Messages lists what was said about a report, oldest first; the desk's own notes only
// for the desk. The caller may see the report.
func (in *Incidents) Messages(ctx context.Context, r sqldb.Reader, report int64, notes bool) ([]Message, error) {
	return sqldb.All(ctx, r, scanMessage, `select id, kind, text, by_id, at from incident_report_message
		where report_id = $1 and (kind <> 'note' or $2) order by id`, report, notes)
}

// ReportFile is a file of a report.
type ReportFile struct {
	ID      int64
	Report  int64
	Message int64 // 0: it came with the report
	Blob    string
	Name    string
	Type    string
	Size    int64
}

func scanReportFile(r sqldb.Row) (f ReportFile, err error) {
	return f, r.Scan(&f.ID, &f.Report, &f.Message, &f.Blob, &f.Name, &f.Type, &f.Size)
}

// ReportFiles lists the files of a report. The caller may see the report.
func (in *Incidents) ReportFiles(ctx context.Context, r sqldb.Reader, report int64) ([]ReportFile, error) {
	return sqldb.All(ctx, r, scanReportFile, `select id, report_id, message_id, blob, name, type, size from incident_report_file
		where report_id = $1 order by id`, report)
}

// ReportFile returns a file of a report that a viewer may see, with its bytes.
func (in *Incidents) ReportFile(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (f ReportFile, body []byte, err error) {
	f, ok, err := sqldb.One(ctx, r, scanReportFile, `select f.id, f.report_id, f.message_id, f.blob, f.name, f.type, f.size
		from incident_report_file f join incident_report p on p.id = f.report_id where `+maySeeReport+` and f.id = $2`, v.Org, id)
	if err != nil || !ok {
		return f, nil, orElse(err, noReport())
	}
	body, err = in.bytesOf(ctx, f.Blob)
	return f, body, err
}

func (in *Incidents) bytesOf(ctx context.Context, name string) ([]byte, error) {
	ref, err := blob.ParseRef(name)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	from, err := in.Blobs.Open(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	body, err := io.ReadAll(from)
	return body, errors.Join(err, from.Close())
}

// ReportObservables lists what was found in a report. The caller may see the report.
func (in *Incidents) ReportObservables(ctx context.Context, r sqldb.Reader, report int64) ([]Sight, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (s Sight, err error) { return s, row.Scan(&s.Kind, &s.Value, &s.Key) },
		`select kind, value, link_key from incident_report_observable where report_id = $1 order by kind, value`, report)
}

// Link is a report's part in an incident.
type Link struct {
	Report   int64
	Incident int64
	Entry    int64
	At       time.Time
	By       string
}

func scanLink(r sqldb.Row) (l Link, err error) {
	var at int64
	err = r.Scan(&l.Report, &l.Incident, &l.Entry, &at, &l.By)
	l.At = clock.FromMicros(at)
	return l, err
}

// LinksOfReport lists the incidents that a report belongs to, as far as a viewer may
// know of them.
func (in *Incidents) LinksOfReport(ctx context.Context, r sqldb.Reader, v Viewer, report int64) ([]Link, error) {
	return sqldb.All(ctx, r, scanLink, `select l.report_id, l.incident_id, l.entry_id, l.at, l.by_id from incident_report_link l
		join incident i on i.id = l.incident_id where `+mayKnow+` and l.report_id = $3 and l.ended_at = 0 order by l.at, l.incident_id`,
		v.Org, v.Person, report)
}

// ReportsOfIncident lists the reports of an incident that a viewer may see.
func (in *Incidents) ReportsOfIncident(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Report, error) {
	return sqldb.All(ctx, r, scanReport, `select `+reportColumns+` from incident_report p where `+maySeeReport+`
		and p.id in (select report_id from incident_report_link where incident_id = $2 and ended_at = 0) order by p.id`, v.Org, incident)
}

// Hint says that something may be the same matter.
type Hint struct {
	Report   int64 // 0: an incident
	Incident int64
	Title    string
	Shared   []string // observables in common, defanged
	Alike    float64  // of the words, from 0 to 1
}

// The bounds of looking for duplicates.
const (
	hintKeys   = 100 // observables of a report that are looked for
	hintRows   = 200 // places where they were seen
	hintTexts  = 300 // latest reports whose words are compared
	hintWords  = 2000
	hintAtMost = 8
	alikeFrom  = 0.25
)

// Duplicates finds reports and incidents that may be of the same matter: those that
// share something technical, and the latest reports in nearly the same words. Only
// what the viewer may see is looked at, so nothing else can show.
func (in *Incidents) Duplicates(ctx context.Context, r sqldb.Reader, v Viewer, p *Report) ([]Hint, error) {
	keys, err := in.ReportObservables(ctx, r, p.ID)
	if err != nil {
		return nil, err
	}
	found := map[[2]int64]*Hint{}
	for _, k := range keys[:min(len(keys), hintKeys)] {
		if err := in.sharing(ctx, r, v, p, k, found); err != nil {
			return nil, err
		}
	}
	if err := in.alike(ctx, r, v, p, found); err != nil {
		return nil, err
	}
	var out []Hint
	for _, h := range found {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b Hint) int {
		if a.weight() != b.weight() {
			return int(1000*b.weight()) - int(1000*a.weight())
		}
		return int(b.Report + b.Incident - a.Report - a.Incident)
	})
	return out[:min(len(out), hintAtMost)], nil
}

func (h *Hint) weight() float64 { return float64(min(len(h.Shared), 5)) + h.Alike }

// sharing adds what one observable was seen in.
func (in *Incidents) sharing(ctx context.Context, r sqldb.Reader, v Viewer, p *Report, k Sight, found map[[2]int64]*Hint) error {
	add := func(report, incident int64, title string) {
		h := found[[2]int64{report, incident}]
		if h == nil {
			h = &Hint{Report: report, Incident: incident, Title: title}
			found[[2]int64{report, incident}] = h
		}
		if s := k.Defanged(); !slices.Contains(h.Shared, s) {
			h.Shared = append(h.Shared, s)
		}
	}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var title string
		err := row.Scan(&id, &title)
		add(id, 0, title)
		return err
	}, `select p.id, p.title from incident_report_observable o join incident_report p on p.id = o.report_id
		where o.link_key = $2 and o.report_id <> $3 and p.exercise = $4 and `+maySeeReport+` order by o.report_id desc limit $5`,
		v.Org, k.Key, p.ID, p.Exercise, hintRows)
	if err != nil {
		return err
	}
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var title string
		err := row.Scan(&id, &title)
		add(0, id, title)
		return err
	}, `select distinct i.id, i.title from incident_observable o join incident_entry e on e.id = o.entry_id join incident i on i.id = o.incident_id
		where o.link_key = $3 and i.exercise = $4 and e.retracted_at = 0 and `+maySee+` order by i.id desc limit $5`,
		v.Org, v.Person, k.Key, p.Exercise, hintRows)
}

// alike adds the latest reports that say nearly the same.
func (in *Incidents) alike(ctx context.Context, r sqldb.Reader, v Viewer, p *Report, found map[[2]int64]*Hint) error {
	mine := shingles(p.Title + " " + p.Text)
	if len(mine) < 3 {
		return nil
	}
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var title, text string
		if err := row.Scan(&id, &title, &text); err != nil {
			return err
		}
		share := overlap(mine, shingles(title+" "+text))
		if share < alikeFrom {
			return nil
		}
		h := found[[2]int64{id, 0}]
		if h == nil {
			h = &Hint{Report: id, Title: title}
			found[[2]int64{id, 0}] = h
		}
		h.Alike = share
		return nil
	}, `select p.id, p.title, substr(p.text, 1, $2) from incident_report p where `+maySeeReport+` and p.id <> $3 and p.exercise = $4
		order by p.id desc limit $5`, v.Org, hintWords, p.ID, p.Exercise, hintTexts)
}

// shingles are the runs of three words of a text, whatever their case.
func shingles(text string) map[string]bool {
	if len(text) > 4*hintWords {
		text = text[:4*hintWords]
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	out := map[string]bool{}
	for i := 0; i+2 < len(words); i++ {
		out[words[i]+" "+words[i+1]+" "+words[i+2]] = true
	}
	return out
}

// overlap is how much two sets have in common: of all that is in either.
func overlap(a, b map[string]bool) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
