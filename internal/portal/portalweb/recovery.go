package portalweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
)

// recoveryRoutes are the page on which an organisation says how its services fare.
func (p *Pages) recoveryRoutes() []web.Route {
	const at, one = incidentsURL + "/{number}/recovery", incidentsURL + "/ALM-0000-0000/recovery"
	const of, entry = "/portal/entries/{entry}", "/portal/entries/E-0000-0000"
	post := func(pattern, sample string, h handler) web.Route {
		return web.Route{Method: "POST", Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: "POST " + sample}
	}
	return []web.Route{
		{Method: "GET", Pattern: at, Permission: mayRead, Handler: p.door(p.recovery), Sample: "GET " + one},
		post(at+"/services", one+"/services name=a&state=down&marking=TLP:AMBER", p.addService),
		post(at+"/resources", one+"/resources text=a&marking=TLP:AMBER", p.askFor),
		post(of+"/service", entry+"/service state=restored&version=1", p.setService),
		post(of+"/verified", entry+"/verified version=1", p.verifyService),
		post(of+"/resource", entry+"/resource state=offered&version=1", p.setResource),
		post(of+"/reached", entry+"/reached version=1", p.reachMilestone),
		post(of+"/moved", entry+"/moved due=2026-11-21T14:05&reason=a&version=1", p.moveMilestone),
	}
}

func recoveryPath(number string) string { return incidentPath(number) + "/recovery" }

func (p *Pages) recovery(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.ShowRecovery(r.Context(), w, r.PathValue("number"))
	return portal.Show(parcel), err
}

// typedRecovery is what was typed into one of the forms of the page.
func typedRecovery(r *http.Request) portal.Typed {
	t := portal.Typed{}
	for name, values := range r.PostForm {
		t[name] = strings.Join(values, " ")
	}
	return t
}

// into is the frame of what is new in an incident.
func (p *Pages) into(r *http.Request, w portal.Who, do func(number string) error) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	number := r.PathValue("number")
	return after(do(number), recoveryPath(number), "portal.incident.written", typedRecovery(r), func() (portal.Reply, error) { return p.recovery(r, w) })
}

// said is the frame of what is said of a service, a milestone or a resource.
func (p *Pages) said(r *http.Request, w portal.Who, do func(ref string, version int64) error) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	ref := r.PathValue("entry")
	number, err := p.portal.NumberOf(r.Context(), w, ref)
	if err != nil {
		return portal.Reply{}, err
	}
	return after(do(ref, whole(r, "version")), recoveryPath(number), "portal.incident.saved", typedRecovery(r), func() (portal.Reply, error) {
		parcel, err := p.portal.ShowRecovery(r.Context(), w, number)
		return portal.Show(parcel), err
	})
}

// either is a value of a form whose fields may carry a reference.
func either(r *http.Request, name, ref string) string {
	if v := r.PostForm.Get(name + "-" + ref); v != "" {
		return v
	}
	return r.PostForm.Get(name)
}

func eitherTime(r *http.Request, name, ref string) (time.Time, error) {
	if r.PostForm.Has(name + "-" + ref) {
		name += "-" + ref
	}
	t, ok := web.FormTime(r, name)
	if !ok {
		return t, fault.OnField(name, "portal.incident.time", nil)
	}
	return t, nil
}

// readStep reads how a service fares.
func readStep(r *http.Request, ref string) (n incident.NewStep, err error) {
	n = incident.NewStep{State: incident.ServiceState(either(r, "state", ref)), Note: either(r, "note", ref)}
	if said := strings.TrimSpace(either(r, "quality", ref)); said != "" {
		if n.Quality, err = strconv.Atoi(said); err != nil {
			return n, fault.OnField("quality", "incident.service.quality", nil)
		}
	}
	if n.At, err = eitherTime(r, "at", ref); err != nil {
		return n, err
	}
	n.Expected, err = eitherTime(r, "expected", ref)
	return n, err
}

func (p *Pages) setService(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.said(r, w, func(ref string, version int64) error {
		n, err := readStep(r, ref)
		n.Version = version
		if err != nil {
			return err
		}
		return p.portal.SetService(r.Context(), w, ref, n)
	})
}

// verifyService is the word of whose service it is that it works again.
func (p *Pages) verifyService(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.said(r, w, func(ref string, version int64) error {
		return p.portal.SetService(r.Context(), w, ref, incident.NewStep{State: incident.Verified, Version: version})
	})
}

func (p *Pages) addService(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.into(r, w, func(number string) error {
		n := incident.NewService{Name: r.PostForm.Get("name")}
		var err error
		if n.Now, err = readStep(r, ""); err != nil {
			return err
		}
		if said := strings.TrimSpace(r.PostForm.Get("people")); said != "" {
			if n.People, err = strconv.ParseInt(said, 10, 64); err != nil {
				return fault.OnField("people", "incident.service.people", nil)
			}
		}
		return p.portal.AddService(r.Context(), w, number, n, portal.Writing{Marking: r.PostForm.Get("marking"), Orgs: r.PostForm["org"], People: r.PostForm["person"]})
	})
}

func (p *Pages) askFor(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.into(r, w, func(number string) error {
		return p.portal.AskFor(r.Context(), w, number, portal.Writing{
			Text: either(r, "text", "ask"), Marking: either(r, "marking", "ask"), Orgs: r.PostForm["org"], People: r.PostForm["person"],
		})
	})
}

func (p *Pages) setResource(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.said(r, w, func(ref string, version int64) error {
		return p.portal.SetResource(r.Context(), w, ref, incident.ResourceState(r.PostForm.Get("state")), version)
	})
}

func (p *Pages) reachMilestone(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.said(r, w, func(ref string, version int64) error {
		at, err := eitherTime(r, "at", ref)
		if err != nil {
			return err
		}
		return p.portal.ReachMilestone(r.Context(), w, ref, at, either(r, "result", ref), version)
	})
}

func (p *Pages) moveMilestone(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.said(r, w, func(ref string, version int64) error {
		due, err := eitherTime(r, "due", ref)
		if err != nil {
			return err
		}
		return p.portal.MoveMilestone(r.Context(), w, ref, due, either(r, "reason", ref), version)
	})
}
