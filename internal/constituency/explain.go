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
	From, To Day
	Bits     int16 // length of the prefix, for RuleCIDR and RuleNetworkPrefix
	At       int16 // where the suffix begins in the name, for RuleDomain and RuleMailDomain
	Rule     Rule
	Source   Source
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
	ex := Explanation{Day: day, Tried: make([]Candidate, 0, 4)}
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
		if t.explainName(ex, &t.domains, s.Domain, RuleDomain) || t.explainName(ex, &t.mails, s.MailDomain, RuleMailDomain) {
			return true
		}
	}
	return t.weigh(ex, t.asns.get(s.ASN), Candidate{Rule: byASN})
}

func (t *table) explainAddress(ex *Explanation, ip netip.Addr, rule Rule) bool {
	for bits := ip.BitLen(); bits >= 0; {
		at, r, ok := t.prefixes.LookupPrefixLPM(netip.PrefixFrom(ip, bits))
		if !ok {
			return false
		}
		if t.weigh(ex, r, Candidate{Rule: rule, Bits: int16(at.Bits())}) {
			return true
		}
		bits = at.Bits() - 1
	}
	return false
}

func (t *table) explainName(ex *Explanation, n *names, name []byte, rule Rule) bool {
	if len(name) == 0 || n.size == 0 {
		return false
	}
	least := registrable(name)
	for at := 0; at >= 0; at = nextLabel(name, at) {
		form := Candidate{Rule: rule, At: int16(at)}
		if len(name)-at < least {
			form.Verdict = AboveName
		}
		if t.weigh(ex, n.get(name[at:]), form) {
			return true
		}
	}
	return false
}

// weigh notes every choice of a value and takes the first that is valid.
func (t *table) weigh(ex *Explanation, r ref, form Candidate) bool {
	var first entry
	for r != 0 {
		e, k := t.slab.read(r), form
		r = e.next
		k.Asset, k.Org, k.Source, k.From, k.To = e.asset, int64(e.org), min(Source(e.rank), Claimed), e.from, e.to
		switch {
		case form.Verdict == AboveName:
		case e.rank == rankWaiting:
			k.Verdict = Waits
		case ex.Day < e.from:
			k.Verdict = NotYet
		case ex.Day > e.to:
			k.Verdict = NoLonger
		case first.asset == 0:
			first = e
		case e.rank != first.rank:
			k.Verdict = LesserSort
		default:
			k.Verdict = Later
		}
		ex.Tried = append(ex.Tried, k)
	}
	if first.asset == 0 {
		return false
	}
	ex.Match = Match{Org: int64(first.org), Asset: first.asset, Rule: form.Rule}
	return true
}
