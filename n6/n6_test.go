package n6_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/n6"
)

const export = `{"orgs": [
 {"org_id": "faro.example", "actual_name": "Aguas del Faro",
  "inside_filter_asns": [64500, {"asn": 64501}], "inside_filter_ccs": ["XA"], "inside_filter_fqdns": [{"fqdn": "faro.example"}],
  "inside_filter_ip_networks": ["192.0.2.0/24"], "inside_filter_urls": null,
  "email_notification_enabled": true, "email_notification_addresses": [{"email": "soc@faro.example"}], "email_notification_language": "en",
  "users": [{"login": "x"}],
  "entity": {
   "full_name": "Aguas del Faro S.A.", "sector": {"label": "drinking-water"}, "public_essential_service": true,
   "alert_email": "alert@faro.example", "extra_ids": [{"extra_id_type_label": "REGON", "value": "1"}],
   "contact_points": [
    {"name": "Ana", "position": "CISO", "email": "ana@faro.example", "phones": [{"phone_number": "+99 1", "availability": "24/7"}, "+99 2"]}],
   "dependant_entities": [{"name": "Pozo Norte", "address": "x"}, "Pozo Sur"]}},
 {"org_id": "b.example", "entity": null, "users": []}],
 "entities": [{"full_name": "Alone"}]}`

func TestOrganisationsAreReadWithTheirLines(t *testing.T) {
	x, err := n6.Read(strings.NewReader(export))
	if err != nil {
		t.Fatal(err)
	}
	want := &n6.Export{
		Orgs: []n6.Org{
			{
				Line: 2, ID: "faro.example", ActualName: "Aguas del Faro",
				Inside: n6.Inside{ASNs: []string{"64500", "64501"}, Countries: []string{"XA"}, FQDNs: []string{"faro.example"}, IPNetworks: []string{"192.0.2.0/24"}},
				Notify: n6.Notify{Enabled: true, Addresses: []string{"soc@faro.example"}, Language: "en"},
				Entity: &n6.Entity{
					Line: 7, FullName: "Aguas del Faro S.A.", Sector: "drinking-water", PublicEssentialService: true,
					AlertEmail: "alert@faro.example", ExtraIDs: []string{"REGON: 1"},
					ContactPoints: []n6.ContactPoint{{
						Line: 11, Name: "Ana", Position: "CISO", Email: "ana@faro.example",
						Phones: []n6.Phone{{"+99 1", "24/7"}, {Number: "+99 2"}},
					}},
					Dependants: []n6.Dependant{{"Pozo Norte", "x"}, {Name: "Pozo Sur"}},
				},
			},
			{Line: 13, ID: "b.example"},
		},
		Entities: []n6.Entity{{Line: 14, FullName: "Alone"}},
		Unknown:  []n6.Unknown{{6, "orgs.users"}},
	}
	if diff := cmp.Diff(want, x); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if x, err := n6.Read(strings.NewReader(`[{"org_id":"a"}]`)); err != nil || len(x.Orgs) != 1 {
		t.Errorf("an array alone: got %+v, %v", x, err)
	}
}

func TestABrokenFileNamesLineAndKey(t *testing.T) {
	for in, want := range map[string]string{
		``:                              "line 1: is not JSON",
		`5`:                             "is not a list",
		`{"a":1}`:                       "holds no organisations",
		"{\"orgs\":\n5}":                "line 2: orgs: is not a list",
		"{\"orgs\":[\n5]}":              "line 2: orgs: is not an object",
		`[{}]`:                          "neither org_id nor actual_name",
		`[{"org_id":"a","org_id":"b"}]`: "org_id: comes twice",
		`[{"org_id":{}}]`:               "org_id: is not a text",
		"[{\"org_id\":\"a\",\n\"inside_filter_asns\":5}]":         "line 2: inside_filter_asns: is not a list",
		`[{"org_id":"a","inside_filter_asns":[{"x":1}]}]`:         "has no asn",
		`[{"org_id":"a","email_notification_enabled":"perhaps"}]`: "neither true nor false",
		`[{"org_id":"a","entity":[]}]`:                            "entity: is not an object",
		`{"entities":[{}]}`:                                       "no full_name",
		`[] []`:                                                   "something follows",
		`[{"org_id":"a"`:                                          "is not JSON",
		"[\xff]":                                                  "UTF-8",
		strings.Repeat("[", 20):                                   "too deep",
	} {
		_, err := n6.Read(strings.NewReader(in))
		var bad *n6.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(export)
	f.Fuzz(func(t *testing.T, text string) {
		x, err := n6.Read(strings.NewReader(text))
		if (x == nil) == (err == nil) {
			t.Fatalf("got %v and %v", x, err)
		}
	})
}
