package warnweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/wire"
)

func (p *Pages) rulesCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "rules", "rules", read, "The rules of what is told, in their order", "rules"), p.apiRules)
	huma.Register(api, operation(http.MethodPut, "set-rules", "rules", changeRules, "Put a rule set in force", `rules {"version":1,"rules":[],"reason":"a"}`), p.apiSetRules)
	huma.Register(api, operation(http.MethodPost, "try-rules", "rules/try", read, "Say what a rule set would change", `rules/try {"version":1,"rules":[]}`), p.apiTryRules)
}

type rulesOutput struct{ Body wire.Rules }

func (p *Pages) apiRules(ctx context.Context, _ *struct{}) (*rulesOutput, error) {
	rs, err := p.warn.RulesNow(ctx, p.warn.Acts.Reader())
	if err != nil {
		return nil, err
	}
	out := &rulesOutput{Body: wire.Rules{Version: rs.Version, Rules: []wire.Rule{}}}
	for i := range rs.List {
		out.Body.Rules = append(out.Body.Rules, p.wireRule(&rs.List[i]))
	}
	return out, nil
}

func (p *Pages) wireRule(r *warn.Rule) wire.Rule {
	out := wire.Rule{
		Name: r.Name, Sources: r.Sources, Kinds: r.Kinds, Taxonomies: r.Taxonomies, Sectors: r.Sectors, OrgKinds: r.OrgKinds, Tell: r.Tell, Format: string(r.Format),
	}
	if r.Org != 0 {
		out.Organisation = p.orgName(r.Org)
	}
	if r.Severity > watch.NoSeverity {
		out.Severity = r.Severity.String()
	}
	if r.Repeat >= 0 {
		out.RepeatDays = &r.Repeat
	}
	if r.Pace >= 0 {
		minutes := int(r.Pace / time.Minute)
		out.PaceMinutes = &minutes
	}
	return out
}

// rulesOf reads rules as a program gives them.
func (p *Pages) rulesOf(ctx context.Context, in *wire.Rules) (rs warn.Rules, err error) {
	rs.Version = in.Version
	var bad []fault.Error
	for i, w := range in.Rules {
		one := warn.Rule{
			Name: w.Name, Sources: w.Sources, Kinds: w.Kinds, Taxonomies: w.Taxonomies, Sectors: w.Sectors, OrgKinds: w.OrgKinds, Tell: w.Tell,
			Format: warn.Format(w.Format), Repeat: -1, Pace: -1,
		}
		if w.RepeatDays != nil {
			one.Repeat = notSilent(*w.RepeatDays)
		}
		if w.PaceMinutes != nil {
			one.Pace = time.Duration(notSilent(*w.PaceMinutes)) * time.Minute
		}
		if w.Severity != "" {
			if one.Severity, err = watch.ParseSeverity(w.Severity); err != nil {
				bad = append(bad, *fault.OnField(ruleField(i, "severity"), "warn.warning.severity", nil))
			}
		}
		if w.Organisation != "" {
			o, ok, err := p.warn.Guard.OrganisationNamed(ctx, p.warn.Acts.Reader(), w.Organisation)
			if err != nil {
				return rs, err
			}
			if !ok {
				bad = append(bad, *fault.OnField(ruleField(i, "organisation"), "warn.warning.no_such_org", fault.Args{"Name": fault.Clip(w.Organisation)}))
			}
			one.Org = o.ID
		}
		rs.List = append(rs.List, one)
	}
	return rs, fault.Join("warn.rule.invalid", bad)
}

// notSilent keeps a number that was given from meaning "says nothing".
func notSilent(n int) int {
	if n < 0 || n > 1_000_000 {
		return -2
	}
	return n
}

type setRulesInput struct{ Body wire.RulesChange }

func (p *Pages) apiSetRules(ctx context.Context, in *setRulesInput) (*rulesOutput, error) {
	rs, err := p.rulesOf(ctx, &in.Body.Rules)
	if err != nil {
		return nil, err
	}
	rs.Reason = in.Body.Reason
	if err := p.warn.SetRules(ctx, apiActor(ctx), rs); err != nil {
		return nil, err
	}
	return p.apiRules(ctx, nil)
}

type tryRulesInput struct{ Body wire.Rules }

type tryRulesOutput struct{ Body wire.RulesTrial }

