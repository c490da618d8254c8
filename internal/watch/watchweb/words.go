package watchweb

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// severityTone is the colour and shape of a severity.
func severityTone(s watch.Severity) string {
	if s == watch.NoSeverity {
		return "muted"
	}
	return s.String()
}

func (a asker) severity(s watch.Severity) web.Badge {
	b := web.Badge{Tone: severityTone(s), Word: a.say("watch.word.severity." + s.String())}
	if s == watch.NoSeverity {
		b.Icon = "state-other"
	}
	return b
}

func (a asker) state(s watch.State) web.Badge {
	b := web.Badge{Tone: "muted", Word: a.say("watch.word.state." + s.String())}
	switch s {
	case watch.Open:
		b.Tone = "open"
	case watch.NoLongerSeen:
		b.Tone, b.Icon = "ok", "state-gone"
	case watch.Expired:
		b.Icon = "state-expired"
	case watch.Closed:
		b.Icon = "state-closed"
	}
	return b
}

func (a asker) deliveryState(d watch.Delivery) web.Badge {
	b := web.Badge{Tone: "ok", Word: a.say("watch.word.delivery." + string(d.State))}
	switch d.State {
	case watch.Received, watch.Taken:
		b.Tone, b.Icon = "info", "clock"
	case watch.UnknownKind:
		b.Tone, b.Icon = "medium", "question"
	case watch.Failed:
		b.Tone, b.Icon = "critical", "danger"
	}
	return b
}

func (a asker) mode(m watch.Mode) web.Badge {
	b := web.Badge{Tone: "ok", Word: a.say("watch.word.mode." + string(m))}
	switch m {
	case watch.Shadow:
		b.Tone, b.Icon = "muted", "shadow"
	case watch.Hold:
		b.Tone, b.Icon = "medium", "clock"
	}
	return b
}

func (a asker) quarantineState(s watch.QuarantineState) web.Badge {
	b := web.Badge{Tone: "muted", Word: a.say("watch.word.quarantine." + string(s))}
	switch s {
	case watch.Waiting:
		b.Tone, b.Icon = "medium", "quarantine"
	case watch.Rerunning:
		b.Tone, b.Icon = "info", "refresh"
	case watch.TakenIn:
		b.Tone = "ok"
	}
	return b
}

// reasons are the words for which rows are set aside.
func reasons() []string {
	return []string{
		"bad_ip", "bad_time", "bad_number", "bad_value", "empty_required", "line_too_long", "bad_utf8", "nul_byte",
		"bad_quote", "too_few_columns", "too_many_columns", "bad_json",
	}
}

func (a asker) reason(reason string) string {
	if slices.Contains(reasons(), reason) {
		return a.say("watch.word.reason." + reason)
	}
	return reason
}

func (a asker) level(l constituency.Level) string { return a.say("watch.word.level." + l.String()) }

// sector is a sector's name; "" is whoever has none.
func (a asker) sector(code string) string {
	if code == "" || code == noSector {
		return a.say("watch.page.sector.none")
	}
	return a.say(constituency.Sector{Code: code}.Key())
}

// organisation is a cell with an organisation's name.
func (p *Web) organisation(a asker, id int64, level uint8) web.Cell {
	o, ok := p.constituency.Index().Org(id)
	if !ok {
		return web.Cell{Text: a.say("watch.word.level.unrouted")}
	}
	c := web.Cell{Text: o.Name}
	if a.Can("constituency.read") {
		c.URL = organisationURL(id)
	}
	if l := constituency.Level(level); l != constituency.Operator {
		c.Sub = a.level(l)
	}
	return c
}

// what says in words what a finding is: its identifier, else its type, else its
// kind of report.
func (p *Web) what(f watch.Finding) string {
	for _, s := range []string{f.Class.Identifier, f.Class.Type, p.kind(f)} {
		if s != "" {
			return s
		}
	}
	return "?"
}

func (p *Web) kind(f watch.Finding) string {
	s, _ := p.watch.StreamOf(f.Stream)
	return s.Kind
}

// place is where a finding is: host, address and port.
func place(f watch.Finding) string {
	if f.IP.IsValid() {
		return f.IP.String()
	}
	return f.Host
}

// port is "23/tcp".
func port(f watch.Finding) string {
	if f.Port < 0 {
		return f.Transport
	}
	if f.Transport == "" {
		return strconv.Itoa(f.Port)
	}
	return strconv.Itoa(f.Port) + "/" + f.Transport
}

// marking is what a page that shows these sources must carry.
func marking(srcs ...watch.Source) string {
	m := tlp.Unmarked
	for _, s := range srcs {
		m = tlp.Strictest(m, s.Marking)
	}
	if !m.Marked() {
		return ""
	}
	return m.String()
}

// pictures shows control characters as pictures and everything else as it is, so
// that bytes can be compared by eye and none of them acts. Bytes that are no UTF-8
// are shown as ⟨xx⟩ in hexadecimal.
func pictures(raw []byte) string {
	var b strings.Builder
	for s := string(raw); s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString("⟨" + strconv.FormatUint(uint64(s[0]), 16) + "⟩")
		case r == '\n':
			b.WriteString("␊\n")
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune('␡')
		case r >= 0x80 && r < 0xa0, isBidi(r):
			b.WriteString("⟨u+" + strconv.FormatInt(int64(r), 16) + "⟩")
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// isBidi tells characters that turn the direction of what follows, or are not seen.
func isBidi(r rune) bool {
	return r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x2069 || r == 0xfeff
}
