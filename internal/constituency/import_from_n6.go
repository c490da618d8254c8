package constituency

import (
	"cmp"
	"fmt"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/n6"
)

// n6 writes the rows of an n6 installation's organisations.
func (t *translation) n6(x *n6.Export) {
	times := map[string]int{}
	name := func(o *n6.Org) string {
		n := o.ActualName
		if n == "" && o.Entity != nil {
			n = o.Entity.FullName
		}
		return oneLine(cmp.Or(n, o.ID))
	}
	for i := range x.Orgs {
		times[guard.FoldName(name(&x.Orgs[i]))]++
	}
	for i := range x.Orgs {
		o := &x.Orgs[i]
		n := name(o)
		if times[guard.FoldName(n)] > 1 && o.ID != "" {
			t.note(o.Line, "renamed", fault.Args{"Name": fault.Clip(n), "Value": n + " (" + o.ID + ")"})
			n += " (" + o.ID + ")"
		}
		t.n6Org(n, o)
	}
	for i := range x.Entities {
		e := &x.Entities[i]
		if out, ok := t.organisation(e.Line, e.FullName, guard.KindOperator, "", t.sector(e.Line, e.FullName, e.Sector)...); ok {
			t.n6Entity(&out, e, "")
		}
	}
	for _, u := range x.Unknown {
		t.note(u.Line, "key", fault.Args{"Value": fault.Clip(u.Key)})
	}
}

func (t *translation) n6Org(name string, o *n6.Org) {
	var sectors []string
	if o.Entity != nil {
		sectors = t.sector(o.Entity.Line, name, o.Entity.Sector)
	}
	out, ok := t.organisation(o.Line, name, guard.KindOperator, "", sectors...)
	if !ok {
		return
	}
	for _, v := range o.Inside.IPNetworks {
		out.asset(o.Line, CIDR, v)
	}
	for _, v := range o.Inside.ASNs {
		out.asset(o.Line, ASN, v)
	}
	for _, v := range o.Inside.FQDNs {
		out.asset(o.Line, Domain, v)
	}
	for _, v := range o.Inside.Countries {
		t.note(o.Line, "whole_country", fault.Args{"Name": name, "Value": fault.Clip(v)})
	}
	for _, v := range o.Inside.URLs {
		t.note(o.Line, "url", fault.Args{"Name": name, "Value": fault.Clip(v)})
	}
	if len(o.Notify.Times) > 0 || o.Notify.BusinessDaysOnly {
		t.many(o.Line, "times", nil)
	}
	if o.Entity != nil && o.Entity.AlertEmail != "" { // it goes before the addresses of ordinary mail
		out.contact(o.Entity.Line, NewContact{Email: o.Entity.AlertEmail, Role: "alerts", Language: o.Notify.Language})
	}
	for _, mail := range o.Notify.Addresses {
		if !o.Notify.Enabled {
			t.note(o.Line, "disabled", fault.Args{"Name": name, "Value": fault.Clip(mail)})
			continue
		}
		out.contact(o.Line, NewContact{Email: mail, Role: "notifications", Language: o.Notify.Language})
	}
	if o.Entity != nil {
		t.n6Entity(&out, o.Entity, o.Notify.Language)
	}
}

func (t *translation) n6Entity(out *translated, e *n6.Entity, language string) {
	for _, v := range e.IPNetworks {
		out.asset(e.Line, CIDR, v)
	}
	for _, v := range e.ASNs {
		out.asset(e.Line, ASN, v)
	}
	for _, v := range e.FQDNs {
		out.asset(e.Line, Domain, v)
	}
	if e.AlertEmail != "" { // again is no harm: the same address is one contact
		out.contact(e.Line, NewContact{Email: e.AlertEmail, Role: "alerts", Language: language})
	}
	for _, c := range e.ContactPoints {
		t.n6Contact(out, c, language)
	}
	if e.Email != "" {
		out.contact(e.Line, NewContact{Email: e.Email, Role: "general", Language: language})
	}
	if e.PublicEssentialService {
		t.note(e.Line, "essential", fault.Args{"Name": out.name})
	}
	if e.Address+e.City+e.PostalCode+e.TicketID+e.InternalID+e.AdditionalInformation != "" || len(e.ExtraIDs) > 0 {
		t.many(e.Line, "particulars", nil)
	}
	for _, d := range e.Dependants {
		if _, ok := t.organisation(e.Line, d.Name, guard.KindOperator, ""); ok {
			t.note(e.Line, "dependant", fault.Args{"Name": out.name, "Value": fault.Clip(d.Name)})
		}
	}
}

// n6Contact writes a contact point. A second number of the same person is a contact
// of its own, so that nobody calls one number only.
func (t *translation) n6Contact(out *translated, c n6.ContactPoint, language string) {
	role := c.Position
	if c.External {
		role = strings.Trim(role+" ("+cmp.Or(c.ExternalName, "external")+")", " ")
	}
	n := NewContact{Name: c.Name, Email: c.Email, Role: role, Language: language}
	phones := c.Phones
	if len(phones) > 0 {
		n.Phone, n.Hours = phones[0].Number, phones[0].Availability
		phones = phones[1:]
	}
	out.contact(c.Line, n)
	for i, p := range phones {
		name := fmt.Sprintf("%s (%d)", cmp.Or(c.Name, c.Email), i+2)
		out.contact(c.Line, NewContact{Name: name, Phone: p.Number, Hours: p.Availability, Role: role, Language: language})
	}
}
