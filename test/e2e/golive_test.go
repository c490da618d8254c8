package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// trialRows is a delivery of the trial feed.
func trialRows(ctx context.Context, s *stage, day string, addresses ...string) error {
	text := "time,ip,country\n"
	for _, ip := range addresses {
		text += day + "T03:00:00Z," + ip + ",XA\n"
	}
	_, err := s.app.Watch().Receive(ctx, house.Lead(), watch.Arrival{Source: trial, FileName: day + "-trial.csv", Body: strings.NewReader(text)})
	return err
}

// wouldLeave are the findings of the trial by whom they would be told to: three
// operators, and the owner of the network in which the rest is; "" is nobody.
func wouldLeave() map[string]int {
	return map[string]int{operatorMail(0): 2, operatorMail(1): 1, operatorMail(2): 1, abuse: 3, "": 1}
}

// beforeGoLive is a small nation with the trial feed in shadow.
func beforeGoLive(ctx context.Context, s *stage, wound *clock.Wound) error {
	var b strings.Builder
	b.WriteString(house.Head)
	for i := range 3 {
		fmt.Fprintf(&b, "Operator %02d,operator,XA,health,cidr,198.18.%d.0/24,Control room,%s,en\n", i, i, operatorMail(i))
	}
	if err := importOrganisations(ctx, s, b.String()); err != nil {
		return err
	}
	networks := "prefix,asn,organisation,abuse_email,country,language\n198.19.0.0/17,,Nortia Net," + abuse + ",XA,en\n"
	if err := importFile(ctx, s, constituency.NetworksFile, networks); err != nil {
		return err
	}
	if _, err := s.app.Watch().LoadMapping(ctx, house.Lead(), "trial", strings.NewReader(trialMapping)); err != nil {
		return err
	}
	if _, err := s.app.Watch().AddSource(ctx, house.Lead(), trial, watch.SourceSettings{Mode: watch.Shadow, Marking: tlp.Green, Mapping: "trial"}); err != nil {
		return err
	}
	err := trialRows(ctx, s, wound.Now().AddDate(0, 0, -1).Format(time.DateOnly),
		"198.18.0.1", "198.18.0.2", "198.18.1.1", "198.18.2.1", "198.19.0.1", "198.19.0.2", "198.19.0.3", "100.80.0.1")
	if err != nil {
		return err
	}
	return s.settle(ctx)
}

// TestASourceGoesFromShadowToLive: what leaves is exactly what the preview names; a
// backup from before is restored afterwards, somebody states what is missing and lets
// sending go on, the same preview is released again, and nothing is told twice; what is
// new then is told.
func TestASourceGoesFromShadowToLive(t *testing.T) {
	s := openWith(t, true, nil, beforeGoLive)
	chromium := browser.New(t)
	tab := chromium.Tab(t)
	s.signIn(tab, s.link(s.person("Bruno Salas", guard.RoleDutyLead, guard.RoleAdministrator)))
	sources, err := s.app.Watch().Sources(t.Context(), s.read())
	s.check(err)
	source := strconv.FormatInt(sources[0].ID, 10)
	backups, identity := s.backUp()

	tab.Go(s.url + "/watch/shadow/" + source)
	s.look(tab, "golive/01-preview")
	s.equal("the preview", s.onThePage(tab), wouldLeave())
	s.goesLive(tab, source)
	want := wouldLeave()
	delete(want, "")
	s.mail.Wait(t, len(want), time.Minute)
	s.drafted()
	got := map[string]int{}
	notices, err := s.app.Warn().Notices(t.Context(), s.read(), warn.Filter{Limit: 100})
	s.check(err)
	for _, n := range notices {
		got[n.Address] += n.Total
	}
	delete(got, "") // nobody to write to
	s.equal("what was told", got, want)
	if !maps.Equal(s.mails(), map[string]int{operatorMail(0): 1, operatorMail(1): 1, operatorMail(2): 1, abuse: 1}) {
		t.Errorf("got the mails %v, want one for each of the preview", s.mails())
	}
	bulk := string(s.mailTo(abuse, 1).Data)
	for _, part := range []string{".csv", "xarf"} {
		if !strings.Contains(strings.ToLower(bulk), part) {
			t.Errorf("the network's mail lacks its %s file:\n%.3000s", part, bulk)
		}
	}
	if strings.Contains(bulk, "/n/") {
		t.Error("a network is asked for an answer")
	}
	tab.Go(s.url + "/warn/notices")
	s.look(tab, "golive/03-notices")
	tab.Allow("/events") // the restore ended its session
	s.goesBack(backups, identity)
	s.goesOn(chromium.Tab(t), source)
}

