package guardweb

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// passkeyScript is the page's script below static/.
const passkeyScript = "passkey.js"

func (p *Pages) passkeyRoutes() []web.Route {
	return []web.Route{
		{
			Method: "POST", Pattern: SignInURL + "/passkey/options", Permission: web.Public, Handler: p.askForPasskey, API: true,
			MaxBody: 4 << 10, Sample: "POST /sign-in/passkey/options {}",
		},
		{
			Method: "POST", Pattern: SignInURL + "/passkey", Permission: web.Public, Handler: p.signInByPasskey, API: true,
			MaxBody: 64 << 10, Sample: "POST /sign-in/passkey {}",
		},
		{Method: "GET", Pattern: "/me/passkeys/new", Permission: web.SignedIn, Handler: p.offerPasskey, Sample: "GET /me/passkeys/new"},
		{
			Method: "POST", Pattern: "/me/passkeys/options", Permission: web.SignedIn, Handler: p.askToAdd, API: true,
			MaxBody: 4 << 10, Sample: "POST /me/passkeys/options {}",
		},
		{
			Method: "POST", Pattern: "/me/passkeys", Permission: web.SignedIn, Handler: p.addPasskey, API: true,
			MaxBody: 64 << 10, Sample: "POST /me/passkeys {}",
		},
		{
			Method: "GET", Pattern: "/me/passkeys/{key}/remove", Permission: web.SignedIn, Handler: p.confirmRemove,
			Sample: "GET /me/passkeys/bm9uZQ/remove",
		},
		{
			Method: "POST", Pattern: "/me/passkeys/{key}/remove", Permission: web.SignedIn, Handler: p.removeOwn, MaxBody: 4 << 10,
			Sample: "POST /me/passkeys/bm9uZQ/remove",
		},
	}
}

// done is the answer to the script: where to go on.
type done struct {
	To string `json:"to"`
}

func answerJSON(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the browser may be gone
	return nil
}

// made is what the script sends when the browser has answered.
type made struct {
	Name       string          `json:"name"`
	Next       string          `json:"next"`
	Credential json.RawMessage `json:"credential"`
}

func readMade(r *http.Request) (m made, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fault.Wrap(fault.Invalid, "fault.form", nil, err)
	}
	return m, nil
}

// ceremonyCookie is the value that a challenge is bound to; it is used up here.
func (p *Pages) ceremonyCookie(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(p.door.cookieName("ceremony"))
	if err != nil {
		return ""
	}
	p.door.setCookie(w, "ceremony", "", 0)
	return c.Value
}

// tried counts a try of the script; a fault when it is one too many.
func (p *Pages) tried(w http.ResponseWriter, r *http.Request) error {
	if p.tries.allow(p.door.address(r)) {
		return nil
	}
	w.Header().Set("Retry-After", "60")
	return fault.New(fault.Unavailable, "fault.too_many", nil)
}

func (p *Pages) askForPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := p.tried(w, r); err != nil {
		return err
	}
	options, cookie, err := p.ceremonies.BeginSignIn()
	if err != nil {
		return err
	}
	p.door.setCookie(w, "ceremony", cookie, guard.CeremonyLife)
	return answerJSON(w, options)
}

func (p *Pages) signInByPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := p.tried(w, r); err != nil {
		return err
	}
	m, err := readMade(r)
	if err != nil {
		return err
	}
	session, _, err := p.ceremonies.SignInByPasskey(r.Context(), p.ceremonyCookie(w, r), m.Credential, p.door.browser(r))
	if err != nil {
		return err
	}
	p.tries.worked(p.door.address(r))
	p.door.begin(w, session)
	body, err := json.Marshal(done{To: web.LocalPath(m.Next)})
	if err != nil {
		return err
	}
	return answerJSON(w, body)
}

