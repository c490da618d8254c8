package watchweb

import (
	"net/http"
	"net/url"
	"strconv"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// setAside is what is to become of quarantined rows: all of a delivery for one
// reason, or single ones.
type setAside struct {
	verb    string // dismiss or rerun
	filters []watch.QuarantineFilter
	ids     []string // as named on the page; empty for a whole group
	waiting int64    // rows that it concerns
	reason  string   // a person's, for dismissing
}

// permission is what the verb needs.
func (s setAside) permission() string { return "watch." + s.verb + "_quarantine" }

// askSetAside is GET /watch/quarantine/decide: how many rows, and what will happen.
func (p *Web) askSetAside(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r); err != nil {
		return err
	}
	return p.previewSetAside(w, r, r.URL.Query())
}

// chooseRows is POST /watch/quarantine/choose: the same for rows that were ticked.
func (p *Web) chooseRows(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	return p.previewSetAside(w, r, r.PostForm)
}

func (p *Web) previewSetAside(w http.ResponseWriter, r *http.Request, q url.Values) error {
	s, err := p.setAsideOf(r, q)
	if err != nil {
		return err
	}
	return p.showSetAside(w, r, s, nil)
}

func (p *Web) setAsideOf(r *http.Request, q url.Values) (s setAside, err error) {
	s.verb = q.Get("verb")
	if s.verb != "dismiss" && s.verb != "rerun" {
		return s, fault.OnField("verb", "watch.page.row_verb", nil)
	}
	if !askerOf(r).Can(s.permission()) {
		return s, fault.New(fault.Denied, "fault.denied", nil)
	}
	s.ids = values(q, "id")
	if len(s.ids) > 1000 {
		return s, fault.OnField("id", "watch.findings.count", fault.Args{"Max": 1000})
	}
	for _, id := range s.ids {
		d, line, err := rowKey(id)
		if err != nil {
			return s, err
		}
		if d == 0 || line == 0 {
			return s, fault.New(fault.NotFound, "watch.quarantine.none", nil)
		}
		s.filters = append(s.filters, watch.QuarantineFilter{Delivery: d, Line: line})
	}
	if len(s.ids) == 0 {
		d, err := number64(q.Get("delivery"), "watch.delivery.none")
		if err != nil || d == 0 {
			return s, fault.OnField("delivery", "watch.quarantine.which", nil)
		}
		why, err := clean("why", q.Get("why"))
		if err != nil {
			return s, err
		}
		s.filters = []watch.QuarantineFilter{{Delivery: d, Reason: why}}
	}
	for _, f := range s.filters {
		f.State = watch.Waiting
		n, _, err := p.watch.CountQuarantine(r.Context(), p.read, f)
		if err != nil {
			return s, err
		}
		s.waiting += n
	}
	if s.waiting == 0 {
		return s, fault.New(fault.Conflict, "watch.quarantine.nothing", nil)
	}
	return s, nil
}

func (p *Web) showSetAside(w http.ResponseWriter, r *http.Request, s setAside, failed error) error {
	a := askerOf(r)
	c := web.Confirm{
		Title: a.say("watch.quarantine."+s.verb+".title", "Count", s.waiting), Text: a.say("watch.quarantine." + s.verb + ".text"),
		Action: "/watch/quarantine/decide", Verb: a.say("watch.quarantine." + s.verb), Cancel: "/watch/quarantine?state=open",
		NeedReason: s.verb == "dismiss", Reason: s.reason, Hidden: []web.Hidden{{Name: "verb", Value: s.verb}},
		Effects: []web.Effect{{Count: s.waiting, What: a.say("watch.quarantine."+s.verb+".effect", "Count", s.waiting)}},
	}
	for _, id := range s.ids {
		c.Hidden = append(c.Hidden, web.Hidden{Name: "id", Value: id})
	}
	if len(s.ids) == 0 {
		f := s.filters[0]
		id := strconv.FormatInt(f.Delivery, 10)
		c.Hidden = append(c.Hidden, web.Hidden{Name: "delivery", Value: id}, web.Hidden{Name: "why", Value: f.Reason})
		c.Effects[0].URL = address("/watch/quarantine", "delivery", id, "reason", f.Reason, "state", "open")
	}
	return p.confirm(w, r, web.Page{
		Title: c.Title, Room: room, Crumbs: []web.Link{a.crumb("watch.quarantine.title", "/watch/quarantine")},
		Data: confirmPage{Confirm: c},
	}, failed)
}

// decideSetAside is POST /watch/quarantine/decide.
func (p *Web) decideSetAside(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	a := askerOf(r)
	s, err := p.setAsideOf(r, r.PostForm)
	if err != nil {
		return err
	}
	s.reason = r.PostForm.Get("reason")
	var done int64
	for _, f := range s.filters {
		var n int64
		if s.verb == "dismiss" {
			n, err = p.watch.Dismiss(r.Context(), a.actor, f, s.reason)
		} else {
			n, err = p.watch.Rerun(r.Context(), a.actor, f)
		}
		if fault.CodeOf(err) == fault.Conflict && len(s.filters) > 1 { // somebody was quicker with this one
			continue
		}
		if fault.CodeOf(err) == fault.Invalid {
			return p.showSetAside(w, r, s, err)
		}
		if err != nil {
			return err
		}
		done += n
	}
	p.site.Redirect(w, r, "/watch/quarantine?state=open", web.Flash{Key: "watch.quarantine." + s.verb + ".done", Args: map[string]any{"Count": done}})
	return nil
}
