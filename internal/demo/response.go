package demo

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// response is what belongs to the response at the water works besides its entries: the
// clocks that run for it, what the plant has filed, and the report by which it began.
func (f *filler) response(ctx context.Context, now time.Time, i incident.Incident) error {
	officer := f.as(guard.RoleWatchOfficer)
	plant, err := f.named(ctx, plantOrg)
	if err != nil {
		return err
	}
	if _, err := f.Incidents.BeginDuty(ctx, officer, i.ID, incident.NewDuty{Org: plant, Regime: "nis2", Why: "Essential entity, drinking water."}); err != nil {
		return fmt.Errorf("clocks: %w", err)
	}
	aware := now.Add(-8*time.Hour - 50*time.Minute)
	if _, err := f.Incidents.SetAnchor(ctx, officer, i.ID, incident.NewAnchor{Org: plant, Event: regime.Awareness, At: aware}); err != nil {
		return fmt.Errorf("clocks: %w", err)
	}
	if err := f.earlyWarning(ctx, i); err != nil {
		return fmt.Errorf("early warning: %w", err)
	}
	r, err := f.Incidents.TakeReport(ctx, officer, incident.NewReport{
		Source: incident.ByPhone, Owner: plant, Name: "Plant engineer on shift", Phone: "+999 555 0100", Marking: tlp.AmberStrict, SaidAt: now.Add(-9 * time.Hour),
		Text: "Setpoints of two pumps changed by themselves at 02:41. They run by hand since.",
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := f.Incidents.LinkReport(ctx, officer, r.ID, i.ID); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = f.Incidents.TakeReport(ctx, officer, incident.NewReport{
		Source: incident.ByPhone, Name: "A resident", Marking: tlp.Amber, Text: "The web page of the town hall shows a page that is not theirs, since about an hour.",
	})
	return err
}
