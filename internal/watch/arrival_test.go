package watch

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

func gz(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipOf(t *testing.T, members ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		f, err := w.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, m[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (h *house) receive(name string, body io.Reader) ([]Receipt, error) {
	h.t.Helper()
	r, err := h.Receive(h.t.Context(), h.lead, Arrival{Source: "scans", FileName: name, Body: body})
	if err == nil {
		err = h.Work(h.t.Context())
	}
	return r, err
}

func TestWhatArrivesPackedIsKeptAsItCameAndTakenInMemberByMember(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		plain := telnet("2026-11-17", "1", "2")
		r, err := h.receive("2026-11-17-scan_telnet.csv.gz", bytes.NewReader(gz(t, []byte(plain))))
		if err != nil || len(r) != 1 || r[0].Delivery.Received == r[0].Delivery.Content {
			t.Fatalf("gzip: %+v, %v", r, err)
		}
		if got := h.content(r[0].Delivery.Content); got != plain {
			t.Errorf("the content is %q, want %q", got, plain)
		}
		r, err = h.receive("week.zip", bytes.NewReader(zipOf(t,
			[2]string{"2026-11-18-scan_telnet.csv", telnet("2026-11-18", "1")},
			[2]string{"../../2026-11-19-scan_telnet.csv", telnet("2026-11-19", "1", "2")},
			[2]string{"notes.csv", "a,b\n1,2\n"})))
		if err != nil || len(r) != 3 {
			t.Fatalf("zip: %d deliveries, %v; want 3", len(r), err)
		}
		if n := r[1].Delivery.FileName; n != "2026-11-19-scan_telnet.csv" {
			t.Errorf("a member outside the archive is called %q", n)
		}
		if r[2].Delivery.State != UnknownKind {
			t.Errorf("a kind that nobody knows is %s, want unknown-kind", r[2].Delivery.State)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "open"})
	})
}

func (h *house) content(ref string) string {
	h.t.Helper()
	r, err := h.openRef(h.t.Context(), ref)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// zeros is an endless line.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestBadArrivalsAreRefusedWithAReasonAndLeaveNothing(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		bomb := gz(t, make([]byte, 300<<20))
		var many [][2]string
		for i := range 1001 {
			many = append(many, [2]string{fmt.Sprintf("%d.csv", i), "a\n"})
		}
		h.limits.Received = 8 << 20
		for _, c := range []struct {
			name, file string
			body       io.Reader
			key        string
		}{
			{"an empty file", "2026-11-17-scan_telnet.csv", strings.NewReader(""), "watch.arrival.empty"},
			{"a gzip bomb", "2026-11-17-scan_telnet.csv.gz", bytes.NewReader(bomb), "watch.arrival.bomb"},
			{"a cut gzip", "2026-11-17-scan_telnet.csv.gz", bytes.NewReader(gz(t, []byte(strings.Repeat("abc", 1e5)))[:100]), "watch.arrival.broken"},
			{"a zip of too many", "a.zip", bytes.NewReader(zipOf(t, many...)), "watch.arrival.members"},
			{"a zip of nothing", "a.zip", bytes.NewReader(zipOf(t, [2]string{"folder/", ""})), "watch.arrival.empty"},
			{"a broken zip", "a.zip", strings.NewReader("PK\x03\x04 and no more"), "watch.arrival.broken"},
			{"too many bytes", "2026-11-17-scan_telnet.csv", io.LimitReader(zeros{}, 9<<20), "blob.too_large"},
		} {
			_, err := h.receive(c.file, c.body)
			if f := fault.Of(err); err == nil || f.Code != fault.Invalid || f.Key != c.key {
				t.Errorf("%s: got %v, want %s", c.name, err, c.key)
			}
		}
		ds, err := h.Deliveries(t.Context(), h.read, DeliveryFilter{})
		if err != nil || len(ds) != 0 {
			t.Errorf("%d deliveries are left, %v", len(ds), err)
		}
		_, err = h.Receive(t.Context(), h.lead, Arrival{Source: "nobody", FileName: "a.csv", Body: strings.NewReader("a")})
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("an unknown source gives %v, want not found", err)
		}
		stranger := act.Actor{ID: "person:9", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleReader}}
		_, err = h.Receive(t.Context(), stranger, Arrival{Source: "scans", FileName: "a.csv", Body: strings.NewReader("a")})
		if fault.CodeOf(err) != fault.Denied {
			t.Errorf("a reader who delivers gets %v, want denied", err)
		}
	})
}

