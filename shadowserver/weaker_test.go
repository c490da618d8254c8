package shadowserver_test

import (
	"slices"
	"strings"
	"testing"

	"almenara.example/mapping"
	"almenara.example/shadowserver"
)

func TestAKindThatLosesAKeyColumnInTheSchemaIsWeakerAndRefusesNothing(t *testing.T) {
	const schema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},"scan_rdp":{"feed_name":"RDP","file_name":"scan_rdp",
	"constant_fields":{"classification.type":"vulnerable-system"},
	"required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"]],"optional_fields":[]}}`
	s, err := shadowserver.LoadSchema(strings.NewReader(schema), 0)
	if err != nil {
		t.Fatal(err)
	}
	o, err := shadowserver.DefaultOverlay()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan("scan_rdp", o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Key, []string{"source.ip"}) || p.FullScan || p.ClosesBy != mapping.Person {
		t.Errorf("got key %v, full scan %v, closes by %s; want source.ip alone, no full scan, person", p.Key, p.FullScan, p.ClosesBy)
	}
}
