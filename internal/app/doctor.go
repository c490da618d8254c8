package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
)

// Check is one thing that the doctor looked at. A warning is what somebody else must do,
// such as send a feed: the installation itself is as it must be.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint"` // what to do when it is not ok, or a warning
}

// Health is what the doctor found. Its JSON holds the checks alone.
type Health struct {
	OK     bool    `json:"-"`
	Server bool    `json:"-"` // one answers on the local socket
	Checks []Check `json:"checks"`
}

const (
	backupOld     = 7 * 24 * time.Hour  // a last backup older than this is late
	certificateOn = 21 * 24 * time.Hour // how long a certificate should still hold
	signingLate   = 10 * time.Second    // an entry that waits longer is late
	queueStuck    = 10 * time.Minute    // a job that could run and waits longer is stuck
	fewBlobs      = 3                   // that are read again
)

// doctor is one examination.
type doctor struct {
	c      Config
	clock  clock.Clock
	health Health
	db     *sqldb.DB // nil when it cannot be opened
}

// Doctor looks at an installation from outside, beside its running server or without
// one. It changes nothing: the database and the blobs are opened to read alone.
func Doctor(ctx context.Context, c Config, k clock.Clock) (h Health, err error) {
	d := &doctor{c: c, clock: k}
	d.configuration()
	d.folder()
	d.disk()
	d.server(ctx)
	if d.openDatabase(ctx) {
		defer func() { err = errors.Join(err, d.db.Close()) }()
		d.ledger(ctx)
		d.blobs(ctx)
		d.queue(ctx)
		d.feeds(ctx)
		d.sending(ctx)
		d.notices(ctx)
		d.contactKeys(ctx)
	}
	d.teamKey()
	d.mail(ctx)
	d.mailboxes(ctx)
	d.certificate()
	d.backup(ctx)
	d.health.OK = true
	for _, x := range d.health.Checks {
		d.health.OK = d.health.OK && x.OK
	}
	return d.health, ctx.Err()
}

