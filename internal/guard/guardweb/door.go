package guardweb

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// DoorConfig is what identifying needs. All but Address are required.
type DoorConfig struct {
	Guard *guard.Guard
	Acts  *act.Acts
	// Installation is part of cookie names, as in web.Config.
	Installation string
	// PublicURL is how browsers reach the site: its scheme decides whether cookies
	// are Secure, its host is where passkeys belong.
	PublicURL *url.URL
	// Address is the client's address, which a trusted proxy may know better than
	// the connection; nil takes the connection's.
	Address func(*http.Request) string
}

// Door finds out who a request comes from. It is safe for concurrent use.
type Door struct {
	config DoorConfig
	uid    int
	zones  sync.Map // name → *time.Location, only names that exist
}

// NewDoor returns the door.
func NewDoor(c DoorConfig) *Door { return &Door{config: c, uid: os.Getuid()} }

// peerKey holds who is at the other end of a local connection.
type peerKey struct{}

// peer is the user at the other end of the local socket.
type peer struct{ uid int }

// ConnContext goes into http.Server.ConnContext of the server that listens on the
// local socket. It notes the user at the other end; connections that are not local
// stay as they are.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	local, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid, err := peerUID(local)
	if err != nil {
		uid = nobodyKnown
	}
	return context.WithValue(ctx, peerKey{}, peer{uid: uid})
}

// nobodyKnown is the user of a local connection whose peer the system does not
// tell; it is nobody's uid, so it is refused.
const nobodyKnown = -1

// Identify says who asks: by a bearer token, by the local socket, by the session
// cookie, in this order. No sign of anybody is the zero Viewer; so is a session that
// has ended, whose reader is asked to sign in where a page needs it. A token that
// does not work, and a stranger on the local socket, are Unauthenticated faults.
func (d *Door) Identify(r *http.Request) (web.Viewer, error) {
	if secret, ok := bearer(r); ok {
		s, err := d.config.Guard.ByToken(r.Context(), secret)
		if err != nil {
			return web.Viewer{}, err
		}
		return d.viewer(r.Context(), s)
	}
	if p, ok := r.Context().Value(peerKey{}).(peer); ok {
		if p.uid != d.uid {
			return web.Viewer{}, fault.New(fault.Unauthenticated, "guard.socket.stranger", nil)
		}
		return d.operator(r.Context()), nil
	}
	s, err := d.session(r)
	switch {
	case fault.CodeOf(err) == fault.Unauthenticated:
		return web.Viewer{}, nil
	case err != nil:
		return web.Viewer{}, err
	}
	return d.viewer(r.Context(), s)
}

// session is whose session cookie the request carries.
func (d *Door) session(r *http.Request) (guard.SignedIn, error) {
	c, err := r.Cookie(d.cookieName("session"))
	if err != nil || c.Value == "" {
		return guard.SignedIn{}, fault.New(fault.Unauthenticated, "guard.credential.refused", nil)
	}
	return d.config.Guard.BySession(r.Context(), c.Value)
}

func bearer(r *http.Request) (secret string, ok bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer")
}

// operator is whoever has the server's own user on its machine.
func (d *Door) operator(ctx context.Context) web.Viewer {
	actor := guard.LocalOperator()
	return web.Viewer{ID: actor.ID, Name: actor.ID, May: d.may(ctx, actor), Actor: actor}
}

func (d *Door) viewer(ctx context.Context, s guard.SignedIn) (web.Viewer, error) {
	org, err := d.config.Guard.Organisation(ctx, d.config.Acts.Reader(), s.Person.Org)
	if err != nil {
		return web.Viewer{}, err
	}
	return web.Viewer{
		ID: s.Actor.ID, Name: s.Person.Name, Organisation: org.Name, Language: s.Person.Language,
		Zone: d.zone(s.Person.Zone), May: d.may(ctx, s.Actor), Actor: s.Actor,
	}, nil
}

// may answers, within the request of ctx, which doors pages offer; verbs are
// decided again when they are done.
func (d *Door) may(ctx context.Context, a act.Actor) func(string) bool {
	return func(permission string) bool {
		return d.config.Acts.May(ctx, act.Call{Actor: a, Verb: permission})
	}
}

// zone is the person's time zone, or nil for the installation's.
func (d *Door) zone(name string) *time.Location {
	if z, ok := d.zones.Load(name); ok {
		return z.(*time.Location) //nolint:forcetypeassert // only this function stores
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil
	}
	d.zones.Store(name, z)
	return z
}

// ActorOf is the actor behind a viewer; false for nobody.
func ActorOf(v web.Viewer) (act.Actor, bool) {
	a, ok := v.Actor.(act.Actor)
	return a, ok
}

func (d *Door) cookieName(what string) string {
	if d.config.Installation == "" {
		return "almenara-" + what
	}
	return "almenara-" + d.config.Installation + "-" + what
}

// setCookie sets one of the door's cookies; an empty value takes it away.
func (d *Door) setCookie(w http.ResponseWriter, what, value string, life time.Duration) {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the installation: the demo runs on plain loopback
		Name: d.cookieName(what), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: d.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (d *Door) secure() bool { return d.config.PublicURL.Scheme == "https" }

// begin gives the browser its session cookie.
func (d *Door) begin(w http.ResponseWriter, cookie string) {
	d.setCookie(w, "session", cookie, guard.SessionMax)
}

// address is where the request comes from, without port.
func (d *Door) address(r *http.Request) string {
	if d.config.Address != nil {
		return d.config.Address(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func (d *Door) browser(r *http.Request) guard.Browser {
	return guard.Browser{Agent: essential(r.UserAgent()), Address: d.address(r)}
}
