package duty

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	files "almenara.example/web"
)

// room is the duty room on a database, with what is below it.
type room struct {
	*Duty
	t     *testing.T
	clock *clocktest.Fake
	guard *guard.Guard
	org   *constituency.Constituency
	lead  act.Actor
	olga  guard.Person // a watch officer
	otto  guard.Person // another
}

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}, {Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations}, {Room: "duty", Files: Migrations},
	}
}

func catalogue(t *testing.T) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(Locales, "locales"),
		os.DirFS("../constituency/constituencyweb/locales"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func each(t *testing.T, f func(t *testing.T, r *room)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) {
		policies, err := guard.LoadPolicies()
		if err != nil {
			t.Fatal(err)
		}
		r := &room{t: t, clock: clocktest.New(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))}
		log := slog.New(slog.DiscardHandler)
		acts := act.New(act.Config{DB: db, Clock: r.clock, IDs: id.NewSource(r.clock, nil), Decider: policies, Log: log})
		r.guard = guard.New(acts)
		r.org = constituency.New(acts, r.guard, log)
		if _, err := r.guard.Found(t.Context(), "CSIRT Atalaya", "XA"); err != nil {
			t.Fatal(err)
		}
		if err := r.org.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		madrid, err := time.LoadLocation("Europe/Madrid")
		if err != nil {
			t.Fatal(err)
		}
		r.Duty = New(Config{
			Acts: acts, Guard: r.guard, Constituency: r.org, Catalogue: catalogue(t), Language: "fr", Zone: madrid,
			Dir: filepath.Join(t.TempDir(), "packs"), PackAt: "18:00", Log: log,
		})
		r.lead = guard.ActorOf(r.person("Lena", "+34 1", guard.RoleDutyLead))
		r.olga, r.otto = r.person("Olga", "+34 2", guard.RoleWatchOfficer), r.person("Otto", "", guard.RoleWatchOfficer)
		f(t, r)
	})
}

func (r *room) person(name, phone string, roles ...string) guard.Person {
	r.t.Helper()
	p, err := r.guard.AddPerson(r.t.Context(), guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: name, Phone: phone, Roles: roles})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func want(t *testing.T, what string, err error, code fault.Code, key string) {
	t.Helper()
	f := fault.Of(err)
	if fault.CodeOf(err) != code || f.Key != key && (len(f.Parts) == 0 || f.Parts[0].Key != key) {
		t.Errorf("%s: got %v, want %s: %s", what, err, code, key)
	}
}

func (r *room) shift(role Role, person int64, from, to int) Shift {
	r.t.Helper()
	at := func(h int) time.Time { return time.Date(2026, 11, 21, h, 0, 0, 0, time.UTC) }
	s, err := r.AddShifts(r.t.Context(), r.lead, NewShift{Role: role, Person: person, Begins: at(from), Ends: at(to)})
	if err != nil {
		r.t.Fatal(err)
	}
	return s[0]
}

func TestWhoIsOnDutyAndWhereNobodyIs(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.Acts.Reader()
		if gaps, err := r.GapsAhead(ctx, db, 7); err != nil || len(gaps) != 0 {
			t.Errorf("got %v, %v, want no gaps where nobody keeps a roster", gaps, err)
		}
		r.shift(Officer, r.olga.ID, 8, 20)
		r.shift(Deputy, r.otto.ID, 8, 20)
		r.shift(Officer, r.otto.ID, 22, 32)
		now, err := r.Now(ctx, db, r.clock.Now())
		if err != nil || len(now.On) != 2 || now.On[0].Name != "Olga" || now.On[0].Phone != "+34 2" || len(now.Next) != 1 || now.Next[0].Name != "Otto" {
			t.Errorf("got %+v, %v, want Olga, Otto beside her, and Otto next", now, err)
		}
		if s, ok := now.Officer(); !ok || s.Person != r.olga.ID {
			t.Errorf("got %+v, %v, want Olga", s, ok)
		}
		gaps, err := r.GapsAhead(ctx, db, 1)
		if err != nil || len(gaps) != 2 || gaps[0].From.Hour() != 20 || gaps[0].To.Hour() != 22 || gaps[1].From.Hour() != 8 {
			t.Errorf("got %v, %v, want 20 to 22 and what comes after 8", gaps, err)
		}
	})
}