// goesLive accepts the preview and sets the source live.
func (s *stage) goesLive(tab *browser.Tab, source string) {
	s.t.Helper()
	tab.Go(s.url + "/watch/shadow/" + source)
	tab.Follow(`main .alm-actions a[href*="/accept"]`)
	s.look(tab, "golive/02-accept")
	tab.Fill("#f-reason", "Looked at with the sector teams.")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "Released")
	tab.Go(s.url + "/watch/sources/" + source + "/mode?to=live")
	if tab.Count("#f-reason") > 0 {
		tab.Fill("#f-reason", "The trial is over.")
	}
	tab.Follow("main form button[type=submit]")
	now, err := s.app.Watch().Sources(s.t.Context(), s.read())
	s.check(err)
	if now[0].Mode != watch.Live {
		s.t.Fatalf("the source is %s, want live", now[0].Mode)
	}
}

// drafted waits until no notice waits to be written or sent.
func (s *stage) drafted() {
	s.t.Helper()
	s.until("nothing waits to be drafted", func() bool {
		n, _, err := sqldb.One(s.t.Context(), s.read(), sqldb.Int64, `select count(*) from river_job where state in ('available', 'running', 'retryable') and kind in ('warn.draft', 'warn.send')`)
		s.check(err)
		return n == 0
	})
	s.check(s.app.Warn().LookAround(s.t.Context()))
}

// mails are how many mails went to each address.
func (s *stage) mails() map[string]int {
	out := map[string]int{}
	for _, m := range s.mail.Received() {
		out[m.To]++
	}
	return out
}

func (s *stage) backUp() (backups, identity string) {
	s.t.Helper()
	identity = filepath.Join(s.t.TempDir(), "identity")
	recipient, err := app.BackupKey(identity)
	s.check(err)
	backups = s.t.TempDir()
	if code, _, problems := house.Run(s.t, "backup", "create", "--data", s.conf.Dir, "--to", backups, "--recipient", recipient); code != 0 {
		s.t.Fatalf("backup: exit code %d\n%s", code, problems)
	}
	return backups, identity
}

// goesBack ends the installation and serves a restored one in its place; of the lost
// one the record of what was told has survived.
func (s *stage) goesBack(backups, identity string) {
	s.t.Helper()
	s.stop()
	dir := filepath.Join(s.t.TempDir(), "restored")
	s.check(os.Mkdir(dir, 0o700))
	told, err := os.ReadFile(filepath.Join(s.conf.Dir, "notices.told"))
	s.check(err)
	s.check(os.WriteFile(filepath.Join(dir, "notices.told"), told, 0o600))
	_, err = app.Restore(s.t.Context(), app.RestoreOptions{From: backups, Dir: dir, Identity: identity, Clock: s.wound})
	s.check(err)
	s.load(dir)
	s.begin(func(context.Context, *stage, *clock.Wound) error { return nil })
}

// goesOn states what is missing, lets sending go on, releases the same preview once
// more, and sees that only what is new is told.
func (s *stage) goesOn(tab *browser.Tab, source string) {
	s.t.Helper()
	before := s.mails()
	s.signIn(tab, s.link(s.person("Marta Ibarra", guard.RoleDutyLead, guard.RoleAdministrator)))
	tab.Go(s.url + "/")
	s.look(tab, "golive/04-board-restored")
	tab.Go(s.url + "/ledger/restored")
	tab.Fill("#f-missing", "The release of the trial feed, this morning.")
	tab.Click("#f-none")
	s.look(tab, "golive/05-statement")
	tab.Follow("main form button[type=submit]")
	s.goesLive(tab, source)
	tab.Go(s.url + "/warn/notices")
	s.look(tab, "golive/06-stopped")
	tab.Follow(`form[action="/warn/resume"] button`)
	s.drafted()
	if got := s.mails(); !maps.Equal(got, before) {
		s.t.Errorf("after the restore the mails are %v, want %v as before", got, before)
	}
	s.check(trialRows(s.t.Context(), s, s.wound.Now().Format(time.DateOnly), "198.18.0.1", "198.18.1.1", "198.18.1.9", "198.19.0.1"))
	s.until("the new finding is told", func() bool { return s.mails()[operatorMail(1)] == 2 })
	s.drafted()
	before[operatorMail(1)]++
	if got := s.mails(); !maps.Equal(got, before) {
		s.t.Errorf("after the next delivery the mails are %v, want %v", got, before)
	}
	tab.Go(s.url + "/warn/notices")
	s.look(tab, "golive/07-only-what-is-new")
}
