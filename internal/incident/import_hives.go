package incident

import (
	"cmp"
	"io"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/iris"
	"almenara.example/thehive"
	"almenara.example/tlp"
)

// theHive translates cases of TheHive.
func (t *translation) theHive(src io.ReaderAt) error {
	all, err := thehive.Open(src)
	if err != nil {
		return err
	}
	t.result.Cases = all.Len()
	for i := range all.Len() {
		c, err := all.Case(i)
		switch {
		case err != nil:
			return err
		case c.Status == "Deleted":
			t.many(c.Line, "deleted", "")
		case !c.Closed:
			t.open(c.Line, t.key(c.Number))
		default:
			if err := t.each(t.hiveCase(&c)); err != nil {
				return err
			}
		}
	}
	return nil
}

// open tells that a case is not over there, and leaves it out.
func (t *translation) open(line int, key string) {
	t.result.Open++
	t.note(line, "open", fault.Args{"Number": key})
}

func (t *translation) hiveCase(c *thehive.Case) *foreignCase {
	opened := c.Started
	if opened.IsZero() {
		opened = c.Created
	}
	f := t.begin(c.Line, c.Number, c.Title, c.TLP, opened, c.Ended)
	if c.Severity >= 1 && c.Severity <= 4 {
		f.head.Severity = []Severity{Low, Medium, High, Critical}[c.Severity-1]
	}
	if outcome := cmp.Or(c.Resolution, c.Status); outcome == "FalsePositive" || outcome == "Duplicated" {
		f.head.State = Abandoned
	}
	f.head.Resolution = oneLine(paragraphs(c.Summary, c.Resolution, c.Status), MaxReason)
	fields := []string{named("tags", strings.Join(c.Tags, ", ")), named("status", c.Status), named("impact", c.Impact), named("assignee", c.Assignee)}
	for _, one := range c.Fields {
		fields = append(fields, named(one.Name, one.Value))
	}
	for _, tag := range c.Tags {
		f.head.Class = cmp.Or(f.head.Class, class(tag))
	}
	t.say(f, foreignEntry{NewEntry: NewEntry{By: c.CreatedBy, Text: paragraphs(c.Description, c.Summary, lines(fields))}})
	t.hiveParts(f, c)
	return f
}

func (t *translation) hiveParts(f *foreignCase, c *thehive.Case) {
	for _, w := range c.Tasks {
		e := foreignEntry{NewEntry: NewEntry{By: w.Assignee, At: w.Started, Text: paragraphs(w.Title, w.Description)}, doneAt: w.Ended}
		t.task(f, e, w.Status)
		for _, l := range w.Logs {
			t.say(f, foreignEntry{NewEntry: NewEntry{By: l.By, At: l.At, Text: paragraphs(w.Title, l.Text)}})
		}
	}
	for _, o := range c.Observables {
		seen := []sighting{{o.Type, o.Data, ""}}
		for _, h := range o.Hashes {
			seen = append(seen, sighting{"hash", h, ""})
		}
		seen[0].about = strings.TrimSpace(strings.Join(append([]string{o.Message}, o.Tags...), " "))
		t.sightings(f, foreignEntry{NewEntry: NewEntry{At: o.At, Marking: o.TLP}}, seen)
	}
	for _, s := range c.Comments {
		t.say(f, foreignEntry{NewEntry: NewEntry{By: s.By, At: s.At, Text: s.Text}})
	}
	for _, p := range c.Pages {
		t.say(f, foreignEntry{NewEntry: NewEntry{At: p.At, Text: paragraphs(p.Title, p.Text)}})
	}
}

// lines joins lines that are not empty.
func lines(all []string) string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, "\n")
}

// iris translates cases of DFIR-IRIS.
func (t *translation) iris(src io.ReaderAt) error {
	all, err := iris.Open(src)
	if err != nil {
		return err
	}
	t.result.Cases = all.Len()
	for i := range all.Len() {
		c, err := all.Case(i)
		if err != nil {
			return err
		}
		if c.Closed.IsZero() {
			t.open(c.Line, t.key(c.ID))
			continue
		}
		if err := t.each(t.irisCase(&c)); err != nil {
			return err
		}
	}
	return nil
}

func (t *translation) irisCase(c *iris.Case) *foreignCase {
	f := t.begin(c.Line, c.ID, c.Name, 0, c.Opened, c.Closed)
	if s := Severity(c.Severity); known("", "", Severities(), s) == nil {
		f.head.Severity = s
	}
	if s := strings.ToLower(strings.ReplaceAll(c.Status, " ", "")); s == "falsepositive" || s == "notapplicable" {
		f.head.State = Abandoned
	}
	f.head.Resolution = cmp.Or(oneLine(c.Status, MaxReason), string(t.origin))
	about := lines([]string{named("customer", c.Customer), named("SOC", c.SOC), named("status", c.Status)})
	t.say(f, foreignEntry{NewEntry: NewEntry{By: c.OpenedBy, Text: paragraphs(c.Description, about)}})
	for _, e := range c.Events {
		more := lines([]string{named("category", e.Category), named("source", e.Source), named("assets", strings.Join(e.Assets, ", "))})
		t.say(f, foreignEntry{NewEntry: NewEntry{By: e.By, At: e.At, Text: paragraphs(e.Title, e.Content, more, e.Raw)}})
	}
	for _, n := range c.Notes {
		t.say(f, foreignEntry{NewEntry: NewEntry{At: n.At, Text: paragraphs(n.Title, n.Content)}})
	}
	for _, w := range c.Tasks {
		e := foreignEntry{NewEntry: NewEntry{By: w.AssignedTo, At: w.Opened, Text: paragraphs(w.Title, w.Description)}, doneAt: w.Closed}
		t.task(f, e, w.Status)
	}
	t.irisThings(f, c)
	return f
}

// irisThings are what was seen, what it was seen on, and files that are held elsewhere.
func (t *translation) irisThings(f *foreignCase, c *iris.Case) {
	for _, o := range c.IOCs {
		about := strings.TrimSpace(o.Description + " " + o.Tags)
		kinds, values := strings.Split(o.Type, "|"), strings.Split(o.Value, "|")
		if len(kinds) != len(values) { // "filename|md5" is two things in one
			kinds, values = []string{o.Type}, []string{o.Value}
		}
		var seen []sighting
		for i := range kinds {
			seen = append(seen, sighting{kinds[i], values[i], about})
		}
		t.sightings(f, foreignEntry{NewEntry: NewEntry{Marking: irisTLP(o.TLP)}}, seen)
	}
	var assets []string
	for _, a := range c.Assets {
		words := []string{a.Name, a.Type, a.IP, a.Domain, named("compromised", a.Compromised), a.Description, a.Info}
		assets = append(assets, strings.ReplaceAll(lines(words), "\n", " · "))
	}
	t.say(f, foreignEntry{NewEntry: NewEntry{Text: lines(assets)}})
	for _, e := range c.Evidences {
		t.many(f.line, "evidence", "")
		t.sightings(f, foreignEntry{NewEntry: NewEntry{By: e.By, At: e.At}}, []sighting{{"filename", e.Name, ""}, {"hash", e.Hash, ""}})
	}
}

// irisTLP is a colour of IRIS as a marking; none is left to the incident's.
func irisTLP(word string) tlp.Marking {
	if word == "" {
		return 0
	}
	m, _ := tlp.Parse("TLP:" + word) // what is no colour is RED
	return m
}
