package regime

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Limits of a regime file.
const (
	maxFile   = 256 << 10 // bytes
	maxLine   = 2000      // bytes
	maxDepth  = 16        // of brackets, and of dotted keys
	maxStages = 100
	maxFields = 200  // of a regime
	maxParts  = 20   // caps, variants of a stage; languages of a text; days of a week
	maxChoice = 100  // choices of a field, criteria
	maxText   = 2000 // bytes of one text
)

// file is the shape of a regime file. Every key is documented at Parse.
type file struct {
	ID           string
	Title        Text
	Version      string
	InForce      string `toml:"in_force"`
	Jurisdiction string
	Law          string
	Citation     string
	Source       string
	Counting     string
	Zone         string
	Weekend      []string
	fileCheck
	Field     []fileField
	Criterion []fileCriterion
	Stage     []fileStage
}

type fileCriterion struct {
	ID       string
	Label    Text
	Citation string
}

type fileCheck struct {
	Verified   bool
	VerifiedBy string `toml:"verified_by"`
	VerifiedOn string `toml:"verified_on"`
}

type fileField struct {
	ID      string
	Label   Text
	Kind    string
	Prefill string
	Choice  []fileChoice
}

type fileChoice struct {
	ID    string
	Label Text
}

type fileStage struct {
	ID         string
	Title      Text
	From       string
	Period     string
	OwedBy     string `toml:"owed_by"`
	OwedTo     string `toml:"owed_to"`
	When       string
	Pause      string
	WorkingDay string `toml:"working_day"`
	Citation   string
	Note       string
	Notes      Text
	fileCheck
	Cap      []fileCap
	Ongoing  *fileCap
	Variant  []fileVariant
	Required []string
	Optional []string
}

type fileCap struct {
	From          string
	Period        string
	Citation      string
	Lapses        bool
	LapseCitation string `toml:"lapse_citation"`
}

type fileVariant struct {
	Entity     string
	Title      Text
	Period     string
	WorkingDay string `toml:"working_day"`
	Citation   string
}

// Parse reads a regime file (TOML, at most 256 KiB):
//
//	id = "atalaya-incident-act"      # lower case, digits, hyphens
//	title = { en = "…", fr = "…" }   # by language; English is needed, here and below
//	version = "2026-11-01"           # of this file, a date
//	in_force = "yes"                 # yes, no or template
//	jurisdiction = "AT"
//	law = "Act 12 of 2026 on incidents"
//	citation = "art. 7"
//	source = "https://law.example/"  # the official text; may be left out
//	counting = "1182/71"             # or "elapsed"
//	zone = "authority"               # whose legal time counts: authority, operator, utc
//	weekend = ["friday", "saturday"] # with "elapsed"; left out: Saturday and Sunday
//	verified = false                 # true needs verified_by and verified_on (a date)
//
//	[[field]]                        # of the reports, in the order of a form
//	id = "summary"
//	label = { en = "Summary" }
//	kind = "paragraph"               # text, paragraph, time, number, yes-no, choice, list
//	prefill = "incident.title"       # may be left out
//
//	[[field.choice]]                 # with kind = "choice"
//	id = "high"
//	label = { en = "High" }
//
//	[[criterion]]                    # by which an incident falls under the regime; may be left out
//	id = "disruption"
//	label = { en = "Is a service severely disrupted?" }
//	citation = "art. 7(1)"
//
//	[[stage]]
//	id = "notification"
//	title = { en = "Incident notification" }
//	from = "awareness"               # an event, or the id of an earlier stage
//	period = "72h"                   # see ParsePeriod; left out: the law sets none
//	owed_by = "operator"             # operator, csirt, authority, data-protection,
//	owed_to = "csirt"                # affected-persons
//	when = "always"                  # or on-request, ongoing, relevant; left out: always
//	pause = "none"                   # or while-clarification; left out: none
//	working_day = "noon"             # none, next-working-day, noon; left out: by the counting
//	citation = "art. 7(2)"
//	note = "…"                       # may be left out; in English
//	notes = { fr = "…" }             # the same in other languages; may be left out
//	verified = false                 # as above
//	required = ["summary"]           # fields of the report
//	optional = []
//
//	[[stage.cap]]                    # a further limit: the earlier end counts
//	from = "detection"
//	period = "96h"
//	citation = "art. 7(3)"
//	lapses = true                    # void when the main anchor comes after its end
//	lapse_citation = "art. 7(4)"
//
//	[stage.ongoing]                  # instead, when the incident was still handled at the end
//	from = "handling-ended"
//	period = "1 month"
//	citation = "art. 7(5)"
//
//	[[stage.variant]]                # what differs for a kind of entity
//	entity = "trust-service-provider"
//	title = { en = "Trust service providers" }
//	period = "24h"                   # one of period and working_day, or both
//	working_day = "noon"
//	citation = "art. 7(6)"
//
// A text stands on one line. Keys that are not listed are refused. The error is a [Problems] with everything
// that is wrong, or the reader's own.
func Parse(r io.Reader) (Regime, error) {
	text, err := readBounded(r, maxFile)
	if err != nil {
		return Regime{}, err
	}
	c := checker{places: places(string(text))}
	if c.bounds(string(text)); len(c.bad) > 0 {
		return Regime{}, c.bad
	}
	var f file
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return Regime{}, Problems{{Line: bad.Position.Line, Key: bad.LastKey, Problem: bad.Message}}
		}
		return Regime{}, Problems{{Problem: strings.TrimPrefix(err.Error(), "toml: ")}}
	}
	for _, key := range meta.Undecoded() {
		c.add(key.String(), "this key is not known; the keys are in the documentation of regime files", "")
	}
	out := c.regime(&f)
	if len(c.bad) > 0 {
		return Regime{}, c.bad
	}
	return out, nil
}

