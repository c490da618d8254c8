package incident

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/incident/postgres"
	"almenara.example/internal/incident/sqlite"
	"almenara.example/observable"
)

// TextMigrations is the line of migrations of the words, whose text is not one for both
// engines. Both have the same numbers.
func TextMigrations() (onSQLite, onPostgres fs.FS) { return sqlite.Migrations, postgres.Migrations }

// words is an engine's full-text index.
type words interface {
	Put(ctx context.Context, tx *act.Tx, table string, id int64, words []string) error
	Drop(ctx context.Context, tx *act.Tx, table string, id int64) error
	Join(table, thing string) string
	Match(table, parameter string) string
	Key() string
	Query(words []string) string
}

func wordsOf(e sqldb.Engine) words {
	if e == sqldb.Postgres {
		return postgres.Text{}
	}
	return sqlite.Text{}
}

// The tables of words.
const (
	entryText  = "incident_entry_text"
	titleText  = "incident_title_text"
	reportText = "incident_report_text"
)

// The bounds of words.
const (
	maxWord      = 40     // letters of one word; what is longer is cut, in texts and questions
	maxWords     = 20_000 // different words of one text
	maxQuestions = 10     // words of a question
)

// tokens are the words of a text as they are looked for: without case and marks. What
// is written without blanks between words (Chinese, Japanese, Thai) is cut into signs.
func tokens(text string, most int) (out []string) {
	var b strings.Builder
	seen := map[string]bool{}
	end := func() {
		if w := b.String(); w != "" && !seen[w] && len(out) < most {
			seen[w] = true
			out = append(out, w)
		}
		b.Reset()
	}
	letters := 0
	for _, r := range constituency.Fold(text) {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			end()
			b.WriteRune(r)
			end()
			letters = 0
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if letters++; letters <= maxWord {
				b.WriteRune(r)
			}
		default:
			end()
			letters = 0
		}
	}
	end()
	return out
}

// keepWords keeps what an entry can be found by; one that was taken back by nothing.
func (in *Incidents) keepWords(ctx context.Context, tx *act.Tx, e Entry) error {
	if !e.RetractedAt.IsZero() {
		return in.words.Drop(ctx, tx, entryText, e.ID)
	}
	return in.words.Put(ctx, tx, entryText, e.ID, tokens(e.By+" "+e.Text, maxWords))
}

func (in *Incidents) keepTitle(ctx context.Context, tx *act.Tx, incident int64, title string) error {
	return in.words.Put(ctx, tx, titleText, incident, tokens(title, maxWords))
}

// keepReportWords keeps what a report can be found by.
func (in *Incidents) keepReportWords(ctx context.Context, tx *act.Tx, p *Report) error {
	return in.words.Put(ctx, tx, reportText, p.ID, tokens(strings.Join([]string{p.Title, p.Text, p.Affected, p.Name}, " "), maxWords))
}

// Hit is something that was found: an incident, an entry in one, or a report.
type Hit struct {
	Incident Incident
	Entry    Entry  // zero: the incident itself
	Report   Report // zero: no report
	Why      string // number | organisation | observable | title | text | report
}

// Found is what a search brings: a screen of each sort. Nothing that the reader may not
// see is in it, also not as a count.
type Found struct {
	Hits  []Hit
	Older int64 // of entries with the words: id to go on from, 0 at the end
}

// Search finds what a viewer may see by number, name of an organisation, observable
// (defanged or not) and words. before continues the entries with the words.
func (in *Incidents) Search(ctx context.Context, r sqldb.Reader, v Viewer, question string, before int64, limit int) (f Found, err error) {
	question = clean(question)
	if err := checkLine("q", question, 200, false); err != nil || question == "" {
		return f, err
	}
	if before == 0 {
		for _, by := range []func(context.Context, sqldb.Reader, Viewer, string, int) ([]Hit, error){
			in.byNumber, in.byOrganisation, in.byObservable, in.byTitle, in.byReport,
		} {
			hits, err := by(ctx, r, v, question, limit)
			if err != nil {
				return f, err
			}
			f.Hits = append(f.Hits, hits...)
		}
	}
	hits, older, err := in.byText(ctx, r, v, question, before, limit)
	f.Hits, f.Older = append(f.Hits, hits...), older
	return f, err
}

func (in *Incidents) byNumber(ctx context.Context, r sqldb.Reader, v Viewer, q string, _ int) ([]Hit, error) {
	i, err := in.Numbered(ctx, r, v, q)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	return []Hit{{Incident: i, Why: "number"}}, err
}

