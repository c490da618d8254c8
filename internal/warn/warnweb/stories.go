package warnweb

import (
	"context"
	"slices"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// OfFinding tells on a finding's page of the notices in which it was told to its
// organisation, and of what the organisation answered, newest first. It serves watch's pages.
func (p *Pages) OfFinding(ctx context.Context, r sqldb.Reader, finding int64, v web.Viewer, words *i18n.Printer) ([]web.Moment, error) {
	if !v.Can("warn.read") {
		return nil, nil
	}
	fs, err := p.warn.Watch.FindingsByID(ctx, r, []int64{finding}, watch.AllOrgs)
	if err != nil || len(fs) == 0 {
		return nil, err
	}
	ns, err := p.warn.NoticesOf(ctx, r, fs[0].Org, finding)
	if err != nil {
		return nil, err
	}
	var out []web.Moment
	for _, n := range ns {
		u := noticeURL(p.warn.Number(n.ID))
		m := web.Moment{
			At: n.DraftedAt, Machine: true, Who: words.T("warn.machine", nil), Icon: "mail", URL: u,
			What: words.T("warn.story.notice", map[string]any{"Number": p.warn.Number(n.ID), "State": words.T("warn.state."+string(n.State), nil)}),
		}
		if !n.SentAt.IsZero() {
			m.At = n.SentAt
		}
		out = append(out, m)
		visits, err := p.warn.Visits(ctx, r, n.ID)
		if err != nil {
			return nil, err
		}
		for _, one := range visits {
			out = append(out, web.Moment{
				At: one.At, Who: joinWords([]string{one.Name, one.Firm}), What: words.T("warn.story.visited", nil), Icon: "link", URL: u,
				Badge: &web.Badge{Tone: "medium", Icon: "link", Word: words.T("warn.strength.link", nil)},
			})
		}
		answers, err := p.warn.Answers(ctx, r, n.ID)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			by := joinWords([]string{a.By, a.Firm})
			if by == "" {
				by = words.T("warn.somebody", nil)
			}
			out = append(out, web.Moment{
				At: a.At, Who: by, What: words.T("warn.what."+string(a.What), nil), Detail: a.Reason, Icon: "person", URL: u,
				Badge: &web.Badge{Tone: "info", Word: words.T("warn.strength."+string(a.Strength), nil)},
			})
		}
	}
	slices.SortStableFunc(out, func(a, b web.Moment) int { return b.At.Compare(a.At) })
	return out, nil
}
