package constituency

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"almenara.example/certbund"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/n6"
)

// Origin says whose file is imported.
type Origin string

// The origins.
const (
	// Certbund is a plain SQL dump of the contact database of intelmq-certbund-contact.
	Certbund Origin = "certbund"
	// N6 is JSON of the organisations of an n6 installation; see package n6.
	N6 Origin = "n6"
)

// Origins lists the origins.
func Origins() []Origin { return []Origin{Certbund, N6} }

// Note says what of another system's file is not carried over, or not as it was.
// Notes of the same sort are one: Line is then the first, Count how many there are.
type Note struct {
	Line  int
	Key   string // catalogue key, "constituency.from.…"
	Args  fault.Args
	Count int
}

// MaxNotes is how many notes on single things a translation keeps of each sort.
const MaxNotes = 200

// ImportFrom imports the file of another system: it is written down as the rows of
// our own file, and that is imported, with the same preview, effects and record.
// What cannot be carried over is left out and told in notes. Organisations that are
// here already keep their kind and country. Lines in the result are the origin's.
func (c *Constituency) ImportFrom(ctx context.Context, actor act.Actor, origin Origin, src io.Reader, apply bool) (ImportResult, []Note, error) {
	call := act.Call{Actor: actor, Verb: OrganisationsFile.verb(), Resource: act.Resource{Kind: "import"}}
	if err := c.acts.Decide(ctx, call); err != nil {
		return ImportResult{}, nil, err
	}
	t := newTranslation(c.Index())
	var err error
	switch origin {
	case Certbund:
		var d *certbund.Dump
		if d, err = certbund.Read(src); err == nil {
			t.certbund(d)
		}
	case N6:
		var x *n6.Export
		if x, err = n6.Read(src); err == nil {
			t.n6(x)
		}
	default:
		return ImportResult{}, nil, fault.OnField("from", "constituency.from.unknown", fault.Args{"Value": fault.Clip(string(origin))})
	}
	if err != nil {
		return ImportResult{}, nil, unreadable(err)
	}
	file, err := t.end()
	if err != nil {
		return ImportResult{}, nil, err
	}
	result, err := c.Import(ctx, actor, OrganisationsFile, bytes.NewReader(file), apply)
	for i := range result.Errors {
		if line, ok := result.Errors[i].Args["Line"].(int); ok {
			result.Errors[i].Args["Line"] = t.origin(line)
		}
	}
	return result, t.sorted(), err
}

// unreadable makes a fault of what a library says of a file.
func unreadable(err error) error {
	var dump *certbund.Error
	var export *n6.Error
	if errors.As(err, &dump) || errors.As(err, &export) {
		return fault.Wrap(fault.Invalid, "constituency.from.broken", fault.Args{"Why": fault.Clip(err.Error())}, err)
	}
	return err
}

// translation writes rows of our own file and remembers where each comes from.
type translation struct {
	index *Index
	known map[string]OrgInfo // by folded name
	buf   bytes.Buffer
	out   *csv.Writer
	lines []int // of the origin, by row
	notes []Note
	count map[string]int // index in notes by key, for those that are one; else how many
}

func newTranslation(x *Index) *translation {
	t := &translation{index: x, known: map[string]OrgInfo{}, count: map[string]int{}}
	x.EachOrg(func(o OrgInfo) bool {
		t.known[guard.FoldName(o.Name)] = o
		return true
	})
	t.out = csv.NewWriter(&t.buf)
	_ = t.out.Write(Columns()) // a buffer takes everything
	return t
}

// end is the whole file.
func (t *translation) end() ([]byte, error) {
	t.out.Flush()
	if err := t.out.Error(); err != nil {
		return nil, fmt.Errorf("write the rows of an import: %w", err)
	}
	return t.buf.Bytes(), nil
}

// origin is the line of the origin's file for a line of ours: the header is line 1
// and no cell has a line break.
func (t *translation) origin(line int) int {
	if at := line - 2; at >= 0 && at < len(t.lines) {
		return t.lines[at]
	}
	return 0
}

