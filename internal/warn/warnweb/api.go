package warnweb

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/warn"
	"almenara.example/wire"
)

// API registers warn's calls below /api/v1/warn.
func (p *Pages) API(api huma.API) {
	p.noticeCalls(api)
	p.warningCalls(api)
	p.rulesCalls(api)
	p.callCalls(api)
	p.answerCalls(api)
	p.mailCalls(api)
	p.sendingCalls(api)
}

// operation describes a call: permission and the request that the test of all routes
// sends.
func operation(method, id, path, permission, summary, sample string) huma.Operation {
	return huma.Operation{
		OperationID: "warn-" + id, Method: method, Path: "/api/v1/warn/" + path, Summary: summary, Tags: []string{"warn"},
		Security: []map[string][]string{{"token": {permission}}},
		Metadata: map[string]any{"sample": method + " /api/v1/warn/" + sample},
	}
}

// noContent is the answer of a verb that has nothing to say.
type noContent struct{}

func (p *Pages) noticeCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "notices", "notices", read, "List notices, newest first", "notices?limit=1"), p.apiNotices)
	huma.Register(api, operation(http.MethodPost, "answer", "notices/{number}/answer", record, "Record what somebody said by phone or mail",
		`notices/ALM-0000-0000/answer {"by":"a","via":"phone"}`), p.apiAnswer)
	huma.Register(api, operation(http.MethodPost, "repeat", "notices/{number}/repeat", retry, "Send a notice once more",
		`notices/ALM-0000-0000/repeat {"reason":"a"}`), p.apiRepeat)
	receipts := operation(http.MethodGet, "receipts", "receipts", read, "What recipients did with their notices, one JSON object per line, newest notice first", "receipts?limit=1")
	receipts.Metadata["stream"] = true
	huma.Register(api, receipts, p.apiReceipts)
}

type noticesInput struct {
	State        string `query:"state" enum:"drafted,no-contact,attempting,sent,bounced,refused,unknown,withheld," doc:"only notices in this state"`
	Organisation string `query:"organisation" doc:"only those to this organisation, by name"`
	Warning      string `query:"warning" doc:"only those of this warning, by number"`
	Unanswered   bool   `query:"unanswered" doc:"only those that left and that nobody has answered"`
	Before       int64  `query:"before" doc:"only notices below this cursor"`
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type noticesOutput struct{ Body wire.Notices }

func (p *Pages) apiNotices(ctx context.Context, in *noticesInput) (*noticesOutput, error) {
	db := p.warn.Acts.Reader()
	f := warn.Filter{State: warn.State(in.State), Unanswered: in.Unanswered, Before: in.Before, Limit: in.Limit}
	if in.Organisation != "" {
		o, ok, err := p.warn.Guard.OrganisationNamed(ctx, db, in.Organisation)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fault.OnField("organisation", "warn.warning.no_such_org", fault.Args{"Name": fault.Clip(in.Organisation)})
		}
		f.Org = o.ID
	}
	if in.Warning != "" {
		v, err := p.warn.WarningNumbered(ctx, db, in.Warning)
		if err != nil {
			return nil, err
		}
		f.Warning = v.ID
	}
	ns, err := p.warn.Notices(ctx, db, f)
	if err != nil {
		return nil, err
	}
	out := &noticesOutput{Body: wire.Notices{Notices: make([]wire.Notice, 0, len(ns))}}
	for i := range ns {
		n := &ns[i]
		line := wire.Notice{
			Number: p.warn.Number(n.ID), Organisation: p.orgName(n.Org), State: string(n.State), Sent: moment(n.SentAt), Findings: n.Total,
			Answered: moment(n.AnsweredAt), Answer: string(n.LastAnswer), Contact: n.Address, Manner: string(n.Manner), Step: n.Step,
			Again: n.Again, Seen: moment(n.SeenAt), Exercise: n.Exercise,
		}
		if n.Warning != 0 {
			line.Warning = p.warn.WarningNumber(n.Warning)
		}
		out.Body.Notices = append(out.Body.Notices, line)
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

func timeAt(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

type answerInput struct {
	Number string `path:"number"`
	Body   wire.Answer
}

func (p *Pages) apiAnswer(ctx context.Context, in *answerInput) (*noContent, error) {
	n, err := p.warn.NoticeNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	return nil, p.warn.RecordAnswer(ctx, apiActor(ctx), n.ID, warn.Answer{
		What: warn.What(b.What), Strength: warn.Strength(b.Via), By: b.By, Reason: b.Reason, At: timeAt(b.At),
	})
}

type reasonInput struct {
	Number string `path:"number"`
	Body   wire.Reason
}

func (p *Pages) apiRepeat(ctx context.Context, in *reasonInput) (*noContent, error) {
	n, err := p.warn.NoticeNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	return nil, p.warn.Repeat(ctx, apiActor(ctx), n.ID, in.Body.Reason)
}

type receiptsInput struct {
	Warning string `query:"warning" doc:"only those of this warning, by number"`
	Limit   int    `query:"limit" minimum:"0" doc:"of so many notices at most; 0: of all"`
}

// receiptsPage is how many notices are read at a time.
const receiptsPage = 1000

// apiReceipts streams; trouble on the way breaks the stream off, so that no reader
// takes a part for the whole.
func (p *Pages) apiReceipts(ctx context.Context, in *receiptsInput) (*huma.StreamResponse, error) {
	var of int64
	if in.Warning != "" {
		v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Warning)
		if err != nil {
			return nil, err
		}
		of = v.ID
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/x-ndjson")
		c.SetStatus(http.StatusOK)
		buf := bufio.NewWriterSize(c.BodyWriter(), 64<<10)
		err := p.writeReceipts(c.Context(), json.NewEncoder(buf), of, in.Limit)
		if err == nil {
			err = buf.Flush()
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (p *Pages) writeReceipts(ctx context.Context, out *json.Encoder, warning int64, limit int) error {
	var before, last int64
	seen := 0
	for {
		page := receiptsPage
		if limit > 0 {
			page = min(page, limit-seen)
		}
		here := 0
		err := p.warn.EachReceipt(ctx, p.warn.Acts.Reader(), warning, before, page, func(r warn.Receipt) error {
			if r.Notice != last { // one notice has a line for each answer
				last = r.Notice
				here++
			}
			return out.Encode(wire.Receipt{
				Notice: p.warn.Number(r.Notice), Organisation: p.orgName(r.Org), Contact: r.Contact, State: string(r.State),
				Answer: string(r.Answer), Strength: string(r.Strength), By: r.By, At: moment(r.At),
			})
		})
		if err != nil {
			return err
		}
		seen += here
		if here < page || limit > 0 && seen >= limit {
			return nil
		}
		before = last
	}
}
