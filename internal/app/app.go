package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/desk/deskweb"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/guard/guardweb"
	"almenara.example/internal/incident"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/shadowserver"
)

// Options is what a process is made of besides its folder.
type Options struct {
	Config  Config
	Version string
	Log     *slog.Logger
	// Clock dates everything; nil means the machine's. The demo winds one.
	Clock clock.Clock
	// Random seeds ids, salts and secrets; nil means crypto/rand. Tests seed it.
	Random io.Reader
	// Strict makes a page with a missing word an error; tests set it.
	Strict bool
	// Founded is told the administrator's one-time link when the server finds a blank
	// database and founds the installation there. Nil refuses a blank database.
	Founded func(link string)
	// Fill is called by Run before anything is served, with what waits until facts are
	// delivered and jobs are done; the demo fills its nation here.
	Fill func(ctx context.Context, a *App, settle func(context.Context) error) error
}

// App is one installation in one process.
type App struct {
	cfg     Config
	version string
	log     *slog.Logger
	clock   clock.Clock

	db           *sqldb.DB
	acts         *act.Acts
	guard        *guard.Guard
	ledger       *ledger.Log
	queue        *jobs.Queue
	queueRuns    bool
	blobs        *blob.Store
	constituency *constituency.Constituency
	duty         *duty.Duty
	incidents    *incident.Incidents
	watch        *watch.Watch
	outbound     *outbound.Outbound
	receiving    *outbound.Receiving
	warn         *warn.Warn
	portal       *portal.Portal
	gate         *guard.Gate
	keys         keys

	public  *url.URL
	words   *i18n.Catalogue
	zone    *time.Location // the installation's
	door    *guardweb.Door
	site    *web.Site
	api     *api
	handler http.Handler
	serving serving

	closers []func() error // in reverse order
	stop    context.CancelFunc
	running sync.WaitGroup
	signer  chan struct{} // closed when the signer has ended
	failed  chan error    // the first trouble of a server that should go on
}

// New makes an installation ready to serve: folder locked, schema checked, memory
// loaded, rooms wired. Nothing listens and nothing moves before Start. Whoever
// gets an App must Stop it.
func New(ctx context.Context, o Options) (a *App, err error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	a = &App{cfg: o.Config, version: o.Version, log: o.Log, clock: o.Clock, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
			a = nil
		}
	}()
	if err := a.openStores(ctx); err != nil {
		return a, err
	}
	if err := a.openHouse(ctx, o); err != nil {
		return a, err
	}
	if err := a.foundIfBlank(ctx, o); err != nil {
		return a, err
	}
	if err := a.load(ctx); err != nil {
		return a, err
	}
	if err := a.noteRestore(ctx); err != nil {
		return a, err
	}
	return a, a.openDoors(ctx, o)
}

// openStores opens what is on disk: keys, database, ledger, blobs, queue.
func (a *App) openStores(ctx context.Context) error {
	unlock, err := lockFolder(a.cfg.Dir)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, unlock)
	if a.keys, err = readKeys(a.cfg.Dir); err != nil {
		return err
	}
	if a.db, err = openDatabase(ctx, &a.cfg, false); err != nil {
		return err
	}
	a.closers = append(a.closers, a.db.Close)
	if err := bringSchema(ctx, &a.cfg, a.db, a.version, a.log); err != nil {
		return err
	}
	signer, verifier, err := ledger.KeyInForce(ctx, a.db.Reader(), a.cfg.path(ledgerKeyFile))
	if err != nil {
		return err
	}
	a.ledger = ledger.New(ledger.Config{
		DB: a.db, Dir: a.cfg.path(ledgerFolder), Clock: a.clock, Signer: signer, Verifier: verifier, Log: a.log,
	})
	a.closers = append(a.closers, a.ledger.Close)
	a.blobs, err = openBlobs(&a.cfg, a.clock)
	if err != nil {
		return err
	}
	a.queue = jobs.New(a.db, jobs.Config{Clock: a.clock, Log: slog.New(loud{a.log.Handler()})})
	return nil
}

// loud lets only warnings and errors through: the queue's library tells of itself.
type loud struct{ slog.Handler }

// Enabled tells whether a level is passed on.
func (h loud) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func openBlobs(c *Config, k clock.Clock) (*blob.Store, error) {
	return blob.Open(blob.Config{Dir: c.path(blobsFolder), MasterKey: c.path(blobsKeyFile), Clock: k})
}

