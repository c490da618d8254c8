// Package n6 reads organisations of an n6 installation from JSON whose keys are the
// attributes of n6's own model of its database of organisations (Auth DB): what is an
// organisation's (its inside filter), who gets mail, and the official entity behind
// it with sector, contact points and dependants.
//
// n6 has no file of its own for this: whoever comes over writes one from the tables.
// The shape is an array of organisations, or an object with "orgs" and "entities"
// (those without an organisation). A list of things may hold the plain values or, as
// the tables have them, objects with the value under its attribute's name:
//
//	{"orgs": [{
//	  "org_id": "faro.example", "actual_name": "Aguas del Faro",
//	  "inside_filter_asns": [64500], "inside_filter_ccs": ["XA"],
//	  "inside_filter_fqdns": ["faro.example"], "inside_filter_ip_networks": ["192.0.2.0/24"],
//	  "email_notification_enabled": true, "email_notification_addresses": ["soc@faro.example"],
//	  "email_notification_language": "en",
//	  "entity": {
//	    "full_name": "Aguas del Faro S.A.", "sector_label": "drinking-water",
//	    "public_essential_service": true, "alert_email": "alert@faro.example",
//	    "contact_points": [{"name": "Ana", "position": "CISO", "email": "ana@faro.example",
//	      "phones": [{"phone_number": "+99 1", "availability": "24/7"}]}],
//	    "dependant_entities": [{"name": "Pozo Norte"}]}}]}
//
// Promises: the file is bounded; keys that are not known are listed, never dropped
// silently; a value of a wrong type is an *[Error] with line and key.
//
// Not here: users, their certificates and passwords, sources and access zones.
//
// Source: n6, N6Lib, auth_db/models (classes Org, Entity and what hangs on them).
package n6

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxFile is the largest file that is read.
const MaxFile = 256 << 20

// Org is an organisation with access to n6. Line is where it begins in the file.
type Org struct {
	Line       int
	ID         string // org_id
	ActualName string
	Inside     Inside
	Notify     Notify
	Entity     *Entity // nil when there is none
}

// Inside is what is the organisation's.
type Inside struct {
	ASNs       []string
	Countries  []string
	FQDNs      []string
	IPNetworks []string
	URLs       []string
}

// Notify is who gets mail.
type Notify struct {
	Enabled          bool // n6's own default is false
	Addresses        []string
	Times            []string
	Language         string
	BusinessDaysOnly bool
}

// Entity is an official entity.
type Entity struct {
	Line                   int
	FullName, ShortName    string
	Verified               bool
	Email, Address, City   string
	PostalCode             string
	PublicEssentialService bool
	Sector                 string
	TicketID, InternalID   string
	ExtraIDs               []string // type: value
	AdditionalInformation  string
	ASNs                   []string
	FQDNs                  []string
	IPNetworks             []string
	AlertEmail             string
	ContactPoints          []ContactPoint
	Dependants             []Dependant
}

// ContactPoint is a person of an entity.
type ContactPoint struct {
	Line                  int
	Name, Position, Email string
	Phones                []Phone
	External              bool // the person is of another organisation
	ExternalName          string
	ExternalAddress       string
}

// Phone is a number, and when somebody answers.
type Phone struct{ Number, Availability string }

// Dependant is an entity for which another one stands.
type Dependant struct{ Name, Address string }

// Unknown is a key that is not read.
type Unknown struct {
	Line int
	Key  string // such as orgs.users
}

// Export is a whole file.
type Export struct {
	Orgs     []Org
	Entities []Entity  // those without an organisation
	Unknown  []Unknown // each key once
}

// Error says what is wrong with the file, and where.
type Error struct {
	Line    int
	Key     string
	Problem string
	Hint    string
}

