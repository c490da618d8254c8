package guardweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// accessRoutes are links, tokens, sessions and passkeys of others, and refusals.
func (p *Pages) accessRoutes() []web.Route {
	const one = personsURL + "/{id}"
	return []web.Route{
		{Method: "POST", Pattern: one + "/link", Permission: "guard.issue_link", Handler: p.issueLink, MaxBody: 4 << 10, Sample: "POST /guard/persons/0/link"},
		{Method: "POST", Pattern: one + "/tokens", Permission: "guard.issue_token", Handler: p.issueToken, MaxBody: 16 << 10, Sample: "POST /guard/persons/1/tokens name=&days=0"},
		{Method: "POST", Pattern: one + "/tokens/{uid}/end", Permission: "guard.end_token", Handler: p.endToken, MaxBody: 4 << 10, Sample: "POST /guard/persons/1/tokens/none/end"},
		{Method: "POST", Pattern: one + "/sessions/{uid}/end", Permission: "guard.end_session", Handler: p.endSession, MaxBody: 4 << 10, Sample: "POST /guard/persons/1/sessions/none/end"},
		{Method: "GET", Pattern: one + "/passkeys/{key}/remove", Permission: "guard.remove_passkey_of", Handler: p.confirmRemoveOf, Sample: "GET /guard/persons/1/passkeys/bm9uZQ/remove"},
		{Method: "POST", Pattern: one + "/passkeys/{key}/remove", Permission: "guard.remove_passkey_of", Handler: p.removeOf, MaxBody: 4 << 10, Sample: "POST /guard/persons/1/passkeys/bm9uZQ/remove"},
		{Method: "GET", Pattern: "/guard/tokens", Permission: "guard.read", Handler: p.tokens, Sample: "GET /guard/tokens"},
		{Method: "GET", Pattern: "/guard/denials", Permission: "guard.read", Handler: p.denials, Sample: "GET /guard/denials"},
	}
}

// secretPage shows a secret, once.
type secretPage struct {
	Secret string
	Use    string // what it is for and how long
	Back   string
}

func (p *Pages) showSecret(w http.ResponseWriter, r *http.Request, person guard.Person, title string, data secretPage) error {
	data.Back = personURL(person.ID)
	page := web.Page{
		Title: web.Say(r, title), Room: "guard", Lead: person.Name, Data: data,
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}, {Label: person.Name, URL: data.Back}},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/secret", page)
}

func (p *Pages) issueLink(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	secret, err := p.guard.IssueLink(r.Context(), actor(r), person.ID)
	if err != nil {
		return err
	}
	public := p.door.config.PublicURL
	return p.showSecret(w, r, person, "guard.person.link", secretPage{
		Secret: public.Scheme + "://" + public.Host + linkPath(secret),
		Use:    web.Say(r, "guard.link.made", "Hours", int(guard.LinkLife.Hours())),
	})
}

// tokenForm asks what a new token shall be.
func tokenForm(r *http.Request, person int64) *web.Form {
	return &web.Form{
		Action: personURL(person) + "/tokens", Submit: web.Say(r, "guard.token.make"),
		Fields: []web.Field{
			{Name: "name", Type: "text", Label: web.Say(r, "guard.column.name"), Required: true, Autocomplete: "off", Example: "shadowserver-fetch"},
			{Name: "scope", Type: "text", Label: web.Say(r, "guard.column.scope"), Why: web.Say(r, "guard.token.scope.why"), Example: "watch.deliver watch.read", Autocomplete: "off"},
			{Name: "days", Type: "number", Label: web.Say(r, "guard.token.days"), Value: "90", Required: true},
		},
	}
}

func (p *Pages) issueToken(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil || days < 0 || days > 1000 {
		days = 0 // no life: the verb says what a life is
	}
	secret, token, err := p.guard.IssueToken(r.Context(), actor(r), person.ID, strings.TrimSpace(r.PostForm.Get("name")),
		strings.Fields(r.PostForm.Get("scope")), time.Duration(days)*24*time.Hour)
	if err == nil {
		return p.showSecret(w, r, person, "guard.token.new", secretPage{
			Secret: secret,
			Use:    web.Say(r, "guard.token.made", "Date", web.PrinterOf(r.Context()).Date(token.ExpiresAt)),
		})
	}
	form := tokenForm(r, person.ID)
	form.Fill(r.PostForm.Get)
	t, err := failed(r, form, err)
	if err != nil {
		return err
	}
	return p.showPerson(w, r, t.code, person.ID, form, t.fault)
}

