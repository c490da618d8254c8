package constituency

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

const twoCompanies = `contact_email,organisation,kind,sector,service,asset_kind,asset,valid_from,valid_to,contact_name,contact_language,population
watch@water.example,Water of Atalaya,operator,drinking-water,Supply of the capital,cidr,192.0.2.0/24,,,Watch Desk,es,1200000
,Water of Atalaya,,,,domain,water.example,2020-01-01,,,,
,water  of ATALAYA,,waste-water,,asn,AS64496,,2027-12-31,,,
,Power of Atalaya,operator,energy-electricity,,maildomain,power.example,,,,,
,Power of Atalaya,,,,site,Substation North,,,,,
`

func TestRowsOfOneOrganisationAddUp(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		preview := r.imports(OrganisationsFile, false, twoCompanies)
		if preview.Applied || preview.Organisations.Added != 2 || preview.Assets.Added != 5 || preview.Contacts.Added != 1 {
			t.Fatalf("preview: got %+v", preview)
		}
		if got := r.whose("192.0.2.1"); got != "" {
			t.Fatalf("a preview changed something: %q", got)
		}
		if res := r.imports(OrganisationsFile, true, twoCompanies); !res.Applied {
			t.Fatalf("got %+v, want it applied", res)
		}
		for subject, want := range map[string]string{
			"192.0.2.1": "Water of Atalaya", "scada.water.example": "Water of Atalaya", "AS64496": "Water of Atalaya",
			"ana@power.example": "Power of Atalaya", "198.51.100.1": "",
		} {
			if got := r.whose(subject); got != want {
				t.Errorf("%s belongs to %q, want %q", subject, got, want)
			}
		}
		o, _, err := r.guard.OrganisationNamed(t.Context(), r.acts.Reader(), "Water of Atalaya")
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.Standing(t.Context(), r.acts.Reader(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"drinking-water", "waste-water"}, s.Sectors); d != "" {
			t.Errorf("sectors (-want +got):\n%s", d)
		}
		if len(s.Services) != 1 || s.Services[0].Population != 1_200_000 {
			t.Errorf("got services %+v", s.Services)
		}
		again := r.imports(OrganisationsFile, true, twoCompanies)
		want := ImportResult{Applied: true, Rows: 5, Organisations: Tally{Unchanged: 2}, Assets: Tally{Unchanged: 5}, Contacts: Tally{Unchanged: 1}}
		if d := cmp.Diff(want, again); d != "" {
			t.Errorf("the same file again (-want +got):\n%s", d)
		}
	})
}

func TestAnExportIsImportedWithoutAnyChange(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.imports(OrganisationsFile, true, twoCompanies+`ops@sum.example,=SUM(A1) Ltd,provider,,,product,+cpe:/a:x,,,"@Ana, ""the"" boss",,
`)
		r.imports(NetworksFile, true, "prefix,asn,organisation,abuse_email,country,language\n198.51.100.0/24,AS64500,Net of Atalaya,abuse@net.example,XA,fr\n")
		if err := r.SetActsFor(t.Context(), r.by, 4, []int64{2, 3}); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := r.Export(t.Context(), r.acts.Reader(), &out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			for cell := range strings.SplitSeq(line, ",") {
				if cell = strings.Trim(cell, `"`); cell != "" && strings.IndexByte("=+-@", cell[0]) >= 0 {
					t.Errorf("a spreadsheet would compute %q", cell)
				}
			}
		}
		res := r.imports(OrganisationsFile, true, out.String())
		if res.Organisations.Added+res.Organisations.Changed+res.Assets.Added+res.Assets.Changed+res.Contacts.Added+res.Contacts.Changed > 0 || !res.Applied {
			t.Errorf("got %+v, want nothing changed, of\n%s", res, out.String())
		}
		other := newRoomOnSQLite(t)
		other.imports(OrganisationsFile, true, out.String())
		var copied bytes.Buffer
		if err := other.Export(t.Context(), other.acts.Reader(), &copied); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(out.String(), "\n"), strings.Split(copied.String(), "\n")); d != "" {
			t.Errorf("export of an imported export (-want +got):\n%s", d)
		}
	})
}

func TestARefusedRowAppliesNothingAndSaysWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		res := r.imports(OrganisationsFile, true, `organisation,kind,sector,asset_kind,asset,valid_from,valid_to,contact_email
Good,operator,health,cidr,192.0.2.0/24,,,
Bad,operatr,helth,cidr,192.0.2.1/24,2026-13-01,,not an address
,operator,,cidr,192.0.2.0/24,,,
Suffix,operator,,domain,co.uk,,,
Short
Time,operator,,asn,64496,2026-02-01,2026-01-01,
Good,network,,asn,64496,,,
`)
		var got []string
		for _, e := range res.Errors {
			got = append(got, fmt.Sprintf("%v %s %s %v", e.Args["Line"], e.Field, e.Key, e.Args["Value"]))
		}
		want := []string{
			"3 kind guard.organisation.kind operatr",
			"3 sector constituency.sector_unknown helth",
			"3 asset constituency.asset.host_bits 192.0.2.1/24",
			"3 valid_from constituency.day.form 2026-13-01",
			"3 contact_email guard.email.form not an address",
			"4 organisation guard.name.empty <nil>",
			"5 asset constituency.asset.public_suffix co.uk",
			"6  constituency.import.row.too_few_columns <nil>",
			"7 valid_to constituency.day.order <nil>",
			"8 kind constituency.import.kind_differs network",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("errors (-want +got):\n%s", d)
		}
		if res.Applied || res.Refused != 6 || r.whose("192.0.2.1") != "" {
			t.Errorf("got %+v, want nothing applied", res)
		}
	})
}

