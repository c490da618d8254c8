package idf

// Severity grades an event as Shadowserver does. The numbers grow with the
// severity; SeverityNone means that nobody has said.
type Severity uint8

// The severities.
const (
	SeverityNone Severity = iota
	SeverityInfo
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// String is the severity's word; SeverityNone is the empty text.
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityLow:
		return "low"
	case SeverityMedium:
		return "medium"
	case SeverityHigh:
		return "high"
	case SeverityCritical:
		return "critical"
	}
	return ""
}

// ParseSeverity reads a severity in any case. The empty text is SeverityNone.
func ParseSeverity(b []byte) (s Severity, ok bool) {
	if len(b) > 16 {
		return SeverityNone, false
	}
	var low [16]byte
	v := low[:copy(low[:], b)]
	lowerASCII(v)
	switch string(v) {
	case "":
		return SeverityNone, true
	case "info", "informational":
		return SeverityInfo, true
	case "low":
		return SeverityLow, true
	case "medium":
		return SeverityMedium, true
	case "high":
		return SeverityHigh, true
	case "critical":
		return SeverityCritical, true
	}
	return SeverityNone, false
}

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// knownClass is the list of classification.taxonomy; a test holds it equal to
// package rsit's.
func knownClass(s string) bool {
	switch s {
	case "abusive-content", "malicious-code", "information-gathering", "intrusion-attempts", "intrusions",
		"availability", "information-content-security", "fraud", "vulnerable", "other", "test":
		return true
	}
	return false
}

// knownType is the list of classification.type in this format's spelling; a
// test holds it equal to package rsit's.
func knownType(s string) bool {
	switch s {
	case "spam", "harmful-speech", "violence",
		"infected-system", "c2-server", "malware-distribution", "malware-configuration",
		"scanner", "sniffing", "social-engineering",
		"ids-alert", "brute-force", "exploit",
		"privileged-account-compromise", "unprivileged-account-compromise", "application-compromise",
		"system-compromise", "burglary",
		"dos", "ddos", "misconfiguration", "sabotage", "outage",
		"unauthorised-information-access", "unauthorised-information-modification", "data-loss", "data-leak",
		"unauthorized-use-of-resources", "copyright", "masquerade", "phishing",
		"weak-crypto", "ddos-amplifier", "potentially-unwanted-accessible", "information-disclosure", "vulnerable-system",
		"other", "undetermined", "test",
		"blacklist", "dga-domain", "malware", "proxy", "tor":
		return true
	}
	return false
}

// classType checks a classification.type. RSIT's spelling and "blocklist",
// which newer reports write, become this format's words.
func (s *scratch) classType(b []byte) ([]byte, bool) {
	v := s.lower(b)
	switch string(v) {
	case "unauthorised-use-of-resources":
		return []byte("unauthorized-use-of-resources"), true
	case "blocklist":
		return []byte("blacklist"), true
	}
	return v, knownType(string(v))
}
