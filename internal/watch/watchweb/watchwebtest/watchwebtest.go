// Package watchwebtest serves tests of pages: a site over the real rooms up to watch,
// on SQLite, with a small nation and three days of deliveries in it.
//
// Who asks is said by the header X-Test-Roles (or the cookie of that name, for
// browsers): the roles of one person of the own organisation, with commas. Nothing of
// guard's door is used; its decisions are the real ones.
package watchwebtest

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/internal/watch"
	"almenara.example/shadowserver"
	"almenara.example/tlp"
	files "almenara.example/web"
)

// House is the rooms and the site over them.
type House struct {
	T            *testing.T
	Clock        *clocktest.Fake
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Site         *web.Site
	Handler      http.Handler
	Lead         act.Actor // duty lead and keeper of the constituency
}

// Door is a room's pages for the site.
type Door struct {
	Room      string
	Templates fs.FS
	Locales   fs.FS
	Routes    func(h *House) []web.Route
}

// Now is when tests happen.
func Now() time.Time { return time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC) }

// Open builds the rooms and a site with the doors. Nothing is in it but the own
// organisation.
func Open(t *testing.T, doors ...Door) *House {
	t.Helper()
	return OpenOn(t, sqldbtest.Open(t, sqldbtest.SQLite(t), Lines()), doors...)
}

// Lines are the migrations that the rooms stand on.
func Lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations},
		{Room: "watch", Files: watch.Migrations},
	}
}

// OpenOn is Open on a given database.
func OpenOn(t *testing.T, db *sqldb.DB, doors ...Door) *House {
	t.Helper()
	h := &House{T: t, Clock: clocktest.New(Now())}
	policies, err := guard.LoadPolicies()
	h.check(err)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h.Acts = act.New(act.Config{DB: db, Clock: h.Clock, IDs: id.NewSource(h.Clock, nil), Decider: policies, Log: log})
	h.Guard = guard.New(h.Acts)
	h.Constituency = constituency.New(h.Acts, h.Guard, log)
	key := filepath.Join(t.TempDir(), "master.key")
	h.check(blob.GenerateMaster(key))
	blobs, err := blob.Open(blob.Config{Dir: filepath.Join(t.TempDir(), "blobs"), MasterKey: key, Clock: h.Clock})
	h.check(err)
	overlay, err := shadowserver.DefaultOverlay()
	h.check(err)
	h.Watch = watch.New(watch.Config{
		Acts: h.Acts, Guard: h.Guard, Constituency: h.Constituency, Blobs: blobs, Overlay: overlay, Log: log,
		Numbers: id.NewNumbers("ALM", "finding", []byte("test")),
	})
	h.Acts.Subscribe(h.Constituency.Subscription())
	h.Acts.Subscribe(h.Watch.Subscription())
	_, err = h.Guard.Found(t.Context(), "CSIRT Atalaya", "AT")
	h.check(err)
	h.Lead = act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead, guard.RoleConstituency}}
	h.check(h.Constituency.Load(t.Context()))
	h.check(h.Watch.Load(t.Context()))
	h.openSite(log, doors)
	return h
}

func (h *House) openSite(log *slog.Logger, doors []Door) {
	h.T.Helper()
	words := []fs.FS{
		i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(watch.Locales, "locales"),
		i18n.Sub(blob.Locales, "locales"), sectorWords(),
	}
	for _, d := range doors {
		words = append(words, d.Locales)
	}
	catalogue, err := i18n.New(words...)
	h.check(err)
	nav := []web.NavItem{}
	for _, d := range doors {
		nav = append(nav, web.NavItem{Room: d.Room, Key: d.Room + ".room", URL: "/" + d.Room, Icon: icon(d.Room), Permission: d.Room + ".read"})
	}
	h.Site, err = web.New(web.Config{
		Catalogue: catalogue, Clock: h.Clock, Log: log, Strict: true, Identify: h.identify, Product: "Almenara",
		Country: "Atalaya", SignInURL: "/sign-in", SignOutURL: "/sign-out", SearchURL: "/desk/search", Nav: nav,
	})
	h.check(err)
	for _, d := range doors {
		h.Site.Templates(d.Room, d.Templates)
		h.Site.Handle(d.Routes(h)...)
	}
	h.Handler, err = h.Site.Handler()
	h.check(err)
}

func icon(room string) string {
	if room == "desk" {
		return "board"
	}
	return room
}

// sectorWords are names of sectors for the tests: constituency's own door has the
// real ones.
func sectorWords() fs.FS {
	var b strings.Builder
	for _, s := range constituency.Sectors() {
		name := strings.ReplaceAll(s.Code, "-", " ")
		fmt.Fprintf(&b, "%q = %q\n", s.Key(), strings.ToUpper(name[:1])+name[1:])
	}
	return fstest.MapFS{"en.toml": {Data: []byte(b.String())}}
}

func (h *House) identify(r *http.Request) (web.Viewer, error) {
	roles := r.Header.Get("X-Test-Roles")
	if c, err := r.Cookie("X-Test-Roles"); roles == "" && err == nil {
		roles = c.Value
	}
	switch roles {
	case "":
		return web.Viewer{}, nil
	case "bad":
		return web.Viewer{}, fault.New(fault.Unauthenticated, "fault.unauthenticated", nil)
	}
	a := act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: strings.Split(roles, ".")}
	if org, err := strconv.ParseInt(r.Header.Get("X-Test-Org"), 10, 64); err == nil {
		a.Org = org
	}
	ctx := r.Context()
	return web.Viewer{
		ID: a.ID, Name: "Ana Reyes", Organisation: "CSIRT Atalaya", Actor: a,
		May: func(permission string) bool { return h.Acts.May(ctx, act.Call{Actor: a, Verb: permission}) },
	}, nil
}

