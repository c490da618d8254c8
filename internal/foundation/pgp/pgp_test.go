package pgp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/pgp/pgptest"
)

const limit = 1 << 20

// now is the machine's time, which GnuPG dates by, a moment later: keys that were
// just made must be old enough.
func now() time.Time { return time.Now().Add(2 * time.Second) }

func team(t testing.TB) *pgp.Team {
	t.Helper()
	k, err := pgp.Generate(filepath.Join(t.TempDir(), "openpgp.key"), "CSIRT Atalaya", "csirt@csirt.example", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func armored(t testing.TB, k pgp.Key) string {
	t.Helper()
	text, err := k.Armor()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t testing.TB, b []byte) pgp.Key {
	t.Helper()
	k, err := pgp.ParsePublic(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestGnuPGReadsWhatWeSeal(t *testing.T) {
	for _, algo := range []string{"ed25519", "rsa2048"} {
		t.Run(algo, func(t *testing.T) {
			g, us := pgptest.New(t), team(t)
			f := g.Make("Ana <ana@water.example>", algo, "0")
			ana := parse(t, g.Public(f))
			if ana.Fingerprint != f || !ana.CanEncrypt(now()) || !ana.Has("ANA@water.example") || !ana.Expires.IsZero() || !ana.Revoked.IsZero() {
				t.Errorf("got key %+v for %s", ana, f)
			}
			g.Import(armored(t, us.Public()))
			words := []byte("Content-Type: text/plain\r\n\r\nLe système est exposé.\r\n")
			sealed, err := pgp.Seal(words, us, now(), ana)
			if err != nil {
				t.Fatal(err)
			}
			plain, said := g.Run(sealed, "--decrypt", "--status-fd", "2")
			if !bytes.Equal(plain, words) {
				t.Errorf("GnuPG reads %q, want %q", plain, words)
			}
			if !strings.Contains(said, "VALIDSIG "+strings.ToUpper(us.Public().Fingerprint)) {
				t.Errorf("GnuPG finds no valid signature of ours:\n%s", said)
			}
		})
	}
}

func TestWeReadWhatGnuPGSeals(t *testing.T) {
	for _, algo := range []string{"ed25519", "rsa2048"} {
		t.Run(algo, func(t *testing.T) {
			g, us := pgptest.New(t), team(t)
			f := g.Make("Ana <ana@water.example>", algo, "0")
			ana := parse(t, g.Public(f))
			g.Import(armored(t, us.Public()))
			sealed, _ := g.Run([]byte("we closed the port\n"), "--armor", "--sign", "--encrypt", "-u", f, "-r", us.Public().Fingerprint)
			got, err := pgp.Open(sealed, []*pgp.Team{us}, []pgp.Key{ana}, now(), limit)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Plain) != "we closed the port\n" || got.Verdict.State != pgp.Good || got.Verdict.Fingerprint != f {
				t.Errorf("got %q, %+v", got.Plain, got.Verdict)
			}
			for name, keys := range map[string][]pgp.Key{"no key": nil, "another's key": {parse(t, g.Public(g.Make("Eva <eva@water.example>", algo, "0")))}} {
				got, err := pgp.Open(sealed, []*pgp.Team{us}, keys, now(), limit)
				if err != nil || got.Verdict.State != pgp.UnknownKey || got.Verdict.KeyID == "" {
					t.Errorf("with %s: got %+v, %v; want unknown key", name, got.Verdict, err)
				}
			}
			unsigned, _ := g.Run([]byte("x"), "--armor", "--encrypt", "-r", us.Public().Fingerprint)
			if got, err := pgp.Open(unsigned, []*pgp.Team{us}, []pgp.Key{ana}, now(), limit); err != nil || got.Verdict.State != pgp.None {
				t.Errorf("got %+v, %v without a signature, want none", got.Verdict, err)
			}
			other, _ := g.Run([]byte("x"), "--armor", "--encrypt", "-r", f)
			if _, err := pgp.Open(other, []*pgp.Team{us}, []pgp.Key{ana}, now(), limit); fault.Of(err).Key != "pgp.message_not_for_us" {
				t.Errorf("got %v for a message to somebody else", err)
			}
			broken := bytes.Clone(sealed)
			broken[len(broken)/2] ^= 1
			if got, err := pgp.Open(broken, []*pgp.Team{us}, []pgp.Key{ana}, now(), limit); err == nil && got.Verdict.State == pgp.Good {
				t.Error("a changed message was taken for good")
			}
		})
	}
}

func TestDetachedSignaturesBothWays(t *testing.T) {
	g, us := pgptest.New(t), team(t)
	f := g.Make("Ana <ana@water.example>", "ed25519", "0")
	ana := parse(t, g.Public(f))
	g.Import(armored(t, us.Public()))
	words := []byte("Content-Type: text/plain\r\n\r\nhello\r\n")
	at := now()
	sig, err := us.Sign(words, at)
	if err != nil {
		t.Fatal(err)
	}
	again, err := us.Sign(words, at)
	if err != nil || !bytes.Equal(sig, again) {
		t.Errorf("the same signature has other bytes, %v", err)
	}
	_, said := g.Run(nil, "--status-fd", "2", "--verify", g.File("sig", sig), g.File("words", words))
	if !strings.Contains(said, "VALIDSIG") {
		t.Errorf("GnuPG does not verify:\n%s", said)
	}
	theirs, _ := g.Run(words, "--armor", "--detach-sign", "-u", f)
	if v := pgp.Verify(words, theirs, []pgp.Key{ana}, now()); v.State != pgp.Good || v.Fingerprint != f {
		t.Errorf("got %+v, want good", v)
	}
	if v := pgp.Verify(append(words, '!'), theirs, []pgp.Key{ana}, now()); v.State != pgp.Bad {
		t.Errorf("got %+v for changed words, want bad", v)
	}
	if v := pgp.Verify(words, theirs, nil, now()); v.State != pgp.UnknownKey || v.KeyID == "" {
		t.Errorf("got %+v without keys, want unknown", v)
	}
	if v := pgp.Verify(words, theirs, []pgp.Key{us.Public()}, now()); v.State != pgp.UnknownKey {
		t.Errorf("got %+v with another key, want unknown", v)
	}
	if v := pgp.Verify(words, []byte("no signature"), []pgp.Key{ana}, now()); v.State != pgp.Bad {
		t.Errorf("got %+v for no signature at all, want bad", v)
	}
	clear, _ := g.Run([]byte("hello\n- dash\n"), "--clear-sign", "-u", f)
	if text, v := pgp.VerifyClear(clear, []pgp.Key{ana}, now()); v.State != pgp.Good || !strings.HasPrefix(string(text), "hello") {
		t.Errorf("got %q, %+v for a message in clear text", text, v)
	}
}

func TestExpiredAndRevokedKeysAreNeverGood(t *testing.T) {
	g := pgptest.New(t)
	f := g.Make("Ana <ana@water.example>", "ed25519", "1d")
	words := []byte("hello")
	sig, _ := g.Run(words, "--armor", "--detach-sign", "-u", f)
	ana := parse(t, g.Public(f))
	if left := time.Until(ana.Expires); left < 22*time.Hour || left > 25*time.Hour {
		t.Errorf("got a key that expires in %s, want a day", left)
	}
	if v := pgp.Verify(words, sig, []pgp.Key{ana}, now()); v.State != pgp.Good {
		t.Errorf("got %+v before it expired, want good", v)
	}
	late := time.Now().Add(48 * time.Hour)
	if v := pgp.Verify(words, sig, []pgp.Key{ana}, late); v.State != pgp.Expired || v.Fingerprint != f {
		t.Errorf("got %+v after it expired, want expired", v)
	}
	if ana.CanEncrypt(late) || !ana.Expired(late) {
		t.Error("an expired key can encrypt")
	}
	if _, err := pgp.Seal(words, nil, late, ana); fault.Of(err).Key != "pgp.cannot_encrypt" {
		t.Errorf("got %v sealing to an expired key", err)
	}
	g.Revoke(f)
	gone := parse(t, g.Public(f))
	if gone.Revoked.IsZero() || gone.CanEncrypt(now()) || gone.Fingerprint != f {
		t.Errorf("got revoked key %+v", gone)
	}
	if v := pgp.Verify(words, sig, []pgp.Key{gone}, now()); v.State != pgp.Revoked {
		t.Errorf("got %+v from a revoked key, want revoked", v)
	}
}

func TestOurOwnSignatureIsNotTheSenders(t *testing.T) {
	us, them := team(t), team(t)
	sealed, err := pgp.Seal([]byte("x"), us, now(), us.Public())
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgp.Open(sealed, []*pgp.Team{us}, []pgp.Key{them.Public()}, now(), limit)
	if err != nil || got.Verdict.State != pgp.UnknownKey {
		t.Errorf("got %+v, %v; want unknown key", got.Verdict, err)
	}
}

func TestABombIsRefused(t *testing.T) {
	g, us := pgptest.New(t), team(t)
	g.Import(armored(t, us.Public()))
	bomb, _ := g.Run(make([]byte, 64<<20), "--compress-algo", "zlib", "-z", "9", "--encrypt", "-r", us.Public().Fingerprint)
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	if _, err := pgp.Open(bomb, []*pgp.Team{us}, nil, now(), limit); fault.Of(err).Key != "pgp.too_large" {
		t.Errorf("got %v, want too large", err)
	}
	exact, _ := g.Run(make([]byte, limit), "--encrypt", "-r", us.Public().Fingerprint)
	if got, err := pgp.Open(exact, []*pgp.Team{us}, nil, now(), limit); err != nil || len(got.Plain) != limit {
		t.Errorf("got %d bytes, %v for a message of exactly the limit", len(got.Plain), err)
	}
}

func TestWhatIsNoPublicKeyIsRefused(t *testing.T) {
	g := pgptest.New(t)
	a, b := g.Make("Ana <ana@water.example>", "ed25519", "0"), g.Make("Eva <eva@water.example>", "ed25519", "0")
	private, _ := g.Run(nil, "--armor", "--export-secret-keys", a)
	binary, _ := g.Run(nil, "--export-secret-keys", a)
	two, _ := g.Run(nil, "--export", a, b)
	for want, text := range map[string][]byte{
		"pgp.key_private": private, "pgp.key_none": []byte("hello"), "pgp.key_many": append(g.Public(a), g.Public(b)...),
		"pgp.too_large": make([]byte, 600<<10),
	} {
		if _, err := pgp.ParsePublic(text); fault.Of(err).Key != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := pgp.ParsePublic(binary); fault.Of(err).Key != "pgp.key_private" {
		t.Errorf("got %v for a binary private key", err)
	}
	if _, err := pgp.ParsePublic(two); fault.Of(err).Key != "pgp.key_many" {
		t.Errorf("got %v for two keys", err)
	}
	if _, err := pgp.ParsePublic(append([]byte("Hello, my key:\n\n"), g.Public(a)...)); err != nil {
		t.Errorf("got %v for a key after words", err)
	}
	us, err := pgp.ParseTeam(private)
	if err != nil || us.Public().Fingerprint != a {
		t.Errorf("got %v for a private key of GnuPG's as the team's", err)
	}
}

func TestTheTeamsKeyStaysItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openpgp.key")
	k, err := pgp.Generate(path, "CSIRT d’Atalaya", "csirt@csirt.example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", st.Mode(), err)
	}
	if _, err := pgp.Generate(path, "x", "x@y.example", time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v for a file that is there", err)
	}
	again, err := pgp.Load(path)
	if err != nil || again.Public().Fingerprint != k.Public().Fingerprint {
		t.Errorf("got another key, %v", err)
	}
	if want := []string{"CSIRT d’Atalaya <csirt@csirt.example>"}; !slices.Equal(again.Public().UserIDs, want) {
		t.Errorf("got user ids %q, want %q", again.Public().UserIDs, want)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pgp.Load(path); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v for a file that others can read", err)
	}
}

func TestOneKeyServesManyAtTheSameTime(t *testing.T) {
	us, ana := team(t), team(t)
	at := now()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				words := fmt.Appendf(nil, "%d %d", i, j)
				sealed, err := pgp.Seal(words, us, at.Add(time.Duration(j)*time.Hour), ana.Public())
				if err != nil {
					t.Error(err)
					return
				}
				got, err := pgp.Open(sealed, []*pgp.Team{ana}, []pgp.Key{us.Public()}, at.Add(100*time.Hour), limit)
				if err != nil || got.Verdict.State != pgp.Good || !bytes.Equal(got.Plain, words) {
					t.Errorf("got %q, %+v, %v", got.Plain, got.Verdict, err)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkSeal(b *testing.B) {
	us, ana := team(b), team(b)
	words := bytes.Repeat([]byte("Le système 192.0.2.1 est exposé.\r\n"), 150)
	at := now()
	for b.Loop() {
		if _, err := pgp.Seal(words, us, at, ana.Public()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePublic(b *testing.B) {
	key := team(b).Public().Binary
	for b.Loop() {
		if _, err := pgp.ParsePublic(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	us := team(b)
	words := bytes.Repeat([]byte("Le système 192.0.2.1 est exposé.\r\n"), 150)
	for b.Loop() {
		if _, err := us.Sign(words, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParsePublic(f *testing.F) {
	k := team(f).Public()
	f.Add(k.Binary)
	f.Add([]byte(armored(f, k)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := pgp.ParsePublic(b); err == nil {
			if again, err := pgp.ParsePublic(k.Binary); err != nil || again.Fingerprint != k.Fingerprint {
				t.Errorf("a key that was kept is not read again: %v", err)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	us := team(f)
	sealed, err := pgp.Seal([]byte("hello"), us, now(), us.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := pgp.Open(b, []*pgp.Team{us}, []pgp.Key{us.Public()}, now(), 1<<16)
		if err == nil && len(got.Plain) > 1<<16 {
			t.Errorf("got %d bytes", len(got.Plain))
		}
	})
}
