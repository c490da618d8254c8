package warnweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// NoticeLine is a notice as programs get it.
type NoticeLine struct {
	Number       string     `json:"number"`
	Organisation string     `json:"organisation"`
	State        string     `json:"state"`
	Sent         *time.Time `json:"sent"`
	Findings     int        `json:"findings"`
	Answered     *time.Time `json:"answered"`
}

// NoticeLines is a page of notices; Next continues it.
type NoticeLines struct {
	Notices []NoticeLine `json:"notices"`
	Next    int64        `json:"next,omitempty"`
}

type noticesInput struct {
	State  string `query:"state" doc:"only notices in this state"`
	Before int64  `query:"before" doc:"only notices below this cursor"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type noticesOutput struct{ Body NoticeLines }

// API registers warn's calls.
func (p *Pages) API(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "warn-notices", Method: http.MethodGet, Path: "/api/v1/warn/notices", Summary: "List notices, newest first",
		Tags: []string{"warn"}, Metadata: map[string]any{"permission": "warn.read"},
	}, p.apiNotices)
}

func (p *Pages) apiNotices(ctx context.Context, in *noticesInput) (*noticesOutput, error) {
	ns, err := p.warn.Notices(ctx, p.warn.Acts.Reader(), warn.Filter{State: warn.State(in.State), Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, web.ProblemOf(ctx, err)
	}
	out := &noticesOutput{Body: NoticeLines{Notices: []NoticeLine{}}}
	for _, n := range ns {
		org, err := p.warn.Guard.Organisation(ctx, p.warn.Acts.Reader(), n.Org)
		if err != nil {
			return nil, web.ProblemOf(ctx, err)
		}
		out.Body.Notices = append(out.Body.Notices, NoticeLine{
			Number: p.warn.Number(n.ID), Organisation: org.Name, State: string(n.State), Sent: moment(n.SentAt),
			Findings: n.Total, Answered: moment(n.AnsweredAt),
		})
	}
	if len(ns) == in.Limit {
		out.Body.Next = ns[len(ns)-1].ID
	}
	return out, nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