func TestTheRosterIsKeptByTheLead(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.Acts.Reader()
		officer := guard.ActorOf(r.olga)
		at := func(h int) time.Time { return time.Date(2026, 11, 21, h, 0, 0, 0, time.UTC) }
		_, err := r.AddShifts(ctx, officer, NewShift{Person: r.olga.ID, Begins: at(8), Ends: at(20)})
		want(t, "an officer adds", err, fault.Denied, "act.denied")
		for what, c := range map[string]struct {
			n   NewShift
			key string
		}{
			"no time":       {NewShift{Person: r.olga.ID}, "duty.shift.begins"},
			"backwards":     {NewShift{Person: r.olga.ID, Begins: at(20), Ends: at(8)}, "duty.shift.order"},
			"a month":       {NewShift{Person: r.olga.ID, Begins: at(8), Ends: at(8 + 24*30)}, "duty.shift.long"},
			"next century":  {NewShift{Person: r.olga.ID, Begins: at(8).AddDate(90, 0, 0), Ends: at(9).AddDate(90, 0, 0)}, "duty.shift.far"},
			"a wrong role":  {NewShift{Role: "king", Person: r.olga.ID, Begins: at(8), Ends: at(20)}, "duty.role.unknown"},
			"nobody":        {NewShift{Person: 999, Begins: at(8), Ends: at(20)}, "duty.person.none"},
			"too many days": {NewShift{Person: r.olga.ID, Begins: at(8), Ends: at(20), Days: 100}, "duty.shift.days"},
		} {
			_, err := r.AddShifts(ctx, r.lead, c.n)
			want(t, what, err, fault.Invalid, c.key)
		}
		many, err := r.AddShifts(ctx, r.lead, NewShift{Person: r.olga.ID, Begins: at(19), Ends: at(31), Days: 3})
		if err != nil || len(many) != 3 || many[2].Begins.Sub(many[0].Begins) != 48*time.Hour {
			t.Fatalf("got %+v, %v, want three nights", many, err)
		}
		_, err = r.AddShifts(ctx, r.lead, NewShift{Person: r.olga.ID, Begins: at(20), Ends: at(21)})
		want(t, "twice at once", err, fault.Conflict, "duty.shift.overlap")
		edit := ShiftEdit{ID: many[0].ID, Version: 1, Person: r.otto.ID, Begins: at(18), Ends: at(30)}
		if err := r.ChangeShift(ctx, r.lead, edit); err != nil {
			t.Fatal(err)
		}
		want(t, "an old version", r.ChangeShift(ctx, r.lead, edit), fault.Conflict, "duty.changed_meanwhile")
		want(t, "an officer changes", r.ChangeShift(ctx, officer, edit), fault.Denied, "act.denied")

		swap := Swap{One: many[0].ID, Other: many[1].ID, OneVersion: 2, OtherVersion: 1}
		want(t, "a stranger swaps", r.SwapShifts(ctx, guard.ActorOf(r.person("Rita", "", guard.RoleWatchOfficer)), swap), fault.Denied, "act.denied")
		if err := r.SwapShifts(ctx, officer, swap); err != nil {
			t.Fatal(err)
		}
		one, _ := r.Shift(ctx, db, many[0].ID)
		other, err := r.Shift(ctx, db, many[1].ID)
		if err != nil || one.Name != "Olga" || other.Name != "Otto" {
			t.Errorf("got %s and %s, %v, want them swapped", one.Name, other.Name, err)
		}
		want(t, "again by the old versions", r.SwapShifts(ctx, officer, swap), fault.Conflict, "duty.changed_meanwhile")
		want(t, "an old version removed", r.RemoveShift(ctx, r.lead, one.ID, 1), fault.Conflict, "duty.changed_meanwhile")
		if err := r.RemoveShift(ctx, r.lead, one.ID, one.Version); err != nil {
			t.Fatal(err)
		}
		want(t, "a removed one", r.RemoveShift(ctx, r.lead, one.ID, one.Version), fault.NotFound, "duty.shift.none")
		r.clock.Advance(5 * 24 * time.Hour)
		want(t, "the past", r.RemoveShift(ctx, r.lead, other.ID, other.Version), fault.Conflict, "duty.shift.over")
	})
}

func TestANightShiftKeepsItsHoursOverTheChangeOfClocks(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.clock.Set(time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC))
		begins := time.Date(2026, 10, 24, 8, 0, 0, 0, r.Zone) // the clocks go back on the 25th
		s, err := r.AddShifts(t.Context(), r.lead, NewShift{Person: r.olga.ID, Begins: begins, Ends: begins.Add(12 * time.Hour), Days: 2})
		if err != nil || len(s) != 2 || s[1].Begins.In(r.Zone).Hour() != 8 || s[1].Ends.In(r.Zone).Hour() != 20 {
			t.Errorf("got %+v, %v, want 8 to 20 on both days", s, err)
		}
	})
}

