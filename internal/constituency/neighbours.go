package constituency

import (
	"net/netip"
	"strconv"
)

// neighbours lists assets that have the same value as a, contain it or lie within
// it, at most about most of them.
func (x *Index) neighbours(a *Asset, most int) (ids []int64) {
	for _, t := range []*table{&x.operators, &x.networks} {
		take := func(r ref) bool {
			for _, e := range t.slab.all(r) {
				ids = append(ids, e.asset)
			}
			return len(ids) < most
		}
		switch a.Kind {
		case CIDR:
			t.nearPrefix(a.Value, take)
		case ASN:
			take(t.exact(a.Kind, a.Value))
		case Domain:
			nearName(&t.domains, a.Value, take)
		case MailDomain:
			nearName(&t.mails, a.Value, take)
		}
	}
	return ids
}

func (t *table) nearPrefix(value string, take func(ref) bool) {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return
	}
	for _, r := range t.prefixes.Supernets(p) {
		if !take(r) {
			return
		}
	}
	for _, r := range t.prefixes.Subnets(p) {
		if !take(r) {
			return
		}
	}
}

func nearName(n *names, value string, take func(ref) bool) {
	name := []byte(value)
	for at := 0; at >= 0; at = nextLabel(name, at) {
		if !take(n.get(name[at:])) {
			return
		}
	}
}

// exact returns the choices of exactly this value.
func (t *table) exact(kind AssetKind, value string) ref {
	switch kind {
	case CIDR:
		if p, err := netip.ParsePrefix(value); err == nil {
			r, _ := t.prefixes.Get(p)
			return r
		}
	case ASN:
		if n, err := strconv.ParseUint(value, 10, 32); err == nil {
			return t.asns.get(uint32(n))
		}
	case Domain:
		return t.domains.get([]byte(value))
	case MailDomain:
		return t.mails.get([]byte(value))
	}
	return 0
}