func TestHostileRowsGoToQuarantineAndTheFileGoesOn(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		long := strings.Repeat("x", 2<<20)
		body := telnet("2026-11-17", "1") +
			"2026-11-17 03:00:00,192.0.2.2,tcp," + long + ",64500,low\n" +
			"2026-11-17 03:00:00,192.0.2.3,tcp\x00,23,64500,low\n" +
			"2026-11-17 03:00:00,192.0.2.4,tcp,23,64500,\xff\xfe\n" +
			"2026-11-17 03:00:00,192.0.2.5,tcp,twenty,64500,low\n" +
			"2026-11-17 03:00:00,192.0.2.6\n" +
			"2026-11-17 03:00:00,192.0.2.7,tcp,23,64500,low,and,more\n" +
			"2026-11-17 03:00:00,=cmd|' /C calc'!A0,tcp,23,64500,low\n" +
			"2026-11-17 03:00:00,192.0.2.8,tcp,23,64500,low\n"
		d := h.take("2026-11-17", body)
		if d.Rows != 9 || d.Events != 2 || d.Quarantined != 7 {
			t.Fatalf("got %+v, want 9 rows, 2 events, 7 quarantined", d.Counts)
		}
		qs, err := h.Quarantine(t.Context(), h.read, QuarantineFilter{Delivery: d.ID})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, q := range qs {
			got = append(got, q.Reason)
		}
		want := "line_too_long nul_byte bad_utf8 bad_number too_few_columns too_many_columns bad_ip"
		if strings.Join(got, " ") != want {
			t.Errorf("reasons %v, want %s", got, want)
		}
	})
}

func TestAnUnknownKindIsTakenInWhenASchemaKnowsIt(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		body := strings.ReplaceAll(telnet("2026-11-17", "1"), "telnet", "rdp")
		r, err := h.receive("2026-11-17-scan_rdp.csv", strings.NewReader(body))
		if err != nil || r[0].Delivery.State != UnknownKind {
			t.Fatalf("%+v, %v; want unknown-kind", r, err)
		}
		if err := h.RetryDelivery(t.Context(), h.lead, r[0].Delivery.ID); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a retry without a newer schema gives %v, want invalid", err)
		}
		newer := strings.Replace(strings.Replace(schema, "2026-01-01", "2026-02-01", 1), `"scan_telnet":{`,
			`"scan_rdp":{"feed_name":"RDP","file_name":"scan_rdp","constant_fields":{"classification.type":"vulnerable-system"},
			"required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"]],"optional_fields":[["source.port","port","convert_int"]]},"scan_telnet":{`, 1)
		if _, n, err := h.LoadSchema(t.Context(), h.lead, strings.NewReader(newer)); err != nil || n != 2 {
			t.Fatalf("newer schema: %d kinds, %v", n, err)
		}
		src, err := h.SourceNamed(t.Context(), h.read, "scans")
		if err != nil || src.Mode != Hold {
			t.Errorf("after a new schema version the live source is %s, want hold (%v)", src.Mode, err)
		}
		if err := h.RetryDelivery(t.Context(), h.lead, r[0].Delivery.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open"})
	})
}

func TestSchemasAreRefusedWithTheReportAndColumn(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		bad := strings.Replace(schema, "validate_ip", "validate_moon", 1)
		_, _, err := h.LoadSchema(t.Context(), h.lead, strings.NewReader(bad))
		if f := fault.Of(err); f.Code != fault.Invalid || !strings.Contains(fmt.Sprint(f.Args["Why"]), "validate_moon") || !strings.Contains(fmt.Sprint(f.Args["Why"]), "scan_telnet") {
			t.Errorf("an unknown conversion gives %v", err)
		}
	})
}

