// Package certbund reads the contact database of intelmq-certbund-contact from what
// pg_dump writes as plain SQL: who is who, whose networks are whose, which addresses
// are switched off.
//
// Words: a row is manual (kept by people) or automatic (imported from a registry, with
// the import's source); both have tables of the same form. A tag is a word on a mail
// address, an annotation a JSON object on an organisation, network, name or AS
// number: rules of that installation read both.
//
// Promises: COPY blocks and INSERTs are read, with or without a schema's name and
// column lists; every other statement is passed over, also when its text looks like
// one of these. Whatever is read has the line where it stands. A row that is not of
// its table's form is an *[Error] with line and table; so is one that points to
// nothing. Nothing is executed.
//
// Not here: dumps in PostgreSQL's own binary form (pg_restore --file turns one into
// SQL), the rules, the event database.
//
// Source: the project's sql/initdb.sql (tables and columns); PostgreSQL manual, COPY
// (text format) and lexical structure.
package certbund

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// MaxDump is the largest dump that is read.
const MaxDump = 1 << 30

// Error says what is wrong with a dump, and where.
type Error struct {
	Line    int
	Table   string
	Problem string
	Hint    string
}

// Error is one line for a person.
func (e *Error) Error() string {
	text := fmt.Sprintf("line %d: ", e.Line)
	if e.Table != "" {
		text += e.Table + ": "
	}
	text += e.Problem
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Organisation is an organisation with what belongs to it.
type Organisation struct {
	ID           int64
	Automatic    bool
	Line         int
	Name         string
	Sector       string // its name in table sector
	Comment      string
	RIPE         string // handle of the registry
	TI, FIRST    string // handles or addresses in these directories
	ImportSource string // of an automatic one
	Contacts     []Contact
	Networks     []Value // CIDR
	ASNs         []Value
	FQDNs        []Value
	Countries    []Value // whose national CERT it is
	Annotations  []Annotation
}

// Contact is how to reach an organisation.
type Contact struct {
	Line                       int
	FirstName, LastName, Phone string
	Email                      string
	OpenPGP                    string // fingerprint
	Comment                    string
	Disabled                   bool // the address is switched off
	Tags                       []string
}

// Value is a network, name, number or country.
type Value struct {
	Line    int // of the row that says whose it is
	Value   string
	Comment string
}

// Annotation is a JSON object on a thing.
type Annotation struct {
	Line int
	On   string // "organisation", or the network, name or AS number
	JSON string
	Tag  string // its member "tag"; "inhibition" keeps notices back
}

// Dump is a whole database.
type Dump struct {
	Organisations []Organisation // manual first, each in the dump's order
	// Loose are annotations of AS numbers, which belong to no organisation.
	Loose []Annotation
	// Unowned are networks and names that no organisation has.
	Unowned []Value
	// Rows counts what was read, by table.
	Rows map[string]int
}

// Read reads a dump.
func Read(in io.Reader) (*Dump, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxDump+1))
	if err != nil {
		return nil, fmt.Errorf("read the dump: %w", err)
	}
	if len(text) > MaxDump {
		return nil, &Error{Line: 1, Problem: fmt.Sprintf("the dump is larger than %d bytes", MaxDump)}
	}
	if strings.HasPrefix(string(text[:min(len(text), 5)]), "PGDMP") {
		return nil, &Error{Line: 1, Problem: "the dump is in PostgreSQL's own form", Hint: "pg_restore --file=dump.sql FILE, or pg_dump --format=plain"}
	}
	t := &tables{rows: map[string][]row{}}
	if err := scan(string(text), t.add); err != nil {
		return nil, err
	}
	if len(t.rows) == 0 {
		return nil, &Error{Line: 1, Problem: "no table of the contact database is in it", Hint: "pg_dump --format=plain contactdb"}
	}
	return t.join()
}

// row is a row of a table, by column.
type row struct {
	line   int
	table  string
	names  []string
	values []*string // nil: NULL
}

// get is a column's value; nil when it is NULL or not there.
func (r row) get(column string) *string {
	if i := slices.Index(r.names, column); i >= 0 {
		return r.values[i]
	}
	return nil
}