// Error is one line for a person.
func (e *Error) Error() string {
	text := fmt.Sprintf("line %d: ", e.Line)
	if e.Key != "" {
		text += e.Key + ": "
	}
	text += e.Problem
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Read reads a file.
func Read(in io.Reader) (*Export, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	if len(text) > MaxFile {
		return nil, &Error{Line: 1, Problem: fmt.Sprintf("the file is larger than %d bytes", MaxFile)}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, &Error{Line: 1, Problem: "the file is not UTF-8 text"}
	}
	r := &reader{d: json.NewDecoder(bytes.NewReader(text)), text: text, out: &Export{}, line: 1}
	r.d.UseNumber()
	if err := r.whole(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// node is a value of the file with its line.
type node struct {
	line int
	path string // without indices
	kind byte   // 's', 'n', 'b', '0' for null, '[', '{'
	text string
	list []*node
	keys []string
	of   map[string]*node
}

type reader struct {
	d    *json.Decoder
	text []byte
	out  *Export
	line int
	upTo int64
	seen map[string]bool
}

const (
	maxDepth = 12
	wantsKey = "an array of organisations, or an object with orgs and entities"
)

func (r *reader) whole() error {
	n, err := r.value("", 0)
	if err != nil {
		return err
	}
	if _, err := r.d.Token(); !errors.Is(err, io.EOF) {
		return &Error{Line: r.now(), Problem: "something follows the list"}
	}
	r.seen = map[string]bool{}
	orgs, entities := n, (*node)(nil)
	if n.kind == '{' {
		orgs, entities = n.of["orgs"], n.of["entities"]
		if orgs == nil && entities == nil {
			return &Error{Line: n.line, Problem: "holds no organisations", Hint: wantsKey}
		}
		r.known(n, "orgs", "entities")
	} else if n.kind != '[' {
		return &Error{Line: n.line, Problem: "is not a list", Hint: wantsKey}
	}
	f := &fields{r: r}
	for _, o := range f.objects(orgs) {
		r.out.Orgs = append(r.out.Orgs, f.org(o))
	}
	for _, e := range f.objects(entities) {
		r.out.Entities = append(r.out.Entities, f.entity(e))
	}
	return f.err
}

// now is the line of the decoder's place.
func (r *reader) now() int {
	to := min(r.d.InputOffset(), int64(len(r.text)))
	r.line += bytes.Count(r.text[r.upTo:to], []byte{'\n'})
	r.upTo = to
	return r.line
}

// value reads one value with its lines.
func (r *reader) value(path string, depth int) (*node, error) {
	t, err := r.d.Token()
	n := &node{line: r.now(), path: path}
	if err != nil || depth > maxDepth {
		problem := "is nested too deep"
		if err != nil {
			problem = "is not JSON: " + err.Error()
		}
		return nil, &Error{Line: n.line, Key: path, Problem: problem}
	}
	switch v := t.(type) {
	case nil:
		n.kind = '0'
	case string:
		n.kind, n.text = 's', v
	case json.Number:
		n.kind, n.text = 'n', v.String()
	case bool:
		n.kind, n.text = 'b', strconv.FormatBool(v)
	case json.Delim:
		n.kind = byte(v)
		return n, r.inside(n, depth)
	}
	return n, nil
}

// inside reads the rest of an array or object.
func (r *reader) inside(n *node, depth int) error {
	n.of = map[string]*node{}
	for r.d.More() {
		path := n.path
		key := ""
		if n.kind == '{' {
			t, err := r.d.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return &Error{Line: r.now(), Key: n.path, Problem: "is not JSON"}
			}
			key, path = name, strings.TrimPrefix(n.path+"."+name, ".")
			if n.of[key] != nil {
				return &Error{Line: r.now(), Key: path, Problem: "comes twice"}
			}
		}
		one, err := r.value(path, depth+1)
		if err != nil {
			return err
		}
		if n.kind == '{' {
			n.keys = append(n.keys, key)
			n.of[key] = one
		} else {
			n.list = append(n.list, one)
		}
	}
	if _, err := r.d.Token(); err != nil {
		return &Error{Line: r.now(), Key: n.path, Problem: "is not JSON: " + err.Error()}
	}
	return nil
}

// known notes the keys of an object that are not read.
func (r *reader) known(n *node, names ...string) {
	for _, key := range n.keys {
		if one := n.of[key]; !slices.Contains(names, key) && !r.seen[one.path] {
			r.seen[one.path] = true
			r.out.Unknown = append(r.out.Unknown, Unknown{one.line, one.path})
		}
	}
}

// fields reads values by key and remembers the first thing that is wrong.
type fields struct {
	r   *reader
	err error
}

func (f *fields) wrong(n *node, problem, hint string) {
	if f.err == nil {
		f.err = &Error{n.line, n.path, problem, hint}
	}
}

// scalar is a text, number or boolean as text.
func (f *fields) scalar(n *node) string {
	switch {
	case n == nil || n.kind == '0':
		return ""
	case n.kind == '[' || n.kind == '{':
		f.wrong(n, "is not a text", `"name": "…"`)
		return ""
	}
	return strings.TrimSpace(n.text)
}

func (f *fields) flag(n *node) bool {
	switch {
	case n == nil || n.kind == '0':
		return false
	case n.kind == 'b' || n.text == "0" || n.text == "1":
		return n.text == "true" || n.text == "1"
	}
	f.wrong(n, "is neither true nor false", "true")
	return false
}

// objects are the objects of a list.
func (f *fields) objects(n *node) []*node {
	if n == nil || n.kind == '0' {
		return nil
	}
	if n.kind != '[' {
		f.wrong(n, "is not a list", "[…]")
		return nil
	}
	for _, one := range n.list {
		if one.kind != '{' {
			f.wrong(one, "is not an object", "{…}")
			return nil
		}
	}
	return n.list
}

// values are the plain values of a list, or those under one of some keys of its
// objects.
func (f *fields) values(n *node, under ...string) (out []string) {
	if n == nil || n.kind == '0' {
		return nil
	}
	if n.kind != '[' {
		f.wrong(n, "is not a list", "[…]")
		return nil
	}
	for _, one := range n.list {
		if one.kind == '{' {
			whole := one
			for _, key := range under {
				if v := whole.of[key]; v != nil {
					one = v
					break
				}
			}
			if one == whole {
				f.wrong(one, "has no "+strings.Join(under, " or "), "")
				return nil
			}
		}
		if v := f.scalar(one); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (f *fields) org(n *node) Org {
	of := n.of
	o := Org{
		Line: n.line, ID: f.scalar(of["org_id"]), ActualName: f.scalar(of["actual_name"]),
		Inside: Inside{
			ASNs: f.values(of["inside_filter_asns"], "asn"), Countries: f.values(of["inside_filter_ccs"], "cc"),
			FQDNs: f.values(of["inside_filter_fqdns"], "fqdn"), IPNetworks: f.values(of["inside_filter_ip_networks"], "ip_network"),
			URLs: f.values(of["inside_filter_urls"], "url"),
		},
		Notify: Notify{
			Enabled: f.flag(of["email_notification_enabled"]), Addresses: f.values(of["email_notification_addresses"], "email"),
			Times: f.values(of["email_notification_times"], "notification_time"), Language: f.scalar(of["email_notification_language"]),
			BusinessDaysOnly: f.flag(of["email_notification_business_days_only"]),
		},
	}
	if e := of["entity"]; e != nil && e.kind == '{' {
		entity := f.entity(e)
		o.Entity = &entity
	} else if e != nil && e.kind != '0' {
		f.wrong(e, "is not an object", `{"full_name": "…"}`)
	}
	if o.ID == "" && o.ActualName == "" && (o.Entity == nil || o.Entity.FullName == "") {
		f.wrong(n, "an organisation has neither org_id nor actual_name", `"org_id": "faro.example"`)
	}
	f.r.known(n, "org_id", "actual_name", "inside_filter_asns", "inside_filter_ccs", "inside_filter_fqdns",
		"inside_filter_ip_networks", "inside_filter_urls", "email_notification_enabled", "email_notification_addresses",
		"email_notification_times", "email_notification_language", "email_notification_business_days_only", "entity",
		"org_uuid", "entity_id", "id")
	return o
}

func (f *fields) entity(n *node) Entity {
	of := n.of
	e := Entity{
		Line: n.line, FullName: f.scalar(of["full_name"]), ShortName: f.scalar(of["short_name"]), Verified: f.flag(of["verified"]),
		Email: f.scalar(of["email"]), Address: f.scalar(of["address"]), City: f.scalar(of["city"]), PostalCode: f.scalar(of["postal_code"]),
		PublicEssentialService: f.flag(of["public_essential_service"]), Sector: f.scalar(of["sector_label"]),
		TicketID: f.scalar(of["ticket_id"]), InternalID: f.scalar(of["internal_id"]), AdditionalInformation: f.scalar(of["additional_information"]),
		ASNs: f.values(of["asns"], "asn"), FQDNs: f.values(of["fqdns"], "fqdn"), IPNetworks: f.values(of["ip_networks"], "ip_network"),
		AlertEmail: f.scalar(of["alert_email"]),
	}
	if s := of["sector"]; s != nil && s.kind == '{' {
		e.Sector = f.scalar(s.of["label"])
	} else if s != nil && e.Sector == "" {
		e.Sector = f.scalar(s)
	}
	for _, x := range f.objects(of["extra_ids"]) {
		e.ExtraIDs = append(e.ExtraIDs, f.scalar(x.of["extra_id_type_label"])+": "+f.scalar(x.of["value"]))
	}
	for _, c := range f.objects(of["contact_points"]) {
		e.ContactPoints = append(e.ContactPoints, f.contactPoint(c))
	}
	if d := of["dependant_entities"]; d != nil && d.kind == '[' {
		for _, one := range d.list {
			if one.kind == '{' {
				e.Dependants = append(e.Dependants, Dependant{f.scalar(one.of["name"]), f.scalar(one.of["address"])})
			} else {
				e.Dependants = append(e.Dependants, Dependant{Name: f.scalar(one)})
			}
		}
	}
	if e.FullName == "" {
		f.wrong(n, "an entity has no full_name", `"full_name": "…"`)
	}
	f.r.known(n, "full_name", "short_name", "verified", "email", "address", "city", "postal_code", "public_essential_service",
		"sector_label", "sector", "ticket_id", "internal_id", "extra_ids", "additional_information", "asns", "fqdns", "ip_networks",
		"alert_email", "contact_points", "dependant_entities", "id", "org")
	return e
}

func (f *fields) contactPoint(n *node) ContactPoint {
	of := n.of
	c := ContactPoint{
		Line: n.line, Name: f.scalar(of["name"]), Position: f.scalar(of["position"]), Email: f.scalar(of["email"]),
		External: f.flag(of["external_placement"]), ExternalName: f.scalar(of["external_entity_name"]), ExternalAddress: f.scalar(of["external_entity_address"]),
	}
	if p := of["phones"]; p != nil && p.kind == '[' {
		for _, one := range p.list {
			if one.kind == '{' {
				c.Phones = append(c.Phones, Phone{f.scalar(one.of["phone_number"]), f.scalar(one.of["availability"])})
			} else {
				c.Phones = append(c.Phones, Phone{Number: f.scalar(one)})
			}
		}
	}
	f.r.known(n, "name", "position", "email", "phones", "external_placement", "external_entity_name", "external_entity_address", "id", "entity_id")
	return c
}
