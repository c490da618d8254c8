// Package mapping turns the rows of a feed into events: it says which column
// becomes which field of the event format, how, and which fields together
// tell one finding from another.
//
// Words: a [Plan] is the compiled form, the same whether it comes from one of
// our mapping files ([Load]) or from another schema (package shadowserver). A
// file's header is bound to a plan ([Plan.Bind]), which gives a [Bound] that
// converts rows and a [Fit] that says how well the two fit. A [Reject] is a row
// that was readable but says something impossible; package rows has the rows
// that cannot even be read. [Scan] puts reader, plan and binding together.
//
// Promises:
//
//   - a file is never refused for its columns: a column that the plan names
//     and the file lacks is lost, a column that the plan does not know goes
//     below "extra." under its own name, both are told by Fit;
//   - losing a column of the key gives a weaker key, which is told too: such a
//     file must not be used as proof that something is gone;
//   - a value that is not of its field's type rejects its row when it is an
//     address, a time or a number, or when the column is required; any other is
//     kept below "extra." under its column's name. Nothing is guessed;
//   - converting a row allocates nothing;
//   - a [Bound] belongs to one goroutine, a Plan may be shared.
//
// Not here: reading lines (package rows), checking values (package idf), and
// what a finding is.
package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"almenara.example/idf"
)

// Format is the format of a feed's files.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	// IDF is JSON lines of events in the event format itself, as IntelMQ writes them
	// (a file's word: such a plan has the format JSONLines, and Plan.IDF).
	IDF Format = "idf"
)

// ClosesBy says what makes a finding of this kind end.
type ClosesBy string

// What closes a finding.
const (
	// Absence: a later full scan does not show it.
	Absence ClosesBy = "absence"
	// Expiry: it has not been seen for Plan.ExpiryDays.
	Expiry ClosesBy = "expiry"
	// Person: somebody says so.
	Person ClosesBy = "person"
)

// Target is where a value goes: a field, or a name below "extra.". The zero
// Target drops the value after checking it.
type Target struct {
	Field idf.Field
	Extra string // the name behind "extra.", when Field is idf.Extra
}

// To is the target with that IDF name. Names below "extra." and names which
// the vocabulary lacks are extra.
func To(name string) Target {
	if f, ok := idf.FieldByName(name); ok && f != idf.Extra {
		return Target{Field: f}
	}
	return Target{Field: idf.Extra, Extra: strings.TrimPrefix(name, "extra.")}
}

// String is the target's IDF name.
func (t Target) String() string {
	if t.Field == idf.Extra {
		return "extra." + t.Extra
	}
	return t.Field.String()
}

// Column is one use of a column. A column may be used several times.
type Column struct {
	Name       string
	Target     Target
	Conversion Conversion
	// Required rejects a row whose value is empty, or not of its type. It
	// never refuses a file that lacks the column.
	Required bool
	// With holds what some conversions need beside the value.
	With With
}

// With is the further input of a conversion.
type With struct {
	// Hosts, Paths and Scheme name columns for [HTTPURL]: the first host that
	// is not empty, the first path column that the file has, and a column that
	// says http or https.
	Hosts, Paths []string
	Scheme       string
	// FirstOf names columns for [FirstOf].
	FirstOf []string
	// Part, Then and Else are for [Contains].
	Part, Then, Else string
}

// Constant is a value which every event of the plan has. It wins over a
// column with the same target.
type Constant struct {
	Target Target
	Value  string
}

// Plan is a compiled mapping. Once checked it must not be changed.
type Plan struct {
	Kind    string // of the findings, such as scan_telnet
	Feed    string // feed.name; may be empty
	Version string // of the mapping or schema

	Format    Format
	Delimiter byte // of CSV; 0 is found out
	// IDF: every column is a field of the event format, or a name below "extra.".
	// A file has only those that its events say, so the others are not lost.
	IDF bool

	Columns   []Column
	Constants []Constant
	Severity  idf.Severity // of events whose row says nothing

	// Key lists the IDF names which together tell one finding from another.
	Key        []string
	FullScan   bool // a file shows everything there is of this kind
	ClosesBy   ClosesBy
	ExpiryDays int // with Expiry: days after the last sight
}

// Check says what is wrong with a plan, nil when nothing is. Every plan that
// Load and package shadowserver give out has passed it.
func (p *Plan) Check() error {
	if p.Kind == "" || len(p.Columns) == 0 {
		return errors.New("a mapping needs a kind and at least one column")
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Name == "" {
			return fmt.Errorf("column %d has no name", i+1)
		}
		if err := c.Conversion.fits(c.Target); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	for _, c := range p.Constants {
		var e idf.Event
		if c.Value == "" || c.Target.Field != idf.Extra && !e.Set(c.Target.Field, []byte(c.Value)) {
			return fmt.Errorf("constant %s cannot be %q (an example: %s)", c.Target, c.Value, c.Target.Field.Example())
		}
	}
	return p.checkKey()
}

func (p *Plan) checkKey() error {
	if len(p.Key) == 0 {
		return errors.New("the key is empty: it needs the names that tell one finding from another, such as source.ip")
	}
	for i, name := range p.Key {
		if !p.fills(To(name)) {
			return fmt.Errorf("the key has %s, which no column and no constant fills", name)
		}
		if slices.Contains(p.Key[:i], name) {
			return fmt.Errorf("the key has %s twice", name)
		}
	}
	switch p.ClosesBy {
	case Absence:
		if !p.FullScan {
			return errors.New("closes_by absence needs full_scan: a file that does not show everything cannot prove absence")
		}
	case Expiry:
		if p.ExpiryDays < 1 {
			return errors.New("closes_by expiry needs expiry_days of 1 or more")
		}
	case Person:
	default:
		return fmt.Errorf("closes_by is %q, not absence, expiry or person", p.ClosesBy)
	}
	return nil
}

// KeepFillable drops the parts of the key that no column and no constant fills and
// reports whether there were any. A schema that is not ours may lose a column
// between two versions: its kind then has a weaker key, and must not be used as
// proof that something is gone.
func (p *Plan) KeepFillable() (weaker bool) {
	key := slices.DeleteFunc(slices.Clone(p.Key), func(name string) bool { return !p.fills(To(name)) })
	weaker = len(key) < len(p.Key)
	p.Key = key
	return weaker
}

// fills reports whether a column or a constant has the target.
func (p *Plan) fills(t Target) bool {
	return slices.ContainsFunc(p.Columns, func(c Column) bool { return c.Target == t }) ||
		slices.ContainsFunc(p.Constants, func(c Constant) bool { return c.Target == t })
}

// Names lists the columns which the plan uses, each once, in its order.
func (p *Plan) Names() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i := range p.Columns {
		add(p.Columns[i].Name)
	}
	return names
}