func (r row) text(column string) string {
	if v := r.get(column); v != nil {
		return *v
	}
	return ""
}

// number reads a number; an error names the column.
func (r row) number(column string) (int64, error) {
	s := r.text(column)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, &Error{Line: r.line, Table: r.table, Problem: fmt.Sprintf("%s is not a number: %.40q", column, s)}
	}
	return n, nil
}

// columns lists the tables that are read, with their columns in the order of the
// published schema: for INSERTs without a list.
func columns(table string) []string {
	base, automatic := strings.CutSuffix(table, "_automatic")
	auto := []string{}
	if automatic {
		auto = []string{"import_source", "import_time"}
	}
	id := func(name string) string {
		if automatic {
			return name + "_automatic_id"
		}
		return name + "_id"
	}
	list := func(names ...string) []string { return append(names, auto...) }
	switch base {
	case "organisation":
		return list(id("organisation"), "name", "sector_id", "comment", "ripe_org_hdl", "ti_handle", "first_handle")
	case "contact":
		if automatic {
			return []string{
				id("contact"), "firstname", "lastname", "tel", "openpgp_fpr", "email", "comment", "import_source", "import_time", id("organisation"),
			}
		}
		return []string{id("contact"), "firstname", "lastname", "tel", "openpgp_fpr", "email", "comment", id("organisation")}
	case "network":
		return list(id("network"), "address", "comment")
	case "fqdn":
		return list(id("fqdn"), "fqdn", "comment")
	case "national_cert":
		return list(id("national_cert"), "country_code", "comment", id("organisation"))
	case "organisation_to_asn":
		return list(id("organisation"), "asn")
	case "organisation_to_network":
		return list(id("organisation"), id("network"))
	case "organisation_to_fqdn":
		return list(id("organisation"), id("fqdn"))
	}
	switch table {
	case "sector":
		return []string{"sector_id", "name"}
	case "organisation_annotation":
		return []string{"organisation_annotation_id", "organisation_id", "annotation"}
	case "network_annotation":
		return []string{"network_annotation_id", "network_id", "annotation"}
	case "fqdn_annotation":
		return []string{"fqdn_annotation_id", "fqdn_id", "annotation"}
	case "autonomous_system_annotation":
		return []string{"autonomous_system_annotation_id", "asn", "annotation"}
	case "email_status":
		return []string{"email", "enabled", "added"}
	case "tag_name":
		return []string{"tag_name_id", "tag_name", "tag_name_order"}
	case "tag":
		return []string{"tag_id", "tag_name_id", "tag_value", "tag_description", "is_default"}
	case "email_tag":
		return []string{"email", "tag_id"}
	}
	return nil
}

// tables holds rows until they are joined.
type tables struct{ rows map[string][]row }

// add keeps a row; columns are the list of the statement, nil when it has none.
func (t *tables) add(table string, names []string, values []*string, line int) error {
	known := columns(table)
	if known == nil {
		return nil
	}
	if names == nil {
		names = known
	}
	if len(names) != len(values) {
		return &Error{Line: line, Table: table, Problem: fmt.Sprintf("has %d values for %d columns", len(values), len(names))}
	}
	t.rows[table] = append(t.rows[table], row{line, table, names, values})
	return nil
}

// joiner keeps what rows point to.
type joiner struct {
	*tables
	dump    *Dump
	orgs    map[orgKey]int // index in dump.Organisations
	sectors map[int64]string
	enabled map[string]bool // by mail address, in lower case
	tags    map[string][]string
}

type orgKey struct {
	automatic bool
	id        int64
}

func (t *tables) join() (*Dump, error) {
	j := &joiner{t, &Dump{Rows: map[string]int{}}, map[orgKey]int{}, map[int64]string{}, map[string]bool{}, map[string][]string{}}
	for table, rows := range t.rows {
		j.dump.Rows[table] = len(rows)
	}
	for _, step := range []func() error{j.readSectors, j.readAddresses, j.readOrganisations, j.readContacts, j.readASNs, j.readNetworks, j.readCountries, j.readAnnotations} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return j.dump, nil
}

