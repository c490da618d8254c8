package xarf

import (
	"encoding/json"
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Problem is what is wrong with one key.
type Problem struct {
	Key  string // dotted; empty when it is the report as a whole
	Text string // continues the key: "is required"
}

// Error holds everything that is wrong with a report.
type Error struct{ Problems []Problem }

// Error is one line for a person.
func (e *Error) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		key := p.Key
		if key == "" {
			key = "the report"
		}
		parts[i] = key + " " + p.Text
	}
	return strings.Join(parts, "; ")
}

func (e *Error) add(key, text string) { e.Problems = append(e.Problems, Problem{key, text}) }

func (e *Error) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

func problem(key, text string) error {
	return &Error{[]Problem{{strings.TrimSuffix(key, "."), text}}}
}

var (
	versionForm = regexp.MustCompile(`^4\.[0-9]{1,9}\.[0-9]{1,9}$`)
	uuidForm    = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
	tagForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+-]*$`)
	hashForm    = regexp.MustCompile(`^(md5|sha1|sha256|sha512):[a-fA-F0-9]+$`)
	hostForm    = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.?$`)
)

// Validate checks the core and what the type requires. The error is a *Error.
func (r *Report) Validate() error {
	var bad Error
	if r.Version != "" && !versionForm.MatchString(r.Version) {
		bad.add("xarf_version", "is not a version such as "+Version)
	}
	required(&bad, "report_id", r.ID)
	if r.ID != "" && !uuidForm.MatchString(r.ID) {
		bad.add("report_id", "is not a UUID of version 4")
	}
	if r.Time.IsZero() {
		bad.add("timestamp", "is required")
	} else if y := r.Time.UTC().Year(); y < 1 || y > 9999 {
		bad.add("timestamp", "is of an impossible year")
	}
	r.Reporter.validate(&bad, "reporter")
	r.Sender.validate(&bad, "sender")
	required(&bad, "source_identifier", r.Source)
	if r.SourcePort < 0 || r.SourcePort > 65535 {
		bad.add("source_port", "must be from 1 to 65535")
	}
	r.validateOptional(&bad)
	r.validateType(&bad)
	return bad.orNil()
}

func required(bad *Error, key, value string) {
	if strings.TrimSpace(value) == "" {
		bad.add(key, "is required")
	} else if !utf8.ValidString(value) {
		bad.add(key, "is not UTF-8")
	}
}

func (c Contact) validate(bad *Error, key string) {
	if c == (Contact{}) {
		bad.add(key, "is required")
		return
	}
	required(bad, key+".org", c.Org)
	if utf8.RuneCountInString(c.Org) > 200 {
		bad.add(key+".org", "has more than 200 characters")
	}
	if a, err := mail.ParseAddress(c.Contact); err != nil || a.Address != c.Contact {
		bad.add(key+".contact", "is not a mail address")
	}
	if len(c.Domain) > 253 || !hostForm.MatchString(c.Domain) {
		bad.add(key+".domain", "is not a domain name")
	}
}

func (r *Report) validateOptional(bad *Error) {
	if len(r.Evidence) > maxItems {
		bad.add("evidence", "has more than 50 items")
	}
	for i, e := range r.Evidence {
		at := "evidence[" + strconv.Itoa(i) + "]"
		required(bad, at+".content_type", e.ContentType)
		switch {
		case e.Payload == nil:
			bad.add(at+".payload", "is required")
		case len(e.Payload) > MaxEvidence || e.Size > MaxEvidence || e.Size < 0:
			bad.add(at+".payload", "has more than 5 MiB")
		}
		if utf8.RuneCountInString(e.Description) > 500 {
			bad.add(at+".description", "has more than 500 characters")
		}
		if e.Hash != "" && !hashForm.MatchString(e.Hash) {
			bad.add(at+".hash", "is not algorithm:hexvalue")
		}
	}
	if len(r.Tags) > maxTags {
		bad.add("tags", "has more than 20")
	}
	for _, tag := range r.Tags {
		if !tagForm.MatchString(tag) {
			bad.add("tags", "holds one that is not namespace:predicate")
			break
		}
	}
	if r.Confidence != nil && !(*r.Confidence >= 0 && *r.Confidence <= 1) {
		bad.add("confidence", "must be from 0 to 1")
	}
	if utf8.RuneCountInString(r.Description) > maxText {
		bad.add("description", "has more than 1000 characters")
	}
	if r.LegacyVersion != "" && r.LegacyVersion != "3" {
		bad.add("legacy_version", "can only be 3")
	}
	for _, name := range r.names() {
		switch {
		case slices.Contains(core(), name):
			bad.add(name, "is a key of the core and cannot be among the type's")
		case !json.Valid(r.Fields[name]):
			bad.add(name, "is not JSON")
		}
	}
}