// sorted are the notes by line.
func (t *translation) sorted() []Note {
	slices.SortStableFunc(t.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return t.notes
}

// note tells of one thing; beyond MaxNotes of a sort the last one counts on.
func (t *translation) note(line int, key string, args fault.Args) {
	key = "constituency.from." + key
	if t.count[key]++; t.count[key] <= MaxNotes {
		t.notes = append(t.notes, Note{line, key, args, 1})
		return
	}
	t.many(line, "more", fault.Args{"Sort": key})
}

// many tells of all things of a sort at once.
func (t *translation) many(line int, key string, args fault.Args) {
	key = "constituency.from." + key
	id := key + fmt.Sprint(args)
	at, ok := t.count[id]
	if !ok {
		t.count[id] = len(t.notes)
		n := Note{line, key, fault.Args{"Count": 1}, 1}
		for k, v := range args {
			n.Args[k] = v
		}
		t.notes = append(t.notes, n)
		return
	}
	t.notes[at].Count++
	t.notes[at].Args["Count"] = t.notes[at].Count
}

// translated is an organisation whose rows are written.
type translated struct {
	t             *translation
	name          string
	kind, country string // empty: as it is
	line          int
}

// organisation begins an organisation; ok is false when its name cannot be one.
func (t *translation) organisation(line int, name string, kind guard.Kind, country string, sectors ...string) (o translated, ok bool) {
	name = oneLine(name)
	if err := guard.CheckName("organisation", name); err != nil {
		t.note(line, "name", fault.Args{"Value": fault.Clip(name)})
		return o, false
	}
	o = translated{t: t, name: name, kind: string(kind), country: country, line: line}
	if have, here := t.known[guard.FoldName(name)]; here {
		if kind != have.Kind && kind != "" {
			t.note(line, "kind_kept", fault.Args{"Name": name, "Kind": string(have.Kind), "Other": string(kind)})
		}
		o.kind, o.country = "", ""
		kind = have.Kind
	}
	cells := map[string]string{}
	if kind == guard.KindOperator {
		cells["sector"] = strings.Join(sectors, ";")
	}
	o.row(line, cells)
	return o, true
}

// row writes one row.
func (o *translated) row(line int, cells map[string]string) {
	cells["organisation"], cells["kind"], cells["country"] = o.name, o.kind, o.country
	row := make([]string, 0, len(Columns()))
	for _, column := range Columns() {
		row = append(row, guardCell(oneLine(cells[column])))
	}
	_ = o.t.out.Write(row) // a buffer takes everything
	o.t.lines = append(o.t.lines, line)
}

// asset writes an asset; one that cannot be is a note.
func (o *translated) asset(line int, kind AssetKind, value string) {
	value = strings.TrimSpace(value)
	if kind == CIDR {
		if p, err := netip.ParsePrefix(value); err == nil { // the network of an address within it
			value = p.Masked().String()
		}
	}
	if _, _, err := ParseAsset(kind.String(), value); err != nil {
		f := fault.Of(err)
		o.t.note(line, "asset", fault.Args{"Name": o.name, "Value": fault.Clip(value), "Because": f.Key, "BecauseArgs": f.Args})
		return
	}
	o.row(line, map[string]string{"asset_kind": kind.String(), "asset": value})
}

// contact writes a contact; one that cannot be is a note.
func (o *translated) contact(line int, n NewContact) {
	n.Name, n.Email = oneLine(n.Name), strings.ToLower(strings.TrimSpace(n.Email))
	n.Phone, n.Role, n.Hours = clipTo(n.Phone, 200), clipTo(n.Role, 200), clipTo(n.Hours, 200)
	if checkLanguage("", n.Language) != nil {
		n.Language = ""
	}
	check := n
	if check.Name == "" {
		check.Name = cmp.Or(n.Email, n.Phone)
	}
	if err := check.Validate(); err != nil {
		f := fault.Of(err)
		if len(f.Parts) > 0 {
			f = &f.Parts[0]
		}
		o.t.note(line, "contact", fault.Args{"Name": o.name, "Value": fault.Clip(cmp.Or(n.Email, n.Name, "—")), "Because": f.Key, "BecauseArgs": f.Args})
		return
	}
	cells := map[string]string{
		"contact_name": n.Name, "contact_email": n.Email, "contact_phone": n.Phone, "contact_role": n.Role,
		"contact_hours": n.Hours, "contact_language": n.Language,
	}
	if n.Position > 0 {
		cells["contact_position"] = strconv.FormatInt(n.Position, 10)
	}
	o.row(line, cells)
}

// sector is the code of ours for another system's word; a word that is none is a note.
func (t *translation) sector(line int, org, label string) []string {
	if label = strings.TrimSpace(label); label == "" {
		return nil
	}
	slug := strings.Join(strings.FieldsFunc(strings.ToLower(label), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	if also, ok := map[string]string{
		"drinking-water-supply-and-distribution": "drinking-water", "financial-market-infrastructures": "financial-market",
		"health-sector": "health", "healthcare": "health", "electricity": "energy-electricity", "gas": "energy-gas", "oil": "energy-oil",
		"air-transport": "transport-air", "rail-transport": "transport-rail", "water-transport": "transport-water",
		"road-transport": "transport-road", "digital-service-providers": "digital-providers",
	}[slug]; ok {
		slug = also
	}
	if !IsSector(slug) {
		t.note(line, "sector", fault.Args{"Name": fault.Clip(org), "Value": fault.Clip(label)})
		return nil
	}
	return []string{slug}
}

// oneLine writes a text without line breaks and with single blanks.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\x00", "")), " ")
}

// clipTo cuts a text to a number of bytes, between characters.
func clipTo(s string, most int) string {
	s = oneLine(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most-3], "") + "…"
	}
	return s
}
