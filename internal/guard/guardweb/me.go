package guardweb

import (
	"context"
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

func (p *Pages) myRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: ProfileURL, Permission: web.SignedIn, Handler: p.mine, Sample: "GET /me"},
		{Method: "POST", Pattern: ProfileURL, Permission: web.SignedIn, Handler: p.changeMine, MaxBody: 16 << 10, Sample: "POST /me language=fr&zone=UTC&version=1"},
		{
			Method: "POST", Pattern: "/me/sessions/{uid}/end", Permission: web.SignedIn, Handler: p.endMySession, MaxBody: 4 << 10,
			Sample: "POST /me/sessions/none/end",
		},
		{
			Method: "POST", Pattern: "/me/tokens/{uid}/end", Permission: web.SignedIn, Handler: p.endMyToken, MaxBody: 4 << 10,
			Sample: "POST /me/tokens/none/end",
		},
	}
}

// access is by what a person gets in, as a page shows it with a button each.
type access struct {
	Passkeys table
	Sessions table
	Tokens   table
}

// table is a list with one button per line.
type table struct {
	ID      string
	Caption string
	Columns []string
	Rows    []tableRow
	Empty   web.Empty
}

type tableRow struct {
	Cells  []web.Cell
	Here   bool // this browser's own session
	Action *web.Action
}

// myPage is a person's own page.
type myPage struct {
	Form   web.Form
	Access access
	Next   string
	Public string
}

func (p *Pages) mine(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	return p.showMine(w, r, http.StatusOK, s, p.myForm(r, s.Person), nil)
}

// myForm asks for language and time zone.
func (p *Pages) myForm(r *http.Request, person guard.Person) web.Form {
	return web.Form{
		Action: ProfileURL, Submit: web.Say(r, "guard.me.save"),
		Hidden: []web.Hidden{{Name: "version", Value: number(person.Version)}},
		Fields: []web.Field{p.languageField(r, person.Language), zoneField(r, person.Zone)},
	}
}

func (p *Pages) languageField(r *http.Request, chosen string) web.Field {
	f := web.Field{Name: "language", Type: "select", Label: web.Say(r, "guard.person.field.language"), Why: web.Say(r, "guard.person.field.language.why")}
	for _, l := range p.site.Catalogue().Languages() {
		f.Options = append(f.Options, web.Option{Value: l.Tag, Label: l.Name, Selected: l.Tag == chosen})
	}
	return f
}

func zoneField(r *http.Request, zone string) web.Field {
	return web.Field{
		Name: "zone", Type: "text", Label: web.Say(r, "guard.person.field.zone"), Value: zone,
		Why: web.Say(r, "guard.person.field.zone.why"), Example: "Europe/Paris",
	}
}

func (p *Pages) showMine(w http.ResponseWriter, r *http.Request, status int, s guard.SignedIn, form web.Form, err error) error {
	a, aerr := p.accessOf(r, s.Person, ProfileURL, s.Session.UID, true)
	if aerr != nil {
		return aerr
	}
	page := web.Page{
		Title: web.Say(r, "guard.me.title"), Lead: s.Person.Name, Scripts: []string{passkeyScript},
		Data: myPage{Form: form, Access: a, Next: ProfileURL, Public: p.elsewhere(r)},
	}
	say(r, &page, err)
	return p.site.Page(w, r, status, "guard/me", page)
}

func (p *Pages) changeMine(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	me := s.Person
	err = p.guard.ChangePerson(r.Context(), s.Actor, me.ID, guard.PersonChange{
		Name: me.Name, Email: me.Email, Phone: me.Phone, Active: true, Version: wholeOf(r, "version"),
		Language: r.PostForm.Get("language"), Zone: strings.TrimSpace(r.PostForm.Get("zone")),
	})
	if err == nil {
		p.site.Redirect(w, r, ProfileURL, web.Flash{Key: "guard.me.saved"})
		return nil
	}
	form := p.myForm(r, me)
	form.Fill(r.PostForm.Get)
	status, err := failed(r, &form, err)
	if err != nil {
		return err
	}
	return p.showMine(w, r, status.code, s, form, status.fault)
}

