package gate

import (
	"os"
	"regexp"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/test/house"
)

// inTable is an address in the README's table of what is where.
var inTable = regexp.MustCompile("(?m)^\\|.*\\| `(/[a-z/]*)` \\|")

func TestTheAddressesOfTheReadmeAreThere(t *testing.T) {
	words, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	h := house.Start(t, house.Options{})
	lead := house.As(h.SignIn(h.Person(guard.OwnOrg, guard.RoleDutyLead).ID))
	all := inTable.FindAllStringSubmatch(string(words), -1)
	if len(all) < 10 {
		t.Fatalf("got %d addresses, want the table", len(all))
	}
	for _, m := range all {
		if a := h.Ask("GET", m[1], nil, lead); a.Status != 200 && a.Status != 303 {
			t.Errorf("%s: got %d", m[1], a.Status)
		}
	}
}
