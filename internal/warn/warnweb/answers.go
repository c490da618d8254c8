package warnweb

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
	"almenara.example/wire"
)

// answersLimit is how many questions and disputes are listed at once: the oldest.
const answersLimit = 200

// answersPage is the dot of the list of questions and disputes.
type answersPage struct{ Table table }

// openAnswer is a question or a dispute on its notice's page, with the form that says
// what came of it.
type openAnswer struct {
	ID    int64
	Title string
	Words string
	Form  web.Form
}

// noteField is the name of an answer's field: a notice may have several that wait.
func noteField(id int64) string { return "note-" + number(id) }

func answerAnchor(id int64) string { return "answer-" + number(id) }

// answers lists what organisations ask or dispute and nobody has dealt with, oldest
// first.
func (p *Pages) answers(w http.ResponseWriter, r *http.Request) error {
	db := p.warn.Acts.Reader()
	open, err := p.warn.OpenAnswers(r.Context(), db, answersLimit)
	if err != nil {
		return err
	}
	n, err := p.warn.CountOpenAnswers(r.Context(), db)
	if err != nil {
		return err
	}
	t := table{
		ID: "answers", Caption: web.Say(r, "warn.answers"), Live: true, Total: web.Total{N: n},
		Columns: web.Columns(r, "warn.column.notice", "warn.column.organisation", "warn.answers.said", "warn.answers.words", "warn.answers.waits"),
		Empty:   web.Empty{Title: web.Say(r, "warn.answers.none"), Why: web.Say(r, "warn.answers.none.why")},
	}
	for i := range open {
		row, err := p.openAnswerRow(r, &open[i])
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, row)
	}
	return p.site.Page(w, r, http.StatusOK, "warn/answers", web.Page{
		Title: web.Say(r, "warn.answers"), Room: "warn", Lead: web.Say(r, "warn.answers.lead"), Marking: unmarked(),
		Topics: topics(), Data: answersPage{Table: t}, Crumbs: []web.Link{{Label: web.Say(r, "warn.notices"), URL: "/warn/notices"}},
	})
}

func (p *Pages) openAnswerRow(r *http.Request, a *warn.Answer) (row tableRow, err error) {
	n, err := p.warn.Notice(r.Context(), p.warn.Acts.Reader(), a.Notice)
	if err != nil {
		return row, err
	}
	number := p.warn.Number(n.ID)
	u := noticeURL(number) + "#" + answerAnchor(a.ID)
	said := web.Say(r, "warn.what."+string(a.What))
	badge := web.Badge{Tone: "medium", Icon: "question", Word: said}
	if a.What == warn.Dispute {
		badge = web.Badge{Tone: "high", Icon: "warning", Word: said}
	}
	return tableRow{URL: u, Cells: []web.Cell{
		{Text: number, URL: u, Mono: true}, p.orgCell(n.Org), web.Marked(badge),
		{Text: a.Reason, Sub: joinWords([]string{a.By, a.Firm})}, web.Ago(a.At),
	}}, nil
}

// openAnswers are the questions and disputes of a notice that wait, with their forms
// for whom may settle them.
func (p *Pages) openAnswers(r *http.Request, n warn.Notice) (out []openAnswer, err error) {
	if !can(r, settle) {
		return nil, nil
	}
	all, err := p.warn.Answers(r.Context(), p.warn.Acts.Reader(), n.ID)
	for i := range all {
		a := &all[i]
		if !a.Waits() {
			continue
		}
		out = append(out, openAnswer{
			ID: a.ID, Words: a.Reason,
			Title: web.Say(r, "warn.answers.title", "Name", joinWords([]string{a.By, a.Firm}), "Says", web.Say(r, "warn.what."+string(a.What))),
			Form: web.Form{Action: "/warn/answers/" + number(a.ID) + "/settle", Submit: web.Say(r, "warn.answers.settle"), Fields: []web.Field{{
				Name: noteField(a.ID), Type: "text", Label: web.Say(r, "warn.answers.note"), Why: web.Say(r, "warn.answers.note.why"),
				Required: true, Autocomplete: "off",
			}}},
		})
	}
	return out, err
}

// settleAnswer takes what came of a question or a dispute.
func (p *Pages) settleAnswer(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "answer", "warn.answer.none")
	if err != nil {
		return err
	}
	notice, err := p.warn.NoticeOfAnswer(r.Context(), p.warn.Acts.Reader(), id)
	if err != nil {
		return err
	}
	number := p.warn.Number(notice)
	err = p.warn.SettleAnswer(r.Context(), actor(r), id, r.PostForm.Get(noteField(id)))
	if f := fault.Of(err); err != nil && f.Field == "note" {
		r.SetPathValue("number", number)
		return p.showNoticeWith(w, r, statusOf(err), noticeFault{answer: id, err: fault.OnField(noteField(id), f.Key, f.Args)})
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, noticeURL(number), web.Flash{Key: "warn.answers.done"})
	return nil
}

// answerCalls are the calls about questions and disputes.
func (p *Pages) answerCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "open-answers", "answers", read, "List the questions and disputes that wait, oldest first", "answers"), p.apiOpenAnswers)
	huma.Register(api, operation(http.MethodPost, "settle-answer", "answers/{answer}/settle", settle, "Say what came of a question or a dispute",
		`answers/1/settle {"note":"a"}`), p.apiSettleAnswer)
}

type openAnswersOutput struct{ Body []wire.OpenAnswer }

func (p *Pages) apiOpenAnswers(ctx context.Context, _ *struct{}) (*openAnswersOutput, error) {
	db := p.warn.Acts.Reader()
	open, err := p.warn.OpenAnswers(ctx, db, 1000)
	if err != nil {
		return nil, err
	}
	out := &openAnswersOutput{Body: make([]wire.OpenAnswer, 0, len(open))}
	for i := range open {
		a := &open[i]
		n, err := p.warn.Notice(ctx, db, a.Notice)
		if err != nil {
			return nil, err
		}
		out.Body = append(out.Body, wire.OpenAnswer{
			ID: a.ID, Notice: p.warn.Number(n.ID), Organisation: p.orgName(n.Org), What: string(a.What), Strength: string(a.Strength),
			By: joinWords([]string{a.By, a.Firm}), At: a.At, Reason: a.Reason,
		})
	}
	return out, nil
}

type settleInput struct {
	Answer int64 `path:"answer" minimum:"1"`
	Body   wire.Settlement
}

func (p *Pages) apiSettleAnswer(ctx context.Context, in *settleInput) (*noContent, error) {
	return nil, p.warn.SettleAnswer(ctx, apiActor(ctx), in.Answer, in.Body.Note)
}
