package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

const origin = "desk.atalaya.example/ledger"

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// lines is the ledger's line of migrations alone.
func lines() []sqldb.Migrations {
	return []sqldb.Migrations{{Room: "ledger", Files: Migrations}}
}

// place is a log in a folder of its own.
type place struct {
	cfg   Config
	clock *clocktest.Fake
	next  int64 // the next order
}

func newPlace(t testing.TB, db *sqldb.DB) *place {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "ledger.key")
	verifier, err := GenerateKey(origin, key)
	if err != nil {
		t.Fatal(err)
	}
	signer, again, err := ReadKey(key)
	if err != nil || again != verifier {
		t.Fatalf("ReadKey gives verifier %q, %v, want %q", again, err, verifier)
	}
	clk := clocktest.New(start)
	return &place{next: 1, clock: clk, cfg: Config{
		DB: db, Dir: filepath.Join(dir, "ledger", "log"), Clock: clk,
		Signer: signer, Verifier: verifier, Log: slog.New(slog.DiscardHandler), Gather: time.Millisecond,
	}}
}

// open returns a Log that gives its lock back after the test.
func (p *place) open(t testing.TB) *Log {
	t.Helper()
	l := New(p.cfg)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// entry is a plausible entry.
func entry(order int64) Entry {
	return Entry{
		Order: order, Time: start.UnixMicro() + order, Actor: fmt.Sprintf("person-%d", order%7),
		Verb: []string{"watch.close_finding", "warn.send_notice"}[order%2], Subject: fmt.Sprintf("finding:%d", order),
		Purpose: "respond", Policy: "desk-analyst", Reason: "geschlossen – fermé ✓",
		Detail: json.RawMessage(`{"count":3, "asset":"192.0.2.1/32"}`),
	}
}

// act appends n entries, each in a transaction of its own.
func (p *place) act(t testing.TB, n int) {
	t.Helper()
	for range n {
		p.write(t, 1)
	}
}

// write appends n entries in one transaction.
func (p *place) write(t testing.TB, n int) {
	t.Helper()
	ctx := context.Background()
	tx, err := p.cfg.DB.BeginWrite(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		var salt [32]byte
		if _, err := rand.Read(salt[:]); err != nil {
			t.Fatal(err)
		}
		if err := Append(ctx, tx, salt, entry(p.next)); err != nil {
			t.Fatal(err)
		}
		p.next++
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	ctx := context.Background()
	tx, err := db.BeginWrite(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func sign(t testing.TB, l *Log) Checkpoint {
	t.Helper()
	cp, err := l.Sign(context.Background())
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	return cp
}

func each(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) { f(t, newPlace(t, db)) })
}

func TestEntriesAreReadBackAsWrittenNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.write(t, 100)
		l := p.open(t)
		ctx := context.Background()
		got, err := l.Entries(ctx, Query{Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		want := []Entry{entry(100), entry(99)}
		for i := range want {
			want[i].Detail = json.RawMessage(`{"asset":"192.0.2.1/32","count":3}`)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("entries (-want +got):\n%s", d)
		}
		for _, c := range []struct {
			name string
			q    Query
			want []int64
		}{
			{"older page", Query{Before: 5, Limit: 3}, []int64{4, 3, 2}},
			{"newer page", Query{After: 95, Limit: 3}, []int64{98, 97, 96}},
			{"actor", Query{Actor: "person-3", Limit: 2}, []int64{94, 87}},
			{"verb and subject", Query{Verb: "watch.close_finding", Subject: "finding:6"}, []int64{6}},
			{"verb without", Query{Verb: "warn.send_notice", Subject: "finding:6"}, nil},
			{"time", Query{From: start.UnixMicro() + 10, To: start.UnixMicro() + 12}, []int64{11, 10}},
		} {
			entries, err := l.Entries(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, e := range entries {
				got = append(got, e.Order)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, d)
			}
		}
	})
}

func TestTheBodyIsCanonical(t *testing.T) {
	b, err := encode(Entry{Order: 1, Time: 5, Actor: "a", Verb: "x.y", Subject: "s", Detail: json.RawMessage(`{"z":1.0,"a":"\u00e9"}`)})
	want := `{"actor":"a","detail":{"a":"é","z":1},"order":1,"subject":"s","time":5,"v":1,"verb":"x.y"}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
}

func TestEntriesThatCannotBeKeptAreRefused(t *testing.T) {
	good := Entry{Order: 1, Actor: "a", Verb: "x.y"}
	for name, f := range map[string]func(*Entry){
		"no order":            func(e *Entry) { e.Order = 0 },
		"no actor":            func(e *Entry) { e.Actor = "" },
		"NUL in the subject":  func(e *Entry) { e.Subject = "a\x00b" },
		"bad UTF-8":           func(e *Entry) { e.Reason = "\xff" },
		"detail is not JSON":  func(e *Entry) { e.Detail = json.RawMessage(`{`) },
		"a name twice":        func(e *Entry) { e.Detail = json.RawMessage(`{"a":1,"a":2}`) },
		"number beyond 2^53":  func(e *Entry) { e.Detail = json.RawMessage(`{"n":9007199254740993}`) },
		"a body far too long": func(e *Entry) { e.Reason = strings.Repeat("x", MaxBody) },
	} {
		e := good
		f(&e)
		if _, err := encode(e); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := encode(good); err != nil {
		t.Errorf("a good one: %v", err)
	}
	good.Reason = "\xff"
	if _, err := encode(good); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %v, want an invalid fault for what a person typed", err)
	}
}

func TestAKeyIsNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := GenerateKey(origin, path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", st.Mode(), err)
	}
	if _, err := GenerateKey(origin, path); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("got %v, want conflict", err)
	}
	if _, err := GenerateKey("a name with spaces", path+"2"); err == nil {
		t.Error("a bad origin was taken")
	}
}

// outsider verifies a log's folder from the specifications alone: signature by
// hand, root by the recursive definition of RFC 6962 §2.1, level-0 tiles.
func outsider(t *testing.T, dir, verifier string) (size int64, root [32]byte, records [][]byte) {
	t.Helper()
	cp, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	text, sigs, _ := strings.Cut(string(cp), "\n\n")
	text += "\n"
	key := strings.SplitN(verifier, "+", 3)
	public, err := base64.StdEncoding.DecodeString(key[2])
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(strings.Fields(sigs)[2])
	if err != nil || !ed25519.Verify(ed25519.PublicKey(public[1:]), []byte(text), sig[4:]) {
		t.Fatalf("the signature of the checkpoint is not good (%v)", err)
	}
	f := strings.Split(text, "\n")
	if f[0] != origin {
		t.Errorf("got origin %q, want %q", f[0], origin)
	}
	if size, err = strconv.ParseInt(f[1], 10, 64); err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n*256 < size; n++ {
		w := min(size-n*256, 256)
		name := strings.TrimSuffix(fmt.Sprintf("%03d.p/%d", n, w), ".p/256") // below 256,000 entries
		bundle, err := os.ReadFile(filepath.Join(dir, "tile", "entries", name))
		if err != nil {
			t.Fatal(err)
		}
		leaves, err := os.ReadFile(filepath.Join(dir, "tile", "0", name))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; len(bundle) > 0; i++ {
			k := int(binary.BigEndian.Uint16(bundle))
			records = append(records, bundle[2:2+k])
			leaf := sha256.Sum256(append([]byte{0}, bundle[2:2+k]...))
			if string(leaf[:]) != string(leaves[i*32:i*32+32]) {
				t.Fatalf("leaf %d of tile %d is not the hash of its entry", i, n)
			}
			bundle = bundle[2+k:]
		}
	}
	root = mth(records)
	if f[2] != base64.StdEncoding.EncodeToString(root[:]) {
		t.Errorf("got root %s, want %x", f[2], root)
	}
	return size, root, records
}

// mth is the Merkle tree hash as RFC 6962 §2.1 defines it.
func mth(d [][]byte) [32]byte {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, d[0]...))
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	l, r := mth(d[:k]), mth(d[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestCheckpointsAreThoseOfTheSpecification(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		l := p.open(t)
		var roots []Checkpoint
		for _, n := range []int{1, 1, 5, 248, 1, 1, 255, 300, 2000} {
			p.write(t, n)
			p.clock.Advance(time.Second)
			cp := sign(t, l)
			if cp.Size != p.next-1 {
				t.Fatalf("got size %d, want %d", cp.Size, p.next-1)
			}
			size, root, records := outsider(t, p.cfg.Dir, p.cfg.Verifier)
			if size != cp.Size || root != [32]byte(cp.Root) || int64(len(records)) != size {
				t.Fatalf("got %d %x, the outsider %d %x", cp.Size, cp.Root, size, root)
			}
			roots = append(roots, cp)
		}
		ctx := context.Background()
		last := roots[len(roots)-1]
		for _, old := range roots {
			e, err := l.Consistency(ctx, old.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(e.Hashes, last.Size, last.Root, old.Size, old.Root); err != nil {
				t.Errorf("from %d: %v", old.Size, err)
			}
		}
		for order := int64(1); order < p.next; order += 37 {
			proof, err := l.Inclusion(ctx, order)
			if err != nil {
				t.Fatal(err)
			}
			if c := Commit([32]byte(proof.Salt), proof.Body); c != proof.Commitment {
				t.Fatalf("entry %d: salt and body do not give the commitment", order)
			}
			index, cp, err := CheckProof(proof.Text, proof.Commitment, p.cfg.Verifier)
			if err != nil || index != order-1 || cp.Size != last.Size {
				t.Fatalf("entry %d: got %d of %d, %v", order, index, cp.Size, err)
			}
			other := proof.Commitment
			other[5] ^= 1
			if _, _, err := CheckProof(proof.Text, other, p.cfg.Verifier); err == nil {
				t.Fatalf("entry %d: another commitment passes", order)
			}
		}
		if _, err := l.Inclusion(ctx, p.next); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("an entry that is not there: %v", err)
		}
		p.write(t, 1)
		if _, err := l.Inclusion(ctx, p.next-1); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("an entry that is not signed: %v", err)
		}
		if _, err := l.Consistency(ctx, p.next+5); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a size that never was: %v", err)
		}
	})
}

func TestTilesAreServedByPathOnly(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	l := p.open(t)
	if _, err := l.Tile("checkpoint"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("before the first act: got %v, want not found", err)
	}
	p.write(t, 300)
	cp := sign(t, l)
	if b, err := l.Tile("checkpoint"); err != nil || string(b) != string(cp.Note) {
		t.Errorf("checkpoint: %v", err)
	}
	for path, want := range map[string]int{
		"tile/0/000": 8192, "tile/0/001.p/44": 44 * 32, "tile/1/000.p/1": 32,
		"tile/entries/000": 256 * 34, "tile/entries/001.p/44": 44 * 34,
	} {
		if b, err := l.Tile(path); err != nil || len(b) != want {
			t.Errorf("%s: got %d bytes, %v, want %d", path, len(b), err, want)
		}
	}
	for _, path := range []string{
		"", "high", "../high", "tile/0/../../../high", "tile/0/001", "tile/0/001.p/45", "tile/0/1",
		"tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/044", "tile/entries/001.p/44/", "tile/-1/000", "tile/64/000",
		"tile/63/000", "/tile/0/000", "tile/0/x000/000", "tile/8/0/000", "tile/data/000",
	} {
		if _, err := l.Tile(path); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: got %v, want not found", path, err)
		}
	}
}

func TestTheTreeIsThatOfTlog(t *testing.T) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			out[i] = stored[x]
		}
		return out, nil
	})
	tr := &tree{}
	tiles := map[tile]string{}
	full := func(x tile, data []byte) error { tiles[x] = string(data); return nil }
	for n := int64(0); n < 70_000; n++ {
		rec := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
		hs, err := tlog.StoredHashes(n, rec[:], read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
		if err := tr.append(rec, full); err != nil {
			t.Fatal(err)
		}
		if n%997 == 0 || n == 65535 || n == 65536 {
			want, err := tlog.TreeHash(n+1, read)
			if err != nil || tr.root() != want {
				t.Fatalf("size %d: got root %v, want %v (%v)", n+1, tr.root(), want, err)
			}
		}
	}
	for _, want := range tlog.NewTiles(tileHeight, 0, 70_000) {
		if want.W != tileWidth {
			continue
		}
		data, err := tlog.ReadTileData(want, read)
		if err != nil || tiles[tile{want.L, want.N, want.W}] != string(data) {
			t.Errorf("%s is not that of tlog (%v)", want.Path(), err)
		}
	}
	if got := len(tiles); got != 273+273+1 {
		t.Errorf("got %d full tiles, want 547", got)
	}
}

func TestProofsOfAnotherFormAreRefused(t *testing.T) {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	c := sha256.Sum256([]byte("record"))
	cp, err := Checkpoint{Origin: origin, Size: 1, Root: tlog.RecordHash(c[:])}.sign(s)
	if err != nil {
		t.Fatal(err)
	}
	good := proofMagic + "\nindex 0\n\n" + string(cp.Note)
	if _, _, err := CheckProof([]byte(good), c, vkey); err != nil {
		t.Fatalf("a good proof: %v", err)
	}
	if _, _, err := CheckProof([]byte(strings.Replace(good, "index", "extra eA==\nindex", 1)), c, vkey); err != nil {
		t.Errorf("with an extra line: %v", err)
	}
	for _, bad := range []string{
		"", proofMagic, proofMagic + "\n\n", strings.Replace(good, "v1", "v2", 1),
		strings.Replace(good, "index 0", "index -1", 1), strings.Replace(good, "index 0", "index 1", 1),
		strings.Replace(good, "index 0", "index 0\nAAAA", 1), strings.Replace(good, "\n1\n", "\n2\n", 1),
		strings.Replace(good, "index 0\n", "extra eA==\n", 1),
	} {
		if _, _, err := CheckProof([]byte(bad), c, vkey); err == nil {
			t.Errorf("passes:\n%s", bad)
		}
	}
}
