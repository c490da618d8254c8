package constituency

import (
	"slices"
	"strings"
	"testing"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

// certbundDump has what an installation may have, in documentation ranges.
const certbundDump = `COPY public.sector (sector_id, name) FROM stdin;
1	Drinking water
2	Weather
\.
INSERT INTO organisation VALUES (1, 'Aguas del Faro', 1, '', '', '', ''), (2, 'CERT of Xanadu', NULL, '', '', '', ''), (3, 'Red Libre', 2, 'x', '', '', '');
INSERT INTO organisation_automatic VALUES (1, 'Red Libre', NULL, '', 'ORG-RED1-EX', '', '', 'ripe', '2026-01-01'),
 (2, 'Hosting', NULL, '', 'ORG-H1-EX', '', '', 'ripe', '2026-01-01'), (3, 'hosting', NULL, '', 'ORG-H2-EX', '', '', 'ripe', '2026-01-01'),
 (4, 'Cable', NULL, '', '', '', '', 'ripe', '2026-01-01');
INSERT INTO contact VALUES (1, 'Ana', 'Faro', '+99 1', 'ABCD', 'Ana@Faro.example', '', 1), (2, '', '', '', '', 'old@faro.example', '', 1), (3, '', '', '', '', 'nobody', '', 1);
INSERT INTO contact_automatic VALUES (1, '', '', '', '', 'abuse@red.example', '', 'ripe', '2026-01-01', 1);
INSERT INTO network VALUES (1, '192.0.2.0/24', ''), (2, '0.0.0.0/0', ''), (3, '203.0.113.0/24', '');
INSERT INTO organisation_to_network VALUES (1, 1), (1, 2);
INSERT INTO network_automatic VALUES (1, '198.51.100.0/24', '', 'ripe', '2026-01-01');
INSERT INTO organisation_to_network_automatic VALUES (1, 1, 'ripe', '2026-01-01');
INSERT INTO organisation_to_asn_automatic VALUES (2, 64500, 'ripe', '2026-01-01'), (3, 64501, 'ripe', '2026-01-01');
INSERT INTO fqdn VALUES (1, 'faro.example', ''), (2, 'com', '');
INSERT INTO organisation_to_fqdn VALUES (1, 1), (1, 2);
INSERT INTO national_cert VALUES (1, 'XB', '', 2), (2, 'XC', '', 2);
INSERT INTO email_status VALUES ('old@faro.example', false, '2026-01-01');
INSERT INTO tag_name VALUES (1, 'Format', 1);
INSERT INTO tag VALUES (1, 1, 'csv', 'CSV', true);
INSERT INTO email_tag VALUES ('ana@faro.example', 1);
INSERT INTO organisation_annotation VALUES (1, 1, '{"tag": "inhibition", "condition": true}'), (2, 1, '{"tag": "daily"}');
`

// importsFrom imports another system's file.
func (r *room) importsFrom(o Origin, apply bool, text string) (ImportResult, []Note) {
	r.t.Helper()
	res, notes, err := r.ImportFrom(r.t.Context(), r.by, o, strings.NewReader(text), apply)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.Refused > 0 {
		r.t.Fatalf("%d rows are refused: %+v", res.Refused, res.Errors)
	}
	return res, notes
}

// sorts are the notes' last words with how many there are of each.
func sorts(notes []Note) map[string]int {
	out := map[string]int{}
	for _, n := range notes {
		out[strings.TrimPrefix(n.Key, "constituency.from.")] += n.Count
	}
	return out
}

func wantSorts(t *testing.T, notes []Note, want map[string]int) {
	t.Helper()
	got := sorts(notes)
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: got %d notes, want %d", k, got[k], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAContactDatabaseComesOverAndASecondTimeChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		res, notes := r.importsFrom(Certbund, false, certbundDump)
		if res.Applied || res.Organisations.Added != 6 || res.Assets.Added != 5 || res.Contacts.Added != 2 {
			t.Errorf("preview: got %+v", res)
		}
		wantSorts(t, notes, map[string]int{
			"renamed": 2, "merged": 1, "sector": 1, "country": 1, "asset": 2, "contact": 1, "disabled": 1, "fingerprint": 1, "tag": 1,
			"comment": 1, "inhibition": 1, "annotation": 1, "unowned": 1,
		})
		if got := r.whose("192.0.2.7"); got != "" {
			t.Errorf("a preview has made %q the owner", got)
		}
		if res, _ = r.importsFrom(Certbund, true, certbundDump); !res.Applied {
			t.Fatalf("got %+v, want it applied", res)
		}
		for subject, want := range map[string]string{
			"192.0.2.7": "Aguas del Faro", "www.faro.example": "Aguas del Faro", "198.51.100.1": "Red Libre",
			"AS64500": "Hosting (ORG-H1-EX)", "AS64501": "hosting (ORG-H2-EX)", "203.0.113.1": "",
		} {
			if got := r.whose(subject); got != want {
				t.Errorf("%s: got %q, want %q", subject, got, want)
			}
		}
		kinds := map[string]guard.Kind{}
		r.Index().EachOrg(func(o OrgInfo) bool {
			kinds[o.Name+" "+o.Country] = o.Kind
			if o.Name == "Aguas del Faro" {
				if len(o.Sectors) != 1 || o.Sectors[0] != "drinking-water" {
					t.Errorf("got the sectors %v", o.Sectors)
				}
				contacts, err := r.Contacts(t.Context(), r.acts.Reader(), o.ID)
				if err != nil || len(contacts) != 1 || contacts[0].Email != "ana@faro.example" || contacts[0].Name != "Ana Faro" || contacts[0].Phone != "+99 1" {
					t.Errorf("got the contacts %+v, %v", contacts, err)
				}
			}
			return true
		})
		for name, want := range map[string]guard.Kind{
			"Aguas del Faro XA": guard.KindOperator, "CERT of Xanadu XB": guard.KindCSIRT, "Red Libre XA": guard.KindOperator, "Cable XA": guard.KindNetwork,
		} {
			if kinds[name] != want {
				t.Errorf("%s: got %q, want %q", name, kinds[name], want)
			}
		}
		again, _ := r.importsFrom(Certbund, true, certbundDump)
		for _, n := range []Tally{again.Organisations, again.Assets, again.Contacts} {
			if n.Added+n.Changed > 0 {
				t.Errorf("a second time: got %+v", again)
			}
		}
	})
}

