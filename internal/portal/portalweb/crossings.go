package portalweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/portal"
)

// Where the police reads what crossed, and where owners are asked.
const (
	crossingsURL = "/portal/crossings"
	consentsURL  = "/portal/consents"
)

// crossingRoutes are the pages of what crosses.
func (p *Pages) crossingRoutes() []web.Route {
	page := func(method, pattern, sample string, h handler) web.Route {
		return web.Route{Method: method, Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: method + " " + sample}
	}
	return []web.Route{
		page("GET", crossingsURL, crossingsURL, p.crossings),
		page("GET", crossingsURL+"/{number}", crossingsURL+"/ALM-0000-0000", p.crossing),
		page("GET", crossingsURL+"/{number}/files/{place}", crossingsURL+"/ALM-0000-0000/files/1", p.crossingFile),
		page("GET", consentsURL, consentsURL, p.consents),
		page("POST", consentsURL+"/{ref}", consentsURL+"/C-0000-0000 consent=yes", p.answerConsent),
	}
}

func (p *Pages) crossings(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindCrossings, w.Actor.Org, asked(r))
	return portal.Show(parcel), err
}

func (p *Pages) crossing(r *http.Request, w portal.Who) (portal.Reply, error) {
	c, err := p.portal.Incidents.CrossingNumbered(r.Context(), p.portal.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return portal.Reply{}, gone(err)
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindCrossing, c.ID, url.Values{})
	if err != nil {
		return portal.Reply{}, err
	}
	return portal.Show(parcel), p.portal.Incidents.CrossingSeen(r.Context(), c.ID, w.Person)
}

// gone makes a thing of another room that is not there look like any other.
func gone(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "fault.not_found", nil)
	}
	return err
}

func (p *Pages) crossingFile(r *http.Request, w portal.Who) (portal.Reply, error) {
	c, err := p.portal.Incidents.CrossingNumbered(r.Context(), p.portal.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return portal.Reply{}, gone(err)
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindCrossingFile, c.ID, url.Values{"place": {r.PathValue("place")}})
	if err != nil {
		return portal.Reply{}, gone(err)
	}
	return portal.Send(parcel, portal.File{Name: parcel.View().Subject, ContentType: "application/octet-stream"}), nil
}

func (p *Pages) consents(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindConsents, w.Actor.Org, asked(r))
	return portal.Show(parcel), err
}

func (p *Pages) answerConsent(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	id, err := p.portal.Incidents.ByConsentRef(r.PathValue("ref"))
	if err != nil {
		return portal.Reply{}, gone(err)
	}
	said := r.PostForm.Get("consent")
	if said != "yes" && said != "no" {
		return portal.Reply{}, fault.OnField("consent", "portal.consent.say", nil)
	}
	if err := p.portal.Incidents.AnswerConsent(r.Context(), w.Actor, id, said == "yes"); err != nil {
		return portal.Reply{}, gone(err)
	}
	return portal.Reply{Location: consentsURL, Said: "portal.consent.kept"}, nil
}

// handedNav leads to what crossed and to questions, where there are any.
func (p *Pages) handedNav(r *http.Request, kind string) (out []web.Link) {
	crossings, consents := p.portal.Handed(r.Context(), whoOf(r))
	if crossings {
		out = append(out, web.Link{Label: web.Say(r, "portal.crossings"), URL: crossingsURL, Current: kind == portal.KindCrossings})
	}
	if consents {
		out = append(out, web.Link{Label: web.Say(r, "portal.consents"), URL: consentsURL, Current: kind == portal.KindConsents})
	}
	return out
}

type crossingsPage struct {
	common
	Rows []crossingRow
}

type crossingRow struct {
	portal.CrossingLine
	Path string
}

type crossingPage struct {
	common
	Path string
	Look any
}

type consentsPage struct {
	common
	Rows []consentRow
}

type consentRow struct {
	portal.ConsentLine
	Action string
}

// shownCrossing makes the pages of what crosses.
func (p *Pages) shownCrossing(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	body := reply.Parcel.View().Body
	switch kind := reply.Parcel.Thing().Kind; kind {
	case portal.KindCrossings:
		var d portal.CrossingsDoc
		err = json.Unmarshal(body, &d)
		data := crossingsPage{common: c}
		for _, l := range d.Crossings {
			data.Rows = append(data.Rows, crossingRow{l, crossingsURL + "/" + url.PathEscape(l.Number)})
		}
		name, page.Title, page.Lead, page.Data = "portal/crossings", web.Say(r, "portal.crossings"), web.Say(r, "portal.crossings.lead"), data
	case portal.KindCrossing:
		d, failed := portal.ReadCrossing(body)
		err = failed
		name, page.Number, page.Title = "portal/crossing", d.Number, web.Say(r, "portal.crossing")
		page.Data = crossingPage{common: c, Look: d, Path: crossingsURL + "/" + url.PathEscape(d.Number)}
	case portal.KindConsents:
		var d portal.ConsentsDoc
		err = json.Unmarshal(body, &d)
		data := consentsPage{common: c}
		for _, l := range d.Consents {
			data.Rows = append(data.Rows, consentRow{l, consentsURL + "/" + url.PathEscape(l.Ref)})
		}
		name, page.Title, page.Lead, page.Data = "portal/consents", web.Say(r, "portal.consents"), web.Say(r, "portal.consents.lead"), data
	default:
		return "", page, fmt.Errorf("the portal has no page for %s", kind)
	}
	return name, page, err
}
