package guardweb

import (
	"embed"
	"net/http"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// Templates are this package's pages; the site knows them as "guard/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Pages are guard's pages and calls. Make them with New.
type Pages struct {
	guard      *guard.Guard
	acts       *act.Acts
	door       *Door
	ceremonies *guard.Ceremonies
	site       *web.Site
	tries      *limit
}

// New returns the pages, which answer through site and know people through door.
func New(site *web.Site, door *Door, ceremonies *guard.Ceremonies) *Pages {
	c := door.config
	return &Pages{
		guard: c.Guard, acts: c.Acts, door: door, ceremonies: ceremonies, site: site, tries: newLimit(c.Acts.Clock()),
	}
}

// Where people sign in and out and find their own affairs, for web.Config.
const (
	SignInURL  = "/sign-in"
	SignOutURL = "/sign-out"
	ProfileURL = "/me"
)

// linkPath is the path of the page that a one-time sign-in link opens.
func linkPath(secret string) string { return SignInURL + "/link/" + secret }

// Routes lists guard's doors.
func (p *Pages) Routes() []web.Route {
	return slices.Concat(p.signInRoutes(), p.passkeyRoutes(), p.myRoutes(), p.personRoutes(), p.accessRoutes())
}

// actor is who asks.
func actor(r *http.Request) act.Actor {
	a, _ := ActorOf(web.ViewerOf(r.Context()))
	return a
}
