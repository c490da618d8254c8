package mapping

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"almenara.example/idf"
)

// Limits of a mapping file.
const (
	maxFile    = 1 << 20
	maxColumns = 4096
)

// LoadError says what is wrong with a mapping file, where, and what would do.
type LoadError struct {
	Line    int    // from 1; 0 when it is the file as a whole
	Key     string // the key at fault, such as column[2].field
	Problem string
	Example string // a line that would do; may be empty
}

// Error is one line for a person: place, key, what is wrong, what would do.
func (e *LoadError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	if e.Example != "" {
		b.WriteString(" (an example: " + e.Example + ")")
	}
	return b.String()
}

// file is the shape of a mapping file. Every key is documented at Load.
type file struct {
	Kind       string
	Feed       string
	Version    string
	Format     string
	Delimiter  string
	Severity   string
	Key        []string
	FullScan   bool   `toml:"full_scan"`
	ClosesBy   string `toml:"closes_by"`
	ExpiryDays int    `toml:"expiry_days"`
	Class      struct{ Taxonomy, Type, Identifier string }
	Constants  map[string]string
	Column     []fileColumn
}

type fileColumn struct {
	Name       string
	Field      string
	Conversion string
	Required   bool
	FirstOf    []string `toml:"first_of"`
	Contains   string
	Then       string
	Else       string
	Hosts      []string
	Paths      []string
	Scheme     string
}

// Load reads a mapping file (TOML):
//
//	kind = "scan_telnet_acme"       # of the findings: lower case, digits, _
//	feed = "ACME open telnet"       # feed.name
//	version = "2026-05-01"
//	format = "csv"                  # or "jsonl"; or "idf": events as IntelMQ writes them, without [[column]]
//	delimiter = ";"                 # CSV; found out when left out
//	severity = "medium"             # when the row says nothing
//	key = ["source.ip", "source.port", "protocol.transport"]
//	full_scan = true
//	closes_by = "absence"           # or "expiry", "person"; person when left out
//	expiry_days = 30                # with expiry
//
//	[class]
//	taxonomy = "vulnerable"
//	type = "potentially-unwanted-accessible"
//	identifier = "open-telnet"
//
//	[constants]
//	"protocol.transport" = "tcp"
//
//	[[column]]
//	name = "Address"
//	field = "source.ip"             # or "extra.name"; left out: extra.<name>; "none": checked and dropped
//	conversion = "ip"               # see Conversion; left out: by the field
//	required = true
//
// Keys that are not listed are refused. The error is a *LoadError, or the
// reader's own.
func Load(in io.Reader) (*Plan, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	if len(text) > maxFile {
		return nil, &LoadError{Problem: fmt.Sprintf("the file is larger than %d bytes", maxFile)}
	}
	var f file
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return nil, &LoadError{Line: bad.Position.Line, Key: bad.LastKey, Problem: bad.Message}
		}
		return nil, &LoadError{Problem: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	l := loader{lines: strings.Split(string(text), "\n"), file: &f}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0].String()
		return nil, l.wrong(unknown[0][len(unknown[0])-1], 0, key, "this key is not known", "kind, feed, version, format, key, [class], [constants], [[column]]")
	}
	p, err := l.plan()
	if err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, &LoadError{Problem: err.Error()}
	}
	return p, nil
}

type loader struct {
	lines []string
	file  *file
}

// wrong makes an error for a key; column counts the [[column]] tables from 1,
// 0 is outside of them.
func (l *loader) wrong(key string, column int, full, problem, example string) error {
	return &LoadError{Line: l.find(key, column), Key: full, Problem: problem, Example: example}
}

