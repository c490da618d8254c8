package e2e

import (
	"strconv"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/duty"
	"almenara.example/internal/guard"
)

// people lets somebody be on duty with a hole in the roster, hand over, be called, and
// lets an operator claim what is another's; it returns the pages of these things.
func (s *stage) people() map[string]string {
	s.t.Helper()
	ctx, local := s.t.Context(), guard.LocalOperator()
	room, org := s.app.Duty(), s.app.Constituency()
	now := time.Now().UTC().Truncate(time.Hour)
	person := func(name, phone string) int64 {
		p, err := s.app.Guard().AddPerson(ctx, local, guard.NewPerson{Org: guard.OwnOrg, Name: name, Phone: phone, Email: "duty@csirt.example", Zone: "Europe/Madrid"})
		s.check(err)
		return p.ID
	}
	one, other := person("Gala Prieto", "+34 600 000 001"), person("Hugo Santamaría de la Torre", "+34 600 000 002")
	first, err := room.AddShifts(ctx, local, duty.NewShift{Person: one, Begins: now.Add(-4 * time.Hour), Ends: now.Add(8 * time.Hour), Days: 3})
	s.check(err)
	_, err = room.AddShifts(ctx, local, duty.NewShift{Role: duty.Deputy, Person: other, Begins: now.Add(-4 * time.Hour), Ends: now.Add(8 * time.Hour), Days: 3})
	s.check(err)
	note, err := room.WriteHandover(ctx, local, "Aguas del Faro has not called back.\nThe feed of the night came late; nothing is lost.")
	s.check(err)
	for _, p := range []int64{one, other} {
		s.check(room.AddCaller(ctx, local, p, "any hour"))
	}
	_, err = room.MakePack(ctx, local)
	s.check(err)
	assets, err := org.Assets(ctx, s.read(), constituency.AssetFilter{Kind: constituency.CIDR, Limit: 1})
	s.check(err)
	operators, _ := org.Index().Organisations(constituency.OrgFilter{Kind: guard.KindOperator})
	claimant := operators[0].ID
	if claimant == assets[0].Org {
		claimant = operators[1].ID
	}
	claim, err := org.ClaimAsset(ctx, local, constituency.NewAsset{Org: claimant, Kind: "cidr", Value: assets[0].Value, Note: "We took this site over in spring."})
	s.check(err)
	shift, id := "/duty/shifts/"+strconv.FormatInt(first[0].ID, 10), strconv.FormatInt(claim.ID, 10)
	return map[string]string{
		"/duty/shifts/{id}": shift, "/duty/shifts/{id}/swap": shift + "/swap", "/duty/handovers/{id}": "/duty/handovers/" + strconv.FormatInt(note.ID, 10),
		"/duty/roster": "/duty/roster", "/duty/sheet": "/duty/sheet?sector=energy-electricity", "/duty/handovers": "/duty/handovers",
		"/constituency/claims": "/constituency/claims", "/constituency/claims/{id}": "/constituency/claims/" + id,
		"/constituency/organisations/{id}/end":      "/constituency/organisations/" + strconv.FormatInt(claimant, 10) + "/end",
		"/constituency/organisations/{id}/acts-for": "/constituency/organisations/" + strconv.FormatInt(claimant, 10) + "/acts-for",
	}
}
