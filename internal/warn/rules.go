package warn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
)

// Format is how findings are told.
type Format string

// The formats.
const (
	AsText Format = "text" // a letter to people, who are asked to answer
	AsBulk Format = "bulk" // files for machines (CSV, XARF); no answer is owed
)

// Rule says what is told to whom and how often. Its matching fields are lists of
// words; an empty one matches everything. Of all rules that match, in order, the
// first that says something about a thing decides that thing.
type Rule struct {
	Name       string
	Sources    []string // names of sources
	Kinds      []string // kinds of report
	Taxonomies []string // RSIT taxonomies, such as "malicious-code"
	Severity   watch.Severity
	Sectors    []string
	OrgKinds   []string // kinds of organisation
	Org        int64    // one organisation, 0 any

	Tell   string        // "" says nothing, "yes", "no"
	Repeat int           // days until it is told again while it lasts; 0 never, -1 says nothing
	Pace   time.Duration // least time between two mails to one organisation; -1 says nothing
	Format Format        // "" says nothing
}

// Rules is a rule set in its order.
type Rules struct {
	Version   int64
	ChangedAt time.Time
	ChangedBy string
	Reason    string
	List      []Rule
}

// Outcome is what the rules say about one finding of one organisation.
type Outcome struct {
	Tell   bool
	Repeat time.Duration // 0 never
	Pace   time.Duration
	Format Format
}

// subject is what a rule looks at.
type subject struct {
	source   string
	kind     string
	taxonomy string
	severity watch.Severity
	org      constituency.OrgInfo
}

// outcome says what the rules say about a subject. Where they say nothing, it is told
// once, as text, at once.
func (rs Rules) outcome(s subject) Outcome {
	o := Outcome{Tell: true, Format: AsText}
	var told, repeat, pace, format bool
	for i := range rs.List {
		r := &rs.List[i]
		if !r.matches(s) {
			continue
		}
		if !told && r.Tell != "" {
			o.Tell, told = r.Tell == "yes", true
		}
		if !repeat && r.Repeat >= 0 {
			o.Repeat, repeat = time.Duration(r.Repeat)*24*time.Hour, true
		}
		if !pace && r.Pace >= 0 {
			o.Pace, pace = r.Pace, true
		}
		if !format && r.Format != "" {
			o.Format, format = r.Format, true
		}
	}
	return o
}

func (r *Rule) matches(s subject) bool {
	return among(r.Sources, s.source) && among(r.Kinds, s.kind) && among(r.Taxonomies, s.taxonomy) &&
		s.severity >= r.Severity && among(r.OrgKinds, string(s.org.Kind)) && (r.Org == 0 || r.Org == s.org.ID) &&
		amongAny(r.Sectors, s.org.Sectors)
}

func among(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

func amongAny(list, have []string) bool {
	return len(list) == 0 || slices.ContainsFunc(have, func(s string) bool { return slices.Contains(list, s) })
}

// longest is how far back a telling may still count.
func (rs Rules) longest() (d time.Duration) {
	for _, r := range rs.List {
		if r.Repeat == 0 {
			return lookBack
		}
		d = max(d, time.Duration(max(r.Repeat, 0))*24*time.Hour)
	}
	return d
}

// Validate says what is wrong with a rule set, rule by rule.
func (rs Rules) Validate() error {
	var bad []fault.Error
	if len(rs.List) > 500 {
		return fault.OnField("rules", "warn.rule.many", nil)
	}
	for i, r := range rs.List {
		field := func(name string) string { return fmt.Sprintf("rules[%d].%s", i, name) }
		if err := guard.CheckName(field("name"), r.Name); err != nil {
			bad = append(bad, *fault.Of(err))
		}
		if !slices.Contains([]string{"", "yes", "no"}, r.Tell) {
			bad = append(bad, *fault.OnField(field("tell"), "warn.rule.tell", nil))
		}
		if !slices.Contains([]Format{"", AsText, AsBulk}, r.Format) {
			bad = append(bad, *fault.OnField(field("format"), "warn.rule.format", nil))
		}
		if r.Repeat < -1 || r.Repeat > 366 {
			bad = append(bad, *fault.OnField(field("repeat"), "warn.rule.repeat", nil))
		}
		if r.Pace < -1 || r.Pace > 31*24*time.Hour {
			bad = append(bad, *fault.OnField(field("pace"), "warn.rule.pace", nil))
		}
		for _, list := range [][]string{r.Sources, r.Kinds, r.Taxonomies, r.Sectors, r.OrgKinds} {
			if slices.ContainsFunc(list, func(s string) bool { return s == "" || len(s) > 100 || strings.ContainsAny(s, " \t\n\x00") }) {
				bad = append(bad, *fault.OnField(field("name"), "warn.rule.words", nil))
			}
		}
	}
	return fault.Join("warn.rule.invalid", bad)
}

const ruleColumns = `name, source, kinds, taxonomies, severity, sectors, org_kinds, org_id, tell, repeat_days, pace, format`

func scanRule(row sqldb.Row) (r Rule, err error) {
	var sources, kinds, taxonomies, severity, sectors, orgs string
	var repeat, pace int64
	err = row.Scan(&r.Name, &sources, &kinds, &taxonomies, &severity, &sectors, &orgs, &r.Org, &r.Tell, &repeat, &pace, &r.Format)
	if err != nil {
		return r, err
	}
	r.Sources, r.Kinds, r.Taxonomies = strings.Fields(sources), strings.Fields(kinds), strings.Fields(taxonomies)
	r.Sectors, r.OrgKinds = strings.Fields(sectors), strings.Fields(orgs)
	r.Repeat, r.Pace = int(repeat), time.Duration(pace)*time.Minute
	if pace < 0 {
		r.Pace = -1
	}
	if severity != "" {
		r.Severity, err = watch.ParseSeverity(severity)
	}
	return r, err
}

// RulesNow returns the rules that hold.
func (w *Warn) RulesNow(ctx context.Context, r sqldb.Reader) (rs Rules, err error) {
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var at int64
		if err := row.Scan(&rs.Version, &at, &rs.ChangedBy, &rs.Reason); err != nil {
			return err
		}
		rs.ChangedAt = clock.FromMicros(at)
		return nil
	}, `select version, changed_at, changed_by, reason from warn_rules_version where id = 1`)
	if err != nil {
		return rs, fmt.Errorf("read rules: %w", err)
	}
	rs.List, err = sqldb.All(ctx, r, scanRule, `select `+ruleColumns+` from warn_rule order by position`)
	return rs, err
}

