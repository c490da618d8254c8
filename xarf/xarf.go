// Package xarf holds abuse reports in XARF v4: one report about one thing that
// somebody's machine does to others, for whoever runs it.
//
// Words: a report has a [Category] and a type in it; the reporter is who was harmed
// or noticed, the sender who transmits. A type's own keys (destination_ip, url,
// service, …) are in [Report.Fields]; which of them a type wants is in the table
// behind [Types].
//
// Promises:
//
//   - [Parse] refuses what is not one JSON object, has a key twice, is larger than
//     MaxReport, or lacks what the core and its type require; errors are a *[Error]
//     with all problems, each with its key. Keys of no type are kept;
//   - [Report.AppendJSON] writes the core's keys in the order of the specification,
//     then the type's in the order of their names: the same report, the same bytes;
//   - "_internal" is never written: the specification keeps it from leaving;
//   - [FromIDF] says nothing that the event does not say. Where the specification
//     requires more than the event has, it takes a weaker type or refuses.
//
// Not here: who the reports go to, sending, evidence of more than the event's own
// raw text, the older version 3. Values of keys that a type merely allows are not
// checked against their vocabularies; those that it requires are.
//
// Source: xarf-spec v4.2.0 (core schema, type schemas).
package xarf

import (
	"fmt"
	"slices"
)

// Version is what reports are written as.
const Version = "4.2.0"

// Category is the first class of a report.
type Category string

// The seven categories.
const (
	Messaging      Category = "messaging"
	Connection     Category = "connection"
	Content        Category = "content"
	Infrastructure Category = "infrastructure"
	Copyright      Category = "copyright"
	Vulnerability  Category = "vulnerability"
	Reputation     Category = "reputation"
)

// Categories lists the seven.
func Categories() []Category {
	return []Category{Messaging, Connection, Content, Infrastructure, Copyright, Vulnerability, Reputation}
}

// Types lists the types of a category; nil for one that is not known.
func Types(c Category) []string {
	var out []string
	for _, r := range rules() {
		if r.category == c {
			out = append(out, r.name)
		}
	}
	return out
}

// kind is what sort of JSON a required key takes.
type kind int

const (
	text kind = iota // not empty
	wholeNumber
	moment // RFC 3339
	list   // not empty
	object
	port
)

// need is a key that a type requires.
type need struct {
	name string
	kind kind
	of   []string // the values that are allowed; any when empty
}

// rule is what a type requires beyond the core.
type rule struct {
	category Category
	name     string
	needs    []need
	// portOfIP: a source_port is required when the source is an address, so that the
	// customer behind a shared address can be found.
	portOfIP bool
	// smtp: by protocol smtp, smtp_from and source_port are required.
	smtp bool
}

