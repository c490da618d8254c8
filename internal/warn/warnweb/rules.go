package warnweb

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
)

// rulesPage is the dot of the rules' page: rows to edit, or a list to read.
type rulesPage struct {
	Last     string
	Editable bool
	Version  int64
	Rows     []ruleRow
	Empty    web.Empty
	Reason   web.Field
	Trial    *trial
	Shown    web.List
}

// ruleRow is one rule of the form.
type ruleRow struct {
	N      int
	Name   string
	Fields []web.Field
	Moves  []web.Option // up, down, remove; Hint is the icon
}

// trial is what the rules of the form would change.
type trial struct {
	Summary string
	List    web.List
}

// rules shows the rules in their order; who may change them edits them as rows.
func (p *Pages) rules(w http.ResponseWriter, r *http.Request) error {
	rs, err := p.warn.RulesNow(r.Context(), p.warn.Acts.Reader())
	if err != nil {
		return err
	}
	return p.showRules(w, r, http.StatusOK, rs, nil, nil)
}

func (p *Pages) showRules(w http.ResponseWriter, r *http.Request, status int, rs warn.Rules, t *trial, problem error) error {
	now, err := p.warn.RulesNow(r.Context(), p.warn.Acts.Reader())
	if err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "warn.rules"), Room: "warn", Lead: web.Say(r, "warn.rules.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "warn.notices"), URL: "/warn/notices"}},
	}
	data := rulesPage{
		Editable: can(r, changeRules), Version: rs.Version, Trial: t,
		Empty:  web.Empty{Title: web.Say(r, "warn.rules.none"), Why: web.Say(r, "warn.rules.none.why")},
		Reason: web.Field{Name: "reason", Type: "text", Label: web.Say(r, "warn.rules.reason"), Why: web.Say(r, "warn.rules.reason.why"), Value: r.PostForm.Get("reason"), Autocomplete: "off"},
	}
	if !now.ChangedAt.IsZero() && now.ChangedBy != "" {
		data.Last = web.Say(r, "warn.rules.last", "Time", web.PrinterOf(r.Context()).Time(now.ChangedAt), "Name", p.who(r, now.ChangedBy), "Reason", now.Reason, "Version", now.Version)
	}
	if !data.Editable {
		data.Shown = p.rulesList(r, rs)
	}
	for i := range rs.List {
		data.Rows = append(data.Rows, p.ruleRow(r, i, len(rs.List), &rs.List[i]))
	}
	if problem != nil {
		fail(r, &page, problem)
		for i := range data.Rows {
			f := web.Form{Fields: data.Rows[i].Fields}
			f.Fail(page.Faults)
		}
		f := web.Form{Fields: []web.Field{data.Reason}}
		f.Fail(page.Faults)
		data.Reason = f.Fields[0]
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/rules", page)
}

func ruleField(i int, name string) string { return fmt.Sprintf("rules[%d].%s", i, name) }

func (p *Pages) ruleRow(r *http.Request, i, count int, one *warn.Rule) ruleRow {
	text := func(name, value, example string) web.Field {
		return web.Field{Name: ruleField(i, name), Type: "text", Label: web.Say(r, "warn.rule.field."+name), Value: value, Example: example, Autocomplete: "off"}
	}
	list := func(name string, words []string, example string) web.Field {
		return text(name, strings.Join(words, " "), example)
	}
	choose := func(name, now string, options ...string) web.Field {
		f := web.Field{Name: ruleField(i, name), Type: "select", Label: web.Say(r, "warn.rule.field."+name), Options: []web.Option{{Label: web.Say(r, "warn.rule.silent"), Selected: now == ""}}}
		for _, o := range options {
			f.Options = append(f.Options, web.Option{Value: o, Label: web.Say(r, "warn.rule."+name+"."+o), Selected: o == now})
		}
		return f
	}
	severity := web.Field{Name: ruleField(i, "severity"), Type: "select", Label: web.Say(r, "warn.rule.field.severity"), Options: []web.Option{{Label: web.Say(r, "warn.any")}}}
	for _, s := range watch.Severities() {
		if s != watch.NoSeverity {
			severity.Options = append(severity.Options, web.Option{Value: s.String(), Label: web.Say(r, "warn.severity."+s.String()), Selected: s == one.Severity})
		}
	}
	days, pace := "", ""
	if one.Repeat >= 0 {
		days = strconv.Itoa(one.Repeat)
	}
	if one.Pace >= 0 {
		pace = strconv.Itoa(int(one.Pace / time.Minute))
	}
	org := ""
	if one.Org != 0 {
		org = p.orgName(one.Org)
	}
	row := ruleRow{N: i + 1, Name: one.Name, Fields: []web.Field{
		text("name", one.Name, ""), list("sources", one.Sources, ""), list("kinds", one.Kinds, ""), list("taxonomies", one.Taxonomies, ""), severity,
		list("sectors", one.Sectors, ""), list("org_kinds", one.OrgKinds, ""), text("organisation", org, ""),
		choose("tell", one.Tell, "yes", "no"), text("repeat", days, ""), text("pace", pace, ""), choose("format", string(one.Format), "text", "bulk"),
	}}
	move := func(verb, icon string) {
		row.Moves = append(row.Moves, web.Option{Value: verb + ":" + strconv.Itoa(i), Label: web.Say(r, "warn.rules."+verb, "N", i+1), Hint: icon})
	}
	if i > 0 {
		move("up", "up")
	}
	if i < count-1 {
		move("down", "down")
	}
	move("remove", "trash")
	return row
}

