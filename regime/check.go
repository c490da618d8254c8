package regime

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	idForm      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$`)
	prefillForm = regexp.MustCompile(`^[a-z_]{1,40}(\.[a-z_]{1,40}){1,3}$`)
)

// regime checks the whole file.
func (c *checker) regime(f *file) Regime {
	r := Regime{
		ID:           c.id("id", f.ID, "nis2"),
		Title:        c.text("title", f.Title),
		Version:      c.day("version", f.Version),
		InForce:      word(c, "in_force", f.InForce, "", InForceYes, InForceNo, InForceTemplate),
		Jurisdiction: c.sentence("jurisdiction", f.Jurisdiction, true, "EU"),
		Law:          c.sentence("law", f.Law, true, "Directive (EU) 2022/2555"),
		Citation:     c.sentence("citation", f.Citation, true, "art. 23"),
		Source:       c.sentence("source", f.Source, false, ""),
		Counting:     word(c, "counting", f.Counting, "", Regulation1182, Elapsed),
		ZoneOf:       word(c, "zone", f.Zone, "", ZoneOfAuthority, ZoneOfOperator, ZoneUTC),
	}
	if r.Source != "" && !strings.HasPrefix(r.Source, "https://") && !strings.HasPrefix(r.Source, "http://") {
		c.add("source", "is not the address of a page", `source = "http://data.europa.eu/eli/dir/2022/2555/oj"`)
	}
	r.Verified, r.VerifiedBy, r.VerifiedOn = c.verified("", f.fileCheck)
	r.Weekend = c.weekend(f, r.Counting)
	fields := c.fields(f.Field)
	r.Criteria = c.criteria(f.Criterion)
	if len(f.Stage) == 0 {
		c.add("stage", "there is no [[stage]]: a regime has at least one", `[[stage]] id = "notification"`)
	}
	if c.few("stage", len(f.Stage), maxStages) {
		for i := range f.Stage {
			r.Stages = append(r.Stages, c.stage(i, f, fields))
		}
	}
	return r
}

// few bounds a list.
func (c *checker) few(path string, n, most int) bool {
	if n > most {
		c.add(path, fmt.Sprintf("there are %d, at most %d are allowed", n, most), "")
	}
	return n <= most
}

// id checks a name that other parts refer to.
func (c *checker) id(path, value, example string) string {
	switch {
	case value == "":
		c.add(path, "is missing", fmt.Sprintf("id = %q", example))
	case !idForm.MatchString(value):
		c.add(path, quoted(value)+" is not an id: lower-case letters, digits and hyphens, at most 64", fmt.Sprintf("id = %q", example))
	}
	return value
}

// day checks a date.
func (c *checker) day(path, value string) string {
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		c.add(path, quoted(value)+" is not a date", `"2026-11-01"`)
	}
	return value
}

// sentence checks one line of text.
func (c *checker) sentence(path, value string, needed bool, example string) string {
	switch {
	case needed && strings.TrimSpace(value) == "":
		c.add(path, "is missing", fmt.Sprintf("%s = %q", path[strings.LastIndexByte(path, '.')+1:], example))
	case len(value) > maxText:
		c.add(path, fmt.Sprintf("is longer than %d bytes", maxText), "")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		c.add(path, "has a control character; write it as one line of text", "")
	}
	return value
}

// notes checks the note of a stage in other languages than English.
func (c *checker) notes(path string, in *fileStage) Text {
	switch {
	case len(in.Notes) == 0:
		return nil
	case in.Note == "" || in.Notes["en"] != "":
		c.add(path, "has the other languages of a note; the English one is note", `note = "…"`)
		return nil
	}
	all := maps.Clone(in.Notes)
	all["en"] = in.Note
	c.text(path, all)
	return in.Notes
}

// text checks a text by language.
func (c *checker) text(path string, t Text) Text {
	if strings.TrimSpace(t["en"]) == "" {
		c.add(path, "has no English text", path[strings.LastIndexByte(path, '.')+1:]+` = { en = "Notification" }`)
	}
	if !c.few(path, len(t), maxParts) {
		return t
	}
	languages := make([]string, 0, len(t))
	for lang := range t {
		languages = append(languages, lang)
	}
	slices.Sort(languages)
	for _, lang := range languages {
		if !languageTag.MatchString(lang) {
			c.add(path, quoted(lang)+" is not a language", "en, fr, pt-BR")
		}
		if lang != "en" || t[lang] != "" {
			c.sentence(path+"."+lang, t[lang], true, "…")
		}
	}
	return t
}

// word checks that a value is one of a closed list; an empty one is the usual word,
// where there is one.
func word[W ~string](c *checker, path, value string, usual W, known ...W) W {
	if value == "" && usual != "" {
		return usual
	}
	if !slices.Contains(known, W(value)) {
		names := make([]string, len(known))
		for i := range known {
			names[i] = string(known[i])
		}
		problem := quoted(value) + " is not one of " + strings.Join(names, ", ")
		if value == "" {
			problem = "is missing: one of " + strings.Join(names, ", ")
		}
		c.add(path, problem, fmt.Sprintf("%s = %q", path[strings.LastIndexByte(path, '.')+1:], names[0]))
	}
	return W(value)
}

// verified checks that whoever says "verified" says who and when.
func (c *checker) verified(table string, f fileCheck) (ok bool, by, on string) {
	switch {
	case f.Verified:
		c.sentence(joined(table, "verified_by"), f.VerifiedBy, true, "legal adviser of the CSIRT")
		c.day(joined(table, "verified_on"), f.VerifiedOn)
	case f.VerifiedBy != "" || f.VerifiedOn != "":
		c.add(joined(table, "verified"), "is false, but verified_by or verified_on is given", "verified = true")
	}
	return f.Verified, f.VerifiedBy, f.VerifiedOn
}

// weekend reads the days of the week on which nobody works.
func (c *checker) weekend(f *file, counting Counting) (out []time.Weekday) {
	if len(f.Weekend) > 0 && counting == Regulation1182 {
		c.add("weekend", "Regulation 1182/71 says that it is Saturday and Sunday; leave it out", "")
	}
	for _, name := range f.Weekend {
		d, ok := weekday(name)
		if !ok || slices.Contains(out, d) {
			c.add("weekend", quoted(name)+" is no day of the week, or comes twice", `weekend = ["friday", "saturday"]`)
			return nil
		}
		out = append(out, d)
	}
	if len(out) == 7 {
		c.add("weekend", "leaves no working day", `weekend = ["friday", "saturday"]`)
	}
	return out
}

// fields checks the fields of the reports.
func (c *checker) fields(in []fileField) []Field {
	if !c.few("field", len(in), maxFields) {
		return nil
	}
	var out []Field
	for i := range in {
		at := fmt.Sprintf("field[%d]", i+1)
		f := Field{
			ID:      c.id(at+".id", in[i].ID, "summary"),
			Label:   c.text(at+".label", in[i].Label),
			Kind:    word(c, at+".kind", in[i].Kind, "", KindText, KindParagraph, KindTime, KindNumber, KindYesNo, KindChoice, KindList),
			Prefill: in[i].Prefill,
			Choices: c.choices(at, in[i].Choice),
		}
		if slices.ContainsFunc(out, func(other Field) bool { return other.ID == f.ID }) {
			c.add(at+".id", quoted(f.ID)+" is the id of two fields", "")
		}
		if f.Prefill != "" && !prefillForm.MatchString(f.Prefill) {
			c.add(at+".prefill", quoted(f.Prefill)+" is not the name of a value", `prefill = "incident.title"`)
		}
		if (f.Kind == KindChoice) != (len(f.Choices) > 0) {
			c.add(at+".kind", `a field has [[field.choice]] exactly when its kind is "choice"`, `kind = "choice"`)
		}
		out = append(out, f)
	}
	return out
}

// criteria checks what an incident is weighed by.
func (c *checker) criteria(in []fileCriterion) (out []Criterion) {
	if !c.few("criterion", len(in), maxChoice) {
		return nil
	}
	for i := range in {
		at := fmt.Sprintf("criterion[%d]", i+1)
		one := Criterion{
			ID:       c.id(at+".id", in[i].ID, "disruption"),
			Label:    c.text(at+".label", in[i].Label),
			Citation: c.sentence(at+".citation", in[i].Citation, true, "art. 7(1)"),
		}
		if slices.ContainsFunc(out, func(other Criterion) bool { return other.ID == one.ID }) {
			c.add(at+".id", quoted(one.ID)+" is the id of two criteria", "")
		}
		out = append(out, one)
	}
	return out
}

func (c *checker) choices(at string, in []fileChoice) []Choice {
	if !c.few(at+".choice", len(in), maxChoice) {
		return nil
	}
	var out []Choice
	for i := range in {
		at := fmt.Sprintf("%s.choice[%d]", at, i+1)
		choice := Choice{c.id(at+".id", in[i].ID, "high"), c.text(at+".label", in[i].Label)}
		if slices.ContainsFunc(out, func(other Choice) bool { return other.ID == choice.ID }) {
			c.add(at+".id", quoted(choice.ID)+" is the id of two choices", "")
		}
		out = append(out, choice)
	}
	return out
}

// stage checks one stage; number counts from 0.
func (c *checker) stage(number int, f *file, fields []Field) Stage {
	in, at := &f.Stage[number], fmt.Sprintf("stage[%d]", number+1)
	s := Stage{
		ID:       c.id(at+".id", in.ID, "notification"),
		Title:    c.text(at+".title", in.Title),
		From:     c.event(at+".from", in.From, f.Stage[:number]),
		Period:   c.period(at+".period", in.Period, false),
		OwedBy:   word(c, at+".owed_by", in.OwedBy, "", roles()...),
		OwedTo:   word(c, at+".owed_to", in.OwedTo, "", roles()...),
		When:     word(c, at+".when", in.When, Always, Always, OnRequest, Ongoing, Relevant),
		Pause:    word(c, at+".pause", in.Pause, PauseNone, PauseNone, PauseClarification),
		Working:  c.workingDay(at, in.WorkingDay),
		Citation: c.sentence(at+".citation", in.Citation, true, "art. 23(4)(b)"),
		Note:     c.sentence(at+".note", in.Note, false, ""),
		Notes:    c.notes(at+".notes", in),
		Fields:   c.report(at, in, fields),
	}
	s.Verified, s.VerifiedBy, s.VerifiedOn = c.verified(at, in.fileCheck)
	if slices.Contains(events(), Event(s.ID)) {
		c.add(at+".id", quoted(s.ID)+" is the name of an event and cannot be that of a stage", "")
	}
	if slices.ContainsFunc(f.Stage[:number], func(other fileStage) bool { return other.ID == s.ID }) {
		c.add(at+".id", quoted(s.ID)+" is the id of two stages", "")
	}
	c.further(at, in, f.Stage[:number], &s)
	return s
}

// further checks what stands below a stage.
func (c *checker) further(at string, in *fileStage, earlier []fileStage, s *Stage) {
	if s.Period.IsZero() && (len(in.Cap) > 0 || in.Ongoing != nil || len(in.Variant) > 0) {
		c.add(at+".period", "is missing: a stage without a period has no cap, ongoing or variant", `period = "72h"`)
	}
	if c.few(at+".cap", len(in.Cap), maxParts) {
		for i := range in.Cap {
			s.Caps = append(s.Caps, c.cap(fmt.Sprintf("%s.cap[%d]", at, i+1), &in.Cap[i], earlier))
		}
	}
	if in.Ongoing != nil {
		later := c.cap(at+".ongoing", in.Ongoing, earlier)
		if later.Lapses {
			c.add(at+".ongoing.lapses", "belongs to a [[stage.cap]] only", "")
		}
		s.Ongoing = &Later{later.From, later.Period, later.Citation}
	}
	if c.few(at+".variant", len(in.Variant), maxParts) {
		for i := range in.Variant {
			s.Variants = append(s.Variants, c.variant(fmt.Sprintf("%s.variant[%d]", at, i+1), &in.Variant[i], s.Variants))
		}
	}
}

func (c *checker) cap(at string, in *fileCap, earlier []fileStage) Cap {
	if in.Lapses != (in.LapseCitation != "") {
		c.add(at+".lapses", "lapses = true and lapse_citation go together", `lapse_citation = "art. 5(2)"`)
	}
	return Cap{
		From:          c.event(at+".from", in.From, earlier),
		Period:        c.period(at+".period", in.Period, true),
		Citation:      c.sentence(at+".citation", in.Citation, true, "art. 5(1)(a)"),
		Lapses:        in.Lapses,
		LapseCitation: c.sentence(at+".lapse_citation", in.LapseCitation, false, ""),
	}
}

func (c *checker) variant(at string, in *fileVariant, before []Variant) Variant {
	v := Variant{
		Entity:   c.id(at+".entity", in.Entity, "trust-service-provider"),
		Title:    c.text(at+".title", in.Title),
		Period:   c.period(at+".period", in.Period, false),
		Working:  c.workingDay(at, in.WorkingDay),
		Citation: c.sentence(at+".citation", in.Citation, true, "art. 23(4)"),
	}
	if v.Period.IsZero() && v.Working == "" {
		c.add(at, "changes nothing: give a period or a working_day", `period = "24h"`)
	}
	if slices.ContainsFunc(before, func(other Variant) bool { return other.Entity == v.Entity }) {
		c.add(at+".entity", quoted(v.Entity)+" has two variants of this stage", "")
	}
	return v
}

// event checks what a period is counted from.
func (c *checker) event(path, value string, earlier []fileStage) Event {
	isStage := slices.ContainsFunc(earlier, func(s fileStage) bool { return s.ID == value && value != "" })
	if !isStage && !slices.Contains(events(), Event(value)) {
		names := make([]string, 0, len(events()))
		for _, e := range events() {
			names = append(names, string(e))
		}
		c.add(path, fmt.Sprintf("%s is neither an event (%s) nor the id of an earlier stage", quoted(value), strings.Join(names, ", ")), `from = "awareness"`)
	}
	return Event(value)
}

func (c *checker) period(path, value string, needed bool) Period {
	if value == "" && !needed {
		return Period{}
	}
	p, err := ParsePeriod(value)
	if err != nil {
		c.add(path, err.Error(), `period = "72h"`)
	}
	return p
}

func (c *checker) workingDay(at, value string) WorkingDay {
	if value == "" {
		return ""
	}
	return word(c, at+".working_day", value, "", WorkingDayNone, WorkingDayNext, WorkingDayNoon)
}

// report puts the fields of a stage's report in the order of the form.
func (c *checker) report(at string, in *fileStage, fields []Field) []Field {
	required, known := map[string]bool{}, map[string]bool{}
	for _, f := range fields {
		known[f.ID] = true
	}
	for _, list := range []struct {
		name string
		ids  []string
	}{{".required", in.Required}, {".optional", in.Optional}} {
		for _, id := range list.ids {
			if _, twice := required[id]; twice {
				c.add(at+list.name, quoted(id)+" is listed twice", "")
			}
			if !known[id] {
				c.add(at+list.name, quoted(id)+" is not the id of a [[field]]", "")
			}
			required[id] = list.name == ".required"
		}
	}
	var out []Field
	for _, f := range fields {
		if need, ok := required[f.ID]; ok {
			f.Required = need
			out = append(out, f)
		}
	}
	return out
}

func roles() []Role { return []Role{Operator, CSIRT, Authority, DataProtection, AffectedPersons} }
