package mapping

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"almenara.example/idf"
	"almenara.example/rows"
)

// Fit says how a header fits a plan. Nothing in it refuses a file.
type Fit struct {
	// Found counts the plan's columns which the file has. A file with none is
	// hardly of this kind: its rows hold nothing but extra values.
	Found int
	// Lost are the plan's columns which the file lacks; LostRequired those of
	// them which the plan calls required.
	Lost, LostRequired []string
	// Added are the file's columns which the plan does not know: they are kept
	// below "extra.".
	Added []string
	// Duplicate are names which the header has more than once: the first is
	// used, the others are not.
	Duplicate []string
	// LostKey are the names of the key which nothing fills in this file.
	LostKey []string
}

// Weak reports that the key lacks a part: absence from this file proves
// nothing.
func (f Fit) Weak() bool { return len(f.LostKey) > 0 }

// Bound is a plan bound to one file's header.
type Bound struct {
	plan   *Plan
	ops    []op
	key    []Target
	ipCol  int // of source.ip; -1 when lost
	header int // columns bound

	// Constants with typed places, and the rest ready to be appended.
	class, typ, identifier, transport []byte
	slots                             []slot
	values                            []idf.Value

	// locators is the column that says where an event was: of source.ip, or
	// the first of another place in plans without source.ip. Empty when the
	// file lost it: then rows without a place are accepted.
	locators string
	reject   Reject
	cves     [maxCVEs][]byte
}

type slot struct {
	field idf.Field
	value []byte
}

// op is one conversion to be made per row.
type op struct {
	col      int
	conv     Conversion
	field    idf.Field // after Extra: name is set
	required bool
	always   bool   // also when the column is empty
	name     string // for Extra
	fallback string // the extra name for a text that is not of the field's type
	column   string
	hosts    []int
	path     int
	scheme   int
	first    []int

	part, then, otherwise []byte
}

// Bind fits the plan to a header.
func (p *Plan) Bind(header []string) (*Bound, Fit) {
	b := &Bound{plan: p, ipCol: -1, header: len(header)}
	var fit Fit
	index := make(map[string]int, len(header))
	for i, name := range header {
		if _, ok := index[name]; ok {
			fit.Duplicate = append(fit.Duplicate, name)
			continue
		}
		index[name] = i
	}
	names := p.extraNames()
	b.setConstants()
	used := make(map[string]bool, len(header))
	var done []Column
	hasIP := p.fills(Target{Field: idf.SourceIP})
	for i := range p.Columns {
		c := &p.Columns[i]
		at, ok := index[c.Name]
		used[c.Name] = true
		if !ok {
			if !slices.Contains(fit.Lost, c.Name) && (!p.IDF || c.Required) {
				fit.Lost = append(fit.Lost, c.Name)
			}
			if c.Required && !slices.Contains(fit.LostRequired, c.Name) {
				fit.LostRequired = append(fit.LostRequired, c.Name)
			}
			b.lost(c)
			continue
		}
		if p.constant(c.Target) || slices.ContainsFunc(done, func(d Column) bool { return d.Target == c.Target && d.Name == c.Name }) {
			continue
		}
		if c.Target.Field == idf.SourceIP && b.ipCol < 0 {
			b.ipCol = at
		}
		if b.locators == "" && locates(c.Target.Field) && (!hasIP || c.Target.Field == idf.SourceIP) {
			b.locators = c.Name
		}
		done = append(done, *c)
		b.ops = append(b.ops, newOp(c, at, index, names))
	}
	for i, name := range header {
		if used[name] || index[name] != i {
			continue
		}
		extra := name
		if p.IDF {
			extra = strings.TrimPrefix(name, "extra.")
		}
		if extra == name {
			fit.Added = append(fit.Added, name)
		}
		b.ops = append(b.ops, op{col: i, field: idf.Extra, name: names.unique(extra, i), column: name})
	}
	fit.Found = len(p.Names()) - len(fit.Lost)
	for _, name := range p.Key {
		t := To(name)
		b.key = append(b.key, t)
		if !p.constant(t) && !slices.ContainsFunc(done, func(c Column) bool { return c.Target == t }) {
			fit.LostKey = append(fit.LostKey, name)
		}
	}
	return b, fit
}

// locates reports that a field says where, or at whose place, an event was.
func locates(f idf.Field) bool {
	switch f {
	case idf.SourceIP, idf.SourceNetwork, idf.SourceFQDN, idf.SourceURL, idf.SourceAccount, idf.SourceReverseDNS, idf.SourceASN:
		return true
	}
	return false
}

// constant reports whether a constant has the target.
func (p *Plan) constant(t Target) bool {
	return slices.ContainsFunc(p.Constants, func(c Constant) bool { return c.Target == t })
}

// lost does what can be done for a column that the file lacks.
func (b *Bound) lost(c *Column) {
	if c.Conversion == Contains && !b.plan.constant(c.Target) {
		b.addConstant(Constant{c.Target, c.With.Else})
	}
}

func (b *Bound) setConstants() {
	if b.plan.Feed != "" && !b.plan.constant(Target{Field: idf.FeedName}) {
		b.addConstant(Constant{Target{Field: idf.FeedName}, b.plan.Feed})
	}
	for _, c := range b.plan.Constants {
		b.addConstant(c)
	}
}

