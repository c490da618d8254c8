package gate

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// role is somebody who asks: how, and as which actor the policies know it.
type role struct {
	name  string
	actor act.Actor // zero: nobody
	// enter prepares a request; a session is made anew for each, because a route may
	// end it.
	enter func(*http.Request)
	make  func() func(*http.Request)
	org   string // the own organisation, which pages greet with
	// outsider has no role at the desk.
	outsider bool
}

// isOwn names what everybody who signed in has: the own page, news, the way out.
func isOwn(pattern string) bool {
	return pattern == "/me" || strings.HasPrefix(pattern, "/me/") || pattern == "/events" || strings.HasPrefix(pattern, "/sign-out")
}

// roles are those who ask: outsiders first.
func roles(h *house.House, faro int64) []role {
	session := func(org int64, names ...string) role {
		p := h.Person(org, names...)
		return role{name: strings.Join(names, "+"), actor: guard.ActorOf(p), make: func() func(*http.Request) { return house.As(h.SignIn(p.ID)) }}
	}
	contact := session(faro, guard.RoleContact)
	contact.name, contact.org, contact.outsider = "contact of an operator", "Aguas del Faro", true
	feed := h.Person(guard.OwnOrg, guard.RoleFeed)
	token, _, err := h.App.Guard().IssueToken(context.Background(), guard.LocalOperator(), feed.ID, "feed", []string{"watch.deliver"}, 24*3600*1e9)
	if err != nil {
		panic(err)
	}
	scoped := guard.ActorOf(feed)
	scoped.Scope = []string{"watch.deliver"}
	return []role{
		{name: "nobody"},
		contact,
		{name: "feed token", outsider: true, actor: scoped, enter: house.With(token)},
		session(guard.OwnOrg, guard.RoleReader),
		session(guard.OwnOrg, guard.RoleOversight),
		session(guard.OwnOrg, guard.RoleWatchOfficer),
		session(guard.OwnOrg, guard.RoleDutyLead, guard.RoleAdministrator),
	}
}

// sample takes a route's request line apart.
func sample(r web.Route) (method, path string, body io.Reader, kind string, err error) {
	line, content, _ := strings.Cut(r.Sample, " ")
	path, content, hasBody := strings.Cut(content, " ")
	if line != r.Method && r.Method != "" || !strings.HasPrefix(path, "/") {
		return "", "", nil, "", fmt.Errorf("the sample %q is not a request of %s %s", r.Sample, r.Method, r.Pattern)
	}
	if !hasBody {
		return line, path, nil, "", nil
	}
	kind = "application/x-www-form-urlencoded"
	if strings.HasPrefix(content, "{") || strings.HasPrefix(content, "[") {
		kind = "application/json"
	}
	return line, path, strings.NewReader(content), kind, nil
}

func TestEveryRouteAnswersEveryRoleByThePolicy(t *testing.T) {
	h := house.Start(t, house.Options{System: true, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, house.Faro, house.Ribera); err != nil {
			return err
		}
		if err := h.Deliver(ctx, "2026-11-17", "1", "17", "200"); err != nil {
			return err
		}
		return h.Settle(ctx)
	}})
	faro, ok, err := h.App.Guard().OrganisationNamed(t.Context(), h.App.Acts().Reader(), "Aguas del Faro")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	all := roles(h, faro.ID)
	routes := h.App.Site().Routes()
	if len(routes) < 80 {
		t.Fatalf("only %d routes; the table is not whole", len(routes))
	}
	for _, r := range routes {
		name := r.Method + " " + r.Pattern
		if r.Sample == "" {
			t.Errorf("%s has no sample request; every route needs one", name)
			continue
		}
		if _, _, _, _, err := sample(r); err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, who := range all {
			walk(t, h, r, who)
		}
	}
}