func (r *Report) validateType(bad *Error) {
	if r.Category == "" || r.Type == "" {
		required(bad, "category", string(r.Category))
		required(bad, "type", r.Type)
		return
	}
	if !slices.Contains(Categories(), r.Category) {
		bad.add("category", "is not one of the seven")
		return
	}
	rule, err := ruleOf(r.Category, r.Type)
	if err != nil {
		bad.add("type", "is not a type of category "+string(r.Category))
		return
	}
	for _, n := range rule.needs {
		r.validateNeed(bad, n)
	}
	_, notIP := netip.ParseAddr(r.Source)
	var protocol string
	_ = json.Unmarshal(r.Fields["protocol"], &protocol) // what is no text is refused above
	smtp := rule.smtp && protocol == "smtp"
	if (smtp || rule.portOfIP && notIP == nil) && r.SourcePort == 0 {
		bad.add("source_port", "is required for this type")
	}
	if smtp {
		r.validateNeed(bad, need{name: "smtp_from"})
	}
	switch r.Type {
	case "p2p":
		r.oneOf(bad, "swarm_info", "info_hash", "magnet_uri")
	case "usenet":
		r.oneOf(bad, "message_info", "message_id")
	}
}

// oneOf wants one of some members in an object.
func (r *Report) oneOf(bad *Error, name string, members ...string) {
	var o map[string]json.RawMessage
	if json.Unmarshal(r.Fields[name], &o) != nil {
		return // the need itself has said so
	}
	for _, m := range members {
		if _, ok := o[m]; ok {
			return
		}
	}
	bad.add(name, "needs "+strings.Join(members, " or "))
}

func (r *Report) validateNeed(bad *Error, n need) {
	raw, ok := r.Fields[n.name]
	if !ok {
		bad.add(n.name, "is required for type "+r.Type)
		return
	}
	var s string
	var f float64
	isText := len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	isNumber := json.Unmarshal(raw, &f) == nil && string(raw) != "null"
	switch n.kind {
	case text:
		switch {
		case !isText || strings.TrimSpace(s) == "":
			bad.add(n.name, "must be a text")
		case len(n.of) > 0 && !slices.Contains(n.of, s):
			bad.add(n.name, "must be one of "+strings.Join(n.of, ", "))
		}
	case moment:
		if _, err := time.Parse(time.RFC3339, s); !isText || err != nil {
			bad.add(n.name, "is not a time such as 2026-01-31T23:59:59Z")
		}
	case wholeNumber, port:
		top := float64(1 << 53)
		if n.kind == port {
			top = 65535
		}
		if !isNumber || f != float64(int64(f)) || f < 0 || f > top || n.kind == port && f == 0 {
			bad.add(n.name, "must be a whole number in its range")
		}
	case list:
		var l []json.RawMessage
		if json.Unmarshal(raw, &l) != nil || len(l) == 0 {
			bad.add(n.name, "must be a list with something in it")
		}
	case object:
		var o map[string]json.RawMessage
		if json.Unmarshal(raw, &o) != nil || o == nil {
			bad.add(n.name, "must be an object")
		}
	}
}