func (in *Incidents) byOrganisation(ctx context.Context, r sqldb.Reader, v Viewer, q string, limit int) ([]Hit, error) {
	o, ok, err := in.Guard.OrganisationNamed(ctx, r, q)
	if err != nil || !ok || !v.Desk() && o.ID != v.Org { // who else takes part is the desk's to know
		return nil, err
	}
	is, err := in.List(ctx, r, v, Filter{With: o.ID, Limit: limit})
	return hitsOf(is, "organisation"), err
}

func hitsOf(is []Incident, why string) (out []Hit) {
	for _, i := range is {
		out = append(out, Hit{Incident: i, Why: why})
	}
	return out
}

func (in *Incidents) byObservable(ctx context.Context, r sqldb.Reader, v Viewer, q string, limit int) ([]Hit, error) {
	o, ok := observable.Detect(q)
	if !ok {
		return nil, nil
	}
	sights, err := in.Links(ctx, r, v, observable.Key(o), 0, limit)
	if err != nil {
		return nil, err
	}
	var entries []int64
	for _, s := range sights {
		if !slices.Contains(entries, s.Entry) {
			entries = append(entries, s.Entry)
		}
	}
	return in.hitsAt(ctx, r, v, entries, "observable")
}

// hitsAt are entries with their incidents, as far as the viewer sees them.
func (in *Incidents) hitsAt(ctx context.Context, r sqldb.Reader, v Viewer, entries []int64, why string) (out []Hit, err error) {
	known := map[int64]Incident{}
	for _, id := range entries {
		e, err := in.Entry(ctx, r, v, id)
		if err != nil {
			return nil, err
		}
		i, ok := known[e.Incident]
		if !ok {
			if i, err = in.Incident(ctx, r, v, e.Incident); err != nil {
				return nil, err
			}
			known[e.Incident] = i
		}
		out = append(out, Hit{Incident: i, Entry: e, Why: why})
	}
	return out, nil
}

func (in *Incidents) byTitle(ctx context.Context, r sqldb.Reader, v Viewer, q string, limit int) ([]Hit, error) {
	asked := tokens(q, maxQuestions)
	if len(asked) == 0 {
		return nil, nil
	}
	is, err := sqldb.All(ctx, r, scanIncident, `select `+qualified("i", incidentColumns)+` from `+in.words.Join(titleText, "incident i")+
		` where `+in.words.Match(titleText, "$3")+` and `+mayKnow+` order by `+in.words.Key()+` desc limit $4`, v.Org, v.Person, in.words.Query(asked), limit)
	return hitsOf(is, "title"), err
}

// byReport finds reports by their number and by their words.
func (in *Incidents) byReport(ctx context.Context, r sqldb.Reader, v Viewer, q string, limit int) (out []Hit, err error) {
	if p, err := in.ReportNumbered(ctx, r, v, q); err == nil {
		return []Hit{{Report: p, Why: "report"}}, nil
	} else if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	asked := tokens(q, maxQuestions)
	if len(asked) == 0 {
		return nil, nil
	}
	found, err := sqldb.All(ctx, r, scanReport, `select `+qualified("p", reportColumns)+` from `+in.words.Join(reportText, "incident_report p")+
		` where `+in.words.Match(reportText, "$2")+` and `+maySeeReport+` order by `+in.words.Key()+` desc limit $3`, v.Org, in.words.Query(asked), limit)
	for _, p := range found {
		out = append(out, Hit{Report: p, Why: "report"})
	}
	return out, err
}

func (in *Incidents) byText(ctx context.Context, r sqldb.Reader, v Viewer, q string, before int64, limit int) (out []Hit, older int64, err error) {
	asked := tokens(q, maxQuestions)
	if len(asked) == 0 {
		return nil, 0, nil
	}
	if before == 0 {
		before = 1 << 62
	}
	found, err := sqldb.All(ctx, r, sqldb.Int64, `select e.id from `+in.words.Join(entryText, "incident_entry e")+
		` where `+in.words.Match(entryText, "$3")+` and `+in.words.Key()+` < $4 and `+maySee+` order by `+in.words.Key()+` desc limit $5`,
		v.Org, v.Person, in.words.Query(asked), before, limit+1)
	if err != nil {
		return nil, 0, err
	}
	if len(found) > limit {
		found = found[:limit]
		older = found[limit-1]
	}
	out, err = in.hitsAt(ctx, r, v, found, "text")
	return out, older, err
}

// qualified puts an alias before every column.
func qualified(alias, columns string) string {
	names := strings.Split(columns, ",")
	for i := range names {
		names[i] = alias + "." + strings.TrimSpace(names[i])
	}
	return strings.Join(names, ", ")
}
