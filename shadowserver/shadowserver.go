// Package shadowserver reads reports of the Shadowserver Foundation through
// Shadowserver's own schema file, loaded as data, and an overlay of ours.
//
// Words: a kind is a type of report, named as in its file's name
// (2026-05-01-scan_telnet-country.csv is of kind scan_telnet). The schema
// (intelmq.json, published by Shadowserver) says for every kind which column
// becomes which field of the event format, by which of 18 conversions. The
// [Overlay] says what the schema does not: the key of a finding, whether a
// report is a full scan, and what closes a finding. [Schema.Plan] joins the
// two into a [mapping.Plan].
//
// Promises:
//
//   - the schema is never part of the program: it has no licence to copy it,
//     and reports change almost every week. What was loaded is told by
//     [Schema.Version] and [Schema.SHA256];
//   - a conversion that this package does not know makes loading fail, with
//     the report, the column and the conversion named; a field that the event
//     format does not know becomes an extra one;
//   - a kind which the schema lacks is an error of its own ([ErrUnknownKind]):
//     the delivery is to be kept whole until a newer schema is loaded;
//   - kinds of events (sinkholes, honeypots, block lists and the like) never
//     close by absence.
//
// Not here: fetching schema or reports, and reading rows (package mapping).
package shadowserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"almenara.example/idf"
	"almenara.example/mapping"
)

// DefaultLimit bounds a schema file, in bytes; the one of 2026 has 700 kB.
const DefaultLimit = 16 << 20

// ErrUnknownKind is wrapped when the schema has no such kind.
var ErrUnknownKind = errors.New("the schema does not have this kind of report: load a newer schema, then the delivery can be read again")

// Schema is a loaded schema file. It does not change.
type Schema struct {
	version string
	sum     string
	reports map[string]*report
}

// Version is the schema's own date (_meta.date_created).
func (s *Schema) Version() string { return s.version }

// SHA256 is the sum of the loaded bytes, in hexadecimal.
func (s *Schema) SHA256() string { return s.sum }

// Kinds lists the kinds of report, sorted.
func (s *Schema) Kinds() []string { return slices.Sorted(maps.Keys(s.reports)) }

type report struct {
	Feed      string            `json:"feed_name"`
	File      string            `json:"file_name"`
	Constants map[string]string `json:"constant_fields"`
	Required  []entry           `json:"required_fields"`
	Optional  []entry           `json:"optional_fields"`
}

// entry is [field, column], [field, column, conversion] or
// [field, column, conversion, true]: field false means that the column is not
// used, "extra." alone stands for the column's name, true that the conversion
// sees the whole row.
type entry struct {
	field, column, conversion string
	ignored                   bool
}

func (e *entry) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) < 2 || len(parts) > 4 {
		return fmt.Errorf("%.80s is not a list of a field, a column and perhaps a conversion", data)
	}
	if string(parts[0]) == "false" {
		e.ignored = true
	} else if err := json.Unmarshal(parts[0], &e.field); err != nil || e.field == "" {
		return fmt.Errorf("%.80s does not begin with a field's name", data)
	}
	if err := json.Unmarshal(parts[1], &e.column); err != nil || e.column == "" {
		return fmt.Errorf("%.80s does not name a column", data)
	}
	if len(parts) > 2 && string(parts[2]) != "null" {
		if err := json.Unmarshal(parts[2], &e.conversion); err != nil {
			return fmt.Errorf("%.80s has a conversion that is not a name", data)
		}
	}
	return nil
}

// LoadSchema reads a schema file of at most limit bytes (0: DefaultLimit) and
// checks every report in it: all that it says can be done, or the error says
// what cannot.
func LoadSchema(in io.Reader, limit int64) (*Schema, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("the schema is larger than %d bytes", limit)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, fmt.Errorf("the schema is not a JSON object of reports, such as Shadowserver's intelmq.json: %w", err)
	}
	var meta struct {
		Created string `json:"date_created"`
	}
	if err := json.Unmarshal(parts["_meta"], &meta); err != nil || meta.Created == "" {
		return nil, errors.New("the schema does not say its date (_meta.date_created): it is not Shadowserver's intelmq.json")
	}
	sum := sha256.Sum256(text)
	s := &Schema{version: meta.Created, sum: hex.EncodeToString(sum[:]), reports: make(map[string]*report, len(parts))}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if name == "_meta" {
			continue
		}
		if err := s.add(name, parts[name]); err != nil {
			return nil, err
		}
	}
	if len(s.reports) == 0 {
		return nil, errors.New("the schema has no reports")
	}
	return s, nil
}

func (s *Schema) add(name string, data json.RawMessage) error {
	var r report
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&r); err != nil {
		return fmt.Errorf("report %q: %w", name, err)
	}
	if r.File == "" {
		r.File = name
	}
	if s.reports[r.File] != nil {
		return fmt.Errorf("report %q: another report has the file name %q too", name, r.File)
	}
	s.reports[r.File] = &r
	if _, err := s.Plan(r.File, nil); err != nil {
		return fmt.Errorf("report %q: %w", name, err)
	}
	return nil
}

