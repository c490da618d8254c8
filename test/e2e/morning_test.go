package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/tlp"
)

// The night watch's feed names services instead of ports: its first mapping wants a
// number where one row has a word, the second takes words.
const nightFeed = "night-watch"

func nightMapping(version, portField string) string {
	return `kind = "night_scan"
feed = "The night watch's own scan"
version = "` + version + `"
format = "csv"
severity = "high"
key = ["source.ip"]
closes_by = "person"

[class]
taxonomy = "vulnerable"
type = "vulnerable-system"
identifier = "open-console"

[[column]]
name = "time"
field = "time.source"
required = true

[[column]]
name = "ip"
field = "source.ip"
required = true

[[column]]
name = "service"
field = "` + portField + `"
`
}

// beforeTheMorning is the demo nation and one delivery of yesterday with two bad
// rows: lines 4 and 5.
func beforeTheMorning(ctx context.Context, s *stage, wound *clock.Wound) error {
	if err := atalaya(ctx, s, wound); err != nil {
		return err
	}
	lead := act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
	if _, err := s.app.Watch().LoadMapping(ctx, lead, nightFeed, strings.NewReader(nightMapping("1", "source.port"))); err != nil {
		return err
	}
	if _, err := s.app.Watch().AddSource(ctx, lead, nightFeed, watch.SourceSettings{Mode: watch.Live, Marking: tlp.Amber, Mapping: nightFeed}); err != nil {
		return err
	}
	day := wound.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	rows := "time,ip,service\n"
	for _, row := range []string{"192.0.2.1,23", "192.0.2.9,2323", "192.0.2.300,23", "192.0.2.10,telnet"} {
		rows += day + "T23:10:00Z," + row + "\n"
	}
	if _, err := s.app.Watch().Receive(ctx, lead, watch.Arrival{Source: nightFeed, FileName: day + "-night.csv", Body: strings.NewReader(rows)}); err != nil {
		return err
	}
	return s.settle(ctx)
}

// TestAMorningAtTheDesk is a watch officer's first hour: in with a link, out, in with
// a passkey, through yesterday's delivery and the board down to a raw line, two rows
// out of quarantine, an asset ended, and all of it in the record of actions.
func TestAMorningAtTheDesk(t *testing.T) {
	s := open(t, false, beforeTheMorning)
	person := s.person("Marta Ibarra", guard.RoleWatchOfficer, guard.RoleDutyLead)
	tab := browser.New(t).Tab(t)
	tab.VirtualAuthenticator()

	s.comesIn(tab, s.link(person))
	delivery := s.looksAtYesterday(tab)
	s.followsTheBoard(tab)
	s.clearsQuarantine(tab, delivery)
	s.endsAnAsset(tab)

	tab.Go(s.url + "/ledger")
	for _, done := range []string{
		"Signed in by link", "Passkey added", "Signed in by passkey", "Row dismissed", "Mapping loaded", "Row re-run", "Asset changed",
	} {
		tab.WaitText("#ledger", done)
	}
	tab.WaitText("#ledger", "the sender's own test row")
	s.look(tab, "morning/11-record")
}

// comesIn uses the link, adds a passkey, signs out and comes back with the passkey.
func (s *stage) comesIn(tab *browser.Tab, link string) {
	s.t.Helper()
	s.signIn(tab, link)
	s.look(tab, "morning/01-passkey-offered")
	tab.Fill("#f-passkey-name", "telephone")
	tab.Follow("[data-passkey=add] button")
	tab.Go(s.url + "/me")
	tab.WaitText("#passkeys", "telephone")
	tab.Follow("#sessions form button") // the session here: signs out
	tab.Go(s.url + "/")
	tab.WaitURL("/sign-in?next=")
	s.look(tab, "morning/02-sign-in")
	tab.Follow("[data-passkey=sign-in] button")
	tab.WaitText("h1", "Board")
	s.look(tab, "morning/03-board")
}

// looksAtYesterday opens the night watch's delivery from the list.
func (s *stage) looksAtYesterday(tab *browser.Tab) (delivery int64) {
	s.t.Helper()
	all, err := s.app.Watch().Deliveries(s.t.Context(), s.read(), watch.DeliveryFilter{Kind: "night_scan"})
	s.check(err)
	if len(all) != 1 || all[0].Events != 2 || all[0].Quarantined != 2 {
		s.t.Fatalf("got deliveries %+v, want one with 2 events and 2 rows in quarantine", all)
	}
	tab.Follow(`#rail a[href^="/watch"]`)
	tab.Follow(`main nav a[href="/watch/deliveries"]`)
	tab.Follow(fmt.Sprintf(`main table a[href="/watch/deliveries/%d"]`, all[0].ID))
	tab.WaitText("main", "Quarantined")
	s.look(tab, "morning/04-delivery")
	return all[0].ID
}