// walk sends a route's sample as a role and judges the answer by the policy.
func walk(t *testing.T, h *house.House, r web.Route, who role) {
	t.Helper()
	method, path, body, kind, _ := sample(r)
	with := []func(*http.Request){house.Outside}
	if kind != "" {
		with = append(with, house.Header("Content-Type", kind))
	}
	if who.make != nil {
		with = append(with, who.make())
	} else if who.enter != nil {
		with = append(with, who.enter)
	}
	mark := h.Log.Len()
	got := h.Ask(method, path, body, with...)
	told := fmt.Sprintf("%s %s as %s: %d %s", method, path, who.name, got.Status, got.Header.Get("Location"))
	nobody := who.actor.ID == ""
	// A room's page for several permissions asks for any of them by itself; somebody
	// with none of the desk's roles gets nothing from it.
	own := isOwn(r.Pattern)
	allowed := r.Permission == web.Public || !nobody &&
		(r.Permission == web.SignedIn && (own || !who.outsider) || h.App.Acts().May(t.Context(), act.Call{Actor: who.actor, Verb: r.Permission}))
	refused := got.Status == http.StatusForbidden || got.Status == http.StatusUnauthorized ||
		strings.HasPrefix(got.Header.Get("Location"), "/sign-in?next=") || who.outsider && path == "/" && got.Header.Get("Location") == "/portal"
	switch {
	case got.Status >= 500:
		t.Errorf("%s\n%s", told, h.Log.Since(mark))
	case !allowed && !refused:
		t.Errorf("%s; the policy does not allow %s", told, r.Permission)
	case nobody && r.Permission != web.Public && got.Status == http.StatusForbidden:
		t.Errorf("%s; nobody is asked to sign in, not refused", told)
	case allowed && refused && !refusesByItself(r, who):
		t.Errorf("%s; the policy allows %s\n%s", told, r.Permission, got.Body[:min(300, len(got.Body))])
	}
	if got.Header.Get("Content-Security-Policy") == "" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s lacks the headers of every answer", told)
	}
	// What the request itself said, and the asker's own organisation, are no secrets.
	if word := leaks(got.Body, path+" "+who.org); !allowed && word != "" {
		t.Errorf("%s shows %q", told, word)
	}
}

// refusesByItself names the routes that everybody may ask and that then look at a
// link, a credential, the place where the request comes from or which of several
// verbs is meant; a token has no page of its own.
func refusesByItself(r web.Route, who role) bool {
	if who.enter != nil && (r.Pattern == "/me" || strings.HasPrefix(r.Pattern, "/me/")) {
		return true
	}
	for _, p := range []string{"/n/{secret}", "/metrics", "/sign-in", "/api/v1/guard/let-back-in", "/watch/findings/decide", "/watch/findings/choose", "/watch/quarantine/decide", "/watch/quarantine/choose"} {
		if strings.HasPrefix(r.Pattern, p) {
			return true
		}
	}
	return false
}

// leaks returns what of the nation is in a text that must show none of it but what
// is known already.
func leaks(s, known string) string {
	for _, word := range []string{"Aguas del Faro", "Ribera", "192.0.2.", "faro.example", "scan_telnet", "ALM-"} {
		if strings.Contains(s, word) && !strings.Contains(known, word) {
			return word
		}
	}
	return ""
}

func TestEveryRoomAnswersAtItsOwnAddress(t *testing.T) {
	h := house.Start(t, house.Options{System: true})
	chief := h.Person(guard.OwnOrg, guard.RoleDutyLead, guard.RoleAdministrator)
	for _, room := range []string{"/", "/constituency", "/watch", "/warn", "/duty", "/guard", "/ledger"} {
		a := h.Ask(http.MethodGet, room, nil, house.As(h.SignIn(chief.ID)))
		if to := a.Header.Get("Location"); a.Status == http.StatusSeeOther && strings.HasPrefix(to, room+"/") {
			a = h.Ask(http.MethodGet, to, nil, house.As(h.SignIn(chief.ID)))
		}
		if a.Status != http.StatusOK {
			t.Errorf("GET %s: got %d, want the room's first page", room, a.Status)
		}
	}
}
