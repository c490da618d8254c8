package warnweb

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// composePage is the dot of the form in which a warning is written.
type composePage struct {
	Action, Cancel string
	Hidden         []web.Hidden
	Head           []web.Field
	Languages      []languagePart
	More           web.Field
	Whom           []web.Field
	Checks         []checks // sectors and kinds of organisation
	Fewer          []web.Field
	Tags           string // the languages that the form has, blank-separated
}

// languagePart are the fields of one language.
type languagePart struct {
	Lang, Language string
	Open           bool
	Fields         []web.Field
}

// checks are boxes of one question.
type checks struct {
	web.Field
	Chosen int
}

// spoken are the languages that a new warning offers first.
func (p *Pages) spoken() []string {
	out := []string{p.warn.Language}
	for _, l := range p.site.Catalogue().Languages() {
		out = append(out, l.Tag)
	}
	out = append(out, "es")
	var some []string
	for _, l := range out {
		if !slices.Contains(some, l) && !strings.Contains(l, "pseudo") && len(some) < 5 {
			some = append(some, l)
		}
	}
	return some
}

// languageName is a language's own name where the installation speaks it.
func languageName(r *http.Request, tag string) string {
	switch tag {
	case "en", "fr", "es":
		return web.Say(r, "warn.language."+tag)
	}
	return tag
}

// asked is a warning as the form has it: what was typed, also where it is wrong.
type asked struct {
	v         warn.Warning
	tags      []string
	orgs      string // names, one a line
	except    string
	untilText string
	more      string
	problem   error // of what could not be read
}

func (p *Pages) newWarning(w http.ResponseWriter, r *http.Request) error {
	a := asked{v: warn.Warning{Severity: warn.SeverityHigh, Marking: tlp.Green, AnswerWithin: 24 * time.Hour}, tags: p.spoken()}
	return p.showCompose(w, r, http.StatusOK, a, nil)
}

func (p *Pages) editWarning(w http.ResponseWriter, r *http.Request) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	if v.State != warn.Composed {
		return fault.New(fault.Conflict, "warn.warning.not_draft", nil)
	}
	return p.showCompose(w, r, http.StatusOK, p.asWritten(r, v), nil)
}

// asWritten is a kept draft as the form shows it.
func (p *Pages) asWritten(r *http.Request, v warn.Warning) asked {
	a := asked{v: v, tags: p.spoken(), untilText: formTime(r, v.Until), orgs: p.names(v.Choice.Orgs), except: p.names(v.Choice.Except)}
	for _, l := range v.Languages() {
		if !slices.Contains(a.tags, l) {
			a.tags = append(a.tags, l)
		}
	}
	return a
}

func (p *Pages) names(orgs []int64) string {
	var out []string
	for _, o := range orgs {
		out = append(out, p.orgName(o))
	}
	return strings.Join(out, "\n")
}

// readCompose reads the posted form.
func readCompose(r *http.Request) (a asked) {
	f := r.PostForm
	a.v = warn.Warning{Severity: warn.Severity(f.Get("severity")), Exercise: f.Get("exercise") != "", Version: positive(f.Get("version")), Texts: map[string]warn.Text{}}
	var bad []fault.Error
	note := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	var err error
	if a.v.Marking, err = tlp.Parse(f.Get("marking")); err != nil {
		a.v.Marking = tlp.Unmarked // Validate says so
	}
	a.untilText, a.more = f.Get("until"), strings.TrimSpace(f.Get("language"))
	a.v.Until, err = timeOf(r, "until")
	note(err)
	if a.v.AnswerWithin, err = time.ParseDuration(f.Get("answer_within")); err != nil {
		note(fault.OnField("answer_within", "warn.warning.answer_within", nil))
	}
	for _, l := range strings.Fields(f.Get("languages")) {
		if slices.Contains(a.tags, l) || len(a.tags) >= 12 {
			continue
		}
		a.tags = append(a.tags, l)
		field := func(name string) string {
			return strings.TrimSpace(strings.ReplaceAll(f.Get("texts."+l+"."+name), "\r\n", "\n"))
		}
		t := warn.Text{Title: field("title"), What: field("what"), Affected: field("affected"), Do: field("do")}
		if t != (warn.Text{}) {
			a.v.Texts[l] = t
		}
	}
	a.orgs, a.except = f.Get("choice.organisations"), f.Get("choice.except")
	a.v.Choice = warn.Choice{
		Everyone: f.Get("choice.everyone") != "", Sectors: f["choice.sectors"], OrgKinds: f["choice.kinds"], Critical: f.Get("choice.critical") != "",
		Region: strings.TrimSpace(f.Get("choice.region")), Service: strings.TrimSpace(f.Get("choice.service")),
		Asset: strings.TrimSpace(f.Get("choice.asset")), Product: strings.TrimSpace(f.Get("choice.product")),
		Findings: strings.Fields(f.Get("choice.findings")), Names: lines(a.orgs), Excepted: lines(a.except),
	}
	if s := f.Get("choice.severity"); s != "" {
		if a.v.Choice.Severity, err = watch.ParseSeverity(s); err != nil {
			note(fault.OnField("choice.severity", "warn.warning.severity", nil))
		}
	}
	a.problem = fault.Join("warn.warning.invalid", bad)
	return a
}