func TestARowThatIsTakenInLateCountsAndTellsOnlyOfItself(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		text := `kind = "sightings"
version = "1"
format = "csv"
key = ["source.ip"]
closes_by = "absence"
full_scan = true
[class]
taxonomy = "other"
type = "other"
[[column]]
name = "when"
field = "time.source"
required = true
[[column]]
name = "where"
field = "source.ip"
required = true
[[column]]
name = "port"
field = "source.port"
`
		load := func(text string) {
			if _, err := h.LoadMapping(t.Context(), h.lead, "sightings", strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		load(text)
		if _, err := h.AddSource(t.Context(), h.lead, "own", SourceSettings{Mode: Live, Mapping: "sightings"}); err != nil {
			t.Fatal(err)
		}
		body := "when,where,port\n2026-11-17,192.0.2.1,1\n2026-11-17,192.0.2.2,2\n2026-11-17,192.0.2.3,3\n2026-11-17,192.0.2.4,4\n2026-11-17,192.0.2.5,many\n2026-11-17,192.0.2.6,6\n"
		r, err := h.Receive(t.Context(), h.lead, Arrival{Source: "own", FileName: "2026-11-17.csv", Observed: dayN(16), Body: strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		id := r[0].Delivery.ID
		load(strings.Replace(strings.Replace(text, `version = "1"`, `version = "2"`, 1), `field = "source.port"`, `field = "extra.port"`, 1))
		if n, err := h.Rerun(t.Context(), h.lead, QuarantineFilter{Delivery: id}); err != nil || n != 1 {
			t.Fatalf("rerun of %d rows, %v; want 1", n, err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		d, err := h.Delivery(t.Context(), h.read, id)
		want := Counts{Rows: 6, Events: 6, Opened: 6, Unrouted: 6}
		if err != nil || d.Counts != want {
			t.Errorf("got %+v, %v; want %+v", d.Counts, err, want)
		}
		if len(h.states()) != 6 {
			t.Errorf("states %v", h.states())
		}
		h.open()
		if got := h.states()["192.0.2.5"]; got != "open" {
			t.Errorf("after a restart the late row's finding is %q", got)
		}
	})
}

func TestFindingsFollowTheirAssetAndTheEffectIsKnownBefore(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.constituency.SetEffect(h.Watch)
		file := "organisation,kind,country,asset_kind,asset\nFaro Water,operator,XA,cidr,192.0.2.0/30\n"
		r, err := h.constituency.Import(t.Context(), h.lead, constituency.OrganisationsFile, strings.NewReader(file), true)
		if err != nil || !r.Applied {
			t.Fatalf("import: %+v, %v", r, err)
		}
		h.take("2026-11-17", telnet("2026-11-17", "1", "2", "9"))
		org, _, err := h.guard.OrganisationNamed(t.Context(), h.read, "Faro Water")
		if err != nil {
			t.Fatal(err)
		}
		mine := func() uint64 {
			l, err := h.List(t.Context(), h.read, Filter{Orgs: []int64{org.ID}, States: []State{Open}}, Page{Reader: org.ID})
			if err != nil {
				t.Fatal(err)
			}
			return l.Total
		}
		if n := mine(); n != 2 {
			t.Fatalf("the company has %d findings, want 2", n)
		}
		as, err := h.constituency.Assets(t.Context(), h.read, constituency.AssetFilter{Org: org.ID})
		if err != nil || len(as) != 1 {
			t.Fatal(as, err)
		}
		end := constituency.AssetChange{End: &constituency.AssetEnd{ID: as[0].ID, Version: as[0].Version}}
		p, err := h.constituency.PreviewAssets(t.Context(), h.read, end)
		if err != nil || p.Unrouted+p.Lost != 2 {
			t.Fatalf("preview %+v, %v; want 2 findings that go", p.Preview, err)
		}
		if _, err := h.constituency.ChangeAssets(t.Context(), h.lead, "sold", end); err != nil {
			t.Fatal(err)
		}
		if _, err := h.acts.Deliver(t.Context(), "watch.assets"); err != nil {
			t.Fatal(err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := mine(); n != 0 {
			t.Errorf("the company still sees %d findings", n)
		}
		h.open()
		if n := mine(); n != 0 {
			t.Errorf("after a restart the company sees %d findings", n)
		}
	})
}

func TestSightingsExpireWhenTheyAreNotSeenAgain(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		text := "kind = \"bots\"\nversion = \"1\"\nformat = \"csv\"\nkey = [\"source.ip\"]\ncloses_by = \"expiry\"\nexpiry_days = 7\n[class]\ntaxonomy = \"other\"\ntype = \"other\"\n[[column]]\nname = \"ip\"\nfield = \"source.ip\"\n"
		if _, err := h.LoadMapping(t.Context(), h.lead, "bots", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.AddSource(t.Context(), h.lead, "sinkhole", SourceSettings{Mode: Live, Mapping: "bots", Marking: tlp.Green}); err != nil {
			t.Fatal(err)
		}
		take := func(day time.Time, ips string) {
			if _, err := h.Receive(t.Context(), h.lead, Arrival{Source: "sinkhole", FileName: "a.csv", Observed: day, Body: strings.NewReader("ip\n" + ips)}); err != nil {
				t.Fatal(err)
			}
			if err := h.Work(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		take(dayN(9), "192.0.2.1\n192.0.2.2\n")
		take(dayN(15), "192.0.2.1\n")
		h.clock.Set(dayN(18))
		if err := h.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "expired"})
		take(dayN(18), "192.0.2.2\n")
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "open"})
	})
}

func TestRetentionDestroysBytesAndKeepsFindings(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		src := h.prepare(Live)
		if err := h.ChangeSource(t.Context(), h.lead, src.ID, h.version("scans"), SourceSettings{
			Mode: Live, Mapping: SchemaShadowserver, Retention: 30, AbsentAfter: 1,
		}); err != nil {
			t.Fatal(err)
		}
		d := h.take("2026-11-17", telnet("2026-11-17", "1"))
		h.clock.Advance(31 * 24 * time.Hour)
		if err := h.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		ref, err := blob.ParseRef(d.Content)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.blobs.Open(t.Context(), ref); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("the bytes are still there: %v", err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open"})
	})
}

