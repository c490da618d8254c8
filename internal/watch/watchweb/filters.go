package watchweb

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// noSector is how an address says "organisations without a sector, and nobody".
const noSector = "none"

// filterOf reads a filter of findings from an address. Several values of one name
// are an "or".
func (p *Web) filterOf(r *http.Request) (f watch.Filter, err error) {
	if err := checkQuery(r); err != nil {
		return f, err
	}
	q := r.URL.Query()
	for _, s := range values(q, "state") {
		st, err := watch.ParseState(s)
		if err != nil {
			return f, err
		}
		f.States = append(f.States, st)
	}
	for _, s := range values(q, "severity") {
		sev, err := watch.ParseSeverity(s)
		if err != nil {
			return f, err
		}
		f.Severities = append(f.Severities, sev)
	}
	f.Kinds, f.Sources = values(q, "kind"), values(q, "source")
	if err := p.filterOwners(q, &f); err != nil {
		return f, err
	}
	if f.IP, err = prefixOf(q.Get("ip")); err != nil {
		return f, err
	}
	f.Host = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(q.Get("host")), "."))
	f.Number = strings.TrimSpace(q.Get("number"))
	f.Verified = q.Get("verified") != ""
	if s := q.Get("delivery"); s != "" {
		f.Delivery, err = number64(s, "watch.delivery.none")
	}
	return f, err
}

// values are the values of a name that are not empty.
func values(q url.Values, name string) (out []string) {
	for _, v := range q[name] {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// filterOwners reads whose findings are meant: sectors, organisations by id or by a
// part of the name, levels.
func (p *Web) filterOwners(q url.Values, f *watch.Filter) error {
	x := p.constituency.Index()
	for _, s := range values(q, "organisation") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
			f.Orgs = append(f.Orgs, n)
			continue
		}
		page, _ := x.Organisations(constituency.OrgFilter{Text: s, Limit: 1000})
		for _, o := range page {
			f.Orgs = append(f.Orgs, o.ID)
		}
		if len(page) == 0 {
			f.Orgs = append(f.Orgs, nobody)
		}
	}
	for _, s := range values(q, "level") {
		at := slices.Index(levels(), s)
		if at < 0 {
			return fault.OnField("level", "watch.page.level", fault.Args{"Value": s})
		}
		f.Levels = append(f.Levels, uint8(at))
	}
	for _, s := range values(q, "sector") {
		switch {
		case s == noSector:
			withoutSector(x, f)
		case !constituency.IsSector(s):
			return fault.OnField("sector", "watch.page.sector.unknown", fault.Args{"Value": s})
		default:
			f.Sectors = append(f.Sectors, s)
		}
	}
	return nil
}

// nobody is an organisation that there is none of: it filters everything out.
const nobody = 1<<32 - 1

// withoutSector narrows a filter to organisations of no sector and to nobody.
func withoutSector(x *constituency.Index, f *watch.Filter) {
	asked := f.Orgs
	f.Orgs = nil
	keep := func(id int64) {
		if len(asked) == 0 || slices.Contains(asked, id) {
			f.Orgs = append(f.Orgs, id)
		}
	}
	keep(0)
	x.EachOrg(func(o constituency.OrgInfo) bool {
		if len(o.Sectors) == 0 {
			keep(o.ID)
		}
		return true
	})
	if len(f.Orgs) == 0 {
		f.Orgs = []int64{nobody}
	}
}

// levels are the names of constituency's levels by their number.
func levels() []string {
	return []string{
		constituency.Unrouted.String(), constituency.NationalCSIRT.String(), constituency.Network.String(),
		constituency.Operator.String(),
	}
}

// prefixOf reads an address or a range; empty is the zero Prefix.
func prefixOf(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return netip.Prefix{}, nil
	}
	if strings.Contains(s, "/") {
		if pfx, err := netip.ParsePrefix(s); err == nil {
			return pfx.Masked(), nil
		}
	} else if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.Prefix{}, fault.OnField("ip", "watch.page.ip", fault.Args{"Value": s})
}

