package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	housetest "almenara.example/test/house"
)

// BenchmarkBoardWithNotices times the board's figures, the lists behind them and the
// whole page where BENCH_NOTICES notices (200,000) left over two quarters. The rows are
// laid into the database directly; the counters are those that the facts would have
// made.
func BenchmarkBoardWithNotices(b *testing.B) {
	n := size("BENCH_NOTICES", 200_000)
	t := &table{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		return h.Import(ctx, "Aguas del Faro,operator,XA,drinking-water,domain,faro.example,Control room,watch@faro.example,en\n")
	}})
	layNotices(b, h, n)
	w, ctx, read, k := h.App.Warn(), b.Context(), h.App.Acts().Reader(), clock.System{}
	from, to := warn.QuarterOf(k.Now())
	lead := housetest.As(h.SignIn(h.Person(guard.OwnOrg, guard.RoleDutyLead).ID))
	for _, m := range []struct {
		what string
		do   func() error
	}{
		{"figures of answers", func() error { _, err := w.Figures(ctx, read); return err }},
		{"list: a sector's notices of the quarter", func() error {
			_, _, err := w.Timed(ctx, read, warn.TimingFilter{From: from, To: to, Sector: "health"})
			return err
		}},
		{"list: answered by phone, of the quarter", func() error {
			_, _, err := w.Timed(ctx, read, warn.TimingFilter{From: from, To: to, Sector: warn.AllSectors, Strength: warn.ByPhone})
			return err
		}},
		{"unanswered FLASH", func() error { _, err := w.FlashSilence(ctx, read); return err }},
		{"what waits for a person", func() error { _, err := w.Waiting(ctx, read); return err }},
		{"the board, whole page", func() error {
			if a := h.Ask("GET", "/", nil, lead); a.Status != 200 {
				return fmt.Errorf("the board answers %d", a.Status)
			}
			return nil
		}},
	} {
		var ds []time.Duration
		for range 40 {
			began := k.Now()
			must(b, m.do())
			ds = append(ds, k.Now().Sub(began))
		}
		t.add(m.what+fmt.Sprintf(", %d notices", n), "< 20 ms", "%s", spread(ds))
	}
	t.print(os.Stdout)
}

// layNotices writes notices, their rows behind the figures, and the counters.
func layNotices(b *testing.B, h *housetest.House, n int) {
	b.Helper()
	db, err := sqldb.Open(b.Context(), sqldb.Config{Path: filepath.Join(h.Dir, "almenara.db")})
	must(b, err)
	defer db.Close()
	from, _ := warn.QuarterOf(clock.System{}.Now())
	begins := clock.Micros(from.AddDate(0, -3, 0))
	for _, q := range []string{
		`with recursive c(i) as (select 1 union all select i + 1 from c where i < $1)
		insert into warn_notice (id, org_id, delivery_id, batch, level, person_id, address, language, marking, exercise, findings, total,
			link, state, why, drafted_at, sent_at, answered_at)
		select 1000000 + i, 2, i, i, 0, 0, 'a' || (i % 10000) || '@op.example', 'en', '', false, x'3a30000000000000', 1, 'l' || i,
			case when i % 5000 = 0 then 'unknown' else 'sent' end, '', $2 + i * 60000000, $2 + i * 60000000,
			case when i % 3 = 0 then $2 + i * 60000000 + 600000000 else 0 end from c`,
		`insert into warn_timing (notice_id, sector, first, org_id, sent_at, answered_at, minutes, strength, asked, in_time)
		select id, case id % 4 when 0 then 'health' when 1 then 'banking' when 2 then 'drinking-water' else '' end, true, org_id, sent_at,
			answered_at, case when answered_at > 0 then 10 else 0 end,
			case when answered_at > 0 then case id % 2 when 0 then 'phone' else 'link' end else '' end, 0, false
		from warn_notice where id > 1000000 and $1 > 0 and $2 > 0`,
		`with recursive c(i) as (select 0 union all select i + 1 from c where i < 20 * 5 * 29)
		insert into warn_figure (span, begins, sector, what, strength, minutes, n)
		select 'quarter', $2, s.sector, 'answered', case i / 20 % 5 when 0 then 'link' when 1 then 'phone' when 2 then 'mail' when 3 then 'portal' else 'signed' end,
			5 * (1 + i / 100), 7 from c join (select sector, row_number() over (order by sector) - 1 at from
			(select '*' sector union select column1 from (values ('health'), ('banking'), ('drinking-water'), ('energy-gas'), ('food'), ('postal'), ('research')))) s
			on s.at = i % 20 where $1 > 0
		on conflict do nothing`,
	} {
		if _, err := db.Pool().ExecContext(b.Context(), q, n, begins); err != nil {
			b.Fatal(err)
		}
	}
}