func (p *Pages) endToken(w http.ResponseWriter, r *http.Request) error {
	id, err := personID(r)
	if err != nil {
		return err
	}
	if err := p.guard.EndToken(r.Context(), actor(r), id, r.PathValue("uid")); err != nil {
		return err
	}
	p.site.Redirect(w, r, personURL(id), web.Flash{Key: "guard.token.ended"})
	return nil
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := personID(r)
	if err != nil {
		return err
	}
	if err := p.guard.EndSession(r.Context(), actor(r), id, r.PathValue("uid")); err != nil {
		return err
	}
	p.site.Redirect(w, r, personURL(id), web.Flash{Key: "guard.session.ended"})
	return nil
}

func (p *Pages) confirmRemoveOf(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	return p.showRemove(w, r, r.PathValue("key"), person, personURL(person.ID))
}

func (p *Pages) removeOf(w http.ResponseWriter, r *http.Request) error {
	id, err := personID(r)
	if err != nil {
		return err
	}
	return p.remove(w, r, r.PathValue("key"), id, personURL(id))
}

func (p *Pages) tokens(w http.ResponseWriter, r *http.Request) error {
	all, err := p.guard.AllTokens(r.Context(), p.acts.Reader())
	if err != nil {
		return err
	}
	list := web.List{
		ID: "tokens", Caption: web.Say(r, "guard.tokens"), Total: web.Total{N: int64(len(all))},
		Columns: web.Columns(r, "guard.column.name", "guard.column.person", "guard.column.scope", "guard.column.made", "guard.column.expires"),
		Empty:   web.Empty{Title: web.Say(r, "guard.tokens.none"), Why: web.Say(r, "guard.tokens.none.why")},
	}
	names := map[int64]string{}
	for _, t := range all {
		if _, known := names[t.Person]; !known {
			person, err := p.guard.Person(r.Context(), p.acts.Reader(), t.Person)
			if err != nil {
				return err
			}
			names[t.Person] = person.Name
		}
		list.Rows = append(list.Rows, web.Row{URL: personURL(t.Person), Cells: []web.Cell{
			web.Text(t.Name), web.Anchor(names[t.Person], personURL(t.Person)), scopeCell(r, t), web.OnDay(t.MadeAt), web.OnDay(t.ExpiresAt),
		}})
	}
	page := web.Page{
		Title: web.Say(r, "guard.tokens"), Room: "guard", Lead: web.Say(r, "guard.tokens.lead"), Data: listPage{list},
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/list", page)
}

const denialsShown = 200

func (p *Pages) denials(w http.ResponseWriter, r *http.Request) error {
	all, err := p.guard.Denials(r.Context(), p.acts.Reader(), denialsShown)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "denials", Caption: web.Say(r, "guard.denials"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "guard.column.at", "guard.column.person", "guard.column.verb", "guard.column.subject", "guard.column.reasons"),
		Empty:   web.Empty{Title: web.Say(r, "guard.denials.none"), Why: web.Say(r, "guard.denials.none.why")},
	}
	for _, d := range all {
		who := web.Code(d.Actor)
		if name, url, ok := p.Who(r.Context(), d.Actor); ok {
			who = web.Anchor(name, url)
		}
		list.Rows = append(list.Rows, web.Row{Cells: []web.Cell{
			web.Exactly(clock.FromMicros(d.At)), who, web.Code(d.Verb), web.Code(d.Subject), web.Text(d.Reasons),
		}})
	}
	page := web.Page{
		Title: web.Say(r, "guard.denials"), Room: "guard", Lead: web.Say(r, "guard.denials.lead"), Data: listPage{list},
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/list", page)
}
