package app

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/warn"
)

// permissionOfNotices is what one needs to see notices and the work that failed.
const permissionOfNotices = "warn.read"

// warnings brings warn's part of the board and of the search to the desk, to whom
// may read it. It stands here because neither room knows the other.
type warnings struct {
	warn *warn.Warn
	acts *act.Acts
}

func (x warnings) open(ctx context.Context, asker act.Actor) bool {
	return x.acts.May(ctx, act.Call{Actor: asker, Verb: permissionOfNotices})
}

// NeedsOf says whether sending is stopped, and how many notices wait for a person.
func (x warnings) NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) ([]desk.Need, error) {
	if !x.open(ctx, asker) {
		return nil, nil
	}
	stopped, err := x.warn.Stopped(ctx, r)
	if err != nil {
		return nil, err
	}
	waiting, err := x.warn.Waiting(ctx, r)
	if err != nil {
		return nil, err
	}
	var needs []desk.Need
	if stopped {
		needs = append(needs, desk.Need{
			Key: "desk.need.stopped", Note: "desk.need.stopped.do", N: 1, URL: "/warn/notices", Icon: "danger", Consequence: desk.Untold,
		})
	}
	for _, s := range []warn.State{warn.Unknown, warn.Refused, warn.Withheld, warn.NoContact} {
		key := "desk.need.notice." + string(s)
		needs = append(needs, desk.Need{
			Key: key, Note: key + ".do", N: waiting[s], URL: failedWorkURL, Icon: "mail", Consequence: desk.Untold,
		})
	}
	return needs, nil
}

// Find answers the number of a notice with the notice.
func (x warnings) Find(ctx context.Context, r sqldb.Reader, asker act.Actor, q desk.Question) ([]desk.Group, error) {
	if q.Number == "" || !x.open(ctx, asker) {
		return nil, nil
	}
	n, err := x.warn.NoticeNumbered(ctx, r, q.Number)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	number := x.warn.Number(n.ID)
	return []desk.Group{{Key: "desk.search.notices", Hits: []desk.Hit{{
		Title: number, State: "warn.state." + string(n.State), URL: "/warn/notices/" + number, Direct: true,
	}}}}, nil
}
