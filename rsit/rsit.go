// Package rsit knows the Reference Security Incident Taxonomy, version 1003,
// as the RSIT task force (ENISA, TF-CSIRT) publishes it: classes of incidents
// and, in each, types.
//
// Words: a class ("intrusions") is what the taxonomy's machine tags call a
// predicate and the IntelMQ data format calls classification.taxonomy; a type
// ("system-compromise") is a machine tag's value and classification.type. A
// pair is one class with one of its types.
//
// The data format of IntelMQ (IDF) spells one type differently,
// "unauthorized-use-of-resources", and has five types of its own which RSIT
// files under "other": they are listed by [IDFTypes]. [FromIDF] and [ToIDF]
// go between the two spellings.
//
// The list is fixed by its version and compiled in. Not here: translations,
// severities, and which type a feed's rows have.
package rsit

import (
	"fmt"
	"slices"
	"strings"
)

// Version is the version of the taxonomy that this package knows.
const Version = "1003"

// Class is one class of the taxonomy with its types, in the standard's order.
type Class struct {
	Name  string
	Types []string
}

// Classes lists the taxonomy: 11 classes, 39 types. The caller owns the slice.
func Classes() []Class {
	return []Class{
		{"abusive-content", []string{"spam", "harmful-speech", "violence"}},
		{"malicious-code", []string{"infected-system", "c2-server", "malware-distribution", "malware-configuration"}},
		{"information-gathering", []string{"scanner", "sniffing", "social-engineering"}},
		{"intrusion-attempts", []string{"ids-alert", "brute-force", "exploit"}},
		{"intrusions", []string{
			"privileged-account-compromise", "unprivileged-account-compromise",
			"application-compromise", "system-compromise", "burglary",
		}},
		{"availability", []string{"dos", "ddos", "misconfiguration", "sabotage", "outage"}},
		{"information-content-security", []string{
			"unauthorised-information-access",
			"unauthorised-information-modification", "data-loss", "data-leak",
		}},
		{"fraud", []string{"unauthorised-use-of-resources", "copyright", "masquerade", "phishing"}},
		{"vulnerable", []string{
			"weak-crypto", "ddos-amplifier", "potentially-unwanted-accessible",
			"information-disclosure", "vulnerable-system",
		}},
		{"other", []string{"other", "undetermined"}},
		{"test", []string{"test"}},
	}
}

// IDFTypes lists the types which IDF has beyond RSIT, all of class "other" or
// of the class that a feed gives them.
func IDFTypes() []string { return []string{"blacklist", "dga-domain", "malware", "proxy", "tor"} }

const (
	rsitUse = "unauthorised-use-of-resources"
	idfUse  = "unauthorized-use-of-resources"
)

// ToIDF spells a type as IDF does.
func ToIDF(typ string) string {
	if typ == rsitUse {
		return idfUse
	}
	return typ
}

// FromIDF spells a type as RSIT does. A type of IDF's own stays as it is.
func FromIDF(typ string) string {
	if typ == idfUse {
		return rsitUse
	}
	return typ
}

// ValidClass reports whether the taxonomy has the class.
func ValidClass(class string) bool {
	return slices.ContainsFunc(Classes(), func(c Class) bool { return c.Name == class })
}

// ClassOf returns the class of a type of the taxonomy, in either spelling; it
// is empty for others. Every type is in one class only.
func ClassOf(typ string) string {
	typ = FromIDF(typ)
	for _, c := range Classes() {
		if slices.Contains(c.Types, typ) {
			return c.Name
		}
	}
	return ""
}

// Valid reports whether the type, in RSIT's spelling, belongs to the class.
func Valid(class, typ string) bool {
	return class != "" && FromIDF(typ) == typ && ClassOf(typ) == class
}

// Tag is the machine tag of a pair, such as
// rsit:intrusions="system-compromise". Either spelling of the type will do;
// the tag has RSIT's. An unknown pair is an error.
func Tag(class, typ string) (string, error) {
	typ = FromIDF(typ)
	if !Valid(class, typ) {
		return "", fmt.Errorf("class %q has no type %q in RSIT %s (an example: vulnerable, weak-crypto)", class, typ, Version)
	}
	return "rsit:" + class + `="` + typ + `"`, nil
}

// ParseTag reads a machine tag that [Tag] has written.
func ParseTag(tag string) (class, typ string, err error) {
	rest, ok := strings.CutPrefix(tag, "rsit:")
	class, typ, found := strings.Cut(rest, `="`)
	typ, ended := strings.CutSuffix(typ, `"`)
	if !ok || !found || !ended || !Valid(class, typ) {
		return "", "", fmt.Errorf("%.80q is not a machine tag of RSIT %s (an example: rsit:intrusions=\"system-compromise\")", tag, Version)
	}
	return class, typ, nil
}
