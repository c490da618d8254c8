package xarf

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"almenara.example/idf"
)

// ErrNoType says that no report can be made of an event: its class is nothing that a
// network is asked to stop, or the specification requires what the event does not
// say.
var ErrNoType = errors.New("no XARF type for this event")

// Options are what an event does not know.
type Options struct {
	ID               string // a UUID of version 4, see [NewID]
	Reporter, Sender Contact
	// Raw adds the event's raw text as evidence. It may hold more than the network
	// needs to know.
	Raw bool
}

// NewID draws a report's id from a source of randomness, such as crypto/rand.Reader.
func NewID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw a report's id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// target is the type that a class of the reference taxonomy becomes.
type target struct {
	category Category
	typ      string
}

// threat is the type for what is known of a source and is none of the others.
var threat = target{Reputation, "threat_intelligence"}

// targetOf maps classification.type.
func targetOf(class string) (target, bool) {
	switch class {
	case "spam":
		return target{Messaging, "spam"}, true
	case "infected-system":
		return target{Infrastructure, "botnet"}, true
	case "system-compromise", "application-compromise", "privileged-account-compromise", "unprivileged-account-compromise":
		return target{Infrastructure, "compromised_server"}, true
	case "scanner":
		return target{Connection, "port_scan"}, true
	case "brute-force":
		return target{Connection, "login_attack"}, true
	case "exploit", "ids-alert":
		return target{Connection, "vulnerability_scan"}, true
	case "ddos", "dos":
		return target{Connection, "ddos"}, true
	case "malware-distribution":
		return target{Content, "malware"}, true
	case "phishing":
		return target{Content, "phishing"}, true
	case "unauthorized-use-of-resources":
		return target{Content, "fraud"}, true
	case "copyright":
		return target{Copyright, "copyright"}, true
	case "vulnerable-system":
		return target{Vulnerability, "cve"}, true
	case "ddos-amplifier", "potentially-unwanted-accessible", "information-disclosure":
		return target{Vulnerability, "open_service"}, true
	case "weak-crypto", "misconfiguration":
		return target{Vulnerability, "misconfiguration"}, true
	case "blacklist":
		return target{Reputation, "blocklist"}, true
	case "c2-server", "malware-configuration", "malware", "dga-domain", "proxy", "tor", "masquerade", "data-leak":
		return threat, true
	}
	return target{}, false
}

// weaker is what a type becomes when the event lacks what it requires.
func weaker(t target) (target, bool) {
	switch {
	case t == target{Vulnerability, "cve"}:
		return target{Vulnerability, "open_service"}, true
	case t.category == Content || t.category == Connection || t.category == Messaging:
		return threat, true
	}
	return target{}, false
}

// FromIDF makes a report of an event. The error is ErrNoType, or says what event or
// options lack.
func FromIDF(e *idf.Event, o Options) (*Report, error) {
	t, ok := targetOf(string(e.Type))
	if !ok {
		return nil, fmt.Errorf("%w: classification.type is %q", ErrNoType, e.Type)
	}
	r := &Report{Version: Version, ID: o.ID, Reporter: o.Reporter, Sender: o.Sender, Source: sourceOf(e), Description: field(e, idf.EventDescriptionText)}
	if e.Time == 0 {
		return nil, errors.New("the event has no time.source, which a report's timestamp is")
	}
	if r.Source == "" {
		return nil, errors.New("the event says no source: no address, name or URL")
	}
	r.Time = time.UnixMicro(e.Time).UTC()
	if e.HasPort && e.Port != 0 {
		r.SourcePort = int(e.Port)
	}
	if a, err := strconv.ParseFloat(field(e, idf.FeedAccuracy), 64); err == nil && a >= 0 && a <= 100 {
		a /= 100
		r.Confidence = &a
	}
	if len([]rune(r.Description)) > maxText {
		r.Description = string([]rune(r.Description)[:maxText-1]) + "…"
	}
	if raw, err := base64.StdEncoding.DecodeString(field(e, idf.Raw)); o.Raw && err == nil && len(raw) > 0 && len(raw) <= MaxEvidence {
		r.Evidence = []Evidence{{ContentType: "text/plain", Description: "The feed's own line", Payload: raw, Size: int64(len(raw)), Hash: fmt.Sprintf("sha256:%x", sha256.Sum256(raw))}}
	}
	if tag := tagOf(e); tag != "" {
		r.Tags = []string{tag}
	}
	return r, r.choose(e, t)
}

