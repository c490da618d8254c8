package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/wire"
)

// houseCalls are the operations about persons and access, which answer with links
// and so need to know where the installation is reached.
type houseCalls struct{ app *App }

// guardBase is the path of the room that the operations belong to.
const guardBase = "/api/v1/guard"

func guardCall(method, path, id, permission, summary, sample string) huma.Operation {
	return huma.Operation{
		Method: method, Path: guardBase + path, OperationID: "guard-" + id, Summary: summary, Tags: []string{"guard"},
		Security: []map[string][]string{{tokenScheme: {permission}}},
		Metadata: map[string]any{sampleKey: method + " " + guardBase + sample},
	}
}

// API registers the operations.
func (h *houseCalls) API(api huma.API) {
	huma.Register(api, guardCall(http.MethodGet, "/persons", "persons", "guard.read",
		"List persons", "/persons"), h.persons)
	add := guardCall(http.MethodPost, "/persons", "add-person", "guard.add_person",
		"Add a person to the own organisation", `/persons {"name":"A B"}`)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, h.addPerson)
	huma.Register(api, secret(guardCall(http.MethodPost, "/persons/{person}/link", "issue-link", "guard.issue_link",
		"Make a one-time sign-in link; earlier ones stop working", "/persons/none/link")), h.issueLink)
	huma.Register(api, secret(guardCall(http.MethodPost, "/persons/{person}/tokens", "issue-token", "guard.issue_token",
		"Make an API token", `/persons/none/tokens {"name":"a","days":1}`)), h.issueToken)
	back := guardCall(http.MethodPost, "/let-back-in", "let-back-in", "guard.let_back_in",
		"Let an administrator back in; over the local socket only", `/let-back-in {"reason":"a"}`)
	huma.Register(api, secret(back), h.letBackIn)
}

// secret says that the answer is shown once.
func secret(op huma.Operation) huma.Operation {
	op.Metadata[secretKey] = true
	return op
}

func callActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

type body[T any] struct{ Body T }

type personsInput struct {
	Email string `query:"email" doc:"exactly"`
	After int64  `query:"after" minimum:"0" doc:"continue a list: its next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (h *houseCalls) persons(ctx context.Context, in *personsInput) (*body[wire.Persons], error) {
	r := h.app.acts.Reader()
	ps, err := h.app.guard.Persons(ctx, r, guard.PersonFilter{Email: in.Email, After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &body[wire.Persons]{Body: wire.Persons{Persons: make([]wire.Person, len(ps))}}
	for i, p := range ps {
		if out.Body.Persons[i], err = h.wirePerson(ctx, p); err != nil {
			return nil, err
		}
	}
	if len(ps) == in.Limit {
		out.Body.Next = ps[len(ps)-1].ID
	}
	return out, nil
}

func (h *houseCalls) wirePerson(ctx context.Context, p guard.Person) (wire.Person, error) {
	org, err := h.app.guard.Organisation(ctx, h.app.acts.Reader(), p.Org)
	return wire.Person{
		Person: p.UID, Name: p.Name, Email: p.Email, Organisation: org.Name, Roles: append([]string{}, p.Roles...),
		Mailbox: p.Mailbox, Active: p.Active,
	}, err
}

type newPersonInput struct{ Body wire.NewPerson }

func (h *houseCalls) addPerson(ctx context.Context, in *newPersonInput) (*body[wire.Person], error) {
	n := in.Body
	p, err := h.app.guard.AddPerson(ctx, callActor(ctx), guard.NewPerson{
		Org: guard.OwnOrg, Name: n.Name, Email: n.Email, Phone: n.Phone, Language: n.Language, Zone: n.Zone, Roles: n.Roles,
	})
	if err != nil {
		return nil, err
	}
	if p.Roles == nil {
		p.Roles = n.Roles
	}
	out, err := h.wirePerson(ctx, p)
	return &body[wire.Person]{Body: out}, err
}

// find returns the person of an opaque id or of a mail address.
func (h *houseCalls) find(ctx context.Context, key string) (guard.Person, error) {
	none := fault.New(fault.NotFound, "guard.person.none", nil)
	f := guard.PersonFilter{Limit: 1000}
	if strings.Contains(key, "@") {
		f.Email = key
	}
	for {
		ps, err := h.app.guard.Persons(ctx, h.app.acts.Reader(), f)
		if err != nil {
			return guard.Person{}, err
		}
		for _, p := range ps {
			if p.UID == key || f.Email != "" {
				return p, nil
			}
		}
		if len(ps) < f.Limit {
			return guard.Person{}, none
		}
		f.After = ps[len(ps)-1].ID
	}
}

type personInput struct {
	Person string `path:"person" doc:"opaque id or mail address"`
}

func (h *houseCalls) issueLink(ctx context.Context, in *personInput) (*body[wire.Link], error) {
	p, err := h.find(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	link, err := h.app.guard.IssueLink(ctx, callActor(ctx), p.ID)
	if err != nil {
		return nil, err
	}
	return &body[wire.Link]{Body: wire.Link{Name: p.Name, Link: h.app.cfg.signInLink(link)}}, nil
}

type newTokenInput struct {
	Person string `path:"person" doc:"opaque id or mail address"`
	Body   wire.NewToken
}

func (h *houseCalls) issueToken(ctx context.Context, in *newTokenInput) (*body[wire.Token], error) {
	p, err := h.find(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	life := time.Duration(in.Body.Days) * 24 * time.Hour
	token, t, err := h.app.guard.IssueToken(ctx, callActor(ctx), p.ID, in.Body.Name, in.Body.Scope, life)
	if err != nil {
		return nil, err
	}
	return &body[wire.Token]{Body: wire.Token{
		Name: t.Name, Scope: t.Scope, Expires: t.ExpiresAt.UTC().Format(time.RFC3339), Secret: token,
	}}, nil
}

type reasonInput struct{ Body wire.Reason }

// letBackIn answers the local operator alone: whoever has the server's own user.
func (h *houseCalls) letBackIn(ctx context.Context, in *reasonInput) (*body[wire.Link], error) {
	actor := callActor(ctx)
	if actor.Kind != act.LocalOperator {
		return nil, fault.New(fault.Denied, "fault.denied", nil)
	}
	link, p, err := h.app.guard.LetBackIn(ctx, actor, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &body[wire.Link]{Body: wire.Link{Name: p.Name, Link: h.app.cfg.signInLink(link)}}, nil
}