// followsTheBoard goes from the darkest figure to its list, a finding, its raw line.
func (s *stage) followsTheBoard(tab *browser.Tab) {
	s.t.Helper()
	tab.Follow(`#rail a[href="/"]`)
	const cell = ".alm-heat tbody tr:nth-child(2) td a"
	figure := tab.Text(cell)
	tab.Follow(cell)
	if total := tab.Text(".alm-total"); !strings.HasPrefix(total, figure+" ") {
		s.t.Errorf("the board says %s and its list says %q", figure, total)
	}
	s.look(tab, "morning/05-list")
	number := tab.Text("[data-rows] tbody tr:nth-child(2) td:nth-child(2) a")
	tab.Press("jjjkx") // by keys alone: down, down, down, up, choose, open
	tab.WaitFor(`document.querySelectorAll("[data-rows] input:checked").length === 1`)
	tab.Shot("morning/05-list-by-keys")
	tab.Press("x")
	tab.Press(kb.Enter)
	tab.WaitURL("/watch/findings/" + number)
	tab.WaitText("h1", number)
	s.look(tab, "morning/06-finding")
	tab.Follow(`main a[href*="/raw?"]`)
	row := tab.Text("h3 + .alm-raw:last-of-type")
	if !strings.Contains(row, ",") {
		s.t.Errorf("got the raw line %q, want one of a CSV file", row)
	}
	s.look(tab, "morning/07-raw-line")
}

// clearsQuarantine dismisses the row that is the sender's mistake and re-runs the
// other after loading a mapping that can read it.
func (s *stage) clearsQuarantine(tab *browser.Tab, delivery int64) {
	s.t.Helper()
	list := fmt.Sprintf("%s/watch/quarantine?state=open&delivery=%d", s.url, delivery)
	rows, err := s.app.Watch().Quarantine(s.t.Context(), s.read(), watch.QuarantineFilter{Delivery: delivery})
	s.check(err)
	if len(rows) != 2 {
		s.t.Fatalf("got %d rows in quarantine, want 2", len(rows))
	}
	tick := func(line int64) string { return fmt.Sprintf(`[data-rows] input[value="%d.%d"]`, delivery, line) }
	tab.Go(list)
	tab.Click(tick(rows[0].Line))
	tab.Follow(`.alm-bulk button[value="dismiss"]`)
	s.look(tab, "morning/08-dismiss")
	tab.Fill("#f-reason", "the sender's own test row")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "1 row dismissed.")

	file := filepath.Join(s.t.TempDir(), "night.toml")
	s.check(os.WriteFile(file, []byte(nightMapping("2", "extra.service")), 0o600))
	tab.Go(s.url + "/watch/mappings/new")
	tab.Click(`input[name=sort][value=mapping]`)
	tab.Fill("#f-name", nightFeed)
	tab.Upload("#f-file", file)
	tab.Follow(".alm-form button[type=submit]")

	tab.Go(list)
	tab.Click(tick(rows[1].Line))
	tab.Follow(`.alm-bulk button[value="rerun"]`)
	s.look(tab, "morning/09-rerun")
	tab.Follow(".alm-confirm button[type=submit]")
	s.until("the row is taken in", func() bool {
		rows, err := s.app.Watch().Quarantine(s.t.Context(), s.read(), watch.QuarantineFilter{Delivery: delivery, State: watch.TakenIn})
		s.check(err)
		return len(rows) == 1
	})
	if n := len(s.findings(watch.Filter{Kinds: []string{"night_scan"}})); n != 3 {
		s.t.Errorf("got %d findings of the night watch after the re-run, want 3", n)
	}
}

// endsAnAsset ends an address range after having seen what that does.
func (s *stage) endsAnAsset(tab *browser.Tab) {
	s.t.Helper()
	tab.Go(s.url + "/constituency/assets?value=192.0.2.0/29")
	tab.Follow("[data-rows] tbody tr:first-child a")
	tab.WaitText("h1", "192.0.2.0/29")
	tab.Follow("form:has(input[name=verb][value=end]) button")
	tab.WaitText(".alm-effects", "finding")
	s.look(tab, "morning/10-asset-preview")
	tab.Fill("#f-reason", "The range went back to the provider.")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText("h1", "192.0.2.0/29")
}
