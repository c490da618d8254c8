package regime_test

import (
	"fmt"
	"time"

	"almenara.example/regime"
)

func Example() {
	all, err := regime.Shipped()
	if err != nil {
		panic(err)
	}
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		panic(err)
	}
	for _, r := range all {
		if r.ID != "nis2" {
			continue
		}
		due, err := r.Due("early-warning", regime.Anchors{At: map[regime.Event]time.Time{
			regime.Awareness: time.Date(2026, 3, 28, 10, 20, 0, 0, madrid),
		}}, regime.Calendar{Zone: madrid})
		if err != nil {
			panic(err)
		}
		fmt.Println(due.Strict.Format(time.RFC3339), due.Lawful.Format(time.RFC3339), due.Citation)
	}
	// The night between lost an hour to daylight saving.

	// Output:
	// 2026-03-29T11:20:00+02:00 2026-03-29T12:00:00+02:00 Directive (EU) 2022/2555 art. 23(4)(a)
}