func (j *joiner) readSectors() error {
	for _, r := range j.rows["sector"] {
		id, err := r.number("sector_id")
		if err != nil {
			return err
		}
		j.sectors[id] = r.text("name")
	}
	return nil
}

// readAddresses reads which mail addresses are switched off and what tags they have.
func (j *joiner) readAddresses() error {
	for _, r := range j.rows["email_status"] {
		on := r.text("enabled")
		j.enabled[strings.ToLower(r.text("email"))] = on == "t" || strings.EqualFold(on, "true")
	}
	names, tags := map[int64]string{}, map[int64]string{}
	for _, r := range j.rows["tag_name"] {
		id, err := r.number("tag_name_id")
		if err != nil {
			return err
		}
		names[id] = r.text("tag_name")
	}
	for _, r := range j.rows["tag"] {
		id, err := r.number("tag_id")
		if err != nil {
			return err
		}
		name, err := r.number("tag_name_id")
		if err != nil {
			return err
		}
		tags[id] = names[name] + ":" + r.text("tag_value")
	}
	for _, r := range j.rows["email_tag"] {
		id, err := r.number("tag_id")
		if err != nil {
			return err
		}
		mail := strings.ToLower(r.text("email"))
		j.tags[mail] = append(j.tags[mail], tags[id])
	}
	return nil
}