// find looks for the line of a key: the first that begins with it, in the
// column's table or before.
func (l *loader) find(key string, column int) int {
	table := 0
	place := 0
	for i, line := range l.lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[[") {
			if table++; table == column {
				place = i + 1
			}
		}
		if column > 0 && table != column {
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if found && strings.Trim(strings.TrimSpace(name), `"'`) == key {
			return i + 1
		}
	}
	return place
}

func (l *loader) plan() (*Plan, error) {
	f := l.file
	p := &Plan{Kind: f.Kind, Feed: f.Feed, Version: f.Version, Key: f.Key, FullScan: f.FullScan, ExpiryDays: f.ExpiryDays}
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,99}$`).MatchString(f.Kind) {
		return nil, l.wrong("kind", 0, "kind", "must be lower-case letters, digits and _", `kind = "scan_telnet"`)
	}
	if f.Version == "" {
		return nil, l.wrong("version", 0, "version", "is missing: a mapping needs a version", `version = "2026-05-01"`)
	}
	switch p.Format = Format(f.Format); p.Format {
	case CSV, JSONLines:
	case IDF:
		p.Format, p.IDF = JSONLines, true
	case "":
		p.Format = CSV
	default:
		return nil, l.wrong("format", 0, "format", fmt.Sprintf("%q is not a format", f.Format), `format = "csv", format = "jsonl" or format = "idf"`)
	}
	if len(f.Delimiter) > 1 || strings.ContainsAny(f.Delimiter, "\"\r\n") || f.Delimiter >= "\x80" {
		return nil, l.wrong("delimiter", 0, "delimiter", "must be one ASCII character", `delimiter = ";"`)
	}
	if f.Delimiter != "" {
		p.Delimiter = f.Delimiter[0]
	}
	var ok bool
	if p.Severity, ok = idf.ParseSeverity([]byte(f.Severity)); !ok {
		return nil, l.wrong("severity", 0, "severity", fmt.Sprintf("%q is not a severity", f.Severity), `severity = "medium"`)
	}
	if p.ClosesBy = ClosesBy(f.ClosesBy); p.ClosesBy == "" {
		p.ClosesBy = Person
	}
	if !slices.Contains([]ClosesBy{Absence, Expiry, Person}, p.ClosesBy) {
		return nil, l.wrong("closes_by", 0, "closes_by", fmt.Sprintf("%q is not a way of closing", f.ClosesBy), `closes_by = "absence"`)
	}
	if err := l.constants(p); err != nil {
		return nil, err
	}
	if err := l.columns(p); err != nil {
		return nil, err
	}
	return p, l.key(p)
}

func (l *loader) constants(p *Plan) error {
	class := l.file.Class
	for _, c := range []struct{ key, name, value string }{
		{"taxonomy", "classification.taxonomy", class.Taxonomy},
		{"type", "classification.type", class.Type},
		{"identifier", "classification.identifier", class.Identifier},
	} {
		if c.value != "" {
			if err := l.constant(p, c.key, "class."+c.key, c.name, c.value); err != nil {
				return err
			}
		}
	}
	names := make([]string, 0, len(l.file.Constants))
	for name := range l.file.Constants {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := l.constant(p, name, "constants."+name, name, l.file.Constants[name]); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) constant(p *Plan, key, full, name, value string) error {
	t, err := target(name, "")
	if err != nil {
		return l.wrong(key, 0, full, err.Error(), `"protocol.transport" = "tcp"`)
	}
	var e idf.Event
	if value == "" || t.Field != idf.Extra && !e.Set(t.Field, []byte(value)) {
		return l.wrong(key, 0, full, fmt.Sprintf("%q is not a value of %s", value, t), fmt.Sprintf("%q", t.Field.Example()))
	}
	if p.constant(t) {
		return l.wrong(key, 0, full, t.String()+" is set twice", "")
	}
	p.Constants = append(p.Constants, Constant{t, value})
	return nil
}

// target reads a field's name in a mapping file. The prefix "extra." alone
// and the empty name stand for the column's own name.
func target(name, column string) (Target, error) {
	switch {
	case name == "none":
		return Target{}, nil
	case name == "" || name == "extra.":
		return Target{Field: idf.Extra, Extra: column}, nil
	case strings.HasPrefix(name, "extra."):
		return Target{Field: idf.Extra, Extra: strings.TrimPrefix(name, "extra.")}, nil
	}
	f, ok := idf.FieldByName(name)
	if !ok || f == idf.Extra {
		return Target{}, fmt.Errorf("%q is not a field of the event format", name)
	}
	return Target{Field: f}, nil
}

func (l *loader) columns(p *Plan) error {
	if p.IDF {
		return l.fields(p)
	}
	if len(l.file.Column) == 0 {
		return &LoadError{Problem: "there is no [[column]]", Example: "[[column]] name = \"ip\" field = \"source.ip\""}
	}
	if len(l.file.Column) > maxColumns {
		return &LoadError{Problem: fmt.Sprintf("there are more than %d columns", maxColumns)}
	}
	for i := range l.file.Column {
		c, err := l.column(i+1, &l.file.Column[i])
		if err != nil {
			return err
		}
		if c.Target.Field != idf.FieldNone && p.fills(c.Target) {
			return l.wrong("field", i+1, fmt.Sprintf("column[%d].field", i+1), c.Target.String()+" is filled twice", "")
		}
		p.Columns = append(p.Columns, c)
	}
	return nil
}

// fields makes a column of every field of the event format.
func (l *loader) fields(p *Plan) error {
	if len(l.file.Column) > 0 {
		return l.wrong("name", 1, "column", "a mapping of events in the event format has no columns of its own", `format = "jsonl"`)
	}
	for _, f := range idf.Fields() {
		if t := (Target{Field: f}); f != idf.Extra && !p.constant(t) {
			p.Columns = append(p.Columns, Column{Name: f.String(), Target: t})
		}
	}
	p.Columns = append(p.Columns, Column{Name: "__type"}) // IntelMQ's own word; dropped
	return nil
}

func (l *loader) column(number int, f *fileColumn) (Column, error) {
	at := fmt.Sprintf("column[%d].", number)
	if f.Name == "" {
		return Column{}, l.wrong("name", number, at+"name", "is missing", `name = "ip"`)
	}
	t, err := target(f.Field, f.Name)
	if err != nil {
		return Column{}, l.wrong("field", number, at+"field", err.Error(), `field = "source.ip", or field = "extra.anything"`)
	}
	conv, ok := ConversionByName(f.Conversion)
	if !ok {
		return Column{}, l.wrong("conversion", number, at+"conversion",
			fmt.Sprintf("%q is not a conversion: known are %s", f.Conversion, strings.Join(ConversionNames(), ", ")), `conversion = "int"`)
	}
	if err := conv.fits(t); err != nil {
		return Column{}, l.wrong("conversion", number, at+"conversion", err.Error(), "leave it out")
	}
	c := Column{Name: f.Name, Target: t, Conversion: conv, Required: f.Required, With: With{
		Hosts: f.Hosts, Paths: f.Paths, Scheme: f.Scheme, FirstOf: f.FirstOf, Part: f.Contains, Then: f.Then, Else: f.Else,
	}}
	switch {
	case conv == FirstOf && len(f.FirstOf) == 0:
		return Column{}, l.wrong("conversion", number, at+"first_of", "is missing", `first_of = ["category", "detail"]`)
	case conv == Contains && (f.Contains == "" || f.Then == "" || f.Else == ""):
		return Column{}, l.wrong("conversion", number, at+"contains", "contains, then and else are all needed", `contains = "webshell" then = "a" else = "b"`)
	case conv == HTTPURL && (len(f.Hosts) == 0 || len(f.Paths) == 0):
		return Column{}, l.wrong("conversion", number, at+"hosts", "hosts and paths are needed", `hosts = ["http_host"] paths = ["url"]`)
	}
	return c, nil
}

// key checks the key, or chooses the usual one when the file has none.
func (l *loader) key(p *Plan) error {
	if len(p.Key) == 0 {
		p.Key = p.UsualKey()
	}
	for _, name := range p.Key {
		if _, err := target(name, ""); err != nil || name == "" || name == "none" || name == "extra." {
			return l.wrong("key", 0, "key", fmt.Sprintf("%q is not a field of the event format", name), `key = ["source.ip", "source.port", "protocol.transport"]`)
		}
	}
	if p.ExpiryDays < 0 || p.ExpiryDays > 3660 {
		return l.wrong("expiry_days", 0, "expiry_days", "must be from 1 to 3660", "expiry_days = 30")
	}
	if err := p.checkKey(); err != nil {
		return l.wrong("key", 0, "key", err.Error(), `key = ["source.ip"]`)
	}
	return nil
}

// UsualKey is the key of a kind about which nobody has said more: address,
// port and transport, as far as the plan fills them; else a name, URL, account
// or network; else every column but the time.
func (p *Plan) UsualKey() []string {
	if p.IDF { // of many feeds; a port is often the client's own, and says nothing
		return []string{
			"feed.name", "classification.type", "classification.identifier", "source.ip", "source.fqdn", "source.url", "source.account",
		}
	}
	pick := func(names ...string) (key []string) {
		for _, name := range names {
			if p.fills(To(name)) {
				key = append(key, name)
			}
		}
		return key
	}
	if key := pick("source.ip", "source.port", "protocol.transport"); len(key) > 0 && p.fills(To("source.ip")) {
		return key
	}
	if key := pick("source.fqdn", "source.url", "source.account", "source.network", "source.reverse_dns"); len(key) > 0 {
		return key
	}
	var key []string
	for i := range p.Columns {
		t := p.Columns[i].Target
		if t.Field != idf.FieldNone && t.Field != idf.TimeSource && !slices.Contains(key, t.String()) {
			key = append(key, t.String())
		}
	}
	if len(key) == 0 {
		return pick("time.source")
	}
	return key
}
