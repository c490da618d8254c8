package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// The kinds of thing that the release gate asks this room about. The id is the
// organisation's, of KindNotice and KindRows the notice's, of KindSignIn the person's, of
// KindIncident, KindEntry and KindIncidentFile their own.
const (
	KindHome     = "portal-home"
	KindNotices  = "portal-notices"
	KindNotice   = "portal-notice"
	KindRows     = "portal-notice-rows"
	KindFindings = "portal-findings"
	KindFile     = "portal-file"
	KindFeed     = "portal-feed"
	KindAssets   = "portal-assets"
	KindContacts = "portal-contacts"
	KindFeeds    = "portal-feeds"
	KindSignIn   = "sign-in"

	KindIncidents    = "portal-incidents"
	KindIncident     = "portal-incident" // the incident's, also of KindWrite
	KindWrite        = "portal-incident-write"
	KindEntry        = "portal-incident-entry"
	KindRecovery     = "portal-incident-recovery" // the incident's
	KindIncidentFile = "portal-incident-file"
)

// Purpose is the purpose of everything that the portal releases.
const Purpose = "portal"

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Warn         *warn.Warn
	Incidents    *incident.Incidents
	Outbound     *outbound.Outbound
	Queue        *jobs.Queue
	Catalogue    *i18n.Catalogue
	PublicURL    string // without a final slash
	MailDomain   string
	SignInPath   string // path before the secret of a sign-in link
	Log          *slog.Logger
}

// Portal is the room. Make it with New.
type Portal struct {
	Config
	read sqldb.Reader
	gate *guard.Gate
	link *jobs.Handle[linkArgs]
}

// New returns the room and registers its job. SetGate must follow before anything is
// shown.
func New(c Config) (*Portal, error) {
	p := &Portal{Config: c, read: c.Acts.Reader()}
	var err error
	p.link, err = jobs.Add(c.Queue, jobs.Kind[linkArgs]{Name: "portal.send_link", Tries: 6, Work: p.workLink})
	return p, err
}

// SetGate gives the room the release gate, which needs the room's closures first.
func (p *Portal) SetGate(g *guard.Gate) { p.gate = g }

// Closures says which of the room's views answers for which kind of thing.
func (p *Portal) Closures() map[string]guard.Closure {
	all := map[string]guard.Closure{
		KindHome: view{p, p.homeParts, p.renderHome}, KindNotices: view{p, p.noticesParts, p.renderNotices},
		KindNotice: view{p, p.noticeParts, p.renderNotice}, KindRows: view{p, p.noticeParts, p.renderRows},
		KindFindings: view{p, p.findingsParts, p.renderFindings}, KindFile: view{p, p.findingsParts, p.renderFile},
		KindFeed:   view{p, p.noticesParts, p.renderFeed},
		KindAssets: view{p, p.assetsParts, p.renderAssets}, KindContacts: view{p, p.ownParts, p.renderContacts},
		KindFeeds: view{p, p.ownParts, p.renderFeeds}, KindSignIn: view{p, p.linkParts, p.renderLink},
		KindIncidents: view{p, p.incidentsParts, p.renderIncidents}, KindIncident: view{p, p.incidentParts, p.renderIncident},
		KindWrite: view{p, p.headParts, p.renderWrite}, KindEntry: view{p, p.entryParts, p.renderEntry},
		KindIncidentFile: view{p, p.incidentFileParts, p.renderIncidentFile}, KindRecovery: view{p, p.recoveryParts, p.renderRecovery},
	}
	maps.Copy(all, p.reportClosures())
	maps.Copy(all, p.deadlineClosures())
	return p.crossingClosures(all)
}

// ask is one question of the gate.
type ask struct {
	r     sqldb.Reader
	thing guard.Thing
	to    guard.Recipient
	query url.Values
}

// cleared are the refs of the parts that may be shown.
type cleared map[string]bool

// view is one of the room's closures.
type view struct {
	p      *Portal
	parts  func(ctx context.Context, a ask) ([]guard.Part, error)
	render func(ctx context.Context, a ask, ok cleared) (guard.View, error)
}

func asked(r sqldb.Reader, t guard.Thing, to guard.Recipient) (ask, error) {
	q, err := url.ParseQuery(t.Query)
	if err != nil {
		return ask{}, fault.Wrap(fault.Invalid, "fault.invalid", nil, err)
	}
	return ask{r: r, thing: t, to: to, query: q}, nil
}

// Parts implements guard.Closure.
func (v view) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) ([]guard.Part, error) {
	a, err := asked(r, t, to)
	if err != nil {
		return nil, err
	}
	return v.parts(ctx, a)
}