// addConstant keeps a constant in the form in which events hold it.
func (b *Bound) addConstant(c Constant) {
	if c.Target.Field == idf.Extra {
		b.values = append(b.values, idf.Value{Field: idf.Extra, Name: c.Target.Extra, Bytes: []byte(c.Value)})
		return
	}
	var e idf.Event
	if !e.Set(c.Target.Field, []byte(c.Value)) {
		return // Check has refused it
	}
	switch c.Target.Field {
	case idf.ClassificationTaxonomy:
		b.class = e.Class
	case idf.ClassificationType:
		b.typ = e.Type
	case idf.ClassificationIdentifier:
		b.identifier = e.Identifier
	case idf.ProtocolTransport:
		b.transport = e.Transport
	default:
		if len(e.Values) > 0 {
			b.values = append(b.values, e.Values...)
			return
		}
		b.slots = append(b.slots, slot{c.Target.Field, []byte(c.Value)})
	}
}

func newOp(c *Column, at int, index map[string]int, names extraNames) op {
	o := op{
		col: at, conv: c.Conversion, field: c.Target.Field, name: c.Target.Extra, required: c.Required,
		column: c.Name, path: -1, scheme: -1,
		part: []byte(c.With.Part), then: []byte(c.With.Then), otherwise: []byte(c.With.Else),
	}
	if o.field != idf.Extra {
		o.fallback = names.unique(c.Name, at)
	}
	columns := func(list []string) (found []int) {
		for _, name := range list {
			if i, ok := index[name]; ok {
				found = append(found, i)
			}
		}
		return found
	}
	switch c.Conversion {
	case HTTPURL:
		o.hosts = columns(c.With.Hosts)
		if paths := columns(c.With.Paths); len(paths) > 0 {
			o.path = paths[0]
		}
		if i, ok := index[c.With.Scheme]; ok {
			o.scheme = i
		}
	case FirstOf:
		o.first = columns(c.With.FirstOf)
		o.always = true
	case Contains:
		o.always = true
	}
	return o
}

// extraNames are the names below "extra." that are taken, by the column that
// has each.
type extraNames map[string]string

func (p *Plan) extraNames() extraNames {
	names := extraNames{}
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Target.Field == idf.Extra {
			names[c.Target.Extra] = c.Name
		}
	}
	for _, c := range p.Constants {
		if c.Target.Field == idf.Extra {
			names[c.Target.Extra] = ""
		}
	}
	return names
}

// unique is the extra name for a column's own text: its name, with a number
// when that is taken.
func (n extraNames) unique(column string, at int) string {
	name := column
	if name == "" {
		name = fmt.Sprintf("column_%d", at+1)
	}
	for i := 2; ; i++ {
		if _, taken := n[name]; !taken {
			n[name] = column
			return name
		}
		name = fmt.Sprintf("%s_%d", column, i)
	}
}

// AppendKey appends the bytes that tell this event's finding from any other
// of its kind: each part of the key as [idf.Event.AppendKey] writes it.
func (b *Bound) AppendKey(dst []byte, ev *idf.Event) []byte {
	for i := range b.key {
		dst = ev.AppendKey(dst, b.key[i].Field, b.key[i].Extra)
	}
	return dst
}

// ReadableIP looks for an address in a row that cannot be used: first where
// source.ip should be, then anywhere. It is the zero Addr when there is none.
func (b *Bound) ReadableIP(fields [][]byte) netip.Addr {
	if b.ipCol >= 0 && b.ipCol < len(fields) {
		if ip, ok := readable(fields[b.ipCol]); ok {
			return ip
		}
	}
	for _, f := range fields {
		if ip, ok := readable(f); ok {
			return ip
		}
	}
	return netip.Addr{}
}

// AppendReadableIPs appends every address in a row that cannot be used. In a
// row with too few or too many columns any of them may be the one meant.
func (b *Bound) AppendReadableIPs(dst []netip.Addr, fields [][]byte) []netip.Addr {
	for _, f := range fields {
		if ip, ok := readable(f); ok && !slices.Contains(dst, ip) {
			dst = append(dst, ip)
		}
	}
	return dst
}

func readable(f []byte) (netip.Addr, bool) {
	ip, ok := idf.ParseIP(trim(f))
	return ip, ok && !ip.IsUnspecified()
}

// Plan is the plan that is bound.
func (b *Bound) Plan() *Plan { return b.plan }

// Reason says why a row is set aside: package rows' reasons and those below.
// The set is closed.
type Reason = rows.Reason

// The reasons of rows that can be read.
const (
	BadIP         Reason = "bad_ip"         // not an address or network
	BadTime       Reason = "bad_time"       // not a point in time, or of an impossible year
	BadNumber     Reason = "bad_number"     // not a number, or out of its range
	BadValue      Reason = "bad_value"      // a required column whose text is not of its type
	EmptyRequired Reason = "empty_required" // a required column is empty, or nothing says where the event was
)

// Reasons lists the closed set, with package rows'.
func Reasons() []Reason {
	return append(rows.Reasons(), BadIP, BadTime, BadNumber, BadValue, EmptyRequired)
}

// Reject is a row that is set aside. It holds none of the row's bytes.
type Reject struct {
	Column string // the column at fault; empty when it is the row as a whole
	Reason Reason
	// IP is an address that can be read in the row all the same; the zero Addr
	// when there is none. Whoever takes absence for proof must leave it out.
	IP netip.Addr
	// IPs, when a Scan has made the reject, are all addresses that may be
	// meant: IP alone when the columns stand where they should, every one that
	// can be read when they may have shifted. Valid until the next call.
	IPs []netip.Addr
	// Where the row is in its file, when a Scan has made the reject: see
	// rows.RowError.
	Line        int
	Offset, Len int64
}
