package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// watchMachine looks after crossings by the clock.
const watchMachine = "incident.watch_crossings"

// tellCrossing queues the mail to the police and to oversight, writes what the desk sees
// in the incident, and tells the owners when they are to hear at once.
func (in *Incidents) tellCrossing(ctx context.Context, tx *act.Tx, c *Crossing) error {
	if err := in.writeToContacts(ctx, tx, LetterPolice, c.ID, c.Org); err != nil {
		return err
	}
	if err := in.writeToRole(ctx, tx, LetterOversight, c.ID, guard.RoleOversight); err != nil {
		return err
	}
	if err := in.noteCrossing(ctx, tx, c); err != nil {
		return err
	}
	if c.TellOwnersAt.After(tx.Now()) {
		return nil
	}
	if err := in.tellOwners(ctx, tx, c); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update incident_crossing set owners_told_at = $1 where id = $2`, clock.Micros(c.OwnersTold), c.ID)
	return err
}

// noteCrossing writes the decision into the incident, for the desk alone.
func (in *Incidents) noteCrossing(ctx context.Context, tx *act.Tx, c *Crossing) error {
	i, err := get(ctx, tx, c.Incident)
	if err != nil {
		return err
	}
	text := in.speak("").Say("incident.crossing.entry", "Number", in.CrossingNumber(c.ID), "Ground", c.Citation, "Why", c.Why)
	_, err = in.machineEntry(ctx, &i, NewEntry{Kind: Decision, Marking: tlp.AmberStrict, Text: text, SourceID: c.ID})
	return err
}

// machineEntry writes an entry of the desk's that the program words: an act of its own
// within the open one.
func (in *Incidents) machineEntry(ctx context.Context, i *Incident, n NewEntry) (e Entry, err error) {
	n.Source = FromMachine
	machine := act.MachineActor(watchMachine)
	call := act.Call{Actor: machine, Verb: "incident.add_entry", Subject: subject(i.ID), Purpose: purpose, Exercise: i.Exercise}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) (err error) {
		e, err = in.addEntry(ctx, tx, machine, i, n)
		return err
	})
	return e, err
}

// tellOwners tells each organisation whose lines crossed which they were, why and to
// whom: by an entry where it takes part, else by mail that names nothing.
func (in *Incidents) tellOwners(ctx context.Context, tx *act.Tx, c *Crossing) error {
	c.OwnersTold = tx.Now()
	lines, err := in.CrossingLines(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	i, err := get(ctx, tx, c.Incident)
	if err != nil {
		return err
	}
	police, err := in.Guard.Organisation(ctx, tx, c.Org)
	if err != nil {
		return err
	}
	mine := map[int64][]string{}
	var owners []int64
	for _, l := range lines {
		e, err := anyEntry(ctx, tx, l.Entry) // its owner may have been corrected since
		if err != nil {
			return err
		}
		if e.Owner == guard.OwnOrg || e.Owner == c.Org {
			continue
		}
		if mine[e.Owner] == nil {
			owners = append(owners, e.Owner)
		}
		mine[e.Owner] = append(mine[e.Owner], "— "+excerpt(l.Text))
	}
	for _, org := range owners {
		there, err := takesPart(ctx, tx, i.ID, Viewer{Org: org})
		if err != nil {
			return err
		}
		if !there {
			if err := in.writeToContacts(ctx, tx, LetterOwner, c.ID, org); err != nil {
				return err
			}
			continue
		}
		text := in.speak(in.languageOf(ctx, tx, org)).Say("incident.crossing.owner", "Police", police.Name, "Number", in.CrossingNumber(c.ID),
			"Ground", c.Citation, "At", in.speak("").Time(c.At)) + "\n" + strings.Join(mine[org], "\n")
		n := NewEntry{Kind: Note, Marking: tlp.AmberStrict, To: guard.Circle{Orgs: []int64{org}}, Text: text, SourceID: c.ID}
		if _, err := in.machineEntry(ctx, &i, n); err != nil {
			return err
		}
	}
	return nil
}

// excerpt is the beginning of a text, on one line.
func excerpt(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return string(r)
}

// languageOf is the language of an organisation's first contact.
func (in *Incidents) languageOf(ctx context.Context, r sqldb.Reader, org int64) string {
	people, err := in.Directory(ctx, r, org)
	if err != nil || len(people) == 0 {
		return in.Language
	}
	return people[0].Language
}

// addCrossingJobs registers what is done by the clock and by the queue.
func (in *Incidents) addCrossingJobs() (err error) {
	if in.Queue == nil {
		return nil // a part of the room without mail
	}
	if in.letters, err = jobs.Add(in.Queue, jobs.Kind[struct{}]{Name: "incident.send_letters", Tries: 12, Timeout: 10 * time.Minute, Every: time.Minute, Work: in.workLetters}); err != nil {
		return err
	}
	_, err = jobs.Add(in.Queue, jobs.Kind[struct{}]{Name: "incident.watch_crossings", Every: 30 * time.Second, Work: in.workCrossings})
	return err
}

// workCrossings is the clockwork of crossings.
func (in *Incidents) workCrossings(ctx context.Context, _ struct{}, _ jobs.Try) error {
	return in.WatchCrossings(ctx)
}

// WatchCrossings does what is due: owners are told, and what nobody reviewed in time
// raises an alarm and is recalled. Done twice, it does nothing the second time.
func (in *Incidents) WatchCrossings(ctx context.Context) error {
	now := clock.Micros(in.Acts.Clock().Now())
	owners, err := sqldb.All(ctx, in.read, sqldb.Int64, `select id from incident_crossing where owners_told_at = 0 and tell_owners_at <= $1 order by id limit 500`, now)
	if err != nil {
		return err
	}
	for _, id := range owners {
		if err := in.doTellOwners(ctx, id); err != nil {
			return fmt.Errorf("tell the owners of crossing %d: %w", id, err)
		}
	}
	silent, err := sqldb.All(ctx, in.read, sqldb.Int64, `select id from incident_crossing where reviewed_at = 0 and review_due <= $1 and alarm_at = 0 and recalled_at = 0
		order by id limit 500`, now)
	if err != nil {
		return err
	}
	for _, id := range silent {
		if err := in.silence(ctx, id); err != nil {
			return fmt.Errorf("recall crossing %d: %w", id, err)
		}
	}
	return nil
}

func (in *Incidents) doTellOwners(ctx context.Context, id int64) error {
	call := act.Call{Actor: act.MachineActor(watchMachine), Verb: "incident.tell_owners"}
	return in.changeCrossing(ctx, call, id, func(ctx context.Context, tx *act.Tx, c *Crossing) error {
		if !c.OwnersTold.IsZero() {
			return nil
		}
		return in.tellOwners(ctx, tx, c)
	})
}

// silence is an alarm, and the package is closed.
func (in *Incidents) silence(ctx context.Context, id int64) error {
	machine := act.MachineActor(watchMachine)
	call := act.Call{Actor: machine, Verb: "incident.recall_unreviewed"}
	return in.changeCrossing(ctx, call, id, func(ctx context.Context, tx *act.Tx, c *Crossing) error {
		if !c.ReviewedAt.IsZero() || !c.Open() || c.ReviewDue.After(tx.Now()) {
			return nil
		}
		c.AlarmAt = tx.Now()
		if err := in.writeToRole(ctx, tx, LetterAlarm, c.ID, guard.RoleDutyLead); err != nil {
			return err
		}
		return in.recall(ctx, tx, c, machine.ID, in.speak("").Say("incident.crossing.silence"))
	})
}