func (h *House) check(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

// Do asks the site as somebody with roles (with dots between) and returns the answer.
// body is a form when it is not empty.
func (h *House) Do(roles, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Accept", "text/html")
	if roles != "" {
		r.Header.Set("X-Test-Roles", roles)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return h.Send(r)
}

// Send asks the site.
func (h *House) Send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.Handler.ServeHTTP(w, r)
	return w
}

// schema is our own, in the shape of Shadowserver's.
const schema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},
"scan_telnet":{"feed_name":"Telnet","file_name":"scan_telnet",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-telnet"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["severity","severity","validate_to_none"],["protocol.transport","protocol"],["source.asn","asn","invalidate_zero"],["source.fqdn","hostname"]]},
"scan_rdp":{"feed_name":"RDP","file_name":"scan_rdp",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-rdp"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["severity","severity","validate_to_none"],["protocol.transport","protocol"],["source.asn","asn","invalidate_zero"],["source.fqdn","hostname"]]}}`

// Schema is the text of the feed schema that Nation loads.
func Schema() string { return schema }

const nation = `organisation,kind,sector,asset_kind,asset,contact_name,contact_email,contact_language
Wasserwerk Nord,operator,drinking-water,cidr,192.0.2.0/26,Duty desk,duty@wasserwerk.example,en
Energía del Sur,operator,energy-electricity,cidr,192.0.2.64/26,Guardia,guardia@energia.example,en
Hôpital Saint-Roch,operator,health,cidr,192.0.2.128/26,Astreinte,astreinte@hopital.example,fr
`

// Nation adds three operators, a schema, two sources (scans is live, trial is in
// shadow and late) and deliveries of three days: findings open, gone and reopened, some
// rows in quarantine, one delivery of unknown kind.
func (h *House) Nation() {
	h.T.Helper()
	ctx := h.T.Context()
	_, err := h.Constituency.Import(ctx, h.Lead, constituency.OrganisationsFile, strings.NewReader(nation), true)
	h.check(err)
	_, _, err = h.Watch.LoadSchema(ctx, h.Lead, strings.NewReader(schema))
	h.check(err)
	day := 24 * time.Hour
	h.Clock.Set(Now().Add(-3 * day))
	_, err = h.Watch.AddSource(ctx, h.Lead, "scans", watch.SourceSettings{Mode: watch.Live, Rhythm: day, Marking: tlp.Amber})
	h.check(err)
	_, err = h.Watch.AddSource(ctx, h.Lead, "trial", watch.SourceSettings{Mode: watch.Shadow, Rhythm: day, Marking: tlp.Green})
	h.check(err)
	h.Take("scans", "2026-11-17-scan_telnet.csv", Report("2026-11-17", 1, 40))
	h.Take("trial", "2026-11-17-scan_rdp.csv", strings.ReplaceAll(Report("2026-11-17", 60, 80), ",23,", ",3389,"))
	h.Clock.Set(Now().Add(-2 * day))
	h.Take("scans", "2026-11-18-scan_telnet.csv", Report("2026-11-18", 5, 40))
	h.Clock.Set(Now().Add(-1 * day))
	h.Take("scans", "2026-11-19-scan_telnet.csv", Report("2026-11-19", 3, 45))
	h.Clock.Set(Now())
	h.Take("scans", "2026-11-20-scan_telnet.csv", Report("2026-11-20", 3, 48)+Hostile())
	h.Take("scans", "2026-11-20-scan_novelty.csv", "a,b\n1,2\n")
}

// Hostile are rows that are refused, with what wants to be run on a page.
func Hostile() string {
	return "2026-11-20 03:00:00,<script>alert(1)</script>,tcp,23,64500,high,=cmd|' /C calc'!A0\n" +
		"yesterday,192.0.2.9,tcp,23,64500,medium,\n2026-11-20 03:00:00,192.0.2.10,tcp,23\n"
}

// Take receives a report and works until it is folded.
func (h *House) Take(source, file, body string) watch.Delivery {
	h.T.Helper()
	r, err := h.Watch.Receive(h.T.Context(), h.Lead, watch.Arrival{Source: source, FileName: file, Body: strings.NewReader(body)})
	h.check(err)
	h.check(h.Watch.Work(h.T.Context()))
	d, err := h.Watch.Delivery(h.T.Context(), h.Acts.Reader(), r[0].Delivery.ID)
	h.check(err)
	return d
}

// Report is a day's scan: hosts from to to, spread over the three operators' ranges
// and one range of nobody's.
func Report(day string, from, to int) string {
	severities := []string{"critical", "high", "medium", "low", "info"}
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port,asn,severity,hostname\n")
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%s 03:00:00,192.0.2.%d,tcp,23,64500,%s,host-%d.example\n", day, i%4*64+i/4+1, severities[i%5], i)
	}
	return b.String()
}

// Numbers lists the numbers of the findings of a filter, newest first.
func (h *House) Numbers(f watch.Filter) (out []string) {
	h.T.Helper()
	err := h.Watch.Each(context.WithoutCancel(h.T.Context()), h.Acts.Reader(), f, guard.OwnOrg, func(f watch.Finding) error {
		out = append(out, h.Watch.Number(f.ID))
		return nil
	})
	h.check(err)
	return out
}