func (h *house) version(source string) int64 {
	s, err := h.SourceNamed(h.t.Context(), h.read, source)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Version
}

func TestTheDropFolderTakesWhatRestsAndSaysWhyItRefuses(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.drop = filepath.Join(h.dir, "drop")
		folder := filepath.Join(h.drop, "scans")
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{
			"2026-11-17-scan_telnet.csv": telnet("2026-11-17", "1"), "half.csv.part": "x", ".hidden.csv": "x", "empty.csv": "",
		} {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, h.clock.Now(), h.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(folder, "link.csv")); err != nil {
			t.Fatal(err)
		}
		if err := h.scanDrop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(folder, "2026-11-17-scan_telnet.csv")); err != nil {
			t.Errorf("a file that was just written is taken: %v", err)
		}
		h.clock.Advance(time.Minute)
		if err := h.scanDrop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open"})
		if _, err := os.Stat(filepath.Join(folder, "2026-11-17-scan_telnet.csv")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that was received is still there: %v", err)
		}
		why, err := os.ReadFile(filepath.Join(folder, "refused", "empty.csv.why.txt"))
		if err != nil || !strings.Contains(string(why), "watch.arrival.empty") {
			t.Errorf("the refused file's reason: %q, %v", why, err)
		}
		for _, left := range []string{"half.csv.part", ".hidden.csv", "link.csv"} {
			if _, err := os.Lstat(filepath.Join(folder, left)); err != nil {
				t.Errorf("%s was touched: %v", left, err)
			}
		}
	})
}

func TestTwoEditsOfOneSourceDoNotOverwriteEachOther(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		src := h.prepare(Live)
		s := SourceSettings{Mode: Live, Mapping: SchemaShadowserver, AbsentAfter: 2}
		if err := h.ChangeSource(t.Context(), h.lead, src.ID, 1, s); err != nil {
			t.Fatal(err)
		}
		s.AbsentAfter = 3
		if err := h.ChangeSource(t.Context(), h.lead, src.ID, 1, s); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("the second edit of the same version gives %v, want conflict", err)
		}
	})
}

func TestUnusedBytesAreCollectedAndUsedOnesStay(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		d := h.take("2026-11-17", telnet("2026-11-17", "1"))
		stray, err := h.blobs.PutBytes(t.Context(), []byte("refused after it had been kept"))
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Set(clock.System{}.Now().Add(30 * 24 * time.Hour)) // blobs are dated by the file system
		if err := h.CollectBlobs(t.Context()); err != nil {
			t.Fatal(err)
		}
		if has, err := h.blobs.Has(stray); err != nil || has {
			t.Errorf("the stray blob is there: %v, %v", has, err)
		}
		for _, text := range []string{d.Received, d.Presence, d.Sidecar, d.News} {
			ref, err := blob.ParseRef(text)
			if err != nil {
				t.Fatal(err)
			}
			if has, err := h.blobs.Has(ref); err != nil || !has {
				t.Errorf("a used blob is gone: %s, %v", text, err)
			}
		}
	})
}