// sift makes the filter form and chips of the list of findings. A name with several
// values has a chip for each.
func (p *Web) sift(r *http.Request, a asker, srcs []watch.Source) *web.Filters {
	f := web.Sift(r, p.filterFields(a, srcs)...)
	q := r.URL.Query()
	f.Chips = nil
	for _, field := range f.Fields {
		for _, v := range values(q, field.Name) {
			f.Chips = append(f.Chips, web.Chip{
				Label: field.Label, Value: p.chipWord(field, v), Remove: removeOne(r.URL, field.Name, v),
			})
		}
	}
	if len(f.Chips) == 0 {
		f.Clear = ""
	}
	return f
}

func (p *Web) chipWord(f web.Field, value string) string {
	for _, o := range f.Options {
		if o.Value == value {
			return o.Label
		}
	}
	if f.Name == "organisation" {
		if id, err := strconv.ParseInt(value, 10, 64); err == nil {
			if o, ok := p.constituency.Index().Org(id); ok {
				return o.Name
			}
		}
	}
	return value
}

// removeOne is the address without one value of a name.
func removeOne(u *url.URL, name, value string) string {
	q := u.Query()
	q[name] = slices.DeleteFunc(slices.Clone(q[name]), func(v string) bool { return v == value || v == "" })
	q.Del("before")
	q.Del("after")
	if len(q[name]) == 0 {
		q.Del(name)
	}
	if len(q) == 0 {
		return u.Path
	}
	return u.Path + "?" + q.Encode()
}

func (p *Web) filterFields(a asker, srcs []watch.Source) []web.Field {
	states := []web.Option{{Label: a.say("watch.page.any")}}
	for _, s := range watch.States() {
		states = append(states, web.Option{Value: s.String(), Label: a.state(s).Word})
	}
	severities := []web.Option{{Label: a.say("watch.page.any")}}
	for _, s := range watch.Severities() {
		severities = append(severities, web.Option{Value: s.String(), Label: a.severity(s).Word})
	}
	sectors := []web.Option{{Label: a.say("watch.page.any")}, {Value: noSector, Label: a.sector("")}}
	for _, s := range constituency.Sectors() {
		if len(p.constituency.Index().OrgsInSector(s.Code)) > 0 {
			sectors = append(sectors, web.Option{Value: s.Code, Label: a.sector(s.Code)})
		}
	}
	whose := []web.Option{{Label: a.say("watch.page.any")}}
	for _, l := range levels() {
		whose = append(whose, web.Option{Value: l, Label: a.say("watch.word.level." + l)})
	}
	return []web.Field{
		{Name: "state", Label: a.say("watch.label.state"), Type: "select", Options: states},
		{Name: "severity", Label: a.say("watch.label.severity"), Type: "select", Options: severities},
		{Name: "kind", Label: a.say("watch.label.kind"), Type: "select", Options: plainOptions(a, p.watch.Kinds())},
		{Name: "source", Label: a.say("watch.label.source"), Type: "select", Options: plainOptions(a, sourceNames(srcs))},
		{Name: "sector", Label: a.say("watch.label.sector"), Type: "select", Options: sectors},
		{Name: "organisation", Label: a.say("watch.label.organisation"), Why: a.say("watch.page.organisation.why")},
		{Name: "level", Label: a.say("watch.label.level"), Type: "select", Options: whose},
		{Name: "ip", Label: a.say("watch.label.ip"), Mono: true, Example: "192.0.2.0/24"},
		{Name: "host", Label: a.say("watch.label.host"), Mono: true, Example: "mail.example.org"},
		{Name: "number", Label: a.say("watch.label.number"), Mono: true, Example: "ALM-4K7Q-2M9X"},
		{Name: "delivery", Label: a.say("watch.label.shown_by"), Type: "text"},
	}
}

func plainOptions(a asker, names []string) []web.Option {
	out := []web.Option{{Label: a.say("watch.page.any")}}
	for _, n := range names {
		out = append(out, web.Option{Value: n, Label: n})
	}
	return out
}

func sourceNames(srcs []watch.Source) (out []string) {
	for _, s := range srcs {
		out = append(out, s.Name)
	}
	return out
}
