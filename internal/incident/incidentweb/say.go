package incidentweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// read is the permission to look; verbs have permissions of their own names.
const read = "incident.read"

const perPage = 50

func can(r *http.Request, permission string) bool { return web.ViewerOf(r.Context()).Can(permission) }

func actor(r *http.Request) act.Actor { return apiActor(r.Context()) }

func apiActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

func viewer(r *http.Request) incident.Viewer { return incident.ViewerOf(actor(r)) }

// who names an actor: a person by name, the operator of this machine, the program.
func (p *Pages) who(r *http.Request, actor string) string {
	if digits, ok := strings.CutPrefix(actor, "person:"); ok {
		if id, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return p.personName(r, id)
		}
		return ""
	}
	switch {
	case actor == "":
		return ""
	case strings.HasPrefix(actor, "local-operator"):
		return web.Say(r, "incident.desk.operator")
	}
	return web.Say(r, "incident.desk.machine")
}

func (p *Pages) personName(r *http.Request, id int64) string {
	one, err := p.in.Guard.Person(r.Context(), p.in.Acts.Reader(), id)
	if err != nil {
		return ""
	}
	return one.Name
}

// orgName is an organisation's name, from memory; empty for none.
func (p *Pages) orgName(id int64) string {
	o, _ := p.in.Constituency.Index().Org(id)
	return o.Name
}

func orgURL(id int64) string { return "/constituency/organisations/" + number(id) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

func incidentURL(number string) string { return "/incident/incidents/" + number }

// numbered is the incident that the address names, as far as the reader may know it.
func (p *Pages) numbered(r *http.Request) (incident.Incident, error) {
	return p.in.Numbered(r.Context(), p.in.Acts.Reader(), viewer(r), r.PathValue("number"))
}

// pathID is a number in the address.
func pathID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, "incident.none", nil)
	}
	return id, nil
}

func positive(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// timeOf reads a time of a form; zero when there is none.
func timeOf(r *http.Request, name string) (time.Time, error) {
	t, ok := web.FormTime(r, name)
	if !ok {
		return t, fault.OnField(name, "incident.desk.time", nil)
	}
	return t, nil
}

func formTime(r *http.Request, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(web.PrinterOf(r.Context()).Zone()).Format(web.LocalTime)
}

// fail puts a refusal on a page whose form is shown again.
func fail(r *http.Request, page *web.Page, problem error, forms ...*web.Form) {
	page.Refuse(r, problem, forms...)
}

// correctable faults are shown on the form with what was typed.
func correctable(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Invalid || code == fault.Conflict
}

func statusOf(err error) int { return web.Status(fault.CodeOf(err)) }

// markings are the options of a choice of marking.
func markings(r *http.Request, chosen tlp.Marking, red bool) (out []web.Option) {
	for _, m := range tlp.All() {
		if m == tlp.Red && !red {
			continue
		}
		hint := web.Say(r, "incident.desk.marking."+strings.ToLower(strings.TrimPrefix(m.String(), "TLP:")))
		out = append(out, web.Option{Value: m.String(), Label: m.String() + " · " + hint, Selected: m == chosen})
	}
	return out
}

func severityBadge(r *http.Request, s incident.Severity) web.Badge {
	return web.Badge{Tone: string(s), Word: web.Say(r, "incident.desk.severity."+string(s))}
}

func stateBadge(r *http.Request, s incident.State) web.Badge {
	b := web.Badge{Tone: "open", Icon: "state-open", Word: web.Say(r, "incident.desk.state."+string(s))}
	if s != incident.Open {
		b.Tone, b.Icon = "muted", "state-closed"
	}
	return b
}

// operation describes a call: permission and the request that the test of all routes
// sends.
func operation(method, id, path, permission, summary, sample string) huma.Operation {
	return huma.Operation{
		OperationID: "incident-" + id, Method: method, Path: "/api/v1/incident/" + path, Summary: summary, Tags: []string{"incident"},
		Security: []map[string][]string{{"token": {permission}}},
		Metadata: map[string]any{"sample": method + " /api/v1/incident/" + sample},
	}
}
