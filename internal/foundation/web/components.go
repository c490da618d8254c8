package web

import (
	"net/http"
	"strings"
	"time"
)

// Badge is a state or a weight: a word with a shape and a colour. Tone is one of
// critical, high, medium, low, info, ok, open, muted, exercise; Icon may be left out,
// then the tone's own shape is used.
type Badge struct {
	Tone, Icon, Word string
}

// Shape is the icon that is shown.
func (b Badge) Shape() string {
	if b.Icon != "" {
		return b.Icon
	}
	switch b.Tone {
	case "critical", "high", "medium", "low", "info":
		return "severity-" + b.Tone
	case "ok":
		return "ok"
	case "open":
		return "state-open"
	case "exercise":
		return "exercise"
	}
	return "state-other"
}

// Cell is one value in a list or in facts. One kind is shown, the first that is there
// of Badge, Text, Count, Age, At and Day; a URL makes a link of it, Sub stands below in
// grey.
type Cell struct {
	Text  string
	URL   string
	Sub   string
	Mono  bool // an address, hash or number that people compare letter by letter
	Copy  bool // with a button that copies Text
	Badge *Badge
	Age   time.Time // "3 h" with the exact time on focus
	At    time.Time // date and time in full
	Day   time.Time // date
	Count *int64
}

// Text is a cell with words.
func Text(s string) Cell { return Cell{Text: s} }

// Anchor is a cell with a link.
func Anchor(s, url string) Cell { return Cell{Text: s, URL: url} }

// Code is a cell with something to compare letter by letter.
func Code(s string) Cell { return Cell{Text: s, Mono: true} }

// Ago is a cell with an age.
func Ago(t time.Time) Cell { return Cell{Age: t} }

// Exactly is a cell with date and time in full.
func Exactly(t time.Time) Cell { return Cell{At: t} }

// OnDay is a cell with a date.
func OnDay(t time.Time) Cell { return Cell{Day: t} }

// Number is a cell with a count, which links to what it counts when url is given.
func Number(n int64, url string) Cell { return Cell{Count: &n, URL: url} }

// Marked is a cell with a badge.
func Marked(b Badge) Cell { return Cell{Badge: &b} }

// List is a table of things, one line each. Build URLs with [With].
type List struct {
	ID        string // letters and dashes, unique on the page
	Caption   string // what the list holds, for screen readers and as heading
	Columns   []Column
	Rows      []Row
	Filters   *Filters
	Views     []Link // saved views
	Newer     string // address of the page before, empty at the start
	Older     string // address of the next page, empty at the end
	Total     Total
	Empty     Empty
	Downloads []Action
	Bulk      *Bulk
	Live      bool // looked at again on news for the page's topics
}

// Column is a heading; Sort is the address that sorts by it, Sorted is "ascending",
// "descending" or empty.
type Column struct {
	Label  string
	Num    bool // figures: aligned at the end
	Sort   string
	Sorted string
	Narrow bool // hidden on phones
}

// Columns are headings with these words, as plain as can be.
func Columns(r *http.Request, keys ...string) []Column {
	out := make([]Column, len(keys))
	for i, k := range keys {
		out[i].Label = Say(r, k)
	}
	return out
}

// Row is one thing. URL is where Enter on the row leads (also given by the first
// linked cell); ID is the value of its checkbox when the list has bulk verbs.
type Row struct {
	ID    string
	URL   string
	Tone  string // "", "muted", "critical": a bar at the start of the line
	Name  string // for the checkbox's label
	Cells []Cell
}

// Total is the count of things behind a list. AtLeast makes "more than N" of it.
type Total struct {
	N       int64
	AtLeast bool
	Hide    bool // the total is unknown: nothing is said rather than something wrong
}

// Empty says why a list is empty and what to do.
type Empty struct {
	Title string
	Why   string
	Do    *Action
	Also  *Action // another way to begin
}

// Bulk are verbs on chosen rows. The form posts id=… for each and verb=…; the answer
// should be a preview (Confirm) before anything is done.
type Bulk struct {
	Action string
	Verbs  []Option
}

// Filters is the form above a list. It is a GET form, so that a filter is an address.
type Filters struct {
	Action string
	Keep   []Hidden // values of the address that are no filter (sort order)
	Fields []Field
	Chips  []Chip
	Clear  string // address without any filter
}

// Chip is one active filter with the address that takes it away.
type Chip struct {
	Label, Value, Remove string
}

// Option is one choice.
type Option struct {
	Value, Label string
	Selected     bool
	Hint         string
}

// Field is one question of a form. Type is text, email, url, search, number, date,
// datetime-local, textarea, select, radio, checkbox, file or hidden.
type Field struct {
	Name, Label  string
	Type         string
	Value        string
	Why          string // why we ask, what the law says
	Example      string // an answer that would do, in grey
	Error        string // filled by Form.Fail
	Options      []Option
	Required     bool
	Checked      bool
	Multiple     bool
	Autofocus    bool
	Autocomplete string
	Accept       string
	Rows         int
	Mono         bool
}

// ID is the element's id.
func (f Field) ID() string { return "f-" + slug(f.Name) }

// Describes is the list of ids that explain the field to screen readers.
func (f Field) Describes() string {
	var ids []string
	for _, part := range []struct{ suffix, text string }{{"-error", f.Error}, {"-why", f.Why}, {"-example", f.Example}} {
		if part.text != "" {
			ids = append(ids, f.ID()+part.suffix)
		}
	}
	return strings.Join(ids, " ")
}