func (p *Pages) apiTryRules(ctx context.Context, in *tryRulesInput) (*tryRulesOutput, error) {
	rs, err := p.rulesOf(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	diffs, weighed, err := p.warn.DryRun(ctx, p.warn.Acts.Reader(), rs)
	out := &tryRulesOutput{Body: wire.RulesTrial{Weighed: weighed, Differences: make([]wire.RulesDifference, 0, len(diffs))}}
	for _, d := range diffs {
		out.Body.Differences = append(out.Body.Differences, wire.RulesDifference{
			Organisation: p.orgName(d.Org), Source: d.Source, Kind: d.Kind, Taxonomy: d.Taxonomy, Severity: d.Severity.String(), Findings: d.Findings,
			Now: telling(d.Now), Then: telling(d.Then),
		})
	}
	return out, err
}

func telling(o warn.Outcome) wire.Telling {
	return wire.Telling{Tell: o.Tell, RepeatDays: int(o.Repeat / (24 * time.Hour)), PaceMinutes: int(o.Pace / time.Minute), Format: string(o.Format)}
}

func (p *Pages) callCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "calls", "calls", read, "Whom to call about warnings", "calls"), p.apiCalls)
	huma.Register(api, operation(http.MethodPost, "note-call", "calls/{call}", noteCall, "Enter what a call came to", `calls/1 {"version":1,"outcome":"busy"}`), p.apiNoteCall)
}

type callsInput struct {
	Warning string `query:"warning" doc:"only of this warning, by number"`
	All     bool   `query:"all" doc:"also those that are settled"`
}

type callsOutput struct{ Body []wire.Call }

func (p *Pages) apiCalls(ctx context.Context, in *callsInput) (*callsOutput, error) {
	db := p.warn.Acts.Reader()
	var of int64
	if in.Warning != "" {
		v, err := p.warn.WarningNumbered(ctx, db, in.Warning)
		if err != nil {
			return nil, err
		}
		of = v.ID
	}
	calls, err := p.warn.Calls(ctx, db, of, !in.All)
	if err != nil {
		return nil, err
	}
	out := &callsOutput{Body: make([]wire.Call, 0, len(calls))}
	for _, c := range calls {
		one := wire.Call{
			ID: c.ID, Version: c.Version, Warning: p.warn.WarningNumber(c.Warning), Organisation: p.orgName(c.Org), State: string(c.State),
			Since: c.OpenedAt, Contacts: []wire.CallContact{}, Tries: []wire.CallTry{},
		}
		contacts, err := p.warn.ContactsOf(ctx, db, c.Org)
		if err != nil {
			return nil, err
		}
		for _, k := range contacts {
			one.Contacts = append(one.Contacts, wire.CallContact{Name: k.Name, Role: k.Role, Phone: k.Phone, Language: k.Language, Hours: k.Hours})
		}
		for _, t := range c.Tries {
			one.Tries = append(one.Tries, wire.CallTry{At: t.At, Outcome: t.Outcome, Spoke: t.Spoke, Phone: t.Phone, Note: t.Note})
		}
		out.Body = append(out.Body, one)
	}
	return out, nil
}

type noteCallInput struct {
	Call int64 `path:"call" minimum:"1"`
	Body wire.NewCallTry
}

func (p *Pages) apiNoteCall(ctx context.Context, in *noteCallInput) (*noContent, error) {
	b := in.Body
	return nil, p.warn.NoteCall(ctx, apiActor(ctx), in.Call, b.Version, warn.CallTry{
		At: timeAt(b.At), Outcome: b.Outcome, Spoke: b.Spoke, Phone: b.Phone, Note: b.Note,
	}, warn.What(b.What))
}

func (p *Pages) mailCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "mail", "mail", read, "List mail that came in, newest first", "mail?limit=1"), p.apiMails)
	huma.Register(api, operation(http.MethodPost, "confirm-mail", "mail/{mail}/confirm", confirmMail, "Make a reply an answer", `mail/1/confirm {}`), p.apiConfirmMail)
	huma.Register(api, operation(http.MethodPost, "file-mail", "mail/{mail}/file", fileMail, "Say which notice a mail belongs to", `mail/1/file {"notice":"ALM-0000-0000"}`), p.apiFileMail)
	huma.Register(api, operation(http.MethodPost, "dismiss-mail", "mail/{mail}/dismiss", dismissMail, "Put a mail away that is no answer", `mail/1/dismiss {"reason":"a"}`), p.apiDismissMail)
}

