package desk

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
)

// Question is what somebody typed into the search, as far as it can be told apart.
type Question struct {
	Text   string
	Number string       // it has the form of a number of ours
	IP     netip.Prefix // it is an address or a range
	ASN    uint32       // it is an AS number
	Domain string       // it is a name on the Internet
}

// maxQuestion is the longest question, in bytes.
const maxQuestion = 200

// Read tells what a text may be. Several may be true: "mail" may be a host and part
// of an organisation's name. Control characters are refused.
func Read(text string) (q Question, err error) {
	text = strings.TrimSpace(text)
	if len(text) > maxQuestion || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\ufffd' }) {
		return q, fault.OnField("q", "desk.search.unreadable", nil)
	}
	q.Text = text
	bare := strings.Trim(text, "[]<>\"' ")
	if pfx, err := netip.ParsePrefix(bare); err == nil {
		q.IP = pfx.Masked()
		return q, nil
	}
	if a, err := netip.ParseAddr(bare); err == nil && a.Zone() == "" {
		a = a.Unmap()
		q.IP = netip.PrefixFrom(a, a.BitLen())
		return q, nil
	}
	upper := strings.ToUpper(bare)
	if n, found := strings.CutPrefix(upper, "AS"); found {
		if v, err := strconv.ParseUint(strings.TrimSpace(n), 10, 32); err == nil {
			q.ASN = uint32(v)
		}
	}
	if strings.HasPrefix(upper, "ALM") || len(strings.ReplaceAll(upper, "-", "")) == 8 {
		q.Number = bare
	}
	if isName(bare) {
		q.Domain = strings.ToLower(strings.TrimSuffix(bare, "."))
	}
	return q, nil
}

// isName tells whether a text has the form of a name on the Internet: labels with
// dots between.
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if !strings.Contains(s, ".") || strings.ContainsAny(s, " /@") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// Hit is one answer to a question.
type Hit struct {
	Title  string // in nobody's language: a number, an address, a name
	Key    string // instead: catalogue key of the title, with Args
	Args   map[string]any
	Sub    string
	State  string // catalogue key of a word behind Sub; empty for none
	URL    string
	N      int64 // how many things stand behind URL, 0 when it is the thing itself
	Direct bool  // it is what was asked for
}

// Group is the hits of one sort.
type Group struct {
	Key  string // catalogue key of its heading
	Hits []Hit
	More int64 // how many more there are than Hits shows
}

// Finder answers questions with things of one room, as far as the asker may see
// them. It brings at most a screen of hits.
type Finder interface {
	Find(ctx context.Context, r sqldb.Reader, asker act.Actor, q Question) ([]Group, error)
}

// Search asks finders in order and leaves out groups without hits. The first direct
// hit, when there is exactly one, is where a search leads at once.
func Search(ctx context.Context, r sqldb.Reader, asker act.Actor, q Question, finders ...Finder) (groups []Group, direct string, err error) {
	var hits []string
	for _, f := range finders {
		gs, err := f.Find(ctx, r, asker, q)
		if err != nil {
			return nil, "", fmt.Errorf("search: %w", err)
		}
		for _, g := range gs {
			if len(g.Hits) == 0 {
				continue
			}
			groups = append(groups, g)
			for _, h := range g.Hits {
				if h.Direct {
					hits = append(hits, h.URL)
				}
			}
		}
	}
	if len(hits) == 1 {
		direct = hits[0]
	}
	return groups, direct, nil
}

// Findings finds findings by number, address, range and host.
type Findings struct{ Watch *watch.Watch }

