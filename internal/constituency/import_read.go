package constituency

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/rows"
)

// Columns are those that an export writes, in this order; an import takes them in
// any order.
func Columns() []string {
	return []string{
		"organisation", "kind", "country", "sector", "service", "population", "designation", "designation_until",
		"acts_for", "asset_kind", "asset", "valid_from", "valid_to", "source",
		"contact_name", "contact_email", "contact_language", "contact_phone", "contact_hours", "contact_role", "contact_position",
	}
}

// NetworkColumns are those of a file of network owners.
func NetworkColumns() []string {
	return []string{"prefix", "asn", "organisation", "abuse_email", "country", "language"}
}

// importRow is one row, read and checked by itself.
type importRow struct {
	org         string // folded name, key of importPlan.orgs
	name        string
	kind        guard.Kind // empty when the row does not say
	country     string
	sectors     []string
	service     string
	population  int64
	designation string
	until       Day
	actsFor     []string // folded names
	assets      []Asset  // without organisation
	contact     *NewContact
}

// importReader reads rows of either file.
type importReader struct {
	kind   ImportKind
	csv    *rows.CSV
	at     map[string]int // column by name
	line   int
	fields [][]byte
	row    importRow
	bad    []fault.Error
}

func newImportReader(kind ImportKind, src io.Reader) (*importReader, error) {
	rd, err := rows.NewCSV(src, rows.CSVOptions{MaxRecord: 64 << 10})
	var broken *rows.RowError
	switch {
	case errors.Is(err, rows.ErrNoHeader):
		return nil, fault.New(fault.Invalid, "constituency.import.empty", nil)
	case errors.As(err, &broken):
		return nil, fault.Wrap(fault.Invalid, "constituency.import.header", fault.Args{"Reason": string(broken.Reason)}, err)
	case err != nil:
		return nil, fmt.Errorf("read the file: %w", err)
	}
	r := &importReader{kind: kind, csv: rd, at: map[string]int{}}
	return r, r.readHeader()
}

func (r *importReader) readHeader() error {
	allowed, must := Columns(), []string{"organisation"}
	if r.kind == NetworksFile {
		allowed = NetworkColumns()
	}
	var parts []fault.Error
	refuse := func(key, column string) {
		parts = append(parts, *fault.OnField(column, key, fault.Args{"Column": fault.Clip(column), "Columns": strings.Join(allowed, ", ")}))
	}
	for i, name := range r.csv.Header() {
		name = strings.ToLower(strings.TrimSpace(name))
		_, twice := r.at[name]
		switch {
		case !slices.Contains(allowed, name):
			refuse("constituency.import.column_unknown", name)
		case twice:
			refuse("constituency.import.column_twice", name)
		}
		r.at[name] = i
	}
	if len(parts) == 0 {
		for _, name := range must {
			if _, ok := r.at[name]; !ok {
				refuse("constituency.import.column_missing", name)
			}
		}
	}
	return fault.Join("constituency.import.columns", parts)
}

// next returns the next row, or what is wrong with it; io.EOF at the end. The row is
// valid until the next call.
func (r *importReader) next() (*importRow, []fault.Error, error) {
	r.row, r.bad = importRow{assets: r.row.assets[:0]}, nil
	rec, err := r.csv.Next()
	var broken *rows.RowError
	switch {
	case errors.As(err, &broken):
		r.line = broken.Line
		r.refuse(fault.New(fault.Invalid, "constituency.import.row."+string(broken.Reason), nil))
		return &r.row, r.bad, nil
	case err != nil:
		return nil, nil, err
	}
	r.line, r.fields = rec.Line, rec.Fields
	r.readOrg()
	if r.kind == NetworksFile {
		r.readNetwork()
	} else {
		r.readOperator()
		r.readAsset(r.get("asset_kind"), r.get("asset"))
		r.readContact()
	}
	return &r.row, r.bad, nil
}

// get returns a field without blanks and without the mark that keeps spreadsheets
// from computing it.
func (r *importReader) get(column string) string {
	i, ok := r.at[column]
	if !ok {
		return ""
	}
	return unguard(strings.TrimSpace(string(r.fields[i])))
}

// refuse notes what is wrong, with the line.
func (r *importReader) refuse(err error) {
	if err == nil {
		return
	}
	f := fault.Of(err)
	parts := f.Parts
	if len(parts) == 0 {
		parts = []fault.Error{*f}
	}
	for _, p := range parts {
		args := fault.Args{"Line": r.line}
		for k, v := range p.Args {
			args[k] = v
		}
		p.Args = args
		r.bad = append(r.bad, p)
	}
}