// Plan makes the plan of a kind. Without an overlay (nil) the kind is treated
// as one that no rule lists. The error wraps [ErrUnknownKind] when the schema
// lacks the kind.
func (s *Schema) Plan(kind string, o *Overlay) (*mapping.Plan, error) {
	r := s.reports[kind]
	if r == nil {
		return nil, fmt.Errorf("kind %.80q: %w", kind, ErrUnknownKind)
	}
	p := &mapping.Plan{Kind: r.File, Feed: r.Feed, Version: s.version, Format: mapping.CSV, Delimiter: ',', ClosesBy: mapping.Person}
	for _, name := range slices.Sorted(maps.Keys(r.Constants)) {
		p.Constants = append(p.Constants, mapping.Constant{Target: mapping.To(name), Value: r.Constants[name]})
	}
	for i, e := range slices.Concat(r.Required, r.Optional) {
		c, err := e.compile()
		if err != nil {
			return nil, err
		}
		// Of the required ones only the time is without a substitute: a row
		// without an address may have another place, see mapping.
		c.Required = i < len(r.Required) && c.Target.Field == idf.TimeSource
		if c.Target.Field != idf.FieldNone && slices.ContainsFunc(p.Columns, func(d mapping.Column) bool { return d.Target == c.Target }) {
			continue // said twice: the first holds
		}
		p.Columns = append(p.Columns, c)
	}
	rule := o.rule(kind)
	p.Key, p.FullScan, p.ExpiryDays = rule.Key, rule.FullScan, rule.ExpiryDays
	if rule.ClosesBy != "" {
		p.ClosesBy = rule.ClosesBy
	}
	if len(p.Key) == 0 {
		p.Key = p.UsualKey()
	}
	if p.KeepFillable() {
		p.FullScan, p.ClosesBy, p.ExpiryDays = false, mapping.Person, 0
	}
	if len(p.Key) == 0 {
		p.Key = p.UsualKey()
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("kind %q: %w", kind, err)
	}
	return p, nil
}

// compile turns an entry of the schema into a column of a plan.
func (e *entry) compile() (mapping.Column, error) {
	c := mapping.Column{Name: e.column}
	switch {
	case e.ignored:
		return c, nil
	case e.field == "extra.":
		c.Target = mapping.Target{Field: idf.Extra, Extra: e.column}
	default:
		c.Target = mapping.To(e.field)
	}
	switch e.conversion {
	case "":
		c.Conversion = mapping.Auto
	case "validate_to_none":
		c.Conversion = mapping.Set
	case "convert_int":
		c.Conversion = mapping.Int
	case "invalidate_zero":
		c.Conversion = mapping.NonZero
	case "convert_float":
		c.Conversion = mapping.Float
	case "convert_bool":
		c.Conversion = mapping.Bool
	case "add_UTC_to_timestamp":
		c.Conversion = mapping.Time
	case "convert_date", "convert_date_utc":
		c.Conversion = mapping.TimeText
	case "validate_ip":
		c.Conversion = mapping.IP
	case "validate_network":
		c.Conversion = mapping.Network
	case "validate_fqdn":
		c.Conversion = mapping.FQDN
	case "extract_cve_from_tag":
		c.Conversion = mapping.CVEs
	case "force_base64":
		c.Conversion = mapping.ForceBase64
	default:
		return e.compileRow(c)
	}
	return c, nil
}

// compileRow knows the conversions with further input.
func (e *entry) compileRow(c mapping.Column) (mapping.Column, error) {
	const webshell = "webshell"
	switch e.conversion {
	case "convert_http_host_and_url":
		c.Conversion = mapping.HTTPURL
		c.With = mapping.With{Hosts: []string{"cc_dns", "http_host", "hostname", "ip"}, Paths: []string{"url", "http_url"}, Scheme: "application"}
	case "category_or_detail":
		c.Conversion = mapping.FirstOf
		c.With = mapping.With{FirstOf: []string{"category", "detail"}}
	case "scan_exchange_taxonomy":
		c.Conversion = mapping.Contains
		c.With = mapping.With{Part: webshell, Then: "intrusions", Else: "vulnerable"}
	case "scan_exchange_type":
		c.Conversion = mapping.Contains
		c.With = mapping.With{Part: webshell, Then: "system-compromise", Else: "vulnerable-system"}
	case "scan_exchange_identifier":
		c.Conversion = mapping.Contains
		c.With = mapping.With{Part: webshell, Then: "exchange-server-webshell", Else: "vulnerable-exchange-server"}
	default:
		return c, fmt.Errorf("column %q: the conversion %q is not known: this schema needs a newer Almenara", e.column, e.conversion)
	}
	return c, nil
}

// fileName returns what is left of a report's file name without folders and
// the ending of a packed file.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	for _, packed := range []string{".gz", ".zip"} {
		name = strings.TrimSuffix(name, packed)
	}
	return name
}

// KindOfFile finds the kind in a report's file name, such as scan_telnet in
// 2026-05-01-scan_telnet-country-as.csv, also with .gz or .zip behind it.
func KindOfFile(name string) (kind string, ok bool) {
	m := regexp.MustCompile(`^(?:\d{4}-\d{2}-\d{2}-)?(\w+)(-\w+)*\.csv$`).FindStringSubmatch(fileName(name))
	if m == nil {
		return "", false
	}
	return m[1], true
}

// DateOfFile finds the day in a report's file name, as midnight UTC.
func DateOfFile(name string) (day time.Time, ok bool) {
	name = fileName(name)
	const form = "2006-01-02"
	if len(name) <= len(form) || name[len(form)] != '-' {
		return time.Time{}, false
	}
	day, err := time.Parse(form, name[:len(form)])
	return day, err == nil
}