// lines are the lines of a text that hold something.
func lines(s string) (out []string) {
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// saveWarning keeps a new draft, or another version of one.
func (p *Pages) saveWarning(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	a := readCompose(r)
	var was warn.Warning
	if r.PathValue("number") != "" {
		var err error
		if was, err = p.warningNumbered(r); err != nil {
			return err
		}
		a.v.ID, a.v.Exercise = was.ID, was.Exercise
	}
	if r.PostForm.Get("do") == "add" {
		if a.more != "" && !slices.Contains(a.tags, a.more) && !strings.ContainsAny(a.more, " \t") {
			a.tags, a.more = append(a.tags, a.more), ""
		}
		return p.showCompose(w, r, http.StatusOK, a, nil)
	}
	v, err := p.keep(r, a)
	if correctable(err) {
		return p.showCompose(w, r, statusOf(err), a, err)
	}
	if err != nil {
		return err
	}
	u := warningURL(p.warn.WarningNumber(v.ID))
	if r.PostForm.Get("do") != "keep" {
		u += "/list"
	}
	p.site.Redirect(w, r, u, web.Flash{Key: "warn.compose.kept"})
	return nil
}

func (p *Pages) keep(r *http.Request, a asked) (warn.Warning, error) {
	if a.problem != nil {
		return a.v, a.problem
	}
	if _, err := p.warn.Draft(r.Context(), p.warn.Acts.Reader(), a.v); err != nil {
		return a.v, err
	}
	if a.v.ID == 0 {
		return p.warn.Compose(r.Context(), actor(r), a.v)
	}
	return p.warn.Change(r.Context(), actor(r), a.v)
}

func (p *Pages) discard(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	if err := p.warn.Discard(r.Context(), actor(r), v.ID, positive(r.PostForm.Get("version"))); err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/warnings", web.Flash{Key: "warn.discard.done"})
	return nil
}

func (p *Pages) showCompose(w http.ResponseWriter, r *http.Request, status int, a asked, problem error) error {
	page := web.Page{
		Title: web.Say(r, "warn.compose"), Room: "warn", Lead: web.Say(r, "warn.compose.lead"), Exercise: a.v.Exercise && a.v.ID != 0,
		Crumbs: []web.Link{{Label: web.Say(r, "warn.warnings"), URL: "/warn/warnings"}},
	}
	data := composePage{Action: "/warn/warnings", Cancel: "/warn/warnings", Tags: strings.Join(a.tags, " ")}
	if a.v.ID != 0 {
		page.Title, page.Number = web.Say(r, "warn.edit"), p.warn.WarningNumber(a.v.ID)
		page.Crumbs = append(page.Crumbs, p.crumb(&a.v))
		data.Action = warningURL(page.Number)
		data.Cancel, data.Hidden = data.Action, []web.Hidden{{Name: "version", Value: number(a.v.Version)}}
	}
	data.Head = headFields(r, &a)
	for i, l := range a.tags {
		data.Languages = append(data.Languages, languageFields(r, l, a.v.Texts[l], i == 0))
	}
	data.More = web.Field{
		Name: "language", Type: "text", Label: web.Say(r, "warn.compose.more"), Why: web.Say(r, "warn.compose.more.why"), Example: "pt-BR", Value: a.more, Autocomplete: "off",
	}
	p.whomFields(r, &a, &data)
	if problem != nil {
		fail(r, &page, problem)
		data.fail(page.Faults)
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/compose", page)
}

// fail puts faults beside their fields.
func (c *composePage) fail(faults []web.FieldFault) {
	groups := [][]web.Field{c.Head, c.Whom, c.Fewer}
	for i := range c.Languages {
		groups = append(groups, c.Languages[i].Fields)
	}
	for _, g := range groups {
		f := web.Form{Fields: g}
		f.Fail(faults)
	}
	for i := range c.Checks {
		f := web.Form{Fields: []web.Field{c.Checks[i].Field}}
		f.Fail(faults)
		c.Checks[i].Field = f.Fields[0]
	}
	for i := range c.Languages {
		for _, f := range c.Languages[i].Fields {
			c.Languages[i].Open = c.Languages[i].Open || f.Error != ""
		}
	}
}

// headFields ask for what holds in all languages.
func headFields(r *http.Request, a *asked) []web.Field {
	severity := web.Field{Name: "severity", Type: "radio", Label: web.Say(r, "warn.column.severity"), Required: true}
	for _, s := range warn.Severities() {
		severity.Options = append(severity.Options, web.Option{
			Value: string(s), Label: web.Say(r, "warn.warning.severity."+string(s)), Hint: web.Say(r, "warn.severity.hint."+string(s)), Selected: s == a.v.Severity,
		})
	}
	marking := web.Field{Name: "marking", Type: "select", Label: web.Say(r, "warn.fact.marking"), Required: true, Why: web.Say(r, "warn.compose.marking.why")}
	for _, m := range tlp.All() {
		if m != tlp.Red {
			marking.Options = append(marking.Options, web.Option{Value: m.String(), Label: m.String() + " · " + web.Say(r, "warn.marking."+strings.ToLower(strings.TrimPrefix(m.String(), "TLP:"))), Selected: m == a.v.Marking})
		}
	}
	within := web.Field{Name: "answer_within", Type: "select", Label: web.Say(r, "warn.fact.within"), Why: web.Say(r, "warn.compose.within.why")}
	times := []time.Duration{0, 30 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour}
	if !slices.Contains(times, a.v.AnswerWithin) {
		times = append(times, a.v.AnswerWithin)
	}
	for _, d := range times {
		label := web.Say(r, "warn.within.none")
		if d != 0 {
			label = web.PrinterOf(r.Context()).Age(d)
		}
		within.Options = append(within.Options, web.Option{Value: d.String(), Label: label, Selected: d == a.v.AnswerWithin})
	}
	out := []web.Field{severity, marking, {
		Name: "until", Type: "datetime-local", Label: web.Say(r, "warn.fact.until"), Why: web.Say(r, "warn.compose.until.why"), Value: a.untilText,
	}, within}
	if a.v.ID == 0 {
		out = append(out, web.Field{Name: "exercise", Type: "checkbox", Label: web.Say(r, "warn.compose.exercise"), Checked: a.v.Exercise, Why: web.Say(r, "warn.compose.exercise.why")})
	}
	return out
}

func languageFields(r *http.Request, tag string, t warn.Text, first bool) languagePart {
	name := func(s string) string { return "texts." + tag + "." + s }
	// Every label names its language, so that none is the same as another one's.
	label := func(key string) string {
		return web.Say(r, "warn.compose.in", "Label", web.Say(r, key), "Language", languageName(r, tag))
	}
	return languagePart{
		Lang: tag, Language: languageName(r, tag), Open: first || t != (warn.Text{}),
		Fields: []web.Field{
			{Name: name("title"), Type: "text", Label: label("warn.text.title"), Value: t.Title, Autocomplete: "off", Autofocus: first && t.Title == "", Example: web.Say(r, "warn.text.title.example")},
			{Name: name("what"), Type: "textarea", Rows: 5, Label: label("warn.text.what"), Value: t.What},
			{Name: name("affected"), Type: "textarea", Rows: 3, Label: label("warn.text.affected"), Value: t.Affected},
			{Name: name("do"), Type: "textarea", Rows: 5, Label: label("warn.text.do"), Value: t.Do},
		},
	}
}

// whomFields ask whom the warning is for.
func (p *Pages) whomFields(r *http.Request, a *asked, data *composePage) {
	c := &a.v.Choice
	text := func(name, key, value, example string) web.Field {
		return web.Field{Name: "choice." + name, Type: "text", Label: web.Say(r, key), Value: value, Example: example, Autocomplete: "off"}
	}
	data.Whom = []web.Field{
		{Name: "choice.everyone", Type: "checkbox", Label: web.Say(r, "warn.choice.everyone"), Checked: c.Everyone},
		{Name: "choice.critical", Type: "checkbox", Label: web.Say(r, "warn.choice.critical"), Checked: c.Critical},
	}
	sectors := checks{Field: web.Field{Name: "choice.sectors", Label: web.Say(r, "warn.choice.sectors")}, Chosen: len(c.Sectors)}
	for _, s := range constituency.Sectors() {
		sectors.Options = append(sectors.Options, web.Option{Value: s.Code, Label: web.Say(r, s.Key()), Selected: slices.Contains(c.Sectors, s.Code)})
	}
	kinds := checks{Field: web.Field{Name: "choice.kinds", Label: web.Say(r, "warn.choice.kinds")}, Chosen: len(c.OrgKinds)}
	for _, k := range guard.Kinds() {
		kinds.Options = append(kinds.Options, web.Option{Value: string(k), Label: web.Say(r, "constituency.kind."+string(k)), Selected: slices.Contains(c.OrgKinds, string(k))})
	}
	data.Checks = []checks{sectors, kinds}
	least := web.Field{Name: "choice.severity", Type: "select", Label: web.Say(r, "warn.choice.severity"), Options: []web.Option{{Label: web.Say(r, "warn.any")}}}
	for _, s := range watch.Severities() {
		if s != watch.NoSeverity {
			least.Options = append(least.Options, web.Option{Value: s.String(), Label: web.Say(r, "warn.severity."+s.String()), Selected: s == c.Severity})
		}
	}
	orgs, except := a.orgs, a.except
	data.Fewer = []web.Field{
		text("region", "warn.choice.region", c.Region, web.Say(r, "warn.choice.region.example")), text("service", "warn.choice.service", c.Service, web.Say(r, "warn.choice.service.example")),
		text("asset", "warn.choice.asset", c.Asset, "192.0.2.0/24"), text("product", "warn.choice.product", c.Product, "FortiGate"),
		text("findings", "warn.choice.findings", strings.Join(c.Findings, " "), "scan_telnet scan_rdp"), least,
		{Name: "choice.organisations", Type: "textarea", Rows: 3, Label: web.Say(r, "warn.choice.organisations"), Why: web.Say(r, "warn.choice.organisations.why"), Value: orgs},
		{Name: "choice.except", Type: "textarea", Rows: 3, Label: web.Say(r, "warn.choice.except"), Why: web.Say(r, "warn.choice.except.why"), Value: except},
	}
}

// choiceFacts says in words whom a warning is for.
func (p *Pages) choiceFacts(r *http.Request, v *warn.Warning) web.Facts {
	c, f := v.Choice, web.Facts{Title: web.Say(r, "warn.choice")}
	add := func(key, value string) {
		if value != "" {
			f.Items = append(f.Items, web.Fact{Label: web.Say(r, key), Cell: web.Text(value)})
		}
	}
	yes := func(on bool) string {
		if on {
			return web.Say(r, "warn.yes")
		}
		return ""
	}
	words := func(list []string, prefix string) string {
		var out []string
		for _, one := range list {
			out = append(out, web.Say(r, prefix+one))
		}
		return strings.Join(out, ", ")
	}
	add("warn.choice.everyone", yes(c.Everyone))
	add("warn.choice.critical", yes(c.Critical))
	add("warn.choice.sectors", words(c.Sectors, "constituency.sector."))
	add("warn.choice.kinds", words(c.OrgKinds, "constituency.kind."))
	add("warn.choice.region", c.Region)
	add("warn.choice.service", c.Service)
	add("warn.choice.asset", c.Asset)
	add("warn.choice.product", c.Product)
	add("warn.choice.findings", strings.Join(c.Findings, ", "))
	if c.Severity > watch.NoSeverity {
		add("warn.choice.severity", web.Say(r, "warn.severity."+c.Severity.String()))
	}
	add("warn.choice.organisations", strings.ReplaceAll(p.names(c.Orgs), "\n", ", "))
	add("warn.choice.except", strings.ReplaceAll(p.names(c.Except), "\n", ", "))
	if len(f.Items) == 0 {
		add("warn.choice", web.Say(r, "warn.choice.nobody"))
	}
	return f
}