func TestAHandoverIsReadAndTakenOver(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.Acts.Reader()
		s := r.shift(Officer, r.olga.ID, 0, 12)
		r.clock.Advance(30 * time.Minute)
		olga, otto := guard.ActorOf(r.olga), guard.ActorOf(r.otto)
		_, err := r.WriteHandover(ctx, olga, " \x00 ")
		want(t, "nothing", err, fault.Invalid, "duty.handover.empty")
		_, err = r.WriteHandover(ctx, guard.ActorOf(r.person("Rita", "", guard.RoleReader)), "hello")
		want(t, "a reader", err, fault.Denied, "act.denied")
		h, err := r.WriteHandover(ctx, olga, "Éclair Énergie\r\nhas not called back")
		if err != nil || h.Shift != s.ID {
			t.Fatalf("got %+v, %v, want a note of Olga's shift", h, err)
		}
		if n, err := r.CountOpen(ctx, db); err != nil || n != 1 {
			t.Errorf("got %d open notes, %v", n, err)
		}
		_, err = r.TakeOver(ctx, olga, h.ID)
		want(t, "her own", err, fault.Conflict, "duty.handover.own")
		taken, err := r.TakeOver(ctx, otto, h.ID)
		if err != nil || taken.Taker != "Otto" || taken.Author != "Olga" || taken.Open() {
			t.Errorf("got %+v, %v, want it taken over by Otto", taken, err)
		}
		_, err = r.TakeOver(ctx, r.lead, h.ID)
		want(t, "again", err, fault.Conflict, "duty.handover.taken")
		_, err = r.TakeOver(ctx, otto, 99)
		want(t, "none", err, fault.NotFound, "duty.handover.none")
		for text, n := range map[string]int{"eclair": 1, "CALLED": 1, "water": 0, "": 1} {
			if hs, err := r.Handovers(ctx, db, HandoverFilter{Text: text}); err != nil || len(hs) != n {
				t.Errorf("search %q: got %d, %v, want %d", text, len(hs), err, n)
			}
		}
	})
}

func TestTheCallListHasAnOrder(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.Acts.Reader()
		lena := personOf(r.lead.ID)
		for _, p := range []int64{r.olga.ID, lena} {
			if err := r.AddCaller(ctx, r.lead, p, "any hour"); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "no telephone", r.AddCaller(ctx, r.lead, r.otto.ID, ""), fault.Invalid, "duty.call.no_phone")
		want(t, "twice", r.AddCaller(ctx, r.lead, lena, ""), fault.Invalid, "duty.call.there")
		want(t, "an officer", r.AddCaller(ctx, guard.ActorOf(r.olga), lena, ""), fault.Denied, "act.denied")
		list, err := r.CallList(ctx, db)
		if err != nil || len(list) != 2 || list[0].Name != "Olga" {
			t.Fatalf("got %+v, %v", list, err)
		}
		if err := r.MoveCaller(ctx, r.lead, list[1].ID, true); err != nil {
			t.Fatal(err)
		}
		want(t, "above the first", r.MoveCaller(ctx, r.lead, list[1].ID, true), fault.Conflict, "duty.changed_meanwhile")
		if list, err = r.CallList(ctx, db); err != nil || list[0].Name != "Lena" || list[0].Position != 1 {
			t.Errorf("got %+v, %v, want Lena first", list, err)
		}
		if err := r.RemoveCaller(ctx, r.lead, list[0].ID); err != nil {
			t.Fatal(err)
		}
		want(t, "who is not there", r.RemoveCaller(ctx, r.lead, list[0].ID), fault.NotFound, "duty.call.none")
		if list, err = r.CallList(ctx, db); err != nil || len(list) != 1 || list[0].Position != 1 {
			t.Errorf("got %+v, %v, want Olga alone", list, err)
		}
	})
}

// nation adds organisations with contacts.
func (r *room) nation() {
	r.t.Helper()
	_, err := r.org.Import(r.t.Context(), guard.LocalOperator(), constituency.OrganisationsFile, strings.NewReader(
		"organisation,kind,sector,contact_name,contact_email,contact_phone,contact_language\n"+
			"Water <b>,operator,drinking-water,Control room,watch@water.example,+34 900,es\n"+
			"Grid,operator,energy-electricity,,,,\n"+
			"Gas,operator,energy-gas,Night desk,night@gas.example,=1+1,fr\n"+
			"Police,police,,Duty room,duty@police.example,+34 091,es\n"), true)
	if err != nil {
		r.t.Fatal(err)
	}
}

type texts []Text

func (x texts) OpenTexts(context.Context, sqldb.Reader) ([]Text, error) { return x, nil }