// bounds refuses a text on which the TOML parser would have to dig deep.
func (c *checker) bounds(text string) {
	depth := 0
	for i, line := range strings.Split(text, "\n") {
		refuse := func(problem string) { c.bad = c.bad.add(Problem{Line: i + 1, Problem: problem}) }
		if len(line) > maxLine {
			refuse(fmt.Sprintf("the line is longer than %d bytes", maxLine))
		}
		if strings.Contains(line, `"""`) || strings.Contains(line, "'''") {
			refuse("a text of several lines is not taken; write it in one line")
		}
		code := bare(line)
		if strings.Count(code, ".") > maxDepth {
			refuse(fmt.Sprintf("there are more than %d dots outside of texts", maxDepth))
		}
		if depth = nested(code, depth); depth > maxDepth {
			refuse(fmt.Sprintf("brackets are nested more than %d deep", maxDepth))
			return
		}
	}
}

// nested is how deep brackets are nested after a line, or where that gets too much.
func nested(code string, depth int) int {
	for _, b := range []byte(code) {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > maxDepth {
			return depth
		}
	}
	return depth
}

// bare is a line without its texts and its comment.
func bare(line string) string {
	var b strings.Builder
	quote, escaped := byte(0), false
	for i := range len(line) {
		ch := line[i]
		switch {
		case escaped:
			escaped = false
		case quote == '"' && ch == '\\':
			escaped = true
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '#':
			return b.String()
		case ch == '"' || ch == '\'':
			quote = ch
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

var number = regexp.MustCompile(`\[[0-9]+\]`)

// places finds the line of every key and table, by its path: "stage[2].period". A
// path without numbers, as the TOML parser names it, is the first of its name.
func places(text string) map[string]int {
	at, count, table := map[string]int{}, map[string]int{}, ""
	note := func(path string, line int) {
		for _, p := range []string{path, number.ReplaceAllString(path, "")} {
			if at[p] == 0 {
				at[p] = line
			}
		}
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if len(line) > maxLine {
			continue
		}
		if name, ok := strings.CutPrefix(line, "[["); ok {
			name, _, _ = strings.Cut(name, "]")
			table = numbered(name, count, true)
			note(table, i+1)
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			table = numbered(name, count, false)
			note(table, i+1)
			continue
		}
		if key, _, ok := strings.Cut(line, "="); ok {
			note(joined(table, strings.Trim(strings.TrimSpace(key), `"'`)), i+1)
		}
	}
	return at
}

// numbered turns the name of a table into a path, counting the arrays of tables.
func numbered(name string, count map[string]int, array bool) string {
	path := ""
	parts := strings.Split(strings.TrimSpace(name), ".")
	for i, part := range parts {
		path = joined(path, strings.Trim(strings.TrimSpace(part), `"'`))
		if array && i == len(parts)-1 {
			count[path]++
		}
		if n := count[path]; n > 0 {
			path = fmt.Sprintf("%s[%d]", path, n)
		}
	}
	return path
}

func joined(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// line is the line of a path, or of the nearest thing around it.
func (c *checker) line(path string) int {
	for path != "" {
		if n := c.places[path]; n > 0 {
			return n
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return 0
}

// checker turns the shape of a file into a regime and gathers what is wrong.
type checker struct {
	places map[string]int
	bad    Problems
}

func (c *checker) add(path, problem, example string) {
	c.bad = c.bad.add(Problem{Line: c.line(path), Key: path, Problem: problem, Example: example})
}

// weekday reads the English name of a day.
func weekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.ToLower(d.String()) == name {
			return d, true
		}
	}
	return 0, false
}
