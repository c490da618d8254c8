package guardweb

import (
	"net/http"
	"net/url"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

func (p *Pages) signInRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: SignInURL, Permission: web.Public, Handler: p.signIn, Sample: "GET /sign-in"},
		{
			Method: "GET", Pattern: SignInURL + "/link/{secret}", Permission: web.Public, Handler: p.link,
			Sample: "GET /sign-in/link/al_none",
		},
		{
			Method: "POST", Pattern: SignInURL + "/link/{secret}", Permission: web.Public, Handler: p.useLink, MaxBody: 4 << 10,
			Sample: "POST /sign-in/link/al_none",
		},
		{Method: "POST", Pattern: SignOutURL, Permission: web.Public, Handler: p.signOut, MaxBody: 4 << 10, Sample: "POST /sign-out"},
	}
}

// signInPage is what the page of signing in shows.
type signInPage struct {
	Next   string // where to go afterwards
	Public string // the address where passkeys work, when this is not it
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	next := web.LocalPath(r.URL.Query().Get("next"))
	if v := web.ViewerOf(r.Context()); !v.Nobody() {
		p.site.Redirect(w, r, next, web.Flash{})
		return nil
	}
	return p.showSignIn(w, r, http.StatusOK, next, "")
}

// showSignIn shows the page of signing in, with a fault on top when there is one.
func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request, status int, next, trouble string) error {
	page := web.Page{
		Title: web.Say(r, "guard.signin.title"), Lead: web.Say(r, "guard.signin.lead"), Plain: true, Fault: trouble,
		Scripts: []string{passkeyScript}, Data: signInPage{Next: next, Public: p.elsewhere(r)},
	}
	return p.site.Page(w, r, status, "guard/signin", page)
}

// elsewhere is the public address when the browser has come by another one, where
// its passkeys do not work.
func (p *Pages) elsewhere(r *http.Request) string {
	public := p.door.config.PublicURL
	if r.Host == public.Host {
		return ""
	}
	return public.Scheme + "://" + public.Host
}

// refuse answers every credential that does not work, and every try too many.
func (p *Pages) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	if fault.CodeOf(err) != fault.Unauthenticated {
		return err
	}
	return p.showSignIn(w, r, http.StatusUnauthorized, "/", web.Say(r, "guard.credential.refused"))
}

// tooMany answers a try that is one too many; false when it is not.
func (p *Pages) tooMany(w http.ResponseWriter, r *http.Request) (bool, error) {
	if p.tries.allow(p.door.address(r)) {
		return false, nil
	}
	w.Header().Set("Retry-After", "60")
	return true, p.showSignIn(w, r, http.StatusTooManyRequests, "/", web.Say(r, "fault.too_many"))
}

// linkPage is the page that a one-time link opens.
type linkPage struct {
	Name   string
	Action string
}

// link shows whom the link is for and a button. It uses nothing up.
func (p *Pages) link(w http.ResponseWriter, r *http.Request) error {
	if many, err := p.tooMany(w, r); many {
		return err
	}
	secret := r.PathValue("secret")
	holder, err := p.guard.LinkHolder(r.Context(), secret)
	if err != nil {
		return p.refuse(w, r, err)
	}
	p.tries.worked(p.door.address(r))
	page := web.Page{
		Title: web.Say(r, "guard.link.title"), Plain: true,
		Data: linkPage{Name: holder.Name, Action: linkPath(url.PathEscape(secret))},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/link", page)
}

// useLink signs in by the link and offers to add a passkey.
func (p *Pages) useLink(w http.ResponseWriter, r *http.Request) error {
	if many, err := p.tooMany(w, r); many {
		return err
	}
	cookie, person, err := p.guard.SignInByLink(r.Context(), r.PathValue("secret"), p.door.browser(r))
	if err != nil {
		return p.refuse(w, r, err)
	}
	p.tries.worked(p.door.address(r))
	p.door.begin(w, cookie)
	next := "/me/passkeys/new"
	if person.Org != guard.OwnOrg { // contacts come for what was sent to them
		next = "/"
	}
	p.site.Redirect(w, r, next, web.Flash{Key: "guard.signin.done", Args: map[string]any{"Name": person.Name}})
	return nil
}

// signOut ends the session of this browser. It answers the same without one.
func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	s, err := p.door.session(r)
	if err == nil {
		err = p.guard.EndSession(r.Context(), s.Actor, s.Person.ID, s.Session.UID)
	}
	if code := fault.CodeOf(err); err != nil && code != fault.Unauthenticated && code != fault.NotFound {
		return err
	}
	p.door.setCookie(w, "session", "", 0)
	p.site.Redirect(w, r, SignInURL, web.Flash{Key: "guard.signout.done"})
	return nil
}
