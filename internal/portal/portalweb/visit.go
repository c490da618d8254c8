package portalweb

import (
	"net/http"
	"slices"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
)

// linkForm asks for the address to which a sign-in link goes.
func (p *Pages) linkForm(*http.Request, portal.Who) (portal.Reply, error) {
	return portal.Page(portal.LinkForm), nil
}

// askLink has a link sent, and answers the same whoever asks for whom.
func (p *Pages) askLink(r *http.Request, _ portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	if !p.asks.allow(r) {
		return tooMany(portal.LinkForm, typed(r, "email")), nil
	}
	err := p.portal.AskLink(r.Context(), r.PostForm.Get("email"))
	if fault.CodeOf(err) == fault.Invalid {
		return portal.Page(portal.LinkForm).With(http.StatusUnprocessableEntity, typed(r, "email"), err), nil
	}
	return portal.Page(portal.LinkAsked), err
}

func tooMany(s portal.Static, t portal.Typed) portal.Reply {
	reply := portal.Page(s).With(http.StatusTooManyRequests, t, fault.New(fault.Unavailable, "fault.too_many", nil))
	reply.Retry = time.Minute
	return reply
}

// visit answers a GET of a link: a form that is the same for every notice. Whoever is
// signed in and entitled is sent to the page of the notice.
func (p *Pages) visit(r *http.Request, w portal.Who) (portal.Reply, error) {
	if reply, done, err := p.before(r, w); done || err != nil {
		return reply, err
	}
	return portal.Page(portal.VisitAsk), nil
}

// before is what a visitor meets before anything else: a link that does not work, an open
// session of somebody else's, the way to one's own page.
func (p *Pages) before(r *http.Request, w portal.Who) (reply portal.Reply, done bool, err error) {
	n, err := p.warn.NoticeOfLink(r.Context(), p.warn.Acts.Reader(), r.PathValue("secret"))
	if fault.CodeOf(err) == fault.Unauthenticated {
		return portal.Page(portal.VisitRefused).With(http.StatusNotFound, nil, nil), true, nil
	}
	if err != nil || web.ViewerOf(r.Context()).Nobody() {
		return reply, false, err
	}
	if w.Actor.Org == n.Org && slices.Contains(w.Actor.Roles, "contact") {
		return portal.GoTo("/portal/notices/"+p.warn.Number(n.ID), ""), true, nil
	}
	if own, err := p.portal.NoticeOf(r.Context(), w, p.warn.Number(n.ID)); err == nil && web.ViewerOf(r.Context()).Can(mayRead) {
		return portal.GoTo("/portal/notices/"+p.warn.Number(own.ID), ""), true, nil
	}
	return portal.Page(portal.VisitOther).With(http.StatusForbidden, nil, nil), true, nil
}

// visitor answers the form: the first time it shows the notice to whoever says who he
// is, then it takes the answer.
func (p *Pages) visitor(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	if reply, done, err := p.before(r, w); done || err != nil {
		return reply, err
	}
	t := typed(r, "by", "firm", "reason")
	if !p.visits.allow(r) {
		return tooMany(portal.VisitAsk, t), nil
	}
	secret, who := r.PathValue("secret"), warn.Visitor{Name: t["by"], Firm: t["firm"]}
	what := r.PostForm.Get("what")
	if what == "" {
		return p.open(r, w, secret, who, t, nil)
	}
	err := p.warn.AnswerByLink(r.Context(), secret, who, warn.Answer{What: warn.What(what), Reason: t["reason"]})
	switch fault.CodeOf(err) {
	case "":
		return portal.Page(portal.VisitThanks), nil
	case fault.Conflict:
		return portal.Page(portal.VisitAgain).With(http.StatusConflict, nil, nil), nil
	case fault.Invalid:
		return p.open(r, w, secret, who, t, err)
	case fault.Unauthenticated:
		return portal.Page(portal.VisitRefused).With(http.StatusNotFound, nil, nil), nil
	}
	return portal.Reply{}, err
}

// open shows the notice; wrong is what was wrong with an answer to it.
func (p *Pages) open(r *http.Request, w portal.Who, secret string, who warn.Visitor, t portal.Typed, wrong error) (portal.Reply, error) {
	parcel, _, err := p.warn.OpenByLink(r.Context(), secret, w.Language, who)
	switch fault.CodeOf(err) {
	case "":
		if wrong != nil {
			return portal.Show(parcel).With(http.StatusUnprocessableEntity, t, wrong), nil
		}
		return portal.Show(parcel).With(0, t, nil), nil
	case fault.Invalid:
		return portal.Page(portal.VisitAsk).With(http.StatusUnprocessableEntity, t, err), nil
	case fault.Denied:
		return portal.Page(portal.VisitSignIn), nil
	case fault.Unauthenticated:
		return portal.Page(portal.VisitRefused).With(http.StatusNotFound, nil, nil), nil
	}
	return portal.Reply{}, err
}