// rules is the table of types: fixed, in the order of categories.
func rules() []rule {
	of := func(name string, values ...string) need { return need{name, text, values} }
	url := of("url")
	first := need{name: "first_seen", kind: moment}
	l4 := of("protocol", "tcp", "udp", "icmp", "sctp")
	tcpUDP := of("protocol", "tcp", "udp")
	infringing := of("infringing_url")
	service := of("service")
	threat := of("threat_type")
	detection := func(v ...string) need { return of("detection_method", v...) }
	return []rule{
		{Messaging, "spam", []need{of("protocol", "smtp", "sms", "whatsapp", "telegram", "signal", "chat", "social_media", "push_notification", "other")}, false, true},
		{Messaging, "bulk_messaging", []need{of("protocol", "smtp", "sms", "whatsapp", "telegram", "social_media", "push_notification", "other"), {name: "recipient_count", kind: wholeNumber}}, false, true},
		{Connection, "ddos", []need{l4, first}, true, false},
		{Connection, "infected_host", []need{tcpUDP, of("bot_type", "search_engine", "ai_agent", "monitoring", "seo_analyzer", "link_checker", "feed_reader", "social_media", "advertising", "malicious", "unknown"), first}, false, false},
		{Connection, "login_attack", []need{l4, first}, true, false},
		{Connection, "port_scan", []need{l4, first}, true, false},
		{Connection, "reconnaissance", []need{tcpUDP, {name: "probed_resources", kind: list}, first}, false, false},
		{Connection, "scraping", []need{tcpUDP, first, {name: "total_requests", kind: wholeNumber}}, false, false},
		{Connection, "sql_injection", []need{tcpUDP, first}, false, false},
		{Connection, "vulnerability_scan", []need{of("scan_type", "port_scan", "vulnerability_scan", "version_detection", "os_fingerprinting", "service_enumeration", "web_vuln_scan", "directory_brute_force", "mixed"), of("protocol", "tcp", "udp", "icmp", "mixed"), first}, false, false},
		{Content, "phishing", []need{url}, false, false},
		{Content, "malware", []need{url}, false, false},
		{Content, "csam", []need{url, of("classification", "baseline", "A1", "A2", "B1", "B2"), detection("hash_match", "ai_detection", "manual_review", "user_report", "automated_scan")}, false, false},
		{Content, "csem", []need{url, of("exploitation_type", "grooming", "solicitation", "sextortion", "trafficking", "distribution", "production", "possession"), detection("behavioral_analysis", "keyword_detection", "user_report", "ai_detection", "manual_review", "law_enforcement_referral")}, false, false},
		{Content, "exposed_data", []need{url, {name: "data_types", kind: list}, of("exposure_method", "misconfigured_server", "open_directory", "database_exposure", "git_repository", "backup_file", "log_file", "cloud_storage", "paste_site", "forum_post", "ransomware_leak", "intentional_leak", "other")}, false, false},
		{Content, "brand_infringement", []need{url, of("infringement_type", "counterfeit", "typosquatting", "lookalike", "homograph", "unauthorized_reseller", "trademark_violation", "brand_impersonation", "logo_misuse", "other"), of("legitimate_site")}, false, false},
		{Content, "fraud", []need{url, of("fraud_type", "investment", "romance", "tech_support", "lottery", "advance_fee", "cryptocurrency", "shopping", "charity", "employment", "government_impersonation", "other")}, false, false},
		{Content, "remote_compromise", []need{url, of("compromise_type", "webshell", "backdoor", "defacement", "malicious_redirect", "seo_spam", "cryptominer", "phishing_kit", "malware_host", "c2_server", "proxy", "scanner", "other")}, false, false},
		{Content, "suspicious_registration", []need{url, {name: "registration_date", kind: moment}, {name: "suspicious_indicators", kind: list}}, false, false},
		{Infrastructure, "botnet", []need{of("compromise_evidence")}, false, false},
		{Infrastructure, "compromised_server", []need{of("compromise_method")}, false, false},
		{Copyright, "copyright", []need{infringing}, false, false},
		{Copyright, "p2p", []need{of("p2p_protocol", "bittorrent", "edonkey", "gnutella", "kademlia", "other"), {name: "swarm_info", kind: object}}, false, false},
		{Copyright, "cyberlocker", []need{infringing, of("hosting_service")}, false, false},
		{Copyright, "ugc_platform", []need{infringing, of("platform_name")}, false, false},
		{Copyright, "link_site", []need{infringing, of("site_name")}, false, false},
		{Copyright, "usenet", []need{of("newsgroup"), {name: "message_info", kind: object}}, false, false},
		{Vulnerability, "cve", []need{service, {name: "service_port", kind: port}, of("cve_id")}, false, false},
		{Vulnerability, "open_service", []need{service}, false, false},
		{Vulnerability, "misconfiguration", []need{service}, false, false},
		{Reputation, "blocklist", []need{threat}, false, false},
		{Reputation, "threat_intelligence", []need{threat}, false, false},
	}
}

// ruleOf finds a type's rule.
func ruleOf(c Category, name string) (rule, error) {
	all := rules()
	i := slices.IndexFunc(all, func(r rule) bool { return r.category == c && r.name == name })
	if i < 0 {
		return rule{}, fmt.Errorf("%.40q is not a type of category %.40q", name, c)
	}
	return all[i], nil
}
