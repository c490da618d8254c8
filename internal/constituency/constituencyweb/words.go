package constituencyweb

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// speaker puts the room's things into words.
type speaker struct {
	*i18n.Printer
	index *constituency.Index
}

func (s speaker) kind(k guard.Kind) string { return s.T("constituency.kind."+string(k), nil) }

func (s speaker) sector(code string) string { return s.T("constituency.sector."+code, nil) }

func (s speaker) sectors(codes []string) string {
	names := make([]string, len(codes))
	for i, c := range codes {
		names[i] = s.sector(c)
	}
	return strings.Join(names, " · ")
}

func (s speaker) assetKind(k constituency.AssetKind) string {
	return s.T("constituency.asset_kind."+k.String(), nil)
}

func (s speaker) source(k constituency.Source) string {
	return s.T("constituency.source."+k.String(), nil)
}

// day writes a day in words.
func (s speaker) day(d constituency.Day) string { return s.In(time.UTC).Date(d.Time()) }

// validity says when an asset is its organisation's.
func (s speaker) validity(from, to constituency.Day) string {
	switch {
	case from <= constituency.Always && to == constituency.Forever:
		return s.T("constituency.valid.always", nil)
	case to == constituency.Forever:
		return s.T("constituency.valid.from", map[string]any{"From": s.day(from)})
	case from <= constituency.Always:
		return s.T("constituency.valid.to", map[string]any{"To": s.day(to)})
	}
	return s.T("constituency.valid.between", map[string]any{"From": s.day(from), "To": s.day(to)})
}

// state is an asset's badge on a day.
func (s speaker) state(a constituency.Asset, today constituency.Day) web.Badge {
	switch {
	case a.Waiting:
		return web.Badge{Tone: "medium", Icon: "question", Word: s.T("constituency.state.waiting", nil)}
	case today < a.From:
		return web.Badge{Tone: "info", Icon: "clock", Word: s.T("constituency.state.later", nil)}
	case today > a.To:
		return web.Badge{Tone: "muted", Icon: "state-closed", Word: s.T("constituency.state.ended", nil)}
	}
	return web.Badge{Tone: "ok", Word: s.T("constituency.state.valid", nil)}
}

func (s speaker) record(subject string) web.Link {
	return web.Link{Label: s.T("constituency.record", nil), URL: "/ledger?subject=" + subject, Icon: "ledger"}
}

func (s speaker) org(id int64) string {
	o, ok := s.index.Org(id)
	if !ok {
		return fmt.Sprint(id)
	}
	return o.Name
}

// step is one line of an explanation.
func (s speaker) step(c constituency.Candidate, subject constituency.Subject) string {
	what := s.T("constituency.rule."+c.Rule.String(), nil)
	switch c.Rule {
	case constituency.RuleCIDR, constituency.RuleNetworkPrefix:
		if p, err := subject.IP.Prefix(int(c.Bits)); err == nil {
			what = p.String()
		}
	case constituency.RuleDomain:
		what = string(subject.Domain[c.At:])
	case constituency.RuleMailDomain:
		what = string(subject.MailDomain[c.At:])
	case constituency.RuleASN, constituency.RuleNetworkASN:
		what = fmt.Sprintf("AS%d", subject.ASN)
	}
	day := c.From
	if c.Verdict == constituency.NoLonger {
		day = c.To
	}
	return s.T("constituency.verdict."+c.Verdict.String(), map[string]any{
		"What": what, "Org": s.org(c.Org), "Source": s.source(c.Source), "Day": s.day(day),
	})
}

// why is an explanation in one paragraph, the taken candidate first.
func (s speaker) why(l constituency.LookupResult) string {
	var lines []string
	for _, c := range l.Tried {
		if c.Verdict == constituency.Taken {
			lines = slices.Insert(lines, 0, s.step(c, l.Subject))
		} else {
			lines = append(lines, s.step(c, l.Subject))
		}
	}
	if l.Match.Rule == constituency.RuleCountry {
		lines = slices.Insert(lines, 0, s.T("constituency.lookup.by_country", map[string]any{"Org": l.Org.Name, "Country": l.Org.Country}))
	}
	return strings.Join(lines, " ")
}

// options are choices of a select, with an empty one in front when any is given.
func options(any string, values []string, label func(string) string, chosen ...string) []web.Option {
	var out []web.Option
	if any != "" {
		out = append(out, web.Option{Label: any})
	}
	for _, v := range values {
		out = append(out, web.Option{Value: v, Label: label(v), Selected: slices.Contains(chosen, v)})
	}
	return out
}

func kinds() []string {
	out := make([]string, len(guard.Kinds()))
	for i, k := range guard.Kinds() {
		out[i] = string(k)
	}
	return out
}

func sectorCodes() []string {
	out := make([]string, len(constituency.Sectors()))
	for i, s := range constituency.Sectors() {
		out[i] = s.Code
	}
	return out
}
