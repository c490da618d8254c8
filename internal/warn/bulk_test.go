package warn

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"

	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

func TestReportsAreWrittenWithoutAMailServerAndWithoutTheFindingThatIsNowhere(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.deliver("2026-11-17", 1)
		n := d.waitFor("Aguas del Faro", Sent)
		fs, err := d.Watch.FindingsByID(t.Context(), d.read, n.Findings, n.Org)
		if err != nil || len(fs) != 1 {
			t.Fatalf("%d findings, %v", len(fs), err)
		}
		nowhere := fs[0]
		nowhere.IP, nowhere.Host = netip.Addr{}, ""
		d.Outbound = &outbound.Outbound{} // as with the outbox on the screen
		var out bytes.Buffer
		if err := d.WriteXARF(&out, d.Sender("CSIRT Atalaya"), []watch.Finding{nowhere, fs[0]}); err != nil {
			t.Fatal(err)
		}
		var report struct {
			Source string `json:"source_identifier"`
		}
		if err := json.Unmarshal(out.Bytes(), &report); err != nil || report.Source != fs[0].IP.String() {
			t.Errorf("got %s (%v), want the one report about %s", out.Bytes(), err, fs[0].IP)
		}
	})
}
