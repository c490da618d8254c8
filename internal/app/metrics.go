package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"almenara.example/internal/guard"
)

// figures reads the rooms' figures when somebody asks for them. Names are
// almenara_<room>_…; no figure tells of one organisation.
type figures struct{ app *App }

// scrapeWithin bounds one reading.
const scrapeWithin = 5 * time.Second

// Describe sends nothing: the figures are made at every reading.
func (f *figures) Describe(chan<- *prometheus.Desc) {}

// Collect reads the figures. One that cannot be read is left out.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	a := f.app
	f.gauge(out, "almenara_app_info", "The program that runs.", 1, "version", a.version)
	f.gauge(out, "almenara_ledger_healthy", "1 when acts are being signed.", number(a.ledger.Health() == nil))
	if cp, err := a.ledger.Checkpoint(); err == nil {
		f.gauge(out, "almenara_ledger_checkpoint_size", "Entries under the last checkpoint.", float64(cp.Size))
	}
	if share, bytes, err := freeSpace(a.cfg.Dir); err == nil {
		f.gauge(out, "almenara_app_disk_free_bytes", "Free bytes on the folder's disk.", float64(bytes))
		f.gauge(out, "almenara_app_disk_free_ratio", "Free share of the folder's disk.", share)
	}
	if n, err := a.db.Size(ctx); err == nil {
		f.gauge(out, "almenara_app_database_bytes", "Size of the database.", float64(n))
	}
	f.gauge(out, "almenara_app_live_pages", "Browsers that listen for news.", float64(a.site.Hub().Listeners()))
	f.gauge(out, "almenara_app_csp_reports", "Breaches of the content policy that browsers reported since start.", float64(a.site.CSPReports()))
	f.watch(ctx, out)
}

// watch adds the figures of the board.
func (f *figures) watch(ctx context.Context, out chan<- prometheus.Metric) {
	b, err := f.app.watch.Board(ctx, f.app.acts.Reader(), guard.OwnOrg)
	if err != nil {
		f.app.log.ErrorContext(ctx, "read figures of watch", "error", err)
		return
	}
	f.gauge(out, "almenara_watch_findings_open", "Open findings.", float64(b.Open))
	f.gauge(out, "almenara_watch_findings_unrouted", "Open findings that nobody could be named for.", float64(b.Unrouted))
	f.gauge(out, "almenara_watch_quarantine_rows", "Quarantined rows that wait for a person.", float64(b.Quarantine))
	f.gauge(out, "almenara_watch_deliveries_unknown", "Deliveries whose kind no mapping knows.", float64(b.Unknown))
	f.gauge(out, "almenara_watch_deliveries_failed", "Deliveries that could not be read.", float64(b.Failed))
	for _, late := range b.Late {
		f.gauge(out, "almenara_watch_source_late_seconds", "By how much a feed is late.", late.By.Seconds(), "source", late.Source.Name)
	}
}

// gauge sends one figure; labels are names and values in turn.
func (f *figures) gauge(out chan<- prometheus.Metric, name, help string, v float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, v, values...)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
