package watch

import (
	"strings"

	"almenara.example/internal/foundation/i18n"
)

// Plain says in words that an operator reads at night what a finding is, with its
// identifier behind them: "Open to the Internet: SMB (open-smb)". What has no words is its
// identifier, or the kind of its report.
func (w *Watch) Plain(p *i18n.Printer, f Finding) string {
	id := f.Class.Identifier
	if id == "" {
		stream, _ := w.StreamOf(f.Stream)
		return stream.Kind
	}
	for _, what := range plainKinds {
		for _, prefix := range what.prefixes {
			name, ok := strings.CutPrefix(id, prefix)
			if ok && (name == "" || strings.HasSuffix(prefix, "-")) {
				return p.Say("watch.what."+what.key, "Name", product(name)) + " (" + id + ")"
			}
		}
	}
	return id
}

// plainKind is a kind of finding that has words. A prefix that ends with a hyphen is
// followed by a protocol or product.
type plainKind struct {
	key      string
	prefixes []string
}

// plainKinds are the first that fits.
var plainKinds = []plainKind{
	{"resolver", []string{"dns-open-resolver"}},
	{"tunnel", []string{"open-ip-tunnel"}},
	{"loop", []string{"open-loop-dos"}},
	{"middlebox", []string{"open-ddos-middlebox"}},
	{"implant", []string{"open-synfulknock"}},
	{"controls", []string{"open-ics"}},
	{"attacked", []string{"amplification-ddos-victim", "honeypot-ddos-target"}},
	{"open", []string{"open-", "accessible-"}},
	{"attacks", []string{"honeypot-ddos", "ddos-participant", "honeypot-"}},
	{"weak", []string{"vulnerable-"}},
	{"cipher", []string{"ssl-"}},
	{"time", []string{"ntp-"}},
	{"infected", []string{"c2-beacon", "sinkholedns", "sinkhole-", "compromised-iot", "sandbox-"}},
	{"account", []string{"compromised-account"}},
	{"website", []string{"compromised-website"}},
	{"blocked", []string{"blacklisted-ip"}},
	{"spoofs", []string{"ip-spoofer"}},
	{"malware", []string{"malware-url"}},
	{"spam", []string{"spam-url"}},
	{"ransomware", []string{"ransomware-victim"}},
	{"secret", []string{"badsecret"}},
	{"device", []string{"device-id"}},
}

// product writes a protocol or product as people do: acronyms in capitals.
func product(id string) string {
	if name := products[id]; name != "" {
		return name
	}
	return strings.ToUpper(strings.ReplaceAll(id, "-", " "))
}

var products = map[string]string{
	"activemq": "ActiveMQ", "cisco-smart-install": "Cisco Smart Install", "couchdb": "CouchDB", "db2-discovery-service": "Db2 discovery",
	"docker": "Docker", "dvr-dhcpdiscover": "DVR DHCPDiscover", "elasticsearch": "Elasticsearch", "hadoop": "Hadoop", "http-proxy": "HTTP proxy",
	"kubernetes": "Kubernetes", "memcached": "Memcached", "mongodb": "MongoDB", "mdns": "mDNS", "mysql": "MySQL", "netbios-nameservice": "NetBIOS name service",
	"netis": "Netis", "portmapper": "Portmapper", "postgres": "PostgreSQL", "radmin": "Radmin", "redis": "Redis", "rsync": "rsync", "telnet": "Telnet",
	"ubiquiti-discovery-service": "Ubiquiti Discovery", "ws-discovery": "WS-Discovery", "rdp": "Remote Desktop (RDP)", "vnc": "VNC",
	"rdp-scan": "RDP", "adb-scan": "ADB", "http-scan": "HTTP", "ics-scan": "ICS", "ikev2-scan": "IKEv2", "rocketmq-scan": "RocketMQ", "smb-scan": "SMB",
	"ddos": "DDoS",
}
