package certbund_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/certbund"
)

const dump = `--
-- PostgreSQL database dump; INSERT INTO organisation VALUES (9, 'no');
--
SET standard_conforming_strings = on;
\restrict x
CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $_$
COPY public.organisation (organisation_id) FROM stdin;
INSERT INTO organisation VALUES (8, 'no');
$_$;
/* INSERT INTO organisation /* nested */ VALUES (7, 'no'); */
COPY public.audit_log (log_id, object_value) FROM stdin;
1	organisation
\.

COPY public.sector (sector_id, name) FROM stdin;
1	Drinking water
\.
COPY public.organisation (organisation_id, name, sector_id, comment, ripe_org_hdl, ti_handle, first_handle) FROM stdin;
1	Aguas del Faro	1	line one\nline two\ttab	ORG-FARO1-EX		
2	CERT of Xanadu	\N				
\.
COPY public.organisation_automatic (organisation_automatic_id, name, ripe_org_hdl, import_source, import_time) FROM stdin;
1	Red Libre	ORG-RED1-EX	ripe	2026-01-01 00:00:00
\.
COPY public.contact (contact_id, firstname, lastname, tel, openpgp_fpr, email, comment, organisation_id) FROM stdin;
1	Ana	Faro	+99 1	ABCD	ana@faro.example		1
2				 	OLD@faro.example		1
\.
INSERT INTO public.contact_automatic VALUES (1, '', '', '', '', 'abuse@red.example', 'it''s', 'ripe', '2026-01-01'::timestamp, 1);
INSERT INTO network (network_id, address, comment) VALUES (1, '192.0.2.0/24', E'tab\there'), (2, '198.51.100.0/24', '');
INSERT INTO organisation_to_network VALUES (1, 1);
INSERT INTO organisation_to_asn_automatic (organisation_automatic_id, asn, import_source) VALUES (1, 64500, 'ripe') ON CONFLICT DO NOTHING;
INSERT INTO fqdn VALUES (1, 'faro.example', '');
INSERT INTO organisation_to_fqdn VALUES (1, 1);
INSERT INTO national_cert VALUES (1, 'XB', '', 2);
INSERT INTO email_status VALUES ('old@faro.example', false, '2026-01-01');
INSERT INTO tag_name VALUES (1, 'Format', 1);
INSERT INTO tag VALUES (1, 1, 'csv', 'CSV', true);
INSERT INTO email_tag VALUES ('ana@faro.example', 1);
INSERT INTO organisation_annotation VALUES (1, 1, '{"tag": "inhibition", "condition": true}');
INSERT INTO network_annotation VALUES (1, 1, '{"tag": "daily"}');
INSERT INTO autonomous_system_annotation VALUES (1, 64501, '{"tag": "x"}');
SELECT pg_catalog.setval('public.organisation_organisation_id_seq', 2, true);
`

func TestTheTablesAreJoinedWithTheirLines(t *testing.T) {
	d, err := certbund.Read(strings.NewReader(dump))
	if err != nil {
		t.Fatal(err)
	}
	want := []certbund.Organisation{
		{
			ID: 1, Line: 19, Name: "Aguas del Faro", Sector: "Drinking water", Comment: "line one\nline two\ttab", RIPE: "ORG-FARO1-EX",
			Contacts: []certbund.Contact{
				{Line: 26, FirstName: "Ana", LastName: "Faro", Phone: "+99 1", Email: "ana@faro.example", OpenPGP: "ABCD", Tags: []string{"Format:csv"}},
				{Line: 27, Email: "OLD@faro.example", OpenPGP: " ", Disabled: true},
			},
			Networks: []certbund.Value{{Line: 31, Value: "192.0.2.0/24", Comment: "tab\there"}},
			FQDNs:    []certbund.Value{{Line: 34, Value: "faro.example"}},
			Annotations: []certbund.Annotation{
				{Line: 41, On: "192.0.2.0/24", JSON: `{"tag": "daily"}`, Tag: "daily"},
				{Line: 40, On: "organisation", JSON: `{"tag": "inhibition", "condition": true}`, Tag: "inhibition"},
			},
		},
		{ID: 2, Line: 20, Name: "CERT of Xanadu", Countries: []certbund.Value{{Line: 35, Value: "XB"}}},
		{
			ID: 1, Automatic: true, Line: 23, Name: "Red Libre", RIPE: "ORG-RED1-EX", ImportSource: "ripe",
			Contacts: []certbund.Contact{{Line: 29, Email: "abuse@red.example", Comment: "it's"}},
			ASNs:     []certbund.Value{{Line: 32, Value: "64500"}},
		},
	}
	if diff := cmp.Diff(want, d.Organisations); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]certbund.Value{{Line: 30, Value: "198.51.100.0/24"}}, d.Unowned); diff != "" {
		t.Errorf("unowned (-want +got)\n%s", diff)
	}
	if len(d.Loose) != 1 || d.Loose[0].On != "AS64501" {
		t.Errorf("got %+v", d.Loose)
	}
}

func TestABrokenDumpNamesLineAndTable(t *testing.T) {
	for in, want := range map[string]string{
		"":          "line 1: no table of the contact database",
		"select 1;": "line 1: no table",
		"PGDMP\x01": "own form",
		"\nCOPY sector (sector_id, name) FROM stdin;\n1\n\\.\n":                              "line 3: sector: has 1 values for 2 columns",
		"COPY sector (sector_id, name) FROM stdin;\n1\tx\n":                                  "line 1: sector: the rows have no end",
		"COPY sector (sector_id, name) FROM stdin;\nx\ty\n\\.\n":                             `line 2: sector: sector_id is not a number: "x"`,
		"COPY sector (sector_id, name) FROM stdin;\n1\t\xff\n\\.\n":                          "line 2: sector: a value is not UTF-8",
		"INSERT INTO contact VALUES (1,'','','','','a@b.example','',5);":                     "line 1: contact: points to organisation 5",
		"INSERT INTO sector VALUES (1, 'x":                                                   "line 1: sector: a text in quotation marks has no end",
		"\nINSERT INTO sector VALUES (1, 'x') , 3;":                                          "line 2: sector: a row should begin here",
		"INSERT INTO sector SELECT 1, 'x';":                                                  "filled by something else",
		"INSERT INTO organisation VALUES (1,'a',NULL,'','','',''),(1,'b',NULL,'','','','');": "organisation 1 comes twice",
		"CREATE FUNCTION f() AS $$ x":                                                        "between dollar signs has no end",
		"INSERT INTO sector VALUES (1, ;":                                                    "a value should stand here",
	} {
		_, err := certbund.Read(strings.NewReader(in))
		var bad *certbund.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: got %v, want %q", in, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(dump)
	f.Add("INSERT INTO tag VALUES (E'\\'\\x41', $1, \"a\"::text);")
	f.Add("COPY fqdn FROM stdin;\n1\ta.example\t\\101\n\\.\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := certbund.Read(strings.NewReader(text))
		if (d == nil) == (err == nil) {
			t.Fatalf("got %v and %v", d, err)
		}
	})
}
