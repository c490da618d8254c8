package watchweb_test

import (
	"testing"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb/watchwebtest"
)

func TestWhatPagesCountIsWhatTheirListsHoldOnBothEngines(t *testing.T) {
	sqldbtest.Each(t, watchwebtest.Lines(), func(t *testing.T, db *sqldb.DB) {
		h := watchwebtest.OpenOn(t, db, door())
		h.Nation()
		ctx, r := t.Context(), h.Acts.Reader()
		ds, err := h.Watch.Deliveries(ctx, r, watch.DeliveryFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if n, more, err := h.Watch.CountDeliveries(ctx, r, watch.DeliveryFilter{}); err != nil || more || n != int64(len(ds)) {
			t.Errorf("got %d deliveries, %v, want %d", n, err, len(ds))
		}
		for _, d := range ds {
			for kind, want := range map[watch.ChangeKind]int64{watch.ChangeOpened: d.Opened, watch.ChangeGone: d.NoLongerSeen, watch.ChangeReopened: d.Reopened} {
				l, err := h.Watch.ListOfDelivery(ctx, r, d.ID, kind, watch.Page{Reader: guard.OwnOrg})
				if err != nil || int64(l.Total) != want || int64(len(l.Findings)) != min(want, 50) {
					t.Errorf("delivery %d: %d %s, %v, want %d", d.ID, l.Total, kind, err, want)
				}
			}
		}
		rows, err := h.Watch.Quarantine(ctx, r, watch.QuarantineFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if n, _, err := h.Watch.CountQuarantine(ctx, r, watch.QuarantineFilter{State: watch.Waiting}); err != nil || n != int64(len(rows)) {
			t.Errorf("got %d rows in quarantine, %v, want %d", n, err, len(rows))
		}
		gs, err := h.Watch.QuarantineGroups(ctx, r, 0, 10)
		if err != nil || len(gs) != 3 || gs[0].Rows != 1 {
			t.Errorf("got groups %+v, %v", gs, err)
		}
		shadowIsWhole(t, h)
	})
}

// shadowIsWhole checks that the lines of a preview, their lists and its download say
// the same.
func shadowIsWhole(t *testing.T, h *watchwebtest.House) {
	t.Helper()
	ctx, r := t.Context(), h.Acts.Reader()
	src, err := h.Watch.SourceNamed(ctx, r, "trial")
	if err != nil {
		t.Fatal(err)
	}
	lines, _, err := h.Watch.Shadow(ctx, r, src)
	if err != nil || len(lines) != 4 {
		t.Fatalf("got %d lines, %v, want three operators and nobody", len(lines), err)
	}
	var sum, each uint64
	for _, l := range lines {
		list, err := h.Watch.ListUntold(ctx, r, src.ID, l.Org, uint8(l.Level), watch.Page{Reader: guard.OwnOrg})
		if err != nil || list.Total != l.Findings {
			t.Errorf("organisation %d: the list holds %d, %v, want %d", l.Org, list.Total, err, l.Findings)
		}
		sum += l.Findings
	}
	err = h.Watch.EachUntold(ctx, r, src.ID, guard.OwnOrg, func(watch.Finding) error { each++; return nil })
	if err != nil || each != sum {
		t.Errorf("the download holds %d, %v, want %d", each, err, sum)
	}
}