type mailsInput struct {
	State  string `query:"state" enum:"waiting,answered,filed,dismissed,"`
	Notice string `query:"notice" doc:"only about this notice, by number"`
	Before int64  `query:"before" doc:"only mail below this cursor"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type mailsOutput struct{ Body wire.Mails }

func (p *Pages) apiMails(ctx context.Context, in *mailsInput) (*mailsOutput, error) {
	f := warn.MailFilter{State: warn.MailState(in.State), Before: in.Before, Limit: in.Limit}
	if in.Notice != "" {
		n, err := p.warn.NoticeNumbered(ctx, p.warn.Acts.Reader(), in.Notice)
		if err != nil {
			return nil, err
		}
		f.Notice = n.ID
	}
	ms, err := p.warn.Mails(ctx, p.warn.Acts.Reader(), f)
	if err != nil {
		return nil, err
	}
	out := &mailsOutput{Body: wire.Mails{Mails: make([]wire.Mail, 0, len(ms))}}
	for _, m := range ms {
		one := wire.Mail{
			ID: m.ID, Received: m.ReceivedAt, From: m.From, Subject: m.Subject, Organisation: p.orgName(m.Org), Class: string(m.Class), State: string(m.State),
			Signature: string(m.Signature), Signer: m.Signer, Sealed: m.Sealed, Proposed: string(m.Proposed), Words: m.Words, Files: []wire.MailFile{},
		}
		if m.Notice != 0 {
			one.Notice = p.warn.Number(m.Notice)
		}
		for _, file := range m.Files {
			one.Files = append(one.Files, wire.MailFile(file))
		}
		out.Body.Mails = append(out.Body.Mails, one)
	}
	if len(ms) == in.Limit {
		out.Body.Next = ms[len(ms)-1].ID
	}
	return out, nil
}

type confirmMailInput struct {
	Mail int64 `path:"mail" minimum:"1"`
	Body wire.MailAnswer
}

func (p *Pages) apiConfirmMail(ctx context.Context, in *confirmMailInput) (*noContent, error) {
	return nil, p.warn.ConfirmMail(ctx, apiActor(ctx), in.Mail, warn.What(in.Body.What), in.Body.By)
}

type fileMailInput struct {
	Mail int64 `path:"mail" minimum:"1"`
	Body wire.MailPlace
}

func (p *Pages) apiFileMail(ctx context.Context, in *fileMailInput) (*noContent, error) {
	n, err := p.warn.NoticeNumbered(ctx, p.warn.Acts.Reader(), in.Body.Notice)
	if err != nil {
		return nil, err
	}
	return nil, p.warn.FileMail(ctx, apiActor(ctx), in.Mail, n.ID)
}

type dismissMailInput struct {
	Mail int64 `path:"mail" minimum:"1"`
	Body wire.Reason
}

func (p *Pages) apiDismissMail(ctx context.Context, in *dismissMailInput) (*noContent, error) {
	return nil, p.warn.DismissMail(ctx, apiActor(ctx), in.Mail, in.Body.Reason)
}

func (p *Pages) sendingCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "sending", "sending", read, "Whether anything leaves", "sending"), p.apiSending)
	huma.Register(api, operation(http.MethodPost, "stop", "stop", "warn.stop_sending", "Stop all sending", `stop {"reason":"a"}`), p.apiStop)
	huma.Register(api, operation(http.MethodPost, "resume", "resume", "warn.resume_sending", "Let sending go on", `resume {"reason":"a"}`), p.apiResume)
}

type sendingOutput struct{ Body wire.Sending }

func (p *Pages) apiSending(ctx context.Context, _ *struct{}) (*sendingOutput, error) {
	h, stopped, err := p.warn.StoppedBy(ctx, p.warn.Acts.Reader())
	out := &sendingOutput{Body: wire.Sending{Stopped: stopped, Since: moment(h.At), Reason: h.Reason}}
	since, _ := p.warn.Outbound.LineDown()
	out.Body.LineDown = moment(since)
	return out, err
}

type sendingInput struct{ Body wire.Reason }

func (p *Pages) apiStop(ctx context.Context, in *sendingInput) (*noContent, error) {
	return nil, p.warn.Stop(ctx, apiActor(ctx), in.Body.Reason)
}

func (p *Pages) apiResume(ctx context.Context, in *sendingInput) (*noContent, error) {
	return nil, p.warn.Resume(ctx, apiActor(ctx), in.Body.Reason)
}
