// Package house runs one whole installation inside a test: the real app on a free
// port of the loopback, on either engine, with a real mail server, a clock that
// stands still until it is moved, and keys and randomness that a test may fix, so
// that two houses can be compared byte by byte.
//
//	h := house.Start(t, house.Options{Fill: func(ctx context.Context, h *house.House) error {
//		return h.Nation(ctx, tlp.Green, house.Faro, house.Ribera)
//	}})
//	a := h.Ask("GET", "/watch/findings", nil, house.As(h.Session(guard.OwnOrg, guard.RoleReader)))
//
// Fill runs before anything is served; Settle does all waiting work at once. What
// is not here: processes that are killed (test/crash), browsers (test/e2e).
package house

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/app"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// Options is what a house may be made of; the zero value will do.
type Options struct {
	// Database is where the rows are; the zero value is SQLite in the folder.
	Database sqldb.Config
	// Dir is a folder of an earlier house; empty makes one.
	Dir string
	// Fixed makes every key the same in every house.
	Fixed bool
	// Random seeds ids, salts and secrets; nil is crypto/rand.
	Random io.Reader
	// System takes the machine's clock instead of one that stands still.
	System bool
	// Fill runs before anything is served.
	Fill func(ctx context.Context, h *House) error
	// Config changes the configuration before the start.
	Config func(*app.Config)
}

// House is a running installation.
type House struct {
	t      testing.TB
	App    *app.App
	Dir    string
	Mail   *mailtest.Server
	Clock  *clocktest.Fake // nil with the machine's clock
	Settle func(context.Context) error
	URL    string // "http://127.0.0.1:40123"
	Log    *Log
	stop   func() error
}

// Morning is when the clock of a house stands at first.
func Morning() time.Time { return time.Date(2026, 11, 17, 6, 0, 0, 0, time.UTC) }

// Found makes the folder of an installation and returns it.
func Found(t testing.TB, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	var k clock.Clock = clock.System{}
	if !o.System {
		k = clocktest.New(Morning())
	}
	_, err := app.Found(t.Context(), app.Founding{
		Dir: dir, Name: "CSIRT Atalaya", Country: "XA", PublicURL: "http://csirt.localhost:8440", Listen: "127.0.0.1:0",
		Database: o.Database.DSN, Version: "test", Log: slog.New(slog.DiscardHandler), Clock: k,
	})
	if err != nil {
		t.Fatalf("found: %v", err)
	}
	if o.Fixed {
		for _, name := range []string{"numbers.key", "cursors.key", "links.key"} {
			if err := os.WriteFile(filepath.Join(dir, "keys", name), bytes.Repeat([]byte(name[:1]), 32), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		key, err := teamKey()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "keys", "openpgp.key"), key, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// teamKey is one OpenPGP key for all fixed houses of a process: keys are drawn anew each
// time, and what two houses write must be the same.
var teamKey = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "almenara-key-")
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "key")
	if _, err := pgp.Generate(name, "CSIRT Atalaya", "csirt@csirt.example", Morning().Add(-30*24*time.Hour)); err != nil {
		return nil, err
	}
	key, err := os.ReadFile(name)
	return key, errors.Join(err, os.RemoveAll(dir))
})

// Start starts a house that ends with the test.
func Start(t testing.TB, o Options) *House {
	t.Helper()
	h := &House{t: t, Dir: o.Dir, Mail: mailtest.New(t), Log: &Log{}}
	if h.Dir == "" {
		h.Dir = Found(t, o)
	}
	conf, err := app.LoadConfig(h.Dir, func(name string) string {
		return map[string]string{
			"ALMENARA_MAIL_HOST": h.Mail.Host, "ALMENARA_MAIL_PORT": strconv.Itoa(h.Mail.Port),
			"ALMENARA_MAIL_SECURITY": "none", "ALMENARA_MAIL_FROM": "csirt@csirt.example", "ALMENARA_WATCH_DROP": "none",
		}[name]
	})
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	conf.TrustedProxies = []string{"127.0.0.1"} // Outside comes through it
	if o.Config != nil {
		o.Config(&conf)
	}
	ao := app.Options{Config: conf, Version: "test", Random: o.Random, Strict: true, Log: slog.New(slog.NewTextHandler(h.Log, nil))}
	if !o.System {
		h.Clock = clocktest.New(Morning())
		ao.Clock = h.Clock
	}
	ao.Fill = func(ctx context.Context, a *app.App, settle func(context.Context) error) error {
		h.App, h.Settle = a, settle
		if o.Fill == nil {
			return nil
		}
		return o.Fill(ctx, h)
	}
	if err := h.run(ao); err != nil {
		t.Fatalf("start: %v\n%s", err, h.Log)
	}
	return h
}

// run serves until Stop; it returns when the house answers.
func (h *House) run(o app.Options) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, o, func(a *app.App) {
			h.App, h.URL = a, "http://"+a.Address()
			close(ready)
		}, nil)
	}()
	stopped := false
	h.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	h.t.Cleanup(func() {
		if err := h.stop(); err != nil {
			h.t.Errorf("stop: %v", err)
		}
	})
	select {
	case <-ready:
		return nil
	case err := <-ended:
		stopped = true
		cancel()
		return err
	}
}

