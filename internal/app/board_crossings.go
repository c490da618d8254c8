package app

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/incident"
)

// crossings brings to the board what danger to life leaves to do: reviews that are due,
// and alarms because nobody reviewed.
type crossings struct {
	incidents *incident.Incidents
	acts      *act.Acts
}

// NeedsOf says which crossings wait for a person.
func (x crossings) NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) (needs []desk.Need, err error) {
	if !x.acts.May(ctx, act.Call{Actor: asker, Verb: "incident.read_crossings"}) {
		return nil, nil
	}
	all, err := x.incidents.CrossingNeeds(ctx, r)
	if err != nil {
		return nil, err
	}
	waiting, due := int64(0), time.Time{}
	for _, n := range all {
		number := x.incidents.CrossingNumber(n.Crossing.ID)
		if n.Alarm {
			needs = append(needs, desk.Need{
				Key: "incident.need.crossing_alarm", Note: "incident.need.crossing_alarm_do", Args: map[string]any{"Number": number}, N: 1, Since: n.Crossing.AlarmAt,
				URL: "/incident/crossings/" + number, Icon: "danger", Consequence: desk.Unheard,
			})
			continue
		}
		if waiting++; due.IsZero() {
			due = n.Crossing.ReviewDue
		}
	}
	return append(needs, desk.Need{
		Key: "incident.need.crossing_review", Note: "incident.need.crossing_review_do", N: waiting, Due: due, URL: "/incident/crossings", Icon: "eye", Consequence: desk.Untold,
	}), nil
}