// openHouse wires the frame of acts and the rooms.
func (a *App) openHouse(ctx context.Context, o Options) error {
	var err error
	if a.acts, a.guard, err = newFrame(a.db, a.clock, o.Random, a.ledger.Notify, a.log); err != nil {
		return err
	}
	overlay, err := a.cfg.overlay()
	if err != nil {
		return err
	}
	a.constituency = constituency.New(a.acts, a.guard, a.log)
	a.watch = watch.New(watch.Config{
		Acts: a.acts, Guard: a.guard, Constituency: a.constituency, Blobs: a.blobs,
		Numbers: id.NewNumbers("ALM", "finding", a.keys.numbers),
		Overlay: overlay, Limits: a.cfg.limits(), Drop: a.cfg.drop(), Log: a.log,
	})
	a.constituency.SetEffect(a.watch)
	if err := a.openWayOut(ctx); err != nil {
		return err
	}
	if err := a.openDuty(); err != nil {
		return err
	}
	if err := a.openIncidents(); err != nil {
		return err
	}
	if err := a.openPortal(); err != nil {
		return err
	}
	if err := a.upkeep(); err != nil {
		return err
	}
	a.gate = guard.NewGate(a.guard, a.closures())
	a.warn.SetGate(a.gate)
	a.incidents.SetGate(a.gate)
	a.portal.SetGate(a.gate)
	a.duty.SetTexts(nightTexts{warn: a.warn, incidents: a.incidents, words: a.words, language: a.cfg.Language})
	for _, s := range a.subscriptions() {
		a.acts.Subscribe(s)
	}
	return nil
}

// openWayOut wires what tells others: the mail server and the notices.
func (a *App) openWayOut(ctx context.Context) (err error) {
	if a.public, err = url.Parse(a.cfg.PublicURL); err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	if a.words, err = catalogue(a.cfg.path("locales")); err != nil {
		return err
	}
	if !a.words.Has(a.cfg.Language) {
		return &ConfigError{"language", a.cfg.Language, "no catalogue has this language; drop its words into locales/"}
	}
	if a.zone, err = time.LoadLocation(a.cfg.Zone); err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	a.words.In(a.zone)
	if err = a.openPost(ctx); err != nil {
		return err
	}
	allow, err := a.cfg.webhookAllow()
	if err != nil {
		return err
	}
	roots, err := a.cfg.mailRoots()
	if err != nil {
		return err
	}
	made, err := ledger.LastRestored(ctx, a.acts.Reader())
	if err != nil {
		return err
	}
	told, err := warn.OpenToldLog(a.cfg.path(toldFile), clock.FromMicros(made))
	if err != nil {
		return err
	}
	a.closers = append(a.closers, told.Close)
	a.warn, err = warn.New(warn.Config{
		Acts: a.acts, Guard: a.guard, Constituency: a.constituency, Watch: a.watch, Outbound: a.outbound, Queue: a.queue,
		Catalogue: a.words, Language: a.cfg.Language,
		Numbers: id.NewNumbers("ALM", "notice", a.keys.numbers), Warnings: id.NewNumbers("ALM", "warning", a.keys.numbers),
		LinkKey: a.keys.links, Limits: warn.Limits{PerContactHour: a.cfg.Warn.PerContactHour},
		WebHooks: outbound.NewHooks(allow), MailRoots: roots, Told: told,
		PublicURL: strings.TrimSuffix(a.cfg.PublicURL, "/"), MailDomain: a.public.Hostname(), Log: a.log,
	})
	return err
}

// newFrame makes the frame of acts with guard's decisions.
func newFrame(db *sqldb.DB, k clock.Clock, random io.Reader, notify func(), log *slog.Logger) (*act.Acts, *guard.Guard, error) {
	policies, err := guard.LoadPolicies()
	if err != nil {
		return nil, nil, err
	}
	var acts *act.Acts
	denials := guard.NewDenials(func() *act.Acts { return acts }, log)
	acts = act.New(act.Config{
		DB: db, Clock: k, IDs: id.NewSource(k, random), Decider: heldDecider{policies, db}, Denials: denials, Notify: notify, Log: log,
	})
	return acts, guard.New(acts), nil
}

// overlay is what holds for Shadowserver's kinds: the installation's own rules, or
// ours.
func (c *Config) overlay() (*shadowserver.Overlay, error) {
	if c.Watch.Overlay == "" {
		return shadowserver.DefaultOverlay()
	}
	return readOverlay(c.path(c.Watch.Overlay))
}