// choose takes the type whose requirements the event meets.
func (r *Report) choose(e *idf.Event, t target) error {
	for {
		r.Category, r.Type, r.Fields = t.category, t.typ, nil
		if err := r.fill(e); err != nil {
			return err
		}
		err := r.Validate()
		if err == nil {
			return nil
		}
		next, ok := weaker(t)
		if !ok || !aboutType(err) {
			if aboutType(err) {
				return fmt.Errorf("%w: %s/%s: %w", ErrNoType, t.category, t.typ, err)
			}
			return err
		}
		t = next
	}
}

// aboutType tells a lack of the type from one of the core.
func aboutType(err error) bool {
	var bad *Error
	if !errors.As(err, &bad) {
		return false
	}
	for _, p := range bad.Problems {
		for _, name := range core() {
			if name != "source_port" && (p.Key == name || strings.HasPrefix(p.Key, name+".")) {
				return false
			}
		}
	}
	return true
}

// fill sets the type's keys from the event, as far as it has them.
func (r *Report) fill(e *idf.Event) error {
	var errs []error
	put := func(name, value string) {
		if value != "" {
			errs = append(errs, r.Set(name, value))
		}
	}
	first := r.Time.Format(time.RFC3339)
	what := firstOf(field(e, idf.MalwareName), string(e.Identifier), string(e.Type))
	switch r.Category {
	case Connection:
		put("protocol", string(e.Transport))
		put("first_seen", first)
		put("destination_ip", field(e, idf.DestinationIP))
		if p, err := strconv.Atoi(field(e, idf.DestinationPort)); err == nil && p > 0 && r.Type != "vulnerability_scan" {
			errs = append(errs, r.Set("destination_port", p))
		}
		if r.Type == "vulnerability_scan" {
			put("scan_type", "mixed")
		}
	case Messaging:
		if p := field(e, idf.ProtocolApplication); p == "" || p == "smtp" {
			put("protocol", "smtp")
		} else {
			put("protocol", p)
		}
		put("smtp_from", string(e.Account))
	case Content:
		put("url", string(e.URL))
		put("domain", string(e.FQDN))
		if r.Type == "fraud" {
			put("fraud_type", "other")
		}
		if r.Type == "malware" {
			put("malware_family", field(e, idf.MalwareName))
		}
	case Copyright:
		put("infringing_url", string(e.URL))
	case Infrastructure:
		if r.Type == "botnet" {
			put("compromise_evidence", what)
			put("malware_family", field(e, idf.MalwareName))
			put("c2_server", firstOf(field(e, idf.DestinationFQDN), field(e, idf.DestinationIP)))
		} else {
			put("compromise_method", what)
		}
	case Vulnerability:
		put("service", firstOf(field(e, idf.ProtocolApplication), string(e.Identifier)))
		put("service_version", field(e, idf.ProductVersion))
		if r.SourcePort != 0 && r.Type == "cve" {
			errs = append(errs, r.Set("service_port", r.SourcePort))
		}
		if r.Type == "cve" {
			put("cve_id", cveOf(e))
		}
	case Reputation:
		put("threat_type", string(e.Type))
	}
	return errors.Join(errs...)
}

var cveForm = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,9}\b`)

// cveOf is the first CVE that the event names.
func cveOf(e *idf.Event) string {
	for _, text := range []string{field(e, idf.ProductVulnerabilities), string(e.Identifier)} {
		if m := cveForm.FindString(text); m != "" {
			return strings.ToUpper(m)
		}
	}
	return ""
}

// sourceOf is the address, else the name, else the URL's host.
func sourceOf(e *idf.Event) string {
	switch {
	case e.IP.IsValid():
		return e.IP.String()
	case len(e.FQDN) > 0:
		return string(e.FQDN)
	}
	if u, err := url.Parse(string(e.URL)); err == nil {
		return u.Hostname()
	}
	return ""
}

// tagOf is the class as a tag.
func tagOf(e *idf.Event) string {
	if tag := "rsit:" + string(e.Type); tagForm.MatchString(tag) {
		return tag
	}
	return ""
}

func field(e *idf.Event, f idf.Field) string {
	b, _ := e.AppendField(nil, f)
	return string(b)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
