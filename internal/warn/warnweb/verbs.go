package warnweb

import (
	"net/http"
	"strconv"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// answerOf reads the posted answer; an empty time means now.
func answerOf(r *http.Request) (a warn.Answer, err error) {
	a = warn.Answer{
		What: warn.What(r.PostForm.Get("what")), Strength: warn.Strength(r.PostForm.Get("via")),
		By: r.PostForm.Get("by"), Reason: r.PostForm.Get("reason"),
	}
	if a.Strength == "" {
		a.Strength = warn.ByPhone
	}
	a.At, err = timeOf(r, "at")
	return a, err
}

// ParseTime reads a time as people give it, such as 2026-11-21T03:05Z or
// 2026-11-21T04:05+01:00.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.OnField("at", "warn.answer.time", nil)
}

func (p *Pages) recordAnswer(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	n, err := p.warn.NoticeNumbered(r.Context(), p.warn.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return err
	}
	a, err := answerOf(r)
	if err == nil {
		err = p.warn.RecordAnswer(r.Context(), actor(r), n.ID, a)
	}
	if fault.CodeOf(err) == fault.Invalid {
		return p.showNotice(w, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	back := noticeURL(p.warn.Number(n.ID))
	if to := r.PostForm.Get("back"); mayBack(to) {
		back = to
	}
	p.site.Redirect(w, r, back, web.Flash{Key: "warn.answer.recorded"})
	return nil
}

func (p *Pages) confirmRepeat(w http.ResponseWriter, r *http.Request) error {
	return p.showRepeat(w, r, http.StatusOK, nil)
}

func (p *Pages) showRepeat(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	n, err := p.warn.NoticeNumbered(r.Context(), p.warn.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return err
	}
	u := noticeURL(p.warn.Number(n.ID))
	c := web.Confirm{Title: web.Say(r, "warn.repeat.title"), Action: u + "/repeat", Verb: web.Say(r, "warn.repeat"), NeedReason: true, Cancel: u}
	switch n.State {
	case warn.Unknown: // the only one that may have arrived already
		c.Text = web.Say(r, "warn.repeat.text")
	case warn.Refused, warn.Withheld, warn.Bounced:
		c.Text = web.Say(r, "warn.repeat.text."+string(n.State))
	case warn.NoContact: // never sent before
		c.Title, c.Verb = web.Say(r, "warn.repeat.title.no-contact"), web.Say(r, "warn.repeat.first")
		c.Text = web.Say(r, "warn.repeat.text.no-contact")
	default:
		p.site.Redirect(w, r, u, web.Flash{Key: "warn.notice.not_waiting", Tone: "warning"})
		return nil
	}
	effect, err := p.repeatEffect(r, n)
	if err != nil {
		return err
	}
	c.Effects = []web.Effect{effect}
	return p.confirm(w, r, status, c.Verb, c, problem)
}

// repeatEffect says to whom the notice goes: what may have arrived, to the same
// address; all else to the contact of today. Without one it leads to where contacts
// are added.
func (p *Pages) repeatEffect(r *http.Request, n warn.Notice) (web.Effect, error) {
	to := n.Address
	if n.State != warn.Unknown {
		cs, err := p.warn.Constituency.Contacts(r.Context(), p.warn.Acts.Reader(), n.Org)
		if err != nil {
			return web.Effect{}, err
		}
		to = firstContact(cs)
	}
	if to != "" {
		return web.Effect{Count: 1, What: web.Say(r, "warn.repeat.effect", "Address", to)}, nil
	}
	org, err := p.warn.Guard.Organisation(r.Context(), p.warn.Acts.Reader(), n.Org)
	return web.Effect{
		Count: 1, What: web.Say(r, "warn.repeat.effect.contact", "Organisation", org.Name), URL: "/constituency/organisations/" + number(n.Org),
	}, err
}

func (p *Pages) confirm(w http.ResponseWriter, r *http.Request, status int, title string, c web.Confirm, problem error) error {
	if problem != nil {
		c.ReasonFault = web.Sentence(web.PrinterOf(r.Context()), fault.Of(problem))
	}
	return p.site.Page(w, r, status, "warn/confirm", web.Page{Title: title, Room: "warn", Data: c})
}

func (p *Pages) repeat(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	n, err := p.warn.NoticeNumbered(r.Context(), p.warn.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return err
	}
	err = p.warn.Repeat(r.Context(), actor(r), n.ID, r.PostForm.Get("reason"))
	if f := fault.Of(err); err != nil && f.Field == "reason" {
		return p.showRepeat(w, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, noticeURL(p.warn.Number(n.ID)), web.Flash{Key: "warn.repeat.done"})
	return nil
}

func (p *Pages) confirmStop(w http.ResponseWriter, r *http.Request) error {
	return p.showStop(w, r, http.StatusOK, nil)
}

func (p *Pages) showStop(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	return p.confirm(w, r, status, web.Say(r, "warn.stop"), web.Confirm{
		Title: web.Say(r, "warn.stop.title"), Text: web.Say(r, "warn.stop.text"), Action: "/warn/stop",
		Verb: web.Say(r, "warn.stop"), Tone: "danger", NeedReason: true, Cancel: "/warn/notices",
	}, problem)
}

func (p *Pages) stop(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	err := p.warn.Stop(r.Context(), actor(r), r.PostForm.Get("reason"))
	if f := fault.Of(err); err != nil && f.Field == "reason" {
		return p.showStop(w, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/notices", web.Flash{Key: "warn.stop.done"})
	return nil
}

func (p *Pages) resume(w http.ResponseWriter, r *http.Request) error {
	if err := p.warn.Resume(r.Context(), actor(r), ""); err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/notices", web.Flash{Key: "warn.resume.done"})
	return nil
}

func jobID(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("job"), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.NotFound, "warn.job.none", nil)
	}
	return n, nil
}

func (p *Pages) retryJob(w http.ResponseWriter, r *http.Request) error {
	id, err := jobID(r)
	if err != nil {
		return err
	}
	if err := p.warn.RetryJob(r.Context(), actor(r), id); err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/failed", web.Flash{Key: "warn.job.retried"})
	return nil
}

func (p *Pages) dismissJob(w http.ResponseWriter, r *http.Request) error {
	id, err := jobID(r)
	if err != nil {
		return err
	}
	if err := p.warn.DismissJob(r.Context(), actor(r), id); err != nil {
		return err
	}
	p.site.Redirect(w, r, "/warn/failed", web.Flash{Key: "warn.job.dismissed"})
	return nil
}