func TestACallSheetListsWhomToReach(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.nation()
		names := func(sector string) (s string) {
			rows, err := r.CallSheet(t.Context(), r.Acts.Reader(), sector)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range rows {
				s += fmt.Sprintf("%s:%d ", c.Name, len(c.Contacts))
			}
			return s
		}
		for sector, want := range map[string]string{
			"": "Gas:1 Grid:0 Police:1 Water <b>:1 ", "energy": "Gas:1 Grid:0 ", "energy-gas": "Gas:1 ", "health": "",
		} {
			if got := names(sector); got != want {
				t.Errorf("sector %q: got %q, want %q", sector, got, want)
			}
		}
		_, err := r.CallSheet(t.Context(), r.Acts.Reader(), "magic")
		want(t, "no sector", err, fault.Invalid, "duty.sector.unknown")
	})
}

func TestThePackHoldsEverythingForTheNight(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.nation()
		r.shift(Officer, r.olga.ID, 8, 20)
		if err := r.AddCaller(ctx, r.lead, r.olga.ID, "first"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.WriteHandover(ctx, guard.ActorOf(r.olga), "nothing </pre> open"); err != nil {
			t.Fatal(err)
		}
		water, _, err := r.guard.OrganisationNamed(ctx, r.Acts.Reader(), "Water <b>")
		if err != nil {
			t.Fatal(err)
		}
		r.SetTexts(texts{
			{Org: water.ID, Number: "ALM-1", Title: "Two open control systems", At: r.clock.Now(), Due: r.clock.Now().Add(time.Hour), Lines: []string{"192.0.2.1 <script>"}},
			{Title: "Everybody", Lines: []string{"Patch now"}},
		})
		p, err := r.BuildPack(ctx, r.Acts.Reader())
		if err != nil {
			t.Fatal(err)
		}
		page := string(p.HTML)
		for _, words := range []string{
			"TLP:AMBER&#43;STRICT", "Dossier hors ligne", "Water &lt;b&gt;", "&#43;34 900", "Olga", "&#43;34 2", "nothing &lt;/pre&gt; open", "Gas",
			"Aucun contact", "ALM-1", "192.0.2.1 &lt;script&gt;", "Patch now", "Personne n’est de permanence", "Sans secteur", "13:00 CET (12:00 UTC)",
			`href="#sector-drinking-water"`, "break-before: page",
		} {
			if !strings.Contains(page, words) {
				t.Errorf("the pack lacks %q", words)
			}
		}
		for _, no := range []string{"<script", "http://", "https://", "<b>", "ZgotmplZ", "style=", "[duty."} {
			if strings.Contains(page, no) {
				t.Errorf("the pack holds %q", no)
			}
		}
		for _, words := range []string{"drinking-water,", "Control room", "'=1+1", "duty,", "energy-electricity,"} {
			if !strings.Contains(string(p.CSV), words) {
				t.Errorf("the table lacks %q: %s", words, p.CSV)
			}
		}
		if p.Organisations != 4 || p.Contacts != 3 {
			t.Errorf("got %d organisations and %d contacts, want 4 and 3", p.Organisations, p.Contacts)
		}
	})
}

func TestPacksAreMadeEachEveningAndOldOnesGo(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		count := func() int {
			t.Helper()
			all, err := r.Packs()
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		due := func() {
			t.Helper()
			if err := r.PackWhenDue(ctx); err != nil {
				t.Fatal(err)
			}
		}
		due()
		if n := count(); n != 0 {
			t.Errorf("got %d packs before the first evening, want none", n)
		}
		r.clock.Set(time.Date(2026, 11, 21, 17, 0, 30, 0, time.UTC)) // 18:00 in Madrid
		due()
		due()
		if n := count(); n != 1 {
			t.Errorf("got %d packs in the evening, want one", n)
		}
		r.clock.Set(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)) // stopped for a day and a half
		due()
		due()
		if n := count(); n != 2 {
			t.Errorf("got %d packs, want the missed one made up once", n)
		}
		_, err := r.MakePack(ctx, guard.ActorOf(r.person("Rita", "", guard.RoleReader)))
		want(t, "a reader", err, fault.Denied, "act.denied")
		for range 20 {
			r.clock.Advance(time.Minute)
			if _, err := r.MakePack(ctx, guard.ActorOf(r.olga)); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(); n != Kept {
			t.Errorf("got %d packs, want %d", n, Kept)
		}
		all, _ := r.Packs()
		for _, ending := range []string{".html", ".csv"} {
			if b, err := r.ReadPack(all[0].Name + ending); err != nil || len(b) == 0 {
				t.Errorf("%s: got %d bytes, %v", ending, len(b), err)
			}
			if st, err := os.Stat(filepath.Join(r.Dir, all[0].Name+ending)); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%s: got %v, %v, want mode 0600", ending, st, err)
			}
		}
		for _, name := range []string{"../keys/ledger.key", "pack-x.html", "", "pack-20200101T000000Z.html", "pack-20200101T000000Z.html/../x"} {
			_, err := r.ReadPack(name)
			want(t, name, err, fault.NotFound, "duty.pack.none")
		}
	})
}