// drop is the folder with a folder per source; empty for none.
func (c *Config) drop() string {
	if c.Watch.Drop == "none" {
		return ""
	}
	return c.path(c.Watch.Drop)
}

// load fills what the rooms keep in memory, at the same time.
func (a *App) load(ctx context.Context) error {
	began := a.clock.Now()
	done := make(chan error, 1)
	go func() { done <- a.constituency.Load(ctx) }()
	err := errors.Join(a.watch.Load(ctx), <-done)
	if err == nil {
		err = errors.Join(a.warn.Recover(ctx), a.incidents.Recover(ctx))
	}
	if err == nil {
		err = a.incidents.LoadRegimes(ctx, dir(a.cfg.path(regimesFolder)))
	}
	if err == nil {
		a.log.InfoContext(ctx, "loaded", "took", a.clock.Now().Sub(began).Round(time.Millisecond))
	}
	return err
}

// openDoors builds the site: words, pages, API.
func (a *App) openDoors(ctx context.Context, o Options) error {
	own, err := a.guard.Organisation(ctx, a.acts.Reader(), guard.OwnOrg)
	if err != nil {
		return &Refusal{
			Err:  fmt.Errorf("this database has not been founded: %w", err),
			Hint: "almenara init --data " + a.cfg.Dir + " --name NAME --country CC --public-url URL",
		}
	}
	installation := installationName(a.public)
	a.door = guardweb.NewDoor(guardweb.DoorConfig{Guard: a.guard, Acts: a.acts, Installation: installation, PublicURL: a.public})
	a.site, err = web.New(web.Config{
		Catalogue: a.words, Clock: a.clock, Log: a.log, Identify: a.identify, Product: "Almenara", Country: own.Name,
		Installation: installation, Secure: a.public.Scheme == "https", Zone: a.zone, Nav: a.nav(),
		SearchURL: deskweb.SearchURL, SignInURL: guardweb.SignInURL, SignOutURL: guardweb.SignOutURL, ProfileURL: guardweb.ProfileURL, Strict: o.Strict,
		Refused: a.refused, Channels: a.channelsOf, Home: homeOf, Due: a.nearest, Forms: a.door.Forms(a.made),
	})
	if err != nil {
		return err
	}
	a.spreadNews()
	if err := a.mount(); err != nil {
		return err
	}
	a.handler, err = a.site.Handler()
	return err
}

// identify finds out who asks. Who does not say which language he reads is spoken to
// in the installation's.
func (a *App) identify(r *http.Request) (web.Viewer, error) {
	v, err := a.door.Identify(r)
	if err == nil {
		err = insidePortal(r, v)
	}
	if v.Language == "" && r.Header.Get("Accept-Language") == "" {
		v.Language = a.cfg.Language
	}
	return v, err
}

// installationName is the part of the cookies' names that keeps two installations
// on one host apart: letters and digits of host and port.
func installationName(public *url.URL) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(public.Host))
}

// catalogue joins the words of all rooms and the country's own.
func catalogue(dropped string) (*i18n.Catalogue, error) {
	all := words()
	return i18n.New(append(all, dir(dropped))...)
}

// Acts is the frame, for the demo and for tests that do verbs.
func (a *App) Acts() *act.Acts { return a.acts }

// Guard is the room.
func (a *App) Guard() *guard.Guard { return a.guard }

// Constituency is the room.
func (a *App) Constituency() *constituency.Constituency { return a.constituency }

// Watch is the room.
func (a *App) Watch() *watch.Watch { return a.watch }

// Warn is the room.
func (a *App) Warn() *warn.Warn { return a.warn }

// Ledger is the record of actions.
func (a *App) Ledger() *ledger.Log { return a.ledger }

// PublicURL is how browsers reach the installation.
func (a *App) PublicURL() string { return a.cfg.PublicURL }

// SignInLink is the page where a one-time link is used.
func (a *App) SignInLink(secret string) string { return a.cfg.signInLink(secret) }

// Site is the frame of pages, with its routes.
func (a *App) Site() *web.Site { return a.site }

// Handler answers requests as the listeners do, without their limits.
func (a *App) Handler() http.Handler { return a.handler }

// refused keeps a refusal at a door in the log of refusals.
func (a *App) refused(ctx context.Context, v web.Viewer, permission, path string) {
	who, _ := v.Actor.(act.Actor)
	guard.NewDenials(func() *act.Acts { return a.acts }, a.log).Denied(ctx,
		act.Call{Actor: who, Verb: permission, Subject: path}, act.Decision{Reasons: []string{"refused at the door"}})
}