// both calls f for the manual table and for the automatic one, with the ending of the
// names of its columns.
func (j *joiner) both(table string, f func(r row, automatic bool, id string) error) error {
	for _, automatic := range []bool{false, true} {
		name, id := table, "_id"
		if automatic {
			name, id = table+"_automatic", "_automatic_id"
		}
		for _, r := range j.rows[name] {
			if err := f(r, automatic, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joiner) readOrganisations() error {
	return j.both("organisation", func(r row, automatic bool, id string) error {
		n, err := r.number("organisation" + id)
		if err != nil {
			return err
		}
		o := Organisation{
			ID: n, Automatic: automatic, Line: r.line, Name: r.text("name"), Comment: r.text("comment"), RIPE: r.text("ripe_org_hdl"),
			TI: r.text("ti_handle"), FIRST: r.text("first_handle"), ImportSource: r.text("import_source"),
		}
		if r.get("sector_id") != nil {
			s, err := r.number("sector_id")
			if err != nil {
				return err
			}
			o.Sector = j.sectors[s]
		}
		if _, twice := j.orgs[orgKey{automatic, n}]; twice {
			return &Error{Line: r.line, Table: r.table, Problem: fmt.Sprintf("organisation %d comes twice", n)}
		}
		j.orgs[orgKey{automatic, n}] = len(j.dump.Organisations)
		j.dump.Organisations = append(j.dump.Organisations, o)
		return nil
	})
}

// org is the organisation that a row points to.
func (j *joiner) org(r row, automatic bool, id string) (*Organisation, error) {
	n, err := r.number("organisation" + id)
	if err != nil {
		return nil, err
	}
	at, ok := j.orgs[orgKey{automatic, n}]
	if !ok {
		return nil, &Error{Line: r.line, Table: r.table, Problem: fmt.Sprintf("points to organisation %d, which is not in the dump", n), Hint: "dump the whole database"}
	}
	return &j.dump.Organisations[at], nil
}

func (j *joiner) readContacts() error {
	return j.both("contact", func(r row, automatic bool, id string) error {
		o, err := j.org(r, automatic, id)
		if err != nil {
			return err
		}
		c := Contact{
			Line: r.line, FirstName: r.text("firstname"), LastName: r.text("lastname"), Phone: r.text("tel"),
			Email: strings.TrimSpace(r.text("email")), OpenPGP: r.text("openpgp_fpr"), Comment: r.text("comment"),
		}
		mail := strings.ToLower(c.Email)
		on, known := j.enabled[mail]
		c.Disabled, c.Tags = known && !on, j.tags[mail]
		o.Contacts = append(o.Contacts, c)
		return nil
	})
}

func (j *joiner) readASNs() error {
	return j.both("organisation_to_asn", func(r row, automatic bool, id string) error {
		o, err := j.org(r, automatic, id)
		if err == nil {
			o.ASNs = append(o.ASNs, Value{Line: r.line, Value: r.text("asn")})
		}
		return err
	})
}

// readNetworks reads networks and names, and whose they are.
func (j *joiner) readNetworks() error {
	for _, kind := range []struct {
		table, column string
		list          func(*Organisation) *[]Value
	}{
		{"network", "address", func(o *Organisation) *[]Value { return &o.Networks }},
		{"fqdn", "fqdn", func(o *Organisation) *[]Value { return &o.FQDNs }},
	} {
		things, owned := map[orgKey]Value{}, map[orgKey]bool{}
		var order []orgKey
		err := j.both(kind.table, func(r row, automatic bool, id string) error {
			n, err := r.number(kind.table + id)
			k := orgKey{automatic, n}
			things[k] = Value{r.line, strings.TrimSpace(r.text(kind.column)), r.text("comment")}
			order = append(order, k)
			return err
		})
		if err != nil {
			return err
		}
		err = j.both("organisation_to_"+kind.table, func(r row, automatic bool, id string) error {
			o, err := j.org(r, automatic, id)
			if err != nil {
				return err
			}
			n, err := r.number(kind.table + id)
			if err != nil {
				return err
			}
			v, ok := things[orgKey{automatic, n}]
			if !ok {
				return &Error{Line: r.line, Table: r.table, Problem: fmt.Sprintf("points to %s %d, which is not in the dump", kind.table, n), Hint: "dump the whole database"}
			}
			owned[orgKey{automatic, n}] = true
			v.Line = r.line
			*kind.list(o) = append(*kind.list(o), v)
			return nil
		})
		if err != nil {
			return err
		}
		for _, k := range order {
			if !owned[k] {
				j.dump.Unowned = append(j.dump.Unowned, things[k])
			}
		}
		if err := j.annotationsOf(kind.table, things); err != nil {
			return err
		}
	}
	return nil
}

// annotationsOf reads the annotations of networks or names; they go to whom the thing
// belongs, or are loose.
func (j *joiner) annotationsOf(table string, things map[orgKey]Value) error {
	if len(j.rows[table+"_annotation"]) == 0 {
		return nil
	}
	owner := map[string][]*Organisation{}
	for i := range j.dump.Organisations {
		o := &j.dump.Organisations[i]
		if o.Automatic {
			continue
		}
		for _, v := range append(slices.Clone(o.Networks), o.FQDNs...) {
			owner[v.Value] = append(owner[v.Value], o)
		}
	}
	for _, r := range j.rows[table+"_annotation"] {
		n, err := r.number(table + "_id")
		if err != nil {
			return err
		}
		v := things[orgKey{false, n}]
		a := annotation(r, v.Value)
		if len(owner[v.Value]) == 0 {
			j.dump.Loose = append(j.dump.Loose, a)
		}
		for _, o := range owner[v.Value] {
			o.Annotations = append(o.Annotations, a)
		}
	}
	return nil
}

func (j *joiner) readCountries() error {
	return j.both("national_cert", func(r row, automatic bool, id string) error {
		o, err := j.org(r, automatic, id)
		if err == nil {
			o.Countries = append(o.Countries, Value{r.line, strings.ToUpper(strings.TrimSpace(r.text("country_code"))), r.text("comment")})
		}
		return err
	})
}

func (j *joiner) readAnnotations() error {
	for _, r := range j.rows["organisation_annotation"] {
		o, err := j.org(r, false, "_id")
		if err != nil {
			return err
		}
		o.Annotations = append(o.Annotations, annotation(r, "organisation"))
	}
	for _, r := range j.rows["autonomous_system_annotation"] {
		j.dump.Loose = append(j.dump.Loose, annotation(r, "AS"+r.text("asn")))
	}
	return nil
}

func annotation(r row, on string) Annotation {
	a := Annotation{Line: r.line, On: on, JSON: r.text("annotation")}
	var o struct {
		Tag any `json:"tag"`
	}
	if json.Unmarshal([]byte(a.JSON), &o) == nil {
		a.Tag, _ = o.Tag.(string)
	}
	return a
}
