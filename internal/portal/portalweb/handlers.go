package portalweb

import (
	"net/http"
	"net/url"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
)

// asked picks what a view may be asked by from an address.
func asked(r *http.Request, names ...string) url.Values {
	q, out := r.URL.Query(), url.Values{}
	for _, name := range append(names, "exercise") {
		if v := q.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// of answers with a view of the organisation that the address names, the own one when it
// names none.
func (p *Pages) of(r *http.Request, w portal.Who, kind string, names ...string) (portal.Reply, error) {
	c, err := p.portal.Subject(r.Context(), w.Actor.Org, r.URL.Query().Get("for"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, kind, c.ID, asked(r, names...))
	return portal.Show(parcel), err
}

// mine answers with a view of the own organisation.
func (p *Pages) mine(r *http.Request, w portal.Who, kind string) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, kind, w.Actor.Org, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) home(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.of(r, w, portal.KindHome)
}

func (p *Pages) notices(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.of(r, w, portal.KindNotices, "before")
}

func (p *Pages) findings(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.of(r, w, portal.KindFindings, "before", "after", "state")
}

func (p *Pages) assets(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.of(r, w, portal.KindAssets)
}

func (p *Pages) contacts(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.mine(r, w, portal.KindContacts)
}

func (p *Pages) feeds(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.mine(r, w, portal.KindFeeds)
}

func (p *Pages) oneNotice(r *http.Request, w portal.Who, kind string) (portal.Reply, error) {
	n, err := p.portal.NoticeOf(r.Context(), w, r.PathValue("number"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, kind, n.ID, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) notice(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.oneNotice(r, w, portal.KindNotice)
}

func (p *Pages) rows(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.oneNotice(r, w, portal.KindRows)
	reply.File = &portal.File{Name: p.warn.Number(reply.Parcel.Thing().ID) + ".csv", ContentType: "text/csv; charset=utf-8"}
	return reply, err
}

// typed is what a form's fields hold.
func typed(r *http.Request, names ...string) portal.Typed {
	out := portal.Typed{}
	for _, name := range names {
		out[name] = r.PostForm.Get(name)
	}
	return out
}

// after answers a change: sends on when it was made, shows the page again with what was
// typed when the reader can mend it.
func after(err error, to, said string, t portal.Typed, again func() (portal.Reply, error)) (portal.Reply, error) {
	if err == nil {
		return portal.GoTo(to, said), nil
	}
	code := fault.CodeOf(err)
	if code != fault.Invalid && code != fault.Conflict {
		return portal.Reply{}, err
	}
	reply, failed := again()
	if failed != nil {
		return reply, failed
	}
	return reply.With(web.Status(code), t, err), nil
}

func (p *Pages) answerNotice(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	number := r.PathValue("number")
	err := p.portal.Answer(r.Context(), w, number, warn.Answer{What: warn.What(r.PostForm.Get("what")), Reason: r.PostForm.Get("reason")})
	return after(err, "/portal/notices/"+url.PathEscape(number), "portal.answer.thanks", typed(r, "reason"),
		func() (portal.Reply, error) { return p.notice(r, w) })
}

func (p *Pages) claim(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.Claim(r.Context(), w, r.PostForm.Get("asset_kind"), r.PostForm.Get("asset"), r.PostForm.Get("note"))
	return after(err, "/portal/assets", "portal.claim.thanks", typed(r, "asset_kind", "asset", "note"),
		func() (portal.Reply, error) { return p.mine(r, w, portal.KindAssets) })
}

func (p *Pages) addKey(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.AddKey(r.Context(), w, r.PostForm.Get("key"))
	return after(err, "/portal/contacts", "portal.key.added", typed(r, "key"), func() (portal.Reply, error) { return p.contacts(r, w) })
}

func (p *Pages) retireKey(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.RetireKey(r.Context(), w, r.PostForm.Get("key"))
	return after(err, "/portal/contacts", "portal.key.retired", nil, func() (portal.Reply, error) { return p.contacts(r, w) })
}

func (p *Pages) addHook(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.AddHook(r.Context(), w, r.PostForm.Get("url"))
	return after(err, "/portal/feeds", "portal.hook.added", typed(r, "url"), func() (portal.Reply, error) { return p.feeds(r, w) })
}

func (p *Pages) endHook(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	return portal.GoTo("/portal/feeds", "portal.hook.ended"), p.portal.EndHook(r.Context(), w, r.PostForm.Get("key"))
}

// makeToken shows the new token once, on a static page: it is the reader's own.
func (p *Pages) makeToken(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	secret, t, err := p.portal.MakeToken(r.Context(), w, r.PostForm.Get("name"), r.PostForm.Get("days"))
	if err != nil {
		return after(err, "", "", typed(r, "name", "days"), func() (portal.Reply, error) { return p.feeds(r, w) })
	}
	return portal.Page(portal.TokenMade).With(0, portal.Typed{"secret": secret, "until": web.PrinterOf(r.Context()).Date(t.ExpiresAt)}, nil), nil
}

func (p *Pages) endToken(r *http.Request, w portal.Who) (portal.Reply, error) {
	return portal.GoTo("/portal/feeds", "guard.token.ended"), p.portal.EndToken(r.Context(), w, r.PathValue("uid"))
}

// The files and feeds.

func (p *Pages) noticesJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.of(r, w, portal.KindNotices, "before")
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

func (p *Pages) feed(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.of(r, w, portal.KindFeed)
	reply.File = &portal.File{ContentType: reply.Parcel.View().ContentType}
	return reply, err
}

func (p *Pages) findingsFile(form string) handler {
	kinds := map[string]portal.File{
		portal.FormCSV:  {Name: "findings.csv", ContentType: "text/csv; charset=utf-8"},
		portal.FormXARF: {Name: "findings.xarf.jsonl", ContentType: "application/x-ndjson"},
	}
	return func(r *http.Request, w portal.Who) (portal.Reply, error) {
		c, err := p.portal.Subject(r.Context(), w.Actor.Org, r.URL.Query().Get("for"))
		if err != nil {
			return portal.Reply{}, err
		}
		q := asked(r, "state")
		q.Set("form", form)
		return portal.Stream(p.portal.Findings(r.Context(), w, c.ID, q), kinds[form]), nil
	}
}