// me is the person that this browser's session belongs to. Tokens and the local
// operator have no affairs of their own here.
func (p *Pages) me(r *http.Request) (guard.SignedIn, error) {
	if _, token := bearer(r); token {
		return guard.SignedIn{}, fault.New(fault.Denied, "guard.session.needed", nil)
	}
	s, err := p.door.session(r)
	if fault.CodeOf(err) == fault.Unauthenticated {
		err = fault.New(fault.Denied, "guard.session.needed", nil)
	}
	return s, err
}

// offerPage is the page that offers a passkey after a link was used.
type offerPage struct {
	Next   string
	Public string
}

func (p *Pages) offerPasskey(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.me(r); err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "guard.passkey.offer"), Lead: web.Say(r, "guard.passkey.offer.why"), Plain: true,
		Scripts: []string{passkeyScript},
		Data:    offerPage{Next: web.LocalPath(r.URL.Query().Get("next")), Public: p.elsewhere(r)},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/offer", page)
}

func (p *Pages) askToAdd(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	options, cookie, err := p.ceremonies.BeginAdding(r.Context(), s.Actor, s.Person.ID)
	if err != nil {
		return err
	}
	p.door.setCookie(w, "ceremony", cookie, guard.CeremonyLife)
	return answerJSON(w, options)
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	m, err := readMade(r)
	if err != nil {
		return err
	}
	if err := p.ceremonies.FinishAdding(r.Context(), s.Actor, p.ceremonyCookie(w, r), m.Name, m.Credential); err != nil {
		return err
	}
	body, err := json.Marshal(done{To: web.LocalPath(m.Next)})
	if err != nil {
		return err
	}
	return answerJSON(w, body)
}

// passkeyID reads a credential id of an address.
func passkeyID(key string) ([]byte, error) {
	id, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(id) == 0 {
		return nil, fault.New(fault.NotFound, "guard.passkey.none", nil)
	}
	return id, nil
}

// removeURL is the page that removes a passkey of somebody whose page is at of.
func removeURL(of string, k guard.Passkey) string {
	return of + "/passkeys/" + url.PathEscape(base64.RawURLEncoding.EncodeToString(k.ID)) + "/remove"
}

func (p *Pages) confirmRemove(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	return p.showRemove(w, r, r.PathValue("key"), s.Person, ProfileURL)
}

// showRemove asks before a passkey goes; the last one is said to be the last.
func (p *Pages) showRemove(w http.ResponseWriter, r *http.Request, key string, person guard.Person, back string) error {
	id, err := passkeyID(key)
	if err != nil {
		return err
	}
	all, err := p.guard.PasskeysOf(r.Context(), p.acts.Reader(), person.ID)
	if err != nil {
		return err
	}
	for _, k := range all {
		if string(k.ID) != string(id) {
			continue
		}
		c := web.Confirm{
			Title: web.Say(r, "guard.passkey.remove.title", "Name", k.Name), Action: r.URL.Path, Tone: "danger",
			Text: web.Say(r, "guard.passkey.remove.text"), Verb: web.Say(r, "guard.passkey.remove"), Cancel: back,
		}
		if len(all) == 1 {
			c.Text = web.Say(r, "guard.passkey.last")
			c.Hidden = []web.Hidden{{Name: "last", Value: "yes"}}
		}
		page := web.Page{
			Title: web.Say(r, "guard.passkey.remove"), Room: "guard", Data: c,
			Crumbs: []web.Link{{Label: person.Name, URL: back}},
		}
		return p.site.Page(w, r, http.StatusOK, "guard/confirm", page)
	}
	return fault.New(fault.NotFound, "guard.passkey.none", nil)
}

func (p *Pages) removeOwn(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	return p.remove(w, r, r.PathValue("key"), s.Person.ID, ProfileURL)
}

func (p *Pages) remove(w http.ResponseWriter, r *http.Request, key string, person int64, back string) error {
	id, err := passkeyID(key)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	if err := p.guard.RemovePasskey(r.Context(), actor(r), person, id, r.PostForm.Get("last") == "yes"); err != nil {
		return err
	}
	p.site.Redirect(w, r, back, web.Flash{Key: "guard.passkey.removed"})
	return nil
}
