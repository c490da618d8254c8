// Package pgptest is a real GnuPG with a keyring of its own, for tests: the other
// side of what foundation/pgp writes and reads. A machine without gpg fails these
// tests and says what to install (`make deps`).
package pgptest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// GPG is a GnuPG with an empty keyring.
type GPG struct {
	t    testing.TB
	home string
}

// New makes a keyring that ends with the test.
func New(t testing.TB) *GPG {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Fatalf("there is no gpg here (run `make deps`): %v", err)
	}
	// The agent's socket lies in it: its path must be short.
	home, err := os.MkdirTemp("", "alm-gpg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run() // it may never have started
		_ = os.RemoveAll(home)                                                      // the agent may just be leaving
	})
	return &GPG{t: t, home: home}
}

// Run runs gpg and returns standard output and standard error; it fails the test
// when gpg fails.
func (g *GPG) Run(stdin []byte, args ...string) (out []byte, messages string) {
	g.t.Helper()
	out, messages, err := g.Try(stdin, args...)
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, messages)
	}
	return out, messages
}

// Try is Run for what may fail.
func (g *GPG) Try(stdin []byte, args ...string) (out []byte, messages string, err error) {
	g.t.Helper()
	args = append([]string{"--homedir", g.home, "--batch", "--yes", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback"}, args...)
	cmd := exec.Command("gpg", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(stdin)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.Bytes(), e.String(), err
}

// Make makes a key without a passphrase, such as ("Ana <ana@water.example>",
// "ed25519", "0") with a subkey for encryption ("cv25519" for ed25519, RSA for
// others), and returns its fingerprint.
func (g *GPG) Make(user, algo, expires string) string {
	g.t.Helper()
	g.Run(nil, "--passphrase", "", "--quick-gen-key", user, algo, "default", expires)
	out, _ := g.Run(nil, "--with-colons", "--list-keys", user)
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			sub := "rsa2048"
			if algo == "ed25519" {
				sub = "cv25519"
			}
			g.Run(nil, "--passphrase", "", "--quick-add-key", f[9], sub, "encr", expires)
			return strings.ToLower(f[9])
		}
	}
	g.t.Fatalf("gpg made no key for %s", user)
	return ""
}

// Public exports a public key, armored.
func (g *GPG) Public(fingerprint string) []byte {
	g.t.Helper()
	out, _ := g.Run(nil, "--armor", "--export", fingerprint)
	return out
}

// Import takes a public key in.
func (g *GPG) Import(key string) {
	g.t.Helper()
	g.Run([]byte(key), "--import")
}

// Revoke revokes a key of this keyring.
func (g *GPG) Revoke(fingerprint string) {
	g.t.Helper()
	cert, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", strings.ToUpper(fingerprint)+".rev"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.Run(bytes.Replace(cert, []byte("\n:-----BEGIN"), []byte("\n-----BEGIN"), 1), "--import")
}

// File writes a file beside the keyring and returns its name.
func (g *GPG) File(name string, b []byte) string {
	g.t.Helper()
	path := filepath.Join(g.home, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}
