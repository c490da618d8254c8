package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Verdict is whether an incident falls under a regime.
type Verdict string

// The verdicts.
const (
	Significant Verdict = "significant" // major, significant or whatever the law calls it: it must be reported
	NearMiss    Verdict = "near-miss"   // it could have been; reported by choice
	Not         Verdict = "not"
)

// Verdicts lists them in the order of the pages.
func Verdicts() []Verdict { return []Verdict{Significant, NearMiss, Not} }

// Judgement is what was decided about an organisation's incident under a regime, and
// why. The last one counts; those before stay.
type Judgement struct {
	ID       int64
	Incident int64
	Org      int64
	Law      int64 // the version of the regime whose criteria were weighed
	Regime   string
	Verdict  Verdict
	Answers  map[string]string // criterion to yes or no; what is not known is not there
	Reason   string
	Entry    int64 // the decision in the story
	At       time.Time
	By       string
}

// NewJudgement is a decision to be recorded.
type NewJudgement struct {
	Org     int64
	Regime  string
	Verdict Verdict
	Answers map[string]string
	Reason  string
	Show    bool // to the organisation too; else to the desk alone
	Seen    int64
}

// Judge records whether an incident is significant for an organisation under a regime,
// with the answers to the law's criteria and the reason, and writes it into the story
// as a decision. Seen is the judgement that was looked at, 0 when there was none.
func (in *Incidents) Judge(ctx context.Context, actor act.Actor, incident int64, n NewJudgement) (j Judgement, err error) {
	n.Reason = clean(n.Reason)
	l, err := in.LawNamed(n.Regime)
	if err != nil {
		return j, err
	}
	if err := n.validate(&l); err != nil {
		return j, err
	}
	call := act.Call{Actor: actor, Verb: "incident.judge", Reason: n.Reason}
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		last, err := in.judgements(ctx, tx, i.ID, n.Org, n.Regime)
		if err != nil {
			return err
		}
		if seen := len(last); seen > 0 && last[seen-1].ID != n.Seen || seen == 0 && n.Seen != 0 {
			return changedMeanwhile()
		}
		if err := in.keepLaw(ctx, tx, &l); err != nil {
			return err
		}
		e, err := in.AddEntry(ctx, actor, incident, n.entry(in, i, &l))
		if err != nil {
			return err
		}
		j = Judgement{Incident: i.ID, Org: n.Org, Law: l.ID, Regime: n.Regime, Verdict: n.Verdict, Answers: n.Answers, Reason: n.Reason, Entry: e.ID, At: tx.Now(), By: actor.ID}
		if j.ID, err = tx.Next(ctx, "incident.judgement"); err != nil {
			return err
		}
		answers, err := json.Marshal(n.Answers)
		if err != nil {
			return err
		}
		tx.Detail(judgeDetail{j.ID, j.Org, j.Regime, string(j.Verdict), l.Digest})
		_, err = tx.ExecContext(ctx, `insert into incident_significance (id, incident_id, org_id, law_id, regime, verdict, answers, reason, entry_id, at, by_id)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			j.ID, j.Incident, j.Org, j.Law, j.Regime, string(j.Verdict), string(answers), j.Reason, j.Entry, stamp(j.At), j.By)
		return err
	})
	return j, err
}

type judgeDetail struct {
	Judgement int64  `json:"judgement"`
	Org       int64  `json:"org"`
	Regime    string `json:"regime"`
	Verdict   string `json:"verdict"`
	Law       string `json:"law"`
}

func (n *NewJudgement) validate(l *Law) error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	add(known("verdict", "incident.clocks.verdict", Verdicts(), n.Verdict))
	add(checkText("reason", n.Reason, MaxReason, true))
	ids := criteria(l)
	for id, answer := range n.Answers {
		if !slices.Contains(ids, id) || answer != "yes" && answer != "no" {
			add(fault.OnField("answers", "incident.clocks.criterion", fault.Args{"Value": fault.Clip(id + "=" + answer)}))
		}
	}
	return fault.Join("incident.invalid", bad)
}

func criteria(l *Law) (ids []string) {
	for _, k := range l.Regime.Criteria {
		ids = append(ids, k.ID)
	}
	return ids
}

// entry is the decision in the story, in the installation's language.
func (n *NewJudgement) entry(in *Incidents, i *Incident, l *Law) NewEntry {
	p := in.Catalogue.Printer(in.Language)
	o, _ := in.Constituency.Index().Org(n.Org)
	lines := []string{p.Say("incident.clocks.judged."+string(n.Verdict), "Regime", l.Regime.Title.In(in.Language), "Name", o.Name), n.Reason}
	for _, k := range l.Regime.Criteria {
		if a := n.Answers[k.ID]; a != "" {
			lines = append(lines, fmt.Sprintf("%s %s (%s)", k.Label.In(in.Language), p.Say("incident.clocks.answer."+a), k.Citation))
		}
	}
	e := NewEntry{Kind: Decision, Marking: i.Marking, Text: strings.Join(lines, "\n")}
	if n.Show {
		e.To = guard.Circle{Orgs: []int64{n.Org}}
	}
	return e
}

func (in *Incidents) judgements(ctx context.Context, r sqldb.Reader, incident, org int64, law string) ([]Judgement, error) {
	return sqldb.All(ctx, r, func(r sqldb.Row) (j Judgement, err error) {
		var at int64
		var answers string
		if err = r.Scan(&j.ID, &j.Incident, &j.Org, &j.Law, &j.Regime, &j.Verdict, &answers, &j.Reason, &j.Entry, &at, &j.By); err != nil {
			return j, err
		}
		j.At = clock.FromMicros(at)
		return j, json.Unmarshal([]byte(answers), &j.Answers)
	}, `select id, incident_id, org_id, law_id, regime, verdict, answers, reason, entry_id, at, by_id from incident_significance
		where incident_id = $1 and ($2 = 0 or org_id = $2) and ($3 = '' or regime = $3) order by id`, incident, org, law)
}

// Judgements lists what was decided in an incident, oldest first: for the desk; others
// see the decision in the story where it was shown to them.
func (in *Incidents) Judgements(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Judgement, error) {
	if _, err := in.Incident(ctx, r, v, incident); err != nil || !v.Desk() {
		return nil, err
	}
	return in.judgements(ctx, r, incident, 0, "")
}