func TestAHeaderThatIsNotUnderstoodIsRefusedByName(t *testing.T) {
	r := newRoomOnSQLite(t)
	for head, want := range map[string]string{
		"organisation,colour":    "constituency.import.column_unknown",
		"kind":                   "constituency.import.column_missing",
		"organisation,kind,kind": "constituency.import.column_twice",
	} {
		_, err := r.Import(t.Context(), r.by, OrganisationsFile, strings.NewReader(head+"\n"), false)
		if f := fault.Of(err); len(f.Parts) != 1 || f.Parts[0].Key != want {
			t.Errorf("%s: got %v, want %s", head, err, want)
		}
	}
	_, err := r.Import(t.Context(), r.by, OrganisationsFile, strings.NewReader(""), false)
	wantCode(t, err, fault.Invalid, "constituency.import.empty")
}

func TestANewEndInAFileChangesTheAsset(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		file := func(to string) string {
			return "organisation,asset_kind,asset,valid_from,valid_to\nWater,cidr,192.0.2.0/24,2020-01-01," + to + "\n"
		}
		r.imports(OrganisationsFile, true, file(""))
		if res := r.imports(OrganisationsFile, true, file("2026-11-20")); res.Assets != (Tally{Changed: 1}) {
			t.Errorf("got %+v, want one changed", res.Assets)
		}
		if got := r.whose("192.0.2.1"); got != "" {
			t.Errorf("got %q, want nobody after the end", got)
		}
		water, _, err := r.guard.OrganisationNamed(t.Context(), r.acts.Reader(), "water")
		if err != nil {
			t.Fatal(err)
		}
		r.asset(NewAsset{Org: water.ID, Kind: "cidr", Value: "192.0.2.0/24", From: "2026-11-21"})
		if got := r.whose("192.0.2.1"); got != "Water" {
			t.Errorf("got %q, want the manual asset to count", got)
		}
	})
}

func TestALargeImportAppearsWholeAndCanBeTakenBack(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		var b strings.Builder
		b.WriteString("organisation,asset_kind,asset\n")
		for i := range actAssets + 5000 {
			fmt.Fprintf(&b, "Company %d,cidr,10.%d.%d.%d/32\n", i%50, i>>16, i>>8&255, i&255)
		}
		gen := r.Index().Generation()
		res := r.imports(OrganisationsFile, true, b.String())
		if !res.Applied || res.Assets.Added != actAssets+5000 || r.Index().Generation() <= gen {
			t.Fatalf("got %+v", res)
		}
		if got := r.whose("10.0.0.51"); got != "Company 1" {
			t.Errorf("got %q, want Company 1", got)
		}
		if again := r.imports(OrganisationsFile, true, b.String()); again.Assets != (Tally{Unchanged: actAssets + 5000}) {
			t.Errorf("the same again: got %+v", again.Assets)
		}

		// A program that was stopped before the last act leaves nothing behind.
		p, err := r.plan(t.Context(), OrganisationsFile, strings.NewReader("organisation,asset_kind,asset\nCompany 1,cidr,192.0.2.0/24\n"))
		if err != nil {
			t.Fatal(err)
		}
		l := &largeImport{c: r.Constituency, p: p}
		if err := l.begin(t.Context(), r.by); err != nil {
			t.Fatal(err)
		}
		if err := l.take(t.Context(), &Asset{}, &Asset{Org: 2, Kind: CIDR, Value: "192.0.2.0/24", To: Forever, Source: Imported}); err != nil {
			t.Fatal(err)
		}
		if err := l.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := newRoomIndex(t, r).Match(&Subject{IP: netip.MustParseAddr("192.0.2.1")}, 1); m.Rule != NoRule {
			t.Errorf("what is prepared is visible: %+v", m)
		}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := r.CountAssets(t.Context(), r.acts.Reader(), AssetFilter{}, 1_000_000)
		if err != nil || n != actAssets+5000 {
			t.Errorf("got %d assets, %v, want %d", n, err, actAssets+5000)
		}
	})
}

func TestNetworkOwnersAreAskedAfterOperators(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.imports(NetworksFile, true, "organisation,prefix,asn,abuse_email\nNet,192.0.0.0/16,AS64496,abuse@net.example\n")
		r.imports(OrganisationsFile, true, "organisation,asset_kind,asset\nWater,cidr,192.0.2.0/24\n")
		for subject, want := range map[string]string{"192.0.2.1": "Water", "192.0.3.1": "Net", "AS64496": "Net"} {
			if got := r.whose(subject); got != want {
				t.Errorf("%s belongs to %q, want %q", subject, got, want)
			}
		}
		net, _, err := r.guard.OrganisationNamed(t.Context(), r.acts.Reader(), "net")
		if err != nil || net.Kind != guard.KindNetwork {
			t.Fatalf("got %+v, %v", net, err)
		}
		ks, err := r.Contacts(t.Context(), r.acts.Reader(), net.ID)
		if err != nil || len(ks) != 1 || ks[0].Email != "abuse@net.example" || !ks[0].Mailbox {
			t.Errorf("got contacts %+v, %v", ks, err)
		}
	})
}