func (r *importReader) readOrg() {
	name := r.get("organisation")
	if err := guard.CheckName("organisation", name); err != nil {
		r.refuse(err)
		return
	}
	r.row.name = strings.Join(strings.Fields(name), " ")
	r.row.org = guard.FoldName(name)
	if s := r.get("kind"); s != "" {
		k, err := guard.ParseKind(s)
		r.row.kind = k
		r.refuse(err)
	}
	if r.kind == NetworksFile {
		r.row.kind = guard.KindNetwork
	}
	if s := r.get("country"); s != "" {
		r.row.country = strings.ToUpper(s)
		r.refuse(guard.CheckCountry("country", r.row.country))
	}
}

func (r *importReader) readOperator() {
	for _, code := range split(strings.ToLower(r.get("sector"))) {
		if !IsSector(code) {
			r.refuse(fault.OnField("sector", "constituency.sector_unknown", fault.Args{"Value": fault.Clip(code)}))
		}
		r.row.sectors = append(r.row.sectors, code)
	}
	if r.row.service = r.get("service"); r.row.service != "" {
		r.refuse(guard.CheckName("service", r.row.service))
	}
	r.row.population = r.count("population")
	r.row.designation = r.get("designation")
	if len(r.row.designation) > 300 {
		r.refuse(fault.OnField("designation", "constituency.text.long", fault.Args{"Max": 300}))
	}
	var err error
	r.row.until, err = parseEnd("designation_until", r.get("designation_until"), Forever)
	r.refuse(err)
	for _, name := range strings.Split(r.get("acts_for"), ";") {
		if name = guard.FoldName(name); name != "" {
			r.row.actsFor = append(r.row.actsFor, name)
		}
	}
}

// split reads several values in one field, divided by semicolons or blanks.
func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ' ' || r == ',' })
}

func (r *importReader) count(column string) int64 {
	s := r.get(column)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		r.refuse(fault.OnField(column, "constituency.population.form", fault.Args{"Value": fault.Clip(s)}))
		return 0
	}
	return n
}

func (r *importReader) readAsset(kind, value string) {
	if kind == "" && value == "" {
		return
	}
	a := Asset{Source: Imported, Version: 1}
	var err error
	a.Kind, a.Value, err = ParseAsset(kind, value)
	r.refuse(err)
	a.From, err = parseFrom(r.get("valid_from"))
	r.refuse(err)
	a.To, err = parseTo(r.get("valid_to"))
	r.refuse(err)
	if err == nil {
		r.refuse(checkTimes(a.From, a.To))
	}
	switch s := strings.ToLower(r.get("source")); s {
	case "", "import":
	case "manual":
		a.Source = Manual
	case "claimed":
		a.Source = Claimed
	default:
		r.refuse(fault.OnField("source", "constituency.source_unknown", fault.Args{"Value": fault.Clip(s)}))
	}
	r.row.assets = append(r.row.assets, a)
}

func (r *importReader) readContact() {
	n := NewContact{
		Name: r.get("contact_name"), Email: strings.ToLower(r.get("contact_email")), Language: r.get("contact_language"),
		Phone: r.get("contact_phone"), Hours: r.get("contact_hours"), Role: r.get("contact_role"),
		Position: r.count("contact_position"),
	}
	if n.Name == "" && n.Email == "" && n.Phone == "" {
		return
	}
	r.contact(n)
}

func (r *importReader) contact(n NewContact) {
	if n.Name == "" {
		n.Mailbox, n.Name = true, n.Email
		if n.Name == "" {
			n.Name = n.Phone
		}
	}
	if err := n.Validate(); err != nil {
		r.refuse(err)
		return
	}
	r.row.contact = &n
}

func (r *importReader) readNetwork() {
	prefix, asn := r.get("prefix"), r.get("asn")
	if prefix == "" && asn == "" {
		r.refuse(fault.OnField("prefix", "constituency.import.no_network", nil))
	}
	if prefix != "" {
		r.readAsset("cidr", prefix)
	}
	if asn != "" {
		r.readAsset("asn", asn)
	}
	if email := strings.ToLower(r.get("abuse_email")); email != "" {
		r.contact(NewContact{Email: email, Language: r.get("language"), Role: "abuse"})
	}
}