// silentNumber reads a number that may be left out: -1 then, -2 for what is none.
func silentNumber(s string) int {
	s = strings.TrimSpace(s)
	if s == "" {
		return -1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return -2
	}
	return n
}

// readRules reads the posted rows; faults of what cannot be read come besides.
func (p *Pages) readRules(r *http.Request) (rs warn.Rules, err error) {
	f := r.PostForm
	rs.Version, rs.Reason = positive(f.Get("version")), f.Get("reason")
	var bad []fault.Error
	for i := range int(min(positive(f.Get("rows")), 500)) {
		get := func(name string) string { return strings.TrimSpace(f.Get(ruleField(i, name))) }
		list := func(name string) []string { return strings.Fields(get(name)) }
		one := warn.Rule{
			Name: get("name"), Sources: list("sources"), Kinds: list("kinds"), Taxonomies: list("taxonomies"), Sectors: list("sectors"),
			OrgKinds: list("org_kinds"), Tell: get("tell"), Repeat: silentNumber(get("repeat")), Format: warn.Format(get("format")), Pace: -1,
		}
		if n := silentNumber(get("pace")); n != -1 {
			one.Pace = time.Duration(n) * time.Minute
		}
		if s := get("severity"); s != "" {
			if one.Severity, err = watch.ParseSeverity(s); err != nil {
				bad = append(bad, *fault.OnField(ruleField(i, "severity"), "warn.warning.severity", nil))
			}
		}
		if name := get("organisation"); name != "" {
			o, ok, err := p.warn.Guard.OrganisationNamed(r.Context(), p.warn.Acts.Reader(), name)
			if err != nil {
				return rs, err
			}
			if !ok {
				bad = append(bad, *fault.OnField(ruleField(i, "organisation"), "warn.warning.no_such_org", fault.Args{"Name": fault.Clip(name)}))
			}
			one.Org = o.ID
		}
		rs.List = append(rs.List, one)
	}
	return rs, fault.Join("warn.rule.invalid", bad)
}

// changeRules does what the pressed button says: moves, adds and takes away rows in
// the form alone; tries the rules; or puts them in force.
func (p *Pages) changeRules(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	rs, problem := p.readRules(r)
	if problem != nil && fault.CodeOf(problem) != fault.Invalid {
		return problem
	}
	verb, at, _ := strings.Cut(r.PostForm.Get("do"), ":")
	if i, err := strconv.Atoi(at); err == nil && i >= 0 && i < len(rs.List) {
		return p.showRules(w, r, http.StatusOK, moveRule(rs, verb, i), nil, nil)
	}
	switch {
	case verb == "add":
		rs.List = append(rs.List, warn.Rule{Repeat: -1, Pace: -1})
		return p.showRules(w, r, http.StatusOK, rs, nil, nil)
	case problem != nil:
		return p.showRules(w, r, statusOf(problem), rs, nil, problem)
	case verb == "save":
		err := p.warn.SetRules(r.Context(), actor(r), rs)
		if correctable(err) {
			return p.showRules(w, r, statusOf(err), rs, nil, err)
		}
		if err != nil {
			return err
		}
		p.site.Redirect(w, r, "/warn/rules", web.Flash{Key: "warn.rules.saved"})
		return nil
	}
	t, err := p.tryRules(r, rs)
	if correctable(err) {
		return p.showRules(w, r, statusOf(err), rs, nil, err)
	}
	if err != nil {
		return err
	}
	return p.showRules(w, r, http.StatusOK, rs, t, nil)
}

// moveRule changes the order of rows, or takes one away.
func moveRule(rs warn.Rules, verb string, i int) warn.Rules {
	switch {
	case verb == "up" && i > 0:
		rs.List[i-1], rs.List[i] = rs.List[i], rs.List[i-1]
	case verb == "down" && i < len(rs.List)-1:
		rs.List[i+1], rs.List[i] = rs.List[i], rs.List[i+1]
	case verb == "remove":
		rs.List = slices.Delete(rs.List, i, i+1)
	}
	return rs
}

