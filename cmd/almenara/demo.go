package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"almenara.example/internal/app"
	"almenara.example/internal/demo"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
)

// demoHost is the demo's host name; browsers resolve it to this machine.
const demoHost = "atalaya.localhost"

// linksFile says where each role signs in.
const linksFile = "demo-links.json"

type demoCmd struct {
	folder
	Listen string `default:"127.0.0.1:8440" placeholder:"ADDR" help:"Address to serve on."`
}

// Run makes the nation when the folder is empty, and serves it.
func (d *demoCmd) Run(c *console) error {
	_, port, err := net.SplitHostPort(d.Listen)
	if err != nil {
		return &failure{exitMisuse, fmt.Errorf("--listen %s is not host:port", d.Listen), "such as --listen 127.0.0.1:8440"}
	}
	_, err = os.Stat(filepath.Join(d.Data, "almenara.toml"))
	there := err == nil
	if !there {
		if err := d.found(c, port); err != nil {
			return err
		}
	}
	getenv := func(name string) string {
		return map[string]string{"ALMENARA_LISTEN": d.Listen, "ALMENARA_PUBLIC_URL": "http://" + demoHost + ":" + port}[name]
	}
	conf, err := app.LoadConfig(d.Data, getenv)
	if err != nil {
		return err
	}
	wound := &clock.Wound{}
	links := map[string]string{}
	o := app.Options{Config: conf, Version: version(), Log: c.logger(slog.LevelWarn), Clock: wound}
	o.Fill = func(ctx context.Context, a *app.App, settle func(context.Context) error) (err error) {
		if there {
			links, err = newLinks(ctx, a)
		} else {
			links, err = d.fill(ctx, c, a, wound, settle)
		}
		return err
	}
	return c.serve(o, func(a *app.App) { d.ready(c, a, links) })
}

// found makes the installation.
func (d *demoCmd) found(c *console, port string) error {
	overlay, err := demo.Overlay()
	if err != nil {
		return err
	}
	_, err = app.Found(c.ctx, app.Founding{
		Dir: d.Data, Name: demo.Name, Country: demo.Country, PublicURL: "http://" + demoHost + ":" + port, Listen: d.Listen,
		Overlay: overlay, Version: version(), Log: c.logger(slog.LevelWarn),
	})
	return err
}

// fill makes the nation; what is left of an interrupted one is the caller's to
// remove.
func (d *demoCmd) fill(ctx context.Context, c *console, a *app.App, wound *clock.Wound, settle func(context.Context) error) (map[string]string, error) {
	secrets, err := demo.Fill(ctx, demo.House{
		Guard: a.Guard(), Constituency: a.Constituency(), Watch: a.Watch(), Warn: a.Warn(), Duty: a.Duty(), Incidents: a.Incidents(), Receiving: a.Receiving(),
		Acts: a.Acts(), Clock: wound, Settle: settle,
		Progress: func(what string) { c.noteln("making the Republic of Atalaya:", what) },
	})
	if err != nil {
		return nil, &failure{exitFailed, err, "remove " + d.Data + " and begin again"}
	}
	links := make(map[string]string, len(secrets))
	for role, secret := range secrets {
		links[role] = a.SignInLink(secret)
	}
	return links, nil
}

// newLinks makes a one-time link for the first person of each role.
func newLinks(ctx context.Context, a *app.App) (map[string]string, error) {
	links := map[string]string{}
	people, err := a.Guard().Persons(ctx, a.Acts().Reader(), guard.PersonFilter{Org: guard.OwnOrg})
	if err != nil {
		return nil, err
	}
	slices.Reverse(people) // the demo's own people come after the founding administrator
	for _, p := range people {
		for _, role := range p.Roles {
			if links[role] != "" || p.Mailbox || !p.Active {
				continue
			}
			secret, err := a.Guard().IssueLink(ctx, guard.LocalOperator(), p.ID)
			if err != nil {
				return nil, err
			}
			links[role] = a.SignInLink(secret)
		}
	}
	for _, o := range demo.Outsiders() {
		people, err := a.Guard().ByEmail(ctx, a.Acts().Reader(), o.Email)
		if err != nil || len(people) == 0 {
			return links, err // somebody has taken the contact away
		}
		secret, err := a.Guard().IssueLink(ctx, guard.LocalOperator(), people[0].ID)
		if err != nil {
			return nil, err
		}
		links[o.Key] = a.SignInLink(secret)
	}
	return links, nil
}

// ready writes and prints where each role signs in.
func (d *demoCmd) ready(c *console, a *app.App, links map[string]string) {
	b, err := json.MarshalIndent(links, "", "  ")
	if err == nil {
		err = writeWhole(filepath.Join(d.Data, linksFile), append(b, '\n'))
	}
	if err != nil {
		c.report(fmt.Errorf("write %s: %w", linksFile, err))
	}
	c.noteln("The Republic of Atalaya is on " + a.PublicURL() + ". Sign in, once with each link, as")
	for _, role := range guard.Roles() {
		if links[role] != "" && role != guard.RoleContact {
			c.sayf("  %-14s %s\n", role, links[role])
		}
	}
	c.noteln("and in the portal, as")
	for _, o := range demo.Outsiders() {
		if links[o.Key] != "" {
			c.sayf("  %-14s %s  %s, %s\n", o.Key, links[o.Key], o.Name, o.Organisation)
		}
	}
}

// writeWhole writes a file that nobody ever sees half of.
func writeWhole(name string, b []byte) error {
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
