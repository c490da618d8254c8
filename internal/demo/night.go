package demo

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/duty"
	"almenara.example/internal/guard"
)

// night fills the roster of a week, the notes from shift to shift, the list of whom to
// call, and makes the pack.
func (f *filler) night(ctx context.Context) error {
	lead := f.as(guard.RoleDutyLead)
	today := f.Clock.Now().In(f.Duty.Zone)
	at := func(day, hour int) time.Time {
		return time.Date(today.Year(), today.Month(), today.Day()+day, hour, 0, 0, 0, f.Duty.Zone)
	}
	for _, s := range []duty.NewShift{
		{Role: duty.Officer, Person: f.people[guard.RoleWatchOfficer].ID, Begins: at(-1, 8), Ends: at(-1, 20), Days: 8},
		{Role: duty.Officer, Person: f.people[guard.RoleDutyLead].ID, Begins: at(-1, 20), Ends: at(0, 8), Days: 8},
		{Role: duty.Deputy, Person: f.people[guard.RoleConstituency].ID, Begins: at(-1, 8), Ends: at(0, 8), Days: 4},
	} {
		if _, err := f.Duty.AddShifts(ctx, lead, s); err != nil {
			return fmt.Errorf("roster: %w", err)
		}
	}
	h, err := f.Duty.WriteHandover(ctx, lead, "Quiet until 04:00, then the FLASH about pump controllers. "+silentOrg+" has not answered: their control room and their head of IT were written to.")
	if err != nil {
		return fmt.Errorf("hand-over: %w", err)
	}
	officer := f.as(guard.RoleWatchOfficer)
	if _, err := f.Duty.TakeOver(ctx, officer, h.ID); err != nil {
		return fmt.Errorf("hand-over: %w", err)
	}
	if _, err := f.Duty.WriteHandover(ctx, officer, "The release of the FLASH is to be reviewed today. One mail waits to be confirmed; one address of a notice does not exist any more."); err != nil {
		return fmt.Errorf("hand-over: %w", err)
	}
	for _, role := range []string{guard.RoleDutyLead, guard.RoleWatchOfficer, guard.RoleConstituency} {
		if err := f.Duty.AddCaller(ctx, lead, f.people[role].ID, ""); err != nil {
			return fmt.Errorf("call list: %w", err)
		}
	}
	if err := f.Settle(ctx); err != nil {
		return err
	}
	_, err = f.Duty.MakePack(ctx, lead)
	return err
}