func (p *Pages) endMySession(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	if err := p.guard.EndSession(r.Context(), s.Actor, s.Person.ID, r.PathValue("uid")); err != nil {
		return err
	}
	p.site.Redirect(w, r, ProfileURL, web.Flash{Key: "guard.session.ended"})
	return nil
}

func (p *Pages) endMyToken(w http.ResponseWriter, r *http.Request) error {
	s, err := p.me(r)
	if err != nil {
		return err
	}
	if err := p.guard.EndToken(r.Context(), s.Actor, s.Person.ID, r.PathValue("uid")); err != nil {
		return err
	}
	p.site.Redirect(w, r, ProfileURL, web.Flash{Key: "guard.token.ended"})
	return nil
}

// accessOf lists by what a person gets in; at is the page whose buttons it has, here
// the session of this browser, may whether there are buttons.
func (p *Pages) accessOf(r *http.Request, person guard.Person, at, here string, may bool) (a access, err error) {
	ctx, reader := r.Context(), p.acts.Reader()
	keys, err := p.guard.PasskeysOf(ctx, reader, person.ID)
	if err != nil {
		return a, err
	}
	sessions, err := p.guard.Sessions(ctx, reader, person.ID)
	if err != nil {
		return a, err
	}
	tokens, err := p.guard.Tokens(ctx, reader, person.ID)
	if err != nil {
		return a, err
	}
	a.Passkeys = table{
		ID: "passkeys", Caption: web.Say(r, "guard.passkeys"), Empty: web.Empty{Title: web.Say(r, "guard.passkeys.none")},
		Columns: words(r, "guard.column.name", "guard.column.added", "guard.column.used"),
	}
	// Times in full, not ages: an age grows when its row has the focus, and the
	// button would move away under the pointer.
	for _, k := range keys {
		a.Passkeys.Rows = append(a.Passkeys.Rows, tableRow{
			Cells:  []web.Cell{web.Text(k.Name), web.OnDay(k.AddedAt), web.Exactly(k.UsedAt)},
			Action: button(may, web.Action{Label: web.Say(r, "guard.passkey.remove"), URL: removeURL(at, k)}),
		})
	}
	a.Sessions = table{
		ID: "sessions", Caption: web.Say(r, "guard.sessions"), Empty: web.Empty{Title: web.Say(r, "guard.sessions.none")},
		Columns: words(r, "guard.column.browser", "guard.column.address", "guard.column.how", "guard.column.began", "guard.column.seen"),
	}
	for _, s := range sessions {
		row := tableRow{Here: s.UID == here, Cells: []web.Cell{
			agent(r, s.Agent), web.Code(s.Address), web.Text(web.Say(r, "guard.how."+s.How)), web.Exactly(s.BeganAt), web.Exactly(s.SeenAt),
		}}
		row.Action = button(may, web.Action{Label: web.Say(r, "guard.session.end"), URL: at + "/sessions/" + s.UID + "/end", Post: true})
		a.Sessions.Rows = append(a.Sessions.Rows, row)
	}
	a.Tokens = table{
		ID: "tokens", Caption: web.Say(r, "guard.tokens"), Empty: web.Empty{Title: web.Say(r, "guard.tokens.none")},
		Columns: words(r, "guard.column.name", "guard.column.scope", "guard.column.made", "guard.column.expires"),
	}
	for _, t := range tokens {
		a.Tokens.Rows = append(a.Tokens.Rows, tableRow{
			Cells:  []web.Cell{web.Text(t.Name), scopeCell(r, t), web.OnDay(t.MadeAt), web.OnDay(t.ExpiresAt)},
			Action: button(may, web.Action{Label: web.Say(r, "guard.token.end"), URL: at + "/tokens/" + t.UID + "/end", Post: true}),
		})
	}
	return a, nil
}

func scopeCell(r *http.Request, t guard.Token) web.Cell {
	if len(t.Scope) == 0 {
		return web.Text(web.Say(r, "guard.token.scope.all"))
	}
	return web.Code(strings.Join(t.Scope, " "))
}

func button(may bool, a web.Action) *web.Action {
	if !may {
		return nil
	}
	return &a
}

func words(r *http.Request, keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = web.Say(r, k)
	}
	return out
}

// can tells whether the reader may use doors with this permission.
func can(ctx context.Context, permission string) bool { return web.ViewerOf(ctx).Can(permission) }
