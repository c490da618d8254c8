package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/demo"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/test/house"
)

// host is a name that browsers resolve to this machine and give passkeys to.
const host = "atalaya.localhost"

// stage is an installation that is being played on.
type stage struct {
	t    *testing.T
	app  *app.App
	url  string // as persons see it
	mail *mailtest.Server
	log  *house.Log
	// settle does all waiting work; only to be called while the stage is being filled.
	settle func(context.Context) error
	links  map[string]string // secrets of one-time links by role, in the demo nation

	conf  app.Config
	wound *clock.Wound
	stop  func() // ends it before the test does
}

// fill is what a story needs before the doors open.
type fill func(ctx context.Context, s *stage, wound *clock.Wound) error

// atalaya fills the demo nation.
func atalaya(ctx context.Context, s *stage, wound *clock.Wound) (err error) {
	s.links, err = demo.Fill(ctx, demo.House{
		Guard: s.app.Guard(), Constituency: s.app.Constituency(), Watch: s.app.Watch(), Warn: s.app.Warn(), Duty: s.app.Duty(), Incidents: s.app.Incidents(), Receiving: s.app.Receiving(),
		Acts: s.app.Acts(), Clock: wound, Settle: s.settle,
	})
	return err
}

// open starts an installation that ends with the test. Without mail nothing leaves
// but to the outbox on the screen.
func open(t *testing.T, withMail bool, f fill) *stage { return openWith(t, withMail, nil, f) }

// openWith is open with a configuration that is changed first.
func openWith(t *testing.T, withMail bool, change func(*app.Config), f fill) *stage {
	t.Helper()
	s := &stage{t: t, log: &house.Log{}, wound: &clock.Wound{}}
	listen := freeAddress(t)
	_, port, _ := net.SplitHostPort(listen)
	s.url = "http://" + host + ":" + port
	dir := filepath.Join(t.TempDir(), "data")
	overlay, err := demo.Overlay()
	s.check(err)
	_, err = app.Found(t.Context(), app.Founding{
		Dir: dir, Name: demo.Name, Country: demo.Country, PublicURL: s.url, Listen: listen, Overlay: overlay,
		Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	s.check(err)
	if withMail {
		s.mail = mailtest.New(t)
	}
	s.load(dir)
	if change != nil {
		change(&s.conf)
	}
	s.begin(f)
	return s
}

// load reads the configuration of a folder.
func (s *stage) load(dir string) {
	s.t.Helper()
	settings := map[string]string{"ALMENARA_WATCH_DROP": "none"}
	if s.mail != nil {
		settings["ALMENARA_MAIL_HOST"], settings["ALMENARA_MAIL_PORT"] = s.mail.Host, strconv.Itoa(s.mail.Port)
		settings["ALMENARA_MAIL_SECURITY"], settings["ALMENARA_MAIL_FROM"] = "none", "csirt@csirt.example"
	}
	var err error
	s.conf, err = app.LoadConfig(dir, func(name string) string { return settings[name] })
	s.check(err)
}

// begin serves the folder of the configuration.
func (s *stage) begin(f fill) {
	s.t.Helper()
	s.run(app.Options{
		Config: s.conf, Version: "test", Clock: s.wound, Strict: true, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Fill: func(ctx context.Context, a *app.App, settle func(context.Context) error) error {
			s.app, s.settle = a, settle
			return f(ctx, s, s.wound)
		},
	})
}

// freeAddress is an address of the loopback that nobody listens on: the name under
// which persons see the installation holds the port.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run serves until the test ends, and then sees that no page broke a policy.
func (s *stage) run(o app.Options) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- app.Run(ctx, o, func(*app.App) { close(ready) }, nil) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		s.t.Fatalf("start: %v\n%s", err, s.log)
	}
	here := s.app
	s.stop = sync.OnceFunc(func() {
		if n := here.Site().CSPReports(); n != 0 {
			s.t.Errorf("got %d reports of breaches of the content security policy, want none\n%s", n, s.log)
		}
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("stop: %v", err)
		}
	})
	s.t.Cleanup(s.stop)
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) read() sqldb.Reader { return s.app.Acts().Reader() }

// person adds somebody to the desk.
func (s *stage) person(name string, roles ...string) (id int64) {
	s.t.Helper()
	p, err := s.app.Guard().AddPerson(s.t.Context(), guard.LocalOperator(), guard.NewPerson{
		Org: guard.OwnOrg, Name: name, Language: "en", Zone: "Europe/Madrid", Roles: roles,
	})
	s.check(err)
	return p.ID
}

// link is a new one-time link of a person.
func (s *stage) link(person int64) string {
	s.t.Helper()
	secret, err := s.app.Guard().IssueLink(s.t.Context(), guard.LocalOperator(), person)
	s.check(err)
	return s.app.SignInLink(secret)
}

// signIn uses a one-time link in a tab.
func (s *stage) signIn(tab *browser.Tab, link string) {
	s.t.Helper()
	tab.Go(link)
	tab.Follow("main button[type=submit]")
	tab.WaitText("h1", "passkey")
}

// look sees a page as it stands: accessible, not too wide, kept as a picture.
func (s *stage) look(tab *browser.Tab, name string) {
	s.t.Helper()
	tab.Axe()
	tab.NoSidewaysScroll()
	tab.Screenshot(name)
}

// findings are the findings that a filter shows, up to 200.
func (s *stage) findings(f watch.Filter) []watch.Finding {
	s.t.Helper()
	l, err := s.app.Watch().List(s.t.Context(), s.read(), f, watch.Page{Reader: guard.OwnOrg, Limit: 200})
	s.check(err)
	return l.Findings
}

// ask gets an address as a program that is not a browser.
func (s *stage) ask(method, path string, with ...func(*http.Request)) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, http.NoBody)
	s.check(err)
	for _, f := range with {
		f(r)
	}
	res, err := direct().RoundTrip(r)
	s.check(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	s.check(err)
	return res.StatusCode, string(b)
}

// direct reaches the stage by its name on machines whose resolver does not know it.
func direct() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.Replace(addr, host, "127.0.0.1", 1))
	}}
}

// slug makes a file name of an address.
func slug(path string) string {
	s := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "&", "-", "=", "-", ".", "-", ":", "-", "+", "-", "%", "").Replace(path), "-")
	if s == "" {
		return "board"
	}
	return fmt.Sprintf("%.60s", s)
}

// until waits until something holds, at most half a minute.
func (s *stage) until(what string, holds func() bool) {
	s.t.Helper()
	tick, late := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("waited in vain until %s\n%s", what, s.log)
		}
	}
}
