package constituency

import (
	"fmt"
	"strings"

	"almenara.example/certbund"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

// certbund writes the rows of a contact database. What people kept becomes an
// operator, what came from a registry a network owner, a national CERT a csirt of its
// country.
func (t *translation) certbund(d *certbund.Dump) {
	names := certbundNames(d)
	first := map[string]*certbund.Organisation{} // what a name was first used for
	for i := range d.Organisations {
		o := &d.Organisations[i]
		name := names[i]
		if before := first[guard.FoldName(name)]; before == nil {
			first[guard.FoldName(name)] = o
		} else {
			t.many(o.Line, "merged", nil)
		}
		if name != oneLine(o.Name) {
			t.note(o.Line, "renamed", fault.Args{"Name": fault.Clip(o.Name), "Value": name})
		}
		t.certbundOrganisation(name, first[guard.FoldName(name)], o)
	}
	for _, v := range d.Unowned {
		t.note(v.Line, "unowned", fault.Args{"Value": fault.Clip(v.Value)})
	}
	for _, a := range d.Loose {
		t.annotation(a)
	}
}

// certbundNames gives every organisation a name. Registries have many organisations
// of the same name: these get their handle, or their number, behind it. A manual and
// an automatic row of the same name are one organisation unless their handles differ.
func certbundNames(d *certbund.Dump) []string {
	identity := func(o *certbund.Organisation) string {
		switch {
		case o.RIPE != "":
			return o.RIPE
		case o.Automatic:
			return fmt.Sprintf("no. %d, automatic", o.ID)
		}
		return fmt.Sprintf("no. %d", o.ID)
	}
	groups := map[string][]int{}
	for i := range d.Organisations {
		key := guard.FoldName(oneLine(d.Organisations[i].Name))
		groups[key] = append(groups[key], i)
	}
	names := make([]string, len(d.Organisations))
	for _, group := range groups {
		different := map[string]bool{}
		for _, i := range group {
			different[identity(&d.Organisations[i])] = true
		}
		a, b := &d.Organisations[group[0]], &d.Organisations[group[len(group)-1]]
		pair := len(group) == 2 && a.Automatic != b.Automatic && (a.RIPE == "" || b.RIPE == "")
		for _, i := range group {
			o := &d.Organisations[i]
			names[i] = oneLine(o.Name)
			if names[i] == "" {
				names[i] = identity(o)
			} else if len(different) > 1 && !pair {
				names[i] = clipTo(names[i], 150) + " (" + oneLine(identity(o)) + ")"
			}
		}
	}
	return names
}

// certbundOrganisation writes an organisation; main is the first row of its name,
// which says what it is.
func (t *translation) certbundOrganisation(name string, main, o *certbund.Organisation) {
	kind, country := guard.KindOperator, ""
	switch {
	case len(main.Countries) > 0:
		kind, country = guard.KindCSIRT, main.Countries[0].Value
		if guard.CheckCountry("country", country) != nil {
			t.note(main.Countries[0].Line, "country", fault.Args{"Name": name, "Value": fault.Clip(country)})
			country = ""
		}
	case main.Automatic:
		kind = guard.KindNetwork
	}
	for i, c := range o.Countries {
		if o != main || i > 0 {
			t.note(c.Line, "country", fault.Args{"Name": name, "Value": fault.Clip(c.Value)})
		}
	}
	var sectors []string
	if kind == guard.KindOperator {
		sectors = t.sector(o.Line, name, o.Sector)
	}
	out, ok := t.organisation(o.Line, name, kind, country, sectors...)
	if !ok {
		return
	}
	for _, v := range o.Networks {
		out.asset(v.Line, CIDR, v.Value)
	}
	for _, v := range o.ASNs {
		out.asset(v.Line, ASN, v.Value)
	}
	for _, v := range o.FQDNs {
		out.asset(v.Line, Domain, v.Value)
	}
	for _, c := range o.Contacts {
		if strings.TrimSpace(c.OpenPGP) != "" {
			t.many(c.Line, "fingerprint", nil)
		}
		for _, tag := range c.Tags {
			t.many(c.Line, "tag", fault.Args{"Value": fault.Clip(tag)})
		}
		if c.Disabled {
			t.note(c.Line, "disabled", fault.Args{"Name": name, "Value": fault.Clip(c.Email)})
			continue
		}
		if strings.TrimSpace(c.Comment) != "" {
			t.many(c.Line, "comment", nil)
		}
		out.contact(c.Line, NewContact{Name: c.FirstName + " " + c.LastName, Email: c.Email, Phone: c.Phone})
	}
	if strings.TrimSpace(o.Comment) != "" {
		t.many(o.Line, "comment", nil)
	}
	if o.TI != "" || o.FIRST != "" {
		t.many(o.Line, "handle", nil)
	}
	for _, a := range o.Annotations {
		t.annotation(a)
	}
}

// annotation tells of a rule on a thing: an inhibition, which keeps notices back,
// each by itself.
func (t *translation) annotation(a certbund.Annotation) {
	if a.Tag == "inhibition" {
		t.note(a.Line, "inhibition", fault.Args{"On": fault.Clip(a.On), "Value": fault.Clip(a.JSON)})
		return
	}
	t.many(a.Line, "annotation", fault.Args{"Value": fault.Clip(a.Tag)})
}