func (d *doctor) good(name, format string, args ...any) {
	d.health.Checks = append(d.health.Checks, Check{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(name, hint, format string, args ...any) {
	d.health.Checks = append(d.health.Checks, Check{Name: name, OK: true, Warning: true, Detail: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *doctor) bad(name, hint, format string, args ...any) {
	d.health.Checks = append(d.health.Checks, Check{Name: name, Detail: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *doctor) configuration() {
	if err := d.c.CheckFiles(); err != nil {
		d.bad("configuration", "almenara config check --data "+d.c.Dir, "%v", err)
		return
	}
	u, err := url.Parse(d.c.PublicURL)
	if err != nil {
		d.bad("configuration", "set public_url", "public_url: %v", err)
		return
	}
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if u.Scheme == "http" && !local {
		d.bad("configuration", "browsers give passkeys to https only: set public_url to https://"+u.Host, "public_url is %s", d.c.PublicURL)
		return
	}
	d.good("configuration", "public_url is %s", d.c.PublicURL)
}

// folder looks at who may read what nobody but the server's user should.
func (d *doctor) folder() {
	var open []string
	for _, name := range []string{".", "keys", ledgerKeyFile, blobsKeyFile, numbersKeyFile, cursorsKeyFile, linksKeyFile, databaseURLFile, databaseFile} {
		st, err := os.Stat(filepath.Join(d.c.Dir, name))
		if errors.Is(err, fs.ErrNotExist) && (name == databaseURLFile || name == databaseFile) {
			continue
		}
		if err != nil {
			d.bad("folder", "bring it back from a backup", "%v", err)
			return
		}
		if st.Mode().Perm()&0o077 != 0 {
			open = append(open, fmt.Sprintf("%s (%o)", name, st.Mode().Perm()))
		}
	}
	if _, err := readKeys(d.c.Dir); err != nil {
		d.bad("folder", "bring keys/ back from a backup", "%v", err)
		return
	}
	if len(open) > 0 {
		d.bad("folder", "chmod -R go= "+d.c.Dir, "others may read %s", strings.Join(open, ", "))
		return
	}
	d.good("folder", "only the server's user may read %s", d.c.Dir)
}

func (d *doctor) disk() {
	share, bytes, err := freeSpace(d.c.Dir)
	switch {
	case err != nil:
		d.bad("disk", "look at the disk", "%v", err)
	case share < freeShare && bytes < freeBytes:
		d.bad("disk", "free space, or move the folder to a larger disk", "%.1f %% (%s) of the disk is free", 100*share, Size(bytes).Rough())
	default:
		d.good("disk", "%.0f %% (%s) of the disk is free", 100*share, Size(bytes).Rough())
	}
}

// server asks a running server whether it is ready.
func (d *doctor) server(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return DialLocal(ctx, d.c.Dir) }
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://local/readyz", nil)
	if err != nil {
		d.bad("server", "", "%v", err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		d.good("server", "none runs on this folder")
		return
	}
	d.health.Server = true
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	err = errors.Join(err, resp.Body.Close())
	if err != nil || resp.StatusCode != http.StatusOK {
		d.bad("server", "its log says why", "it answers %s: %s (%v)", resp.Status, strings.TrimSpace(string(text)), err)
		return
	}
	d.good("server", "it is ready")
}

func (d *doctor) openDatabase(ctx context.Context) bool {
	db, err := openToRead(ctx, &d.c)
	if err != nil {
		d.bad("database", hintOf(err, "bring it back from a backup, or start PostgreSQL"), "%v", err)
		return false
	}
	if err := checkSchema(ctx, db); err != nil {
		d.bad("database", "almenara migrate --data "+d.c.Dir, "%v", errors.Join(err, db.Close()))
		return false
	}
	d.db = db
	size, err := db.Size(ctx)
	if err != nil {
		d.bad("database", "look at the disk and the database's log", "%v", err)
		return true
	}
	d.good("database", "%s, schema complete, %s", db.Engine, Size(size).Rough())
	return true
}

// hintOf is the hint that an error brings along, or another one.
func hintOf(err error, other string) string {
	var r *Refusal
	if errors.As(err, &r) && r.Hint != "" {
		return r.Hint
	}
	return other
}

func (d *doctor) ledger(ctx context.Context) {
	_, verifier, err := ledger.KeyInForce(ctx, d.db.Reader(), d.c.path(ledgerKeyFile))
	var g ledger.Glance
	if err == nil {
		g, err = ledger.GlanceAt(ctx, d.db, d.c.path(ledgerFolder), verifier)
	}
	now := d.clock.Now()
	late := now.Sub(clock.FromMicros(g.Waiting))
	switch {
	case err != nil:
		d.bad("ledger", "bring keys/ back from a backup", "%v", err)
	case g.Held:
		d.bad("ledger", "almenara ledger resume --data "+d.c.Dir+" --checkpoint FILE|--none --missing TEXT", "restored from a backup: nothing is signed before somebody states what is missing")
	case g.Problem != "":
		d.bad("ledger", "almenara ledger verify --data "+d.c.Dir, "%s", g.Problem)
	case g.Waiting != 0 && late > signingLate && d.health.Server:
		d.bad("ledger", "the server's log says why it does not sign", "%d entries wait for signing, the oldest for %s", g.Entries-g.Signed, late.Round(time.Second))
	default:
		d.good("ledger", "%d of %d entries signed", g.Signed, g.Entries)
	}
	if err != nil {
		return
	}
	if ahead := clock.FromMicros(g.Last).Sub(now); g.Last != 0 && ahead > clockSlack {
		d.bad("clock", "set this machine's clock right (NTP)", "the last act lies %s in the future", ahead.Round(time.Second))
		return
	}
	d.good("clock", "%s", now.Format(time.RFC3339))
}

// blobs opens the store and reads a few of the newest blobs again.
func (d *doctor) blobs(ctx context.Context) {
	if _, err := os.Stat(d.c.path(blobsFolder)); errors.Is(err, fs.ErrNotExist) {
		d.good("blobs", "none yet")
		return
	}
	store, err := blob.Open(blob.Config{Dir: d.c.path(blobsFolder), MasterKey: d.c.path(blobsKeyFile), Clock: d.clock, ReadOnly: true})
	if err != nil {
		d.bad("blobs", "bring keys/blobs.key back from a backup", "%v", err)
		return
	}
	used, err := usedBlobs(ctx, d.db.Reader())
	if err != nil {
		d.bad("blobs", "almenara ledger verify --blobs", "%v", err)
		return
	}
	read := 0
	for i := len(used) - 1; i >= 0 && read < fewBlobs; i-- {
		ref, err := blob.ParseRef(used[i])
		if err == nil {
			err = store.Verify(ctx, ref)
		}
		if err != nil && fault.Of(err).Key != "blob.erased" {
			d.bad("blobs", "almenara ledger verify --blobs --data "+d.c.Dir+" lists all that are damaged", "%s: %v", used[i], err)
			return
		}
		read++
	}
	d.good("blobs", "%d in use, %d of them read again", len(used), read)
}

func (d *doctor) queue(ctx context.Context) {
	q := jobs.New(d.db, jobs.Config{Clock: d.clock, Log: slog.New(slog.DiscardHandler)})
	failed, err := q.Failed(ctx, 1000)
	if err != nil {
		d.bad("jobs", "look at the server's log", "%v", err)
		return
	}
	if len(failed) > 0 {
		d.bad("jobs", "look at them on "+d.c.PublicURL+failedWorkURL+": try again or dismiss", "%d failed for good, the last was %s", len(failed), failed[0].Kind)
		return
	}
	oldest, waits, err := sqldb.One(ctx, d.db.Reader(), func(r sqldb.Row) (t time.Time, err error) { return t, r.Scan(&t) },
		`select scheduled_at from river_job where state = 'available' order by scheduled_at limit 1`)
	if err != nil {
		d.bad("jobs", "look at the server's log", "%v", err)
		return
	}
	if age := d.clock.Now().Sub(oldest); waits && d.health.Server && age > queueStuck {
		d.bad("jobs", "restart the server; its log says what the queue waits for", "a job that could run has waited for %s", age.Round(time.Second))
		return
	}
	d.good("jobs", "none failed, none is stuck")
}

// feeds looks for sources that should have delivered.
func (d *doctor) feeds(ctx context.Context) {
	sources, err := (&watch.Watch{}).Sources(ctx, d.db.Reader())
	var late []string
	for _, s := range sources {
		if by := s.Late(d.clock.Now()); by > 0 {
			late = append(late, s.Name+" by "+by.Round(time.Minute).String())
		}
	}
	if err != nil {
		d.bad("feeds", "look at the server's log", "%v", err)
		return
	}
	if len(late) > 0 {
		d.warn("feeds", "ask who sends it; see "+d.c.PublicURL+"/watch/sources", "late: %s", strings.Join(late, ", "))
		return
	}
	d.good("feeds", "none is late")
}

func (d *doctor) mail(ctx context.Context) {
	if d.c.Mail.Host == "" {
		d.good("mail", "no server is set: messages stay in the outbox on the screen")
		return
	}
	if err := outbound.Probe(ctx, d.c.mailSettings()); err != nil {
		d.bad("mail", "look at [mail] in almenara.toml and at the mail server", "%v", err)
		return
	}
	d.good("mail", "%s answers", d.c.Mail.Host)
}

func (d *doctor) certificate() {
	if d.c.TLS.Certificate == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(d.c.path(d.c.TLS.Certificate), d.c.path(d.c.TLS.Key))
	var leaf *x509.Certificate
	if err == nil {
		leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		d.bad("certificate", "put a certificate and its key in place and send the server SIGHUP", "%v", err)
		return
	}
	u, err := url.Parse(d.c.PublicURL)
	if err == nil {
		err = leaf.VerifyHostname(u.Hostname())
	}
	left := leaf.NotAfter.Sub(d.clock.Now())
	switch {
	case err != nil:
		d.bad("certificate", "get one for the host of public_url", "%v", err)
	case left < certificateOn:
		d.bad("certificate", "renew it and send the server SIGHUP", "it ends %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	default:
		d.good("certificate", "until %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

// backup looks how old the last backup is. A house of less than a week may have none.
func (d *doctor) backup(ctx context.Context) {
	hint := "almenara backup create --data " + d.c.Dir + " --to DIR, every day"
	made, ok, err := LastBackup(d.c.Dir)
	if err != nil {
		d.bad("backup", hint, "%v", err)
		return
	}
	if !ok {
		if age := d.age(ctx); age > backupOld {
			d.bad("backup", hint, "none was ever made")
		} else {
			d.good("backup", "none yet; %s", hint)
		}
		return
	}
	age := d.clock.Now().Sub(made.Made).Round(time.Second)
	switch {
	case age > backupOld:
		d.bad("backup", hint, "the last one was made %s ago", age)
	case len(made.Missing) > 0:
		d.bad("backup", "almenara ledger verify --blobs --data "+d.c.Dir, "the last one lacks %d blobs that were lost before", len(made.Missing))
	default:
		d.good("backup", "%s, %s ago, in %s", made.Name, age, made.To)
	}
}

// age is how long ago the first act was.
func (d *doctor) age(ctx context.Context) time.Duration {
	if d.db == nil {
		return 0
	}
	first, err := ledger.Entries(ctx, d.db.Reader(), ledger.Query{Before: 2, Limit: 1})
	if err != nil || len(first) == 0 {
		return 0
	}
	return d.clock.Now().Sub(clock.FromMicros(first[0].Time))
}