// Render implements guard.Closure.
func (v view) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient, parts []guard.Part) (guard.View, error) {
	a, err := asked(r, t, to)
	if err != nil {
		return guard.View{}, err
	}
	ok := cleared{}
	for _, p := range parts {
		ok[p.Ref] = true
	}
	return v.render(ctx, a, ok)
}

// asJSON is a view that a template renders.
func asJSON(v any) (guard.View, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return guard.View{}, fmt.Errorf("write view: %w", err)
	}
	return guard.View{ContentType: "application/json", Body: raw}, nil
}

// Who is a reader.
type Who struct {
	Actor    act.Actor
	Person   int64
	Language string
}

// Release asks the gate for a view of an organisation's (the reader's own, or of one
// that it acts for). Anything else is NotFound.
func (p *Portal) Release(ctx context.Context, w Who, kind string, id int64, q url.Values) (guard.Parcel, error) {
	to := guard.Recipient{Org: w.Actor.Org, Person: w.Person, Language: w.Language, Channel: guard.SignedInPage}
	t := guard.Thing{Kind: kind, ID: id, Query: q.Encode()}
	parcel, err := p.gate.Release(ctx, p.read, act.MachineActor("portal.show"), t, to, Purpose)
	if fault.CodeOf(err) == fault.Denied {
		err = notFound()
	}
	return parcel, err
}

func notFound() error { return fault.New(fault.NotFound, "fault.not_found", nil) }

// Client is an organisation whose things a reader sees.
type Client struct {
	ID   int64  `json:"-"`
	UID  string `json:"uid"`
	Name string `json:"name"`
}

// Clients lists whose things an organisation's people see: its own, then those that it
// acts for, by name.
func (p *Portal) Clients(ctx context.Context, org int64) (out []Client, err error) {
	own, err := p.Guard.Organisation(ctx, p.read, org)
	if err != nil {
		return nil, err
	}
	out = []Client{{own.ID, own.UID, own.Name}}
	ids, err := p.Constituency.ActsFor(ctx, p.read, org)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if o, ok := p.Constituency.Index().Org(id); ok && !o.Ended {
			out = append(out, Client{o.ID, o.UID, o.Name})
		}
	}
	slices.SortFunc(out[1:], func(a, b Client) int {
		return cmpFold(a.Name, b.Name)
	})
	return out, nil
}

// Drills tells whether an organisation takes part in exercises.
func (p *Portal) Drills(org int64) bool {
	o, _ := p.Constituency.Index().Org(org)
	return o.Exercise
}

// Subject returns the organisation that a UID names among those of a reader, its own
// for an empty one; NotFound for any other.
func (p *Portal) Subject(ctx context.Context, org int64, uid string) (Client, error) {
	all, err := p.Clients(ctx, org)
	if err != nil {
		return Client{}, err
	}
	for i, c := range all {
		if uid == "" && i == 0 || c.UID == uid {
			return c, nil
		}
	}
	return Client{}, notFound()
}

// standing is how a recipient stands to the organisation whose things are asked for.
type standing struct {
	own, actedFor bool
}

// standingTo is NotFound when the recipient is neither the organisation nor acts for it.
func (p *Portal) standingTo(ctx context.Context, a ask, org int64) (s standing, err error) {
	if a.to.Org == org {
		return standing{own: true}, nil
	}
	clients, err := p.Constituency.ActsFor(ctx, a.r, a.to.Org)
	if err == nil && !slices.Contains(clients, org) {
		err = notFound()
	}
	return standing{actedFor: true}, err
}

// pageRef names the page itself among its parts: an empty list is an answer, too. It
// comes first and says whether the page is of an exercise.
const pageRef = "page"

func (s standing) page(a ask, org int64, m tlp.Marking) []guard.Part {
	return []guard.Part{s.part(pageRef, org, m, a.exercise())}
}

func (s standing) part(ref string, org int64, m tlp.Marking, exercise bool) guard.Part {
	return guard.Part{Ref: ref, Owner: org, Owned: true, ActedFor: s.actedFor, Marking: m, Exercise: exercise}
}

// exercise tells whether the page of the exercises is asked for.
func (a ask) exercise() bool { return a.query.Get("exercise") != "" }

// ownParts are those of a page that only the organisation itself sees.
func (p *Portal) ownParts(ctx context.Context, a ask) ([]guard.Part, error) {
	if a.to.Org != a.thing.ID {
		return nil, notFound()
	}
	return standing{own: true}.page(a, a.thing.ID, tlp.AmberStrict), nil
}
