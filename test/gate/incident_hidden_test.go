package gate

import (
	"context"
	"fmt"
	"math/rand/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// secret is where a hidden act happens: an incident, and a stranger who takes part there.
type secret struct {
	*world
	r    *rand.Rand
	at   int64
	who  *party
	kind incident.Kind
}

// hiddenAct does one thing of which no reader may learn. What is refused as things stand
// is no failure; each act must happen once in a pair (see incomplete).
type hiddenAct struct {
	name string
	do   func(*secret, context.Context) error
}

// hiddenActs are what is hidden from those outside: whatever has to do with strangers or
// is the desk's own.
func hiddenActs() []hiddenAct {
	return []hiddenAct{
		{"entry", (*secret).entry},
		{"to a colleague", (*secret).toBen},
		{"file", (*secret).file},
		{"task", (*secret).task},
		{"question", (*secret).question},
		{"answer", (*secret).answer},
		{"stranger's entry", (*secret).theirs},
		{"edit", (*secret).edit},
		{"retract", (*secret).retract},
		{"share", (*secret).share},
		{"leave", (*secret).leave},
		{"by name", (*secret).byName},
		{"merge", (*secret).merge},
		{"split", (*secret).split},
		{"duty", (*secret).duty},
		{"clock that runs out", (*secret).runsOut},
		{"filing", (*secret).files},
		{"filing at the desk", (*secret).filesHere},
		{"crossing", (*secret).crosses},
		{"consent", (*secret).consents},
		{"transfer", (*secret).transfers},
		{"service", (*secret).service},
		{"need of a service", (*secret).needed},
		{"resource", (*secret).resource},
		{"lesson", (*secret).lesson},
		{"report", (*secret).reports},
		{"mail", (*secret).mail},
		{"situation report", (*secret).sitrep},
		{"lead", (*secret).lead},
		{"exercise", (*secret).exercise},
		{"a colleague by name", (*secret).colleague},
		{"removed", (*secret).removed},
		{"what crossed is changed", (*secret).changes},
		{"note on a report", (*secret).notes},
	}
}

// redActs are what is hidden from the desk's people, too, who are not named.
func redActs() []hiddenAct {
	return []hiddenAct{
		{"red entry", (*secret).redEntry},
		{"red question", (*secret).redQuestion},
		{"red task", (*secret).redTask},
		{"red file", (*secret).redFile},
		{"to a colleague", (*secret).toBen},
		{"edit", (*secret).edit},
		{"retract", (*secret).retract},
		{"red service", (*secret).redService},
		{"red resource", (*secret).redResource},
		{"answer", (*secret).answerRed},
	}
}

func (p plot) acts() []hiddenAct {
	if p.red {
		return redActs()
	}
	return hiddenActs()
}

// unseen does some hidden acts each time, all kinds in turn; in the world without them,
// none.
func (w *world) unseen(r *rand.Rand) func(context.Context) error {
	var deck []hiddenAct
	return func(ctx context.Context) error {
		if !w.plot.hidden {
			return nil
		}
		for range 3 {
			if len(deck) == 0 {
				deck = w.plot.acts()
				r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
			}
			one := deck[0]
			deck = deck[1:]
			s, err := w.scene(ctx, r)
			if err == nil {
				err = one.do(s, ctx)
			}
			if refused := fault.CodeOf(err); err != nil && refused != fault.Invalid && refused != fault.Conflict && refused != fault.NotFound && refused != fault.Denied {
				return fmt.Errorf("what is hidden, %s: %w", one.name, err)
			}
			if err == nil {
				w.done[one.name]++
			} else {
				w.done["refused "+one.name+": "+err.Error()]++
			}
		}
		return nil
	}
}

// incomplete are the hidden acts that never happened.
func (w *world) incomplete() (out []string) {
	for _, a := range w.plot.acts() {
		if w.done[a.name] == 0 {
			out = append(out, a.name)
		}
	}
	return out
}

// scene chooses an incident, of the readers' or a secret one, and a stranger there.
func (w *world) scene(ctx context.Context, r *rand.Rand) (*secret, error) {
	kinds := []incident.Kind{incident.Note, incident.Decision, incident.Call, incident.Status, incident.Observable}
	s := &secret{world: w, r: r, who: w.parties[strangers[r.IntN(2)]], kind: kinds[r.IntN(len(kinds))]}
	open := w.real()
	if w.plot.red {
		s.at = append(open, w.drill)[r.IntN(len(open)+1)]
		return s, nil
	}
	if len(w.hiddenReal()) < 3 {
		i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: "Secret harm", Severity: incident.Critical, Marking: tlp.Amber})
		if err != nil {
			return nil, err
		}
		w.keep("incident", true, i.ID)
	}
	open = append(open, w.hiddenReal()...)
	s.at = open[r.IntN(len(open))]
	return s, w.joins(ctx, w.desk, s.at, s.who.org.ID)
}

// hiddenReal are the secret incidents that are no exercise.
func (w *world) hiddenReal() (out []int64) {
	for _, id := range w.things["incident"].secret {
		if i, err := w.in.Incident(context.Background(), w.App.Acts().Reader(), incident.ViewerOf(w.desk), id); err == nil && !i.Exercise {
			out = append(out, id)
		}
	}
	return out
}
