package incidentweb

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/incident"
	"almenara.example/tlp"
	"almenara.example/wire"
)

// lessonCalls are the calls about what was learned.
func (p *Pages) lessonCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "lessons", "lessons", read, "What was learned and what is done about it, newest first", "lessons?state=open"), p.apiLessons)
	huma.Register(api, operation(http.MethodPost, "add-lesson", "incidents/{number}/lessons", addLesson, "Note what was learned in an incident", `incidents/ALM-0000-0000/lessons {"text":"a"}`), p.apiAddLesson)
	huma.Register(api, operation(http.MethodPost, "set-lesson", "lessons/{lesson}", setLesson, "Say what came of a lesson's action", `lessons/1 {"state":"done","result":"a","version":1}`), p.apiSetLesson)
	huma.Register(api, operation(http.MethodPost, "set-peer-words", "lessons/{lesson}/peers", setPeerWords, "Say what peers may be told of a lesson", `lessons/1/peers {"text":"a","marking":"TLP:GREEN","version":1}`), p.apiSetPeerWords)
}

type lessonsOutput struct {
	Body struct {
		Lessons []wire.Lesson `json:"lessons"`
	}
}

func (p *Pages) apiLessons(ctx context.Context, in *struct {
	Incident string `query:"incident" doc:"only of this one, by number"`
	State    string `query:"state" enum:"open,done,dropped,"`
	Before   int64  `query:"before" doc:"only those with a lower id"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*lessonsOutput, error) {
	f := incident.LessonFilter{State: incident.LessonState(in.State), Before: in.Before, Limit: in.Limit}
	if in.Incident != "" {
		i, err := p.apiNumbered(ctx, in.Incident)
		if err != nil {
			return nil, err
		}
		f.Incident = i.ID
	}
	all, err := p.in.Lessons(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), f)
	out := &lessonsOutput{}
	out.Body.Lessons = linesOf(all, p.lessonLine)
	return out, err
}

func (p *Pages) lessonLine(l *incident.Lesson) wire.Lesson {
	out := wire.Lesson{
		ID: l.ID, Version: l.Version, Incident: p.in.Number(l.Incident), Text: l.Text, Action: l.Action, Organisation: p.orgName(l.Org), Due: orNull(l.Due),
		State: string(l.State), Result: l.Result, PeerText: l.PeerText, Exercise: l.Exercise, Added: l.AddedAt,
	}
	if l.PeerText != "" {
		out.PeerMarking = l.PeerMarking.String()
	}
	return out
}

type addLessonInput struct {
	NumberInput
	Body wire.NewLesson
}

type lessonOutput struct{ Body wire.Lesson }

func (p *Pages) apiAddLesson(ctx context.Context, in *addLessonInput) (*lessonOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	l := incident.Lesson{Text: b.Text, Action: b.Action, Due: orZero(b.Due), PeerText: b.PeerText}
	if b.PeerText != "" {
		if l.PeerMarking, err = parseMarking("peer_marking", b.PeerMarking); err != nil {
			return nil, err
		}
	}
	if l.Org, err = p.apiOrgID(ctx, "organisation", b.Organisation); err != nil {
		return nil, err
	}
	if l, err = p.in.AddLesson(ctx, apiActor(ctx), i.ID, l); err != nil {
		return nil, err
	}
	return &lessonOutput{p.lessonLine(&l)}, nil
}

// LessonInput is the lesson in an address.
type LessonInput struct {
	Lesson int64 `path:"lesson" minimum:"1"`
}

func (p *Pages) apiSetLesson(ctx context.Context, in *struct {
	LessonInput
	Body wire.LessonEnd
}) (*noContent, error) {
	return nil, p.in.SetLesson(ctx, apiActor(ctx), in.Lesson, incident.LessonState(in.Body.State), in.Body.Result, in.Body.Version)
}

func (p *Pages) apiSetPeerWords(ctx context.Context, in *struct {
	LessonInput
	Body wire.LessonPeers
}) (*noContent, error) {
	m := tlp.Unmarked
	if in.Body.Text != "" {
		var err error
		if m, err = parseMarking("marking", in.Body.Marking); err != nil {
			return nil, err
		}
	}
	return nil, p.in.SetPeerWords(ctx, apiActor(ctx), in.Lesson, in.Body.Text, m, in.Body.Version)
}