const n6Export = `[
 {"org_id": "faro.example", "actual_name": "Aguas del Faro",
  "inside_filter_asns": [64500], "inside_filter_ccs": ["XA"], "inside_filter_fqdns": ["faro.example"],
  "inside_filter_ip_networks": ["192.0.2.7/24", "rubbish"], "inside_filter_urls": ["http*://faro.example/*"],
  "email_notification_enabled": true, "email_notification_addresses": ["soc@faro.example"], "email_notification_language": "fr",
  "users": [],
  "entity": {"full_name": "Aguas del Faro S.A.", "sector_label": "Drinking water", "public_essential_service": true, "alert_email": "alert@faro.example",
   "city": "Puerto", "contact_points": [{"name": "Ana", "position": "CISO", "email": "ana@faro.example",
     "phones": [{"phone_number": "+99 1", "availability": "24/7"}, {"phone_number": "+99 2"}]}],
   "dependant_entities": [{"name": "Pozo Norte"}]}},
 {"org_id": "b.example", "email_notification_addresses": ["off@b.example"]}]`

func TestOrganisationsOfN6ComeOverAndASecondTimeChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		res, notes := r.importsFrom(N6, true, n6Export)
		if !res.Applied || res.Organisations.Added != 3 || res.Assets.Added != 3 || res.Contacts.Added != 4 {
			t.Errorf("got %+v", res)
		}
		wantSorts(t, notes, map[string]int{
			"whole_country": 1, "url": 1, "asset": 1, "essential": 1, "particulars": 1, "dependant": 1, "disabled": 1, "key": 1,
		})
		if !slices.IsSortedFunc(notes, func(a, b Note) int { return a.Line - b.Line }) {
			t.Errorf("the notes are not by line: %+v", notes)
		}
		for _, subject := range []string{"192.0.2.200", "AS64500", "x.faro.example"} {
			if got := r.whose(subject); got != "Aguas del Faro" {
				t.Errorf("%s: got %q", subject, got)
			}
		}
		r.Index().EachOrg(func(o OrgInfo) bool {
			if o.Name != "Aguas del Faro" {
				return true
			}
			contacts, err := r.Contacts(t.Context(), r.acts.Reader(), o.ID)
			if err != nil || len(contacts) != 4 {
				t.Fatalf("got %+v, %v", contacts, err)
			}
			if c := contacts[0]; c.Email != "alert@faro.example" || c.Role != "alerts" || c.Language != "fr" {
				t.Errorf("first: got %+v", c)
			}
			if c := contacts[2]; c.Name != "Ana" || c.Phone != "+99 1" || c.Hours != "24/7" || c.Role != "CISO" {
				t.Errorf("third: got %+v", c)
			}
			return true
		})
		again, _ := r.importsFrom(N6, true, n6Export)
		for _, n := range []Tally{again.Organisations, again.Assets, again.Contacts} {
			if n.Added+n.Changed > 0 {
				t.Errorf("a second time: got %+v", again)
			}
		}
	})
}

func TestAnOrganisationThatIsHereKeepsItsKind(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.org("Cable", guard.KindOperator)
		res, notes := r.importsFrom(Certbund, true, certbundDump)
		if !res.Applied || sorts(notes)["kind_kept"] != 1 {
			t.Errorf("got %+v, %v", res, sorts(notes))
		}
	})
}

func TestABrokenFileOfAnotherSystemIsRefusedWithItsLine(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		for _, c := range []struct {
			origin Origin
			text   string
			want   string
		}{{Certbund, "\nINSERT INTO sector VALUES (1);", "line 2"}, {N6, "[\n5]", "line 2"}} {
			_, _, err := r.ImportFrom(t.Context(), r.by, c.origin, strings.NewReader(c.text), true)
			f := fault.Of(err)
			if why, _ := f.Args["Why"].(string); f.Key != "constituency.from.broken" || !strings.Contains(why, c.want) {
				t.Errorf("got %v (%v), want %s", err, f.Args, c.want)
			}
		}
		_, _, err := r.ImportFrom(t.Context(), r.by, "lotus", strings.NewReader(""), true)
		wantCode(t, err, fault.Invalid, "constituency.from.unknown")
	})
}

func TestManyNotesOfASortAreCounted(t *testing.T) {
	tr := newTranslation(newIndex())
	for i := range MaxNotes + 5 {
		tr.note(i, "unowned", fault.Args{"Value": "x"})
	}
	if got := sorts(tr.sorted()); got["unowned"] != MaxNotes || got["more"] != 5 {
		t.Errorf("got %v", got)
	}
}