// SetRules puts a rule set in the place of the one with this version. What was told
// stays told; the new rules hold from the next delivery on.
func (w *Warn) SetRules(ctx context.Context, actor act.Actor, rs Rules) error {
	if err := rs.Validate(); err != nil {
		return err
	}
	if err := checkReason("reason", rs.Reason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.change_rules", Subject: "rules", Reason: rs.Reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update warn_rules_version set version = version + 1, changed_at = $1, changed_by = $2,
			reason = $3 where id = 1 and version = $4`, clock.Micros(tx.Now()), actor.ID, rs.Reason, rs.Version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return orConflict(err, "warn.rule.changed")
		}
		if _, err := tx.ExecContext(ctx, `delete from warn_rule`); err != nil {
			return err
		}
		for i, r := range rs.List {
			if err := insertRule(ctx, tx, i+1, r); err != nil {
				return err
			}
		}
		tx.Detail(rs.List)
		return nil
	})
}

func orConflict(err error, key string) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, key, nil)
}

func insertRule(ctx context.Context, tx *act.Tx, position int, r Rule) error {
	words := func(l []string) string { return strings.Join(l, " ") }
	severity, pace := "", int64(-1)
	if r.Severity > watch.NoSeverity {
		severity = r.Severity.String()
	}
	if r.Pace >= 0 {
		pace = int64(r.Pace / time.Minute)
	}
	_, err := tx.ExecContext(ctx, `insert into warn_rule (id, position, `+ruleColumns+`)
		values ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, position, r.Name, words(r.Sources),
		words(r.Kinds), words(r.Taxonomies), severity, words(r.Sectors), words(r.OrgKinds), r.Org, r.Tell, r.Repeat, pace,
		string(r.Format))
	return err
}

// Interval says whether findings of a class are told to an organisation, and how
// often: what other programs ask before they write themselves.
func (w *Warn) Interval(ctx context.Context, org int64, source, kind, taxonomy string) (tell bool, every time.Duration, err error) {
	rs, err := w.RulesNow(ctx, w.read)
	if err != nil {
		return false, 0, err
	}
	info, _ := w.Constituency.Index().Org(org)
	o := rs.outcome(subject{source: source, kind: kind, taxonomy: taxonomy, severity: watch.Critical, org: info})
	return o.Tell, o.Repeat, nil
}

// Difference is what a rule set would change for one sort of open findings of one
// organisation.
type Difference struct {
	Org      int64
	Source   string
	Kind     string
	Taxonomy string
	Severity watch.Severity
	Findings int64
	Now      Outcome
	Then     Outcome
}

// DryRun weighs every open finding of a live source under the rules that hold and
// under others, and lists where they differ. Nothing changes and nothing leaves.
func (w *Warn) DryRun(ctx context.Context, r sqldb.Reader, then Rules) (out []Difference, weighed int64, err error) {
	if err := then.Validate(); err != nil {
		return nil, 0, err
	}
	now, err := w.RulesNow(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	sources, err := w.sourceNames(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	groups, err := w.Watch.OpenGroups(ctx, r)
	if err != nil {
		return nil, 0, fmt.Errorf("count open findings: %w", err)
	}
	for _, g := range groups {
		info, known := w.Constituency.Index().Org(g.Org)
		if !known {
			continue
		}
		weighed += g.Findings
		stream, _ := w.Watch.StreamOf(g.Stream)
		s := subject{source: sources[stream.Source], kind: stream.Kind, taxonomy: g.Class.Taxonomy, severity: g.Severity, org: info}
		d := Difference{
			Org: g.Org, Source: s.source, Kind: s.kind, Taxonomy: s.taxonomy, Severity: g.Severity,
			Findings: g.Findings, Now: now.outcome(s), Then: then.outcome(s),
		}
		if d.Now != d.Then {
			out = append(out, d)
		}
	}
	return out, weighed, nil
}

func (w *Warn) sourceNames(ctx context.Context, r sqldb.Reader) (map[int64]string, error) {
	list, err := w.Watch.Sources(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	names := make(map[int64]string, len(list))
	for _, s := range list {
		names[s.ID] = s.Name
	}
	return names, nil
}