// Stop ends the house before the test does.
func (h *House) Stop() error { return h.stop() }

// Lead is a duty lead of the desk, for verbs.
func Lead() act.Actor {
	return act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead, guard.RoleConstituency}}
}

// Telnet is a schema with one kind of report, scan_telnet.
const Telnet = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},"scan_telnet":{"feed_name":"Telnet","file_name":"scan_telnet",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-telnet"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["protocol.transport","protocol"]]}}`

// Head is the first line of constituency's file.
const Head = "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n"

// Faro and Ribera are two water companies with contacts.
const (
	Faro   = "Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Control room,watch@faro.example,fr\n"
	Ribera = "Ribera Waterworks,operator,XA,drinking-water,cidr,192.0.2.16/28,Duty desk,duty@ribera.example,en\n"
)

// Nation imports organisations and sets up the source "scans".
func (h *House) Nation(ctx context.Context, marking tlp.Marking, organisations ...string) error {
	if err := h.Import(ctx, organisations...); err != nil {
		return err
	}
	if _, _, err := h.App.Watch().LoadSchema(ctx, Lead(), strings.NewReader(Telnet)); err != nil {
		return err
	}
	_, err := h.App.Watch().AddSource(ctx, Lead(), "scans", watch.SourceSettings{Mode: watch.Live, Marking: marking})
	return err
}

// Import adds organisations.
func (h *House) Import(ctx context.Context, organisations ...string) error {
	r, err := h.App.Constituency().Import(ctx, Lead(), constituency.OrganisationsFile, strings.NewReader(Head+strings.Join(organisations, "")), true)
	if err == nil && !r.Applied {
		h.t.Fatalf("organisations refused: %+v", r.Errors)
	}
	return err
}

// Deliver hands in a report of a day: hosts are last numbers in 192.0.2.0/24, or
// whole rows after the date when they hold a comma.
func (h *House) Deliver(ctx context.Context, day string, hosts ...string) error {
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port\n")
	for _, host := range hosts {
		if strings.Contains(host, ",") {
			b.WriteString(day + " 03:00:00," + host + "\n")
			continue
		}
		b.WriteString(day + " 03:00:00,192.0.2." + host + ",tcp,23\n")
	}
	_, err := h.App.Watch().Receive(ctx, Lead(), watch.Arrival{
		Source: "scans", FileName: day + "-scan_telnet.csv", Body: strings.NewReader(b.String()),
	})
	return err
}

// Person adds a person.
func (h *House) Person(org int64, roles ...string) guard.Person {
	h.t.Helper()
	p, err := h.App.Guard().AddPerson(h.t.Context(), guard.LocalOperator(), guard.NewPerson{
		Org: org, Name: "Somebody " + strings.Join(roles, " "), Language: "en", Roles: roles,
	})
	if err != nil {
		h.t.Fatalf("add person: %v", err)
	}
	return p
}

// SignIn returns the cookie of a new session of a person.
func (h *House) SignIn(person int64) *http.Cookie {
	h.t.Helper()
	ctx := h.t.Context()
	secret, err := h.App.Guard().IssueLink(ctx, guard.LocalOperator(), person)
	if err != nil {
		h.t.Fatalf("link: %v", err)
	}
	cookie, _, err := h.App.Guard().SignInByLink(ctx, secret, guard.Browser{Agent: "test", Address: "127.0.0.1"})
	if err != nil {
		h.t.Fatalf("sign in: %v", err)
	}
	return &http.Cookie{Name: "almenara-csirtlocalhost8440-session", Value: cookie}
}

// Token returns an API token of a new person with a role.
func (h *House) Token(org int64, role string, scope ...string) string {
	h.t.Helper()
	p := h.Person(org, role)
	secret, _, err := h.App.Guard().IssueToken(h.t.Context(), guard.LocalOperator(), p.ID, "test", scope, 24*time.Hour)
	if err != nil {
		h.t.Fatalf("token: %v", err)
	}
	return secret
}

// Answer is what the house answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Ask sends a request as whoever with makes of it; redirects are not followed.
func (h *House) Ask(method, path string, body io.Reader, with ...func(*http.Request)) Answer {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, h.URL+path, body)
	if err != nil {
		h.t.Fatalf("request %s %q: %v", method, path, err)
	}
	for _, f := range with {
		f(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode, Header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return a // it has no end
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	a.Body = string(b)
	return a
}

// As sends a session cookie, With a token, Header a header.
func As(c *http.Cookie) func(*http.Request) { return func(r *http.Request) { r.AddCookie(c) } }

// With sends a token.
func With(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// Header sends a header.
func Header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Outside makes the request one that came through a proxy from far away, each from
// a network of its own, so that nobody is taken for somebody who tries too often.
func Outside(r *http.Request) {
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::1", rand.Uint32N(1<<16), rand.Uint32N(1<<16)))
}

// Form sends the body as a page's form.
func Form(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }

// JSON sends the body as a program does.
func JSON(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
