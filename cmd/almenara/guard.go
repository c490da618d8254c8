package main

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"almenara.example/wire"
)

type guardCmd struct {
	LetBackIn letBackInCmd `cmd:"" help:"Let an administrator back in who is locked out; on the server's own machine, recorded."`
	Persons   personsCmd   `cmd:"" help:"List persons."`
	Person    personCmd    `cmd:"" help:"Add a person; make a sign-in link."`
	Token     tokenCmd     `cmd:"" help:"Make an API token; the secret is shown once."`
}

const guardAPI = "/api/v1/guard"

type letBackInCmd struct {
	folder
	Reason string `required:"" help:"Why; it stands in the record of actions."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run asks the server over its local socket for a link.
func (g *letBackInCmd) Run(c *console) error {
	api, err := (&reach{Data: g.Data}).client(c)
	if err != nil {
		return err
	}
	var out wire.Link
	if err := api.post(guardAPI+"/let-back-in", wire.Reason{Reason: g.Reason}, &out); err != nil {
		return err
	}
	return c.link(g.JSON, out)
}

// link prints a link alone, so that a script can use it.
func (c *console) link(asJSON bool, l wire.Link) error {
	if asJSON {
		out := c.list(true)
		return errors.Join(out.add(l), out.end())
	}
	c.sayln(l.Link)
	c.noteln(printable(l.Name), "signs in with this link, once, within 24 hours.")
	return nil
}

type personsCmd struct {
	reach
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (g *personsCmd) Run(c *console) error {
	api, err := g.client(c)
	if err != nil {
		return err
	}
	l := c.list(g.JSON, "NAME", "E-MAIL", "ORGANISATION", "ROLES", "ACTIVE", "PERSON")
	q := url.Values{"limit": {"1000"}}
	for {
		var out wire.Persons
		if err := api.get(guardAPI+"/persons", q, &out); err != nil {
			return err
		}
		for _, p := range out.Persons {
			if err := l.add(p, p.Name, p.Email, p.Organisation, strings.Join(p.Roles, ","), p.Active, p.Person); err != nil {
				return err
			}
		}
		if out.Next == 0 {
			return l.end()
		}
		q.Set("after", strconv.FormatInt(out.Next, 10))
	}
}

type personCmd struct {
	Add  personAddCmd  `cmd:"" help:"Add a person to the own organisation."`
	Link personLinkCmd `cmd:"" help:"Make a one-time sign-in link; earlier ones stop working."`
}

type personAddCmd struct {
	reach
	Name     string   `arg:""`
	Email    string   `placeholder:"ADDRESS"`
	Phone    string   `placeholder:"NUMBER"`
	Language string   `placeholder:"LANGUAGE" help:"en, fr, …"`
	Zone     string   `name:"time-zone" placeholder:"ZONE" help:"Such as Europe/Madrid."`
	Role     []string `placeholder:"ROLE" help:"administrator, watch-officer, duty-lead, constituency, reader, oversight, contact, feed; repeat for more."`
	JSON     bool     `name:"json" help:"Print JSON."`
}

// Run adds.
func (g *personAddCmd) Run(c *console) error {
	api, err := g.client(c)
	if err != nil {
		return err
	}
	n := wire.NewPerson{Name: g.Name, Email: g.Email, Phone: g.Phone, Language: g.Language, Zone: g.Zone, Roles: g.Role}
	var p wire.Person
	if err := api.post(guardAPI+"/persons", n, &p); err != nil {
		return err
	}
	l := c.list(g.JSON, "NAME", "ROLES", "PERSON")
	return errors.Join(l.add(p, p.Name, strings.Join(p.Roles, ","), p.Person), l.end())
}

type personLinkCmd struct {
	reach
	Person string `arg:"" help:"Opaque id or mail address."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run makes the link.
func (g *personLinkCmd) Run(c *console) error {
	api, err := g.client(c)
	if err != nil {
		return err
	}
	var out wire.Link
	if err := api.post(guardAPI+"/persons/"+url.PathEscape(g.Person)+"/link", struct{}{}, &out); err != nil {
		return err
	}
	return c.link(g.JSON, out)
}

type tokenCmd struct {
	reach
	Person string   `arg:"" help:"Opaque id or mail address of who the token is for."`
	Name   string   `required:"" help:"What it is for."`
	Scope  []string `placeholder:"VERB" help:"watch.deliver, or a room such as watch; repeat for more. Empty: all that the person may."`
	Days   int      `default:"90" help:"How long it works, at most 366."`
	JSON   bool     `name:"json" help:"Print JSON."`
}

// Run makes the token and prints its secret.
func (g *tokenCmd) Run(c *console) error {
	api, err := g.client(c)
	if err != nil {
		return err
	}
	var out wire.Token
	path := guardAPI + "/persons/" + url.PathEscape(g.Person) + "/tokens"
	if err := api.post(path, wire.NewToken{Name: g.Name, Scope: g.Scope, Days: g.Days}, &out); err != nil {
		return err
	}
	if g.JSON {
		l := c.list(true)
		return errors.Join(l.add(out), l.end())
	}
	c.sayln(out.Secret)
	c.noteln("The token works until", out.Expires+".", "Keep it in a file of mode 0600 and name that with --token.")
	return nil
}
