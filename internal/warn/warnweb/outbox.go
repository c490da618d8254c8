package warnweb

import (
	"net/http"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
)

// outbox lists every message that was cleared to leave, newest first.
func (p *Pages) outbox(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	before, _ := strconv.ParseInt(q.Get("after"), 10, 64) // anything else starts at the newest
	ms, err := p.warn.Outbound.Messages(r.Context(), p.warn.Acts.Reader(), outbound.State(q.Get("state")), before, perPage+1)
	if err != nil {
		return err
	}
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "warn.column.state"), Options: []web.Option{{}}}
	for _, s := range []outbound.State{outbound.Attempting, outbound.Accepted, outbound.Outbox, outbound.Refused, outbound.Deferred, outbound.Unknown} {
		state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "warn.message."+string(s))})
	}
	list := web.List{
		ID: "outbox", Caption: web.Say(r, "warn.outbox"), Total: web.Total{Hide: true}, Live: true, Filters: web.Sift(r, state),
		Columns: web.Columns(r, "warn.column.subject", "warn.fact.address", "warn.fact.manner", "warn.column.state", "warn.column.when"),
		Empty:   web.Empty{Title: web.Say(r, "warn.outbox.none"), Why: web.Say(r, "warn.outbox.none.why")},
	}
	if len(ms) > perPage {
		ms = ms[:perPage]
		list.Older = web.With(r.URL, "after", number(ms[perPage-1].ID))
	}
	for _, m := range ms {
		row := web.Row{Cells: []web.Cell{
			web.Text(m.Subject), web.Code(m.Address), web.Marked(sealedBadge(r, m.Sealed)), web.Marked(messageBadge(r, m.State)), web.Ago(m.BegunAt),
		}}
		if id, ok := strings.CutPrefix(m.Thing, warn.KindNotice+":"); ok {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil {
				row.URL = noticeURL(p.warn.Number(n))
				row.Cells[0] = web.Anchor(m.Subject, row.URL)
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return p.site.Page(w, r, http.StatusOK, "warn/list", web.Page{
		Title: web.Say(r, "warn.outbox"), Room: "warn", Lead: web.Say(r, "warn.outbox.lead"), Topics: []string{"warn"},
		Data: listPage{List: list, Stopped: p.stopped(r)},
	})
}

// sealedBadge says whether a message travels signed and encrypted.
func sealedBadge(r *http.Request, sealed bool) web.Badge {
	if sealed {
		return web.Badge{Tone: "ok", Icon: "lock", Word: web.Say(r, "frame.sealed")}
	}
	return web.Badge{Tone: "info", Icon: "mail", Word: web.Say(r, "warn.clear")}
}

func messageBadge(r *http.Request, s outbound.State) web.Badge {
	b := web.Badge{Word: web.Say(r, "warn.message."+string(s)), Tone: "high"}
	switch s {
	case outbound.Accepted, outbound.Outbox:
		b.Tone = "ok"
	case outbound.Attempting, outbound.Deferred:
		b.Tone = "open"
	}
	return b
}

// failedWork lists jobs that are not tried any more and notices that wait for a
// person, each with its reason and what can be done.
func (p *Pages) failedWork(w http.ResponseWriter, r *http.Request) error {
	jobs, err := p.warn.Queue.Failed(r.Context(), 200)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "jobs", Caption: web.Say(r, "warn.failed.jobs"), Total: web.Total{N: int64(len(jobs))},
		Columns: web.Columns(r, "warn.column.job", "warn.column.reason", "warn.column.tries", "warn.column.when"),
		Empty:   web.Empty{Title: web.Say(r, "warn.failed.none"), Why: web.Say(r, "warn.failed.none.why")},
	}
	for _, j := range jobs {
		list.Rows = append(list.Rows, web.Row{Tone: "critical", Cells: []web.Cell{
			web.Code(j.Kind + " " + number(j.ID)), web.Text(j.Reason), web.Number(int64(j.Tries), ""), web.Ago(j.Since),
		}})
	}
	second, err := p.waitingNotices(r)
	if err != nil {
		return err
	}
	data := failedPage{listPage: listPage{List: list, Second: second}}
	if web.ViewerOf(r.Context()).Can("warn.retry") {
		for _, j := range jobs {
			data.Verbs = append(data.Verbs,
				web.Action{Label: web.Say(r, "warn.job.retry", "Job", j.ID), URL: "/warn/failed/" + number(j.ID) + "/retry", Post: true},
				web.Action{Label: web.Say(r, "warn.job.dismiss", "Job", j.ID), URL: "/warn/failed/" + number(j.ID) + "/dismiss", Post: true})
		}
	}
	return p.site.Page(w, r, http.StatusOK, "warn/failed", web.Page{
		Title: web.Say(r, "warn.failed"), Room: "warn", Lead: web.Say(r, "warn.failed.lead"), Data: data,
	})
}

// failedPage is failed work with the verbs on its jobs.
type failedPage struct {
	listPage
	Verbs []web.Action
}

func (p *Pages) waitingNotices(r *http.Request) (*web.List, error) {
	list := &web.List{
		ID: "waiting", Caption: web.Say(r, "warn.failed.notices"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "warn.column.number", "warn.column.organisation", "warn.column.state", "warn.column.reason"),
		Empty:   web.Empty{Title: web.Say(r, "warn.failed.notices.none")},
	}
	for _, s := range []warn.State{warn.Unknown, warn.Refused, warn.Bounced, warn.Withheld, warn.NoContact} {
		ns, err := p.warn.Notices(r.Context(), p.warn.Acts.Reader(), warn.Filter{State: s, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, n := range ns {
			org, err := p.warn.Guard.Organisation(r.Context(), p.warn.Acts.Reader(), n.Org)
			if err != nil {
				return nil, err
			}
			u := noticeURL(p.warn.Number(n.ID))
			list.Rows = append(list.Rows, web.Row{URL: u, Cells: []web.Cell{
				{Text: p.warn.Number(n.ID), URL: u, Mono: true}, web.Text(org.Name), web.Marked(stateBadge(r, n.State)), web.Text(web.Say(r, n.Why)),
			}})
		}
	}
	return list, nil
}