// Form is one column of fields.
type Form struct {
	Action   string
	Get      bool
	Files    bool // has a file field
	Fields   []Field
	Hidden   []Hidden
	Submit   string
	Tone     string // "primary" (also when empty) or "danger"
	Cancel   string
	Audience *Audience // "who will see this", shown before the button

	differs []Difference // found by Fill
}

// Difference is a field of which something else stands by now than what was typed.
type Difference struct {
	Label      string
	Now, Typed string
}

// Fail puts faults beside their fields and the fields' labels into the faults, for
// the summary on top; faults without a field of the form stay in the summary alone.
func (f *Form) Fail(faults []FieldFault) {
	for i := range f.Fields {
		for j := range faults {
			if faults[j].Field == f.Fields[i].Name {
				f.Fields[i].Error = faults[j].Text
				faults[j].Label = f.Fields[i].Label
			}
		}
	}
}

// Fill puts what was typed back into the fields. What stood there is remembered, for a
// page that says what somebody else wrote meanwhile (see Page.Refuse).
func (f *Form) Fill(value func(name string) string) {
	f.differs = nil
	for i := range f.Fields {
		field := &f.Fields[i]
		stood := field.reads()
		field.fill(value(field.Name))
		if typed := field.reads(); field.Type != "file" && field.Type != "hidden" && typed != stood {
			f.differs = append(f.differs, Difference{field.Label, stood, typed})
		}
	}
}

func (f *Field) fill(typed string) {
	switch f.Type {
	case "file":
	case "checkbox":
		f.Checked = typed != ""
	case "select", "radio":
		for j := range f.Options {
			f.Options[j].Selected = f.Options[j].Value == typed
		}
	default:
		f.Value = typed
	}
}

// reads is what a field says, in the reader's words.
func (f *Field) reads() string {
	switch f.Type {
	case "checkbox":
		if f.Checked {
			return "✓"
		}
		return ""
	case "select", "radio":
		for _, o := range f.Options {
			if o.Selected {
				return o.Label
			}
		}
		if f.Type == "select" && len(f.Options) > 0 {
			return f.Options[0].Label // as the browser shows it
		}
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(f.Value, "\r\n", "\n"))
}

// Moment is one line of a timeline. A machine's lines and persons' lines look
// different.
type Moment struct {
	At      time.Time
	Machine bool
	Who     string
	What    string
	Detail  string
	URL     string
	Badge   *Badge
	Icon    string
}

// Timeline is the story of a thing, newest first or oldest first as given.
type Timeline struct {
	Title   string
	Moments []Moment
	Empty   Empty
}

// Facts are what is known about a thing, at its side.
type Facts struct {
	Title string
	Items []Fact
}

// Fact is one of them.
type Fact struct {
	Label string
	Cell
}

// Confirm is the page or panel before a change that matters: what will happen, with
// counts, and a reason. Typed is a word to type, only where nothing can undo it.
type Confirm struct {
	Title       string
	Text        string
	Effects     []Effect
	NoEffect    string // said when Effects is empty
	Action      string
	Verb        string // the button's word
	Tone        string // "primary" or "danger"
	Hidden      []Hidden
	Fields      []Field
	NeedReason  bool
	Reason      string // typed before
	ReasonFault string
	Typed       string
	Cancel      string
	Audience    *Audience
}

// Effect is one thing that will happen, with how many it concerns and a link to them.
type Effect struct {
	Count int64
	What  string
	URL   string
	Tone  string
}

// Audience answers "who can see this".
type Audience struct {
	Marking string
	Summary string
	Members []Member
	Note    string
}

// Member is an organisation or person of an audience, and why.
type Member struct {
	Name, Why, URL string
}

// Figure is a number with a link to the list that it counts.
type Figure struct {
	Label   string
	N       int64
	AtLeast bool
	URL     string
	Tone    string
	Icon    string
	Note    string
}

// Heat is a table whose cells link to what they count; weight 0 to 5 colours them.
type Heat struct {
	ID      string
	Caption string
	Corner  string
	Columns []Link
	Rows    []HeatRow
	Note    string
	Empty   Empty
}

// HeatRow is one line of it.
type HeatRow struct {
	Label, URL string
	Cells      []HeatCell
}

// HeatCell is one count.
type HeatCell struct {
	N      int64
	URL    string
	Weight int
}

// Weigh gives each cell a weight from 0 (nothing) to 5 (the largest), by logarithm, so
// that one large cell does not hide the rest.
func (h *Heat) Weigh() {
	var most int64
	for _, r := range h.Rows {
		for _, c := range r.Cells {
			most = max(most, c.N)
		}
	}
	for _, r := range h.Rows {
		for i := range r.Cells {
			r.Cells[i].Weight = weight(r.Cells[i].N, most)
		}
	}
}

func weight(n, most int64) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	w := 5
	for edge := most; n*3 <= edge && w > 1; edge /= 3 {
		w--
	}
	return w
}

// Chart is a picture drawn from the table behind it, on pages with Page.Charts. The
// title says the finding, not the method.
type Chart struct {
	ID     string
	Title  string
	Kind   string // "line" or "bar"
	Units  string
	Source string
	At     time.Time
	Axis   string // heading of the first column
	X      []string
	Series []Series
	Empty  Empty
}

// Series is one line or set of bars, with one value for each X.
type Series struct {
	Name   string
	Tone   string
	Values []int64
}