// Find answers with the finding itself for a number, else with the newest few and
// the number of all.
func (x Findings) Find(ctx context.Context, r sqldb.Reader, asker act.Actor, q Question) ([]Group, error) {
	if q.Number != "" {
		f, err := x.Watch.Finding(ctx, r, q.Number, asker.Org)
		if err == nil {
			n := x.Watch.Number(f.ID)
			return []Group{{Key: "desk.search.findings", Hits: []Hit{{Title: n, Sub: where(f), State: stateWord(f), URL: "/watch/findings/" + n, Direct: true}}}}, nil
		}
		if c := fault.CodeOf(err); c != fault.NotFound && c != fault.Invalid {
			return nil, err
		}
	}
	var f watch.Filter
	var name, value string
	switch {
	case q.IP.IsValid():
		f.IP, name, value = q.IP, "ip", shortPrefix(q.IP)
	case q.Domain != "":
		f.Host, name, value = q.Domain, "host", q.Domain
	default:
		return nil, nil
	}
	l, err := x.Watch.List(ctx, r, f, watch.Page{Reader: asker.Org, Limit: 8})
	if err != nil || l.Total == 0 {
		return nil, err
	}
	g := Group{Key: "desk.search.findings", Hits: []Hit{{
		Key: "desk.search.findings.all", Args: map[string]any{"Value": value}, N: int64(l.Total), URL: "/watch/findings?" + name + "=" + url.QueryEscape(value),
	}}}
	for _, one := range l.Findings {
		n := x.Watch.Number(one.ID)
		g.Hits = append(g.Hits, Hit{Title: n, Sub: where(one), State: stateWord(one), URL: "/watch/findings/" + n})
	}
	g.More = int64(l.Total) - int64(len(l.Findings))
	return []Group{g}, nil
}

func where(f watch.Finding) string {
	parts := []string{f.Class.Identifier, f.Host}
	if f.IP.IsValid() {
		parts[1] = f.IP.String()
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// stateWord is the catalogue key of a finding's state.
func stateWord(f watch.Finding) string { return "watch.word.state." + f.State.String() }

// shortPrefix writes a range of one address as the address.
func shortPrefix(p netip.Prefix) string {
	if p.Bits() == p.Addr().BitLen() {
		return p.Addr().String()
	}
	return p.String()
}

// Organisations finds organisations by name, and whose an address or a name is.
type Organisations struct {
	Constituency *constituency.Constituency
	Clock        clock.Clock
}

// organisationsShown is how many organisations a search shows.
const organisationsShown = 10

// Find answers by the part of a name, and by looking up an address.
func (x Organisations) Find(_ context.Context, _ sqldb.Reader, _ act.Actor, q Question) ([]Group, error) {
	var out []Group
	if q.IP.IsValid() && q.IP.Bits() == q.IP.Addr().BitLen() || q.Domain != "" || q.ASN != 0 {
		out = append(out, x.owner(q))
	}
	if q.Text == "" || q.IP.IsValid() {
		return out, nil
	}
	page, total := x.Constituency.Index().Organisations(constituency.OrgFilter{Text: q.Text, Limit: organisationsShown})
	g := Group{Key: "desk.search.organisations", More: int64(total - len(page))}
	for _, o := range page {
		g.Hits = append(g.Hits, Hit{
			Title: o.Name, URL: "/constituency/organisations/" + strconv.FormatInt(o.ID, 10),
			Direct: constituency.Fold(o.Name) == constituency.Fold(q.Text) || total == 1 && q.Number == "" && q.Domain == "" && q.ASN == 0,
		})
	}
	return append(out, g), nil
}

// owner says whose an address, a name or an AS is, by today's assets.
func (x Organisations) owner(q Question) Group {
	g := Group{Key: "desk.search.owner"}
	s := constituency.Subject{ASN: q.ASN, Domain: []byte(q.Domain)}
	subject := q.Domain
	if q.IP.IsValid() {
		s.IP = q.IP.Addr()
		subject = s.IP.String()
	}
	if q.ASN != 0 {
		subject = "AS" + strconv.FormatUint(uint64(q.ASN), 10)
	}
	m := x.Constituency.Index().Match(&s, constituency.DayOf(x.Clock.Now()))
	if o, ok := x.Constituency.Index().Org(m.Org); ok {
		g.Hits = append(g.Hits, Hit{
			Key: "desk.search.owner.is", Args: map[string]any{"Name": o.Name, "Subject": subject}, URL: "/constituency/lookup?subject=" + url.QueryEscape(subject),
		})
	}
	return g
}
