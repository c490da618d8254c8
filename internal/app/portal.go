package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/guard/guardweb"
	"almenara.example/internal/portal"
	"almenara.example/internal/portal/portalweb"
	"almenara.example/internal/warn"
)

// openPortal wires what organisations outside see.
func (a *App) openPortal() (err error) {
	a.portal, err = portal.New(portal.Config{
		Acts: a.acts, Guard: a.guard, Constituency: a.constituency, Watch: a.watch, Warn: a.warn, Incidents: a.incidents, Outbound: a.outbound, Queue: a.queue,
		Catalogue: a.words, PublicURL: strings.TrimSuffix(a.cfg.PublicURL, "/"), MailDomain: a.public.Hostname(),
		SignInPath: guardweb.SignInURL + "/link/", Log: a.log,
	})
	return err
}

// portalCalls are the addresses that an outsider's token reaches.
const portalCalls = "/api/v1/portal/"

// insidePortal refuses a token of somebody outside everywhere but at the portal's calls.
func insidePortal(r *http.Request, v web.Viewer) error {
	if a, ok := guardweb.ActorOf(v); !ok || !guard.Outsider(a) || r.Header.Get("Authorization") == "" || strings.HasPrefix(r.URL.Path, portalCalls) {
		return nil
	}
	return fault.New(fault.Denied, "guard.token.outside", nil)
}

// homeOf sends contacts from the desk's first page to the portal.
func homeOf(v web.Viewer) string {
	if v.Can("portal.read") {
		return portalweb.HomeURL
	}
	return ""
}

// tellOrg tells open pages of an organisation's people that the portal shows them
// something else now.
func (a *App) tellOrg(org int64) { a.site.Hub().Publish(channelOfOrg(org), "portal") }

// channelOfOrg is the channel of what an organisation's people and those who act for it
// see.
func channelOfOrg(org int64) string { return fmt.Sprintf("portal.org-%d", org) }

// channelOfMembers is the channel of what an organisation's own people alone see.
func channelOfMembers(org int64) string { return fmt.Sprintf("portal.members-%d", org) }

// channelOfOutsider is the channel of what one person outside sees and the colleagues do
// not.
func channelOfOutsider(person int64) string { return fmt.Sprintf("portal.person-%d", person) }

// tellPortal tells open pages of organisations what concerns them, right after the
// commit.
func (a *App) tellPortal() {
	follow := func(kind string, orgs func(act.Envelope) []int64) {
		a.acts.Follow(act.Follower{Kind: kind, Tell: func(e act.Envelope) {
			for _, org := range orgs(e) {
				a.tellOrg(org)
			}
		}})
	}
	follow(warn.NoticesDrafted{}.FactKind(), func(e act.Envelope) []int64 {
		var f warn.NoticesDrafted
		_ = e.Decode(&f) // our own words; an empty list tells nobody
		return f.Orgs
	})
	follow(warn.WarningChanged{}.FactKind(), func(e act.Envelope) []int64 {
		var f warn.WarningChanged
		if e.Decode(&f) != nil || f.State != warn.Released {
			return nil
		}
		// The follower has no request of its own to end with.
		v, err := a.warn.Warning(context.Background(), a.acts.Reader(), f.Warning)
		if err != nil {
			return nil // the notices tell them a moment later
		}
		return v.Recipients
	})
	follow(warn.NoticeAnswered{}.FactKind(), func(e act.Envelope) []int64 {
		var f warn.NoticeAnswered
		_ = e.Decode(&f)
		return []int64{f.Org}
	})
	follow(constituency.AssetsChanged{}.FactKind(), func(e act.Envelope) (orgs []int64) {
		var f constituency.AssetsChanged
		_ = e.Decode(&f)
		for _, one := range f.Assets {
			if !slices.Contains(orgs, one.Org) && len(orgs) < 1000 {
				orgs = append(orgs, one.Org)
			}
		}
		return orgs
	})
}

// Portal is the room.
func (a *App) Portal() *portal.Portal { return a.portal }