// maxShown is how many differences one page shows; the summary counts all.
const maxShown = 500

func (p *Pages) tryRules(r *http.Request, rs warn.Rules) (*trial, error) {
	diffs, weighed, err := p.warn.DryRun(r.Context(), p.warn.Acts.Reader(), rs)
	if err != nil {
		return nil, err
	}
	var findings int64
	orgs := map[int64]bool{}
	for _, d := range diffs {
		findings += d.Findings
		orgs[d.Org] = true
	}
	t := &trial{Summary: web.Say(r, "warn.rules.trial.none", "Weighed", weighed)}
	if len(diffs) > 0 {
		t.Summary = web.Say(r, "warn.rules.trial.some", "Count", findings, "Orgs", len(orgs), "Weighed", weighed)
	}
	t.List = web.List{
		ID: "differences", Caption: web.Say(r, "warn.rules.differences"), Total: web.Total{N: int64(len(diffs))},
		Columns: web.Columns(r, "warn.column.organisation", "warn.rule.field.kinds", "warn.column.severity", "warn.column.findings", "warn.column.now", "warn.column.then"),
	}
	t.List.Columns[3].Num = true
	for _, d := range diffs[:min(len(diffs), maxShown)] {
		t.List.Rows = append(t.List.Rows, web.Row{Cells: []web.Cell{
			p.orgCell(d.Org), {Text: d.Kind, Sub: joinWords([]string{d.Source, d.Taxonomy})}, web.Text(web.Say(r, "warn.severity."+d.Severity.String())),
			web.Number(d.Findings, ""), web.Text(outcomeWords(r, d.Now)), web.Text(outcomeWords(r, d.Then)),
		}})
	}
	return t, nil
}

// outcomeWords says what rules say about a finding.
func outcomeWords(r *http.Request, o warn.Outcome) string {
	if !o.Tell {
		return web.Say(r, "warn.outcome.not_told")
	}
	words := []string{web.Say(r, "warn.rule.format."+string(o.Format))}
	if o.Repeat > 0 {
		words = append(words, web.Say(r, "warn.outcome.again", "Count", int(o.Repeat/(24*time.Hour))))
	} else {
		words = append(words, web.Say(r, "warn.outcome.once"))
	}
	if o.Pace > 0 {
		words = append(words, web.Say(r, "warn.outcome.pace", "Age", web.PrinterOf(r.Context()).Age(o.Pace)))
	}
	return joinWords(words)
}

// rulesList is the rule set for who only reads it.
func (p *Pages) rulesList(r *http.Request, rs warn.Rules) web.List {
	l := web.List{
		ID: "rules", Caption: web.Say(r, "warn.rules"), Total: web.Total{N: int64(len(rs.List))},
		Columns: web.Columns(r, "warn.rule.field.name", "warn.rules.matches", "warn.rules.says"),
		Empty:   web.Empty{Title: web.Say(r, "warn.rules.none"), Why: web.Say(r, "warn.rules.none.why")},
	}
	for i := range rs.List {
		one := &rs.List[i]
		org, least := "", ""
		if one.Org != 0 {
			org = p.orgName(one.Org)
		}
		if one.Severity > watch.NoSeverity {
			least = "≥ " + web.Say(r, "warn.severity."+one.Severity.String())
		}
		var words []string
		for _, list := range [][]string{one.Sources, one.Kinds, one.Taxonomies, one.Sectors, one.OrgKinds} {
			words = append(words, strings.Join(list, ", "))
		}
		matches := joinWords(append(words, org, least))
		if matches == "" {
			matches = web.Say(r, "warn.rules.all")
		}
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{web.Text(one.Name), web.Text(matches), web.Text(ruleSays(r, one))}})
	}
	return l
}

func ruleSays(r *http.Request, one *warn.Rule) string {
	var words []string
	if one.Tell != "" {
		words = append(words, web.Say(r, "warn.rule.tell."+one.Tell))
	}
	if one.Format != "" {
		words = append(words, web.Say(r, "warn.rule.format."+string(one.Format)))
	}
	switch {
	case one.Repeat > 0:
		words = append(words, web.Say(r, "warn.outcome.again", "Count", one.Repeat))
	case one.Repeat == 0:
		words = append(words, web.Say(r, "warn.outcome.once"))
	}
	if one.Pace > 0 {
		words = append(words, web.Say(r, "warn.outcome.pace", "Age", web.PrinterOf(r.Context()).Age(one.Pace)))
	}
	return joinWords(words)
}
