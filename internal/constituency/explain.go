package constituency

import "net/netip"

// Explanation says how a look-up came to its answer.
type Explanation struct {
	Match Match
	Day   Day
	// Tried are the candidates in the order in which they were weighed; the last
	// one is the match unless that is by country or there is none.
	Tried []Candidate
}

// Candidate is one asset that was weighed.
type Candidate struct {
	Asset    int64
	Org      int64
	Rule     Rule
	Bits     int // length of the prefix, for RuleCIDR and RuleNetworkPrefix
	At       int // where the suffix begins in the name, for RuleDomain and RuleMailDomain
	Source   Source
	From, To Day
	Verdict  Verdict
}

// Verdict says why a candidate was or was not taken.
type Verdict uint8

// The verdicts.
const (
	Taken      Verdict = iota
	NotYet             // not valid yet on the day
	NoLonger           // no longer valid on the day
	Waits              // a claim that nobody approved
	LesserSort         // at equal length another source goes first: manual, import, claimed
	Later              // at equal length and source another one goes first: what began later, then what was entered first
	AboveName          // above the registrable domain
)

// String returns the verdict's catalogue word: "taken", "not-yet", …
func (v Verdict) String() string {
	return [...]string{"taken", "not-yet", "no-longer", "waits", "lesser-source", "later", "above-registrable", ""}[v&7]
}

// Explain is Match with the candidates that were weighed. It says the same.
func (x *Index) Explain(s *Subject, day Day) Explanation {
	ex := Explanation{Day: day, Tried: make([]Candidate, 0, 8)}
	if x.operators.explain(&ex, s, RuleCIDR, RuleASN) {
		ex.Match.Level = Operator
		return ex
	}
	if x.networks.explain(&ex, s, RuleNetworkPrefix, RuleNetworkASN) {
		ex.Match.Level = Network
		return ex
	}
	if org := x.countries[s.CC]; org != 0 {
		ex.Match = Match{NationalCSIRT, org, 0, RuleCountry}
	}
	return ex
}

func (t *table) explain(ex *Explanation, s *Subject, byPrefix, byASN Rule) bool {
	if s.IP.IsValid() && t.explainAddress(ex, s.IP.Unmap().WithZone(""), byPrefix) {
		return true
	}
	if byPrefix == RuleCIDR {
		if t.domains.explain(ex, s.Domain, RuleDomain) || t.mails.explain(ex, s.MailDomain, RuleMailDomain) {
			return true
		}
	}
	return ex.weigh(t.asns.get(s.ASN), Candidate{Rule: byASN})
}

func (t *table) explainAddress(ex *Explanation, ip netip.Addr, rule Rule) bool {
	for p := netip.PrefixFrom(ip, ip.BitLen()); ; {
		at, c, ok := t.prefixes.LookupPrefixLPM(p)
		if !ok {
			return false
		}
		if ex.weigh(c, Candidate{Rule: rule, Bits: at.Bits()}) {
			return true
		}
		if at.Bits() == 0 {
			return false
		}
		p = netip.PrefixFrom(ip, at.Bits()-1)
	}
}

func (n *names) explain(ex *Explanation, name []byte, rule Rule) bool {
	if len(name) == 0 {
		return false
	}
	least := registrable(name)
	for at := 0; at >= 0; at = nextLabel(name, at) {
		if ex.weigh(n.get(name[at:]), Candidate{Rule: rule, At: at, Verdict: above(len(name)-at < least)}) {
			return true
		}
	}
	return false
}

func above(yes bool) Verdict {
	if yes {
		return AboveName
	}
	return Taken
}

// weigh notes every asset of a cell and takes the first that is valid.
func (ex *Explanation) weigh(c cell, form Candidate) bool {
	var first *entry
	es := c.all()
	for i := range es {
		e, k := &es[i], form
		k.Asset, k.Org, k.Source, k.From, k.To = e.asset, int64(e.org), min(Source(e.rank), Claimed), e.from, e.to
		switch {
		case form.Verdict == AboveName:
		case e.rank == rankWaiting:
			k.Verdict = Waits
		case ex.Day < e.from:
			k.Verdict = NotYet
		case ex.Day > e.to:
			k.Verdict = NoLonger
		case first == nil:
			first = e
		case e.rank != first.rank:
			k.Verdict = LesserSort
		default:
			k.Verdict = Later
		}
		ex.Tried = append(ex.Tried, k)
	}
	if first == nil {
		return false
	}
	ex.Match = Match{Org: int64(first.org), Asset: first.asset, Rule: form.Rule}
	return true
}
