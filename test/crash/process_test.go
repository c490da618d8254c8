package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/ledger"
	program "almenara.example/test/house"
	"almenara.example/wire"
)

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// house is one installation whose server is a process that may be killed.
type house struct {
	t      *testing.T
	bin    string
	dir    string
	mail   *mailtest.Server
	server *exec.Cmd
	ended  chan error
	http   *http.Client
	log    bytes.Buffer
	seen   ledger.Checkpoint // the last one before a kill
	checks int
}

func newHouse(t *testing.T, dsn string) *house {
	t.Helper()
	h := &house{t: t, bin: program.Program(t), dir: filepath.Join(t.TempDir(), "data"), mail: mailtest.New(t)}
	args := []string{"init", "--data", h.dir, "--name", "CSIRT Atalaya", "--country", "XA", "--public-url", "http://csirt.localhost:8440"}
	if dsn != "" {
		args = append(args, "--database", dsn)
	}
	h.run(args...)
	conf := fmt.Sprintf("\n[mail]\nhost = %q\nport = %d\nsecurity = \"none\"\nfrom = \"csirt@csirt.example\"\n", h.mail.Host, h.mail.Port)
	f, err := os.OpenFile(filepath.Join(h.dir, "almenara.toml"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(conf); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return app.DialLocal(ctx, h.dir) },
	}}
	t.Cleanup(h.kill)
	h.start()
	return h
}

// start starts the server and waits until it is ready.
func (h *house) start() {
	h.t.Helper()
	h.server = exec.Command(h.bin, "serve", "--data", h.dir, "--listen", "none")
	h.server.Stdout, h.server.Stderr = &h.log, &h.log
	if err := h.server.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan<- error) { ended <- c.Wait() }(h.server, h.ended)
	h.until("the server is ready", func() bool {
		select {
		case err := <-h.ended:
			h.ended <- err
			h.t.Fatalf("the server ended by itself: %v\n%s", err, h.log.String())
		default:
		}
		r, err := h.http.Get("http://local/readyz")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// kill ends the server without a word of warning.
func (h *house) kill() {
	if h.server == nil {
		return
	}
	_ = h.server.Process.Kill() // it may have ended
	<-h.ended
	h.server = nil
}

// stop ends it politely.
func (h *house) stop() {
	h.t.Helper()
	if err := h.server.Process.Signal(os.Interrupt); err != nil {
		h.t.Fatal(err)
	}
	if err := <-h.ended; err != nil {
		h.t.Errorf("a clean stop: %v\n%s", err, h.log.String())
	}
	h.server = nil
}

// until waits for a condition.
func (h *house) until(what string, met func() bool) {
	h.t.Helper()
	deadline := time.After(90 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			h.t.Fatalf("not within 90 s: %s\n%s", what, tail(h.log.String()))
		case <-tick.C:
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// run runs a command of the program that must succeed and returns what it printed.
func (h *house) run(args ...string) string {
	h.t.Helper()
	out, err := h.try(args...)
	if err != nil {
		h.t.Fatalf("almenara %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (h *house) try(args ...string) (string, error) {
	var out, problems bytes.Buffer
	cmd := exec.Command(h.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if err != nil {
		return out.String() + problems.String(), err
	}
	return out.String(), nil
}

// ask runs a command that speaks to the server.
func (h *house) ask(args ...string) string {
	h.t.Helper()
	return h.run(append(args, "--data", h.dir)...)
}

// lines reads the JSON lines that a command printed.
func lines[T any](t *testing.T, text string) (out []T) {
	t.Helper()
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatalf("%v in %q", err, s.Text())
		}
		out = append(out, v)
	}
	return out
}

// deliveries lists what was delivered, newest first; nil while nobody answers.
func (h *house) deliveries() []wire.Delivery {
	r, err := h.http.Get("http://local/api/v1/watch/deliveries?limit=100")
	if err != nil {
		return nil
	}
	defer r.Body.Close()
	var out wire.Deliveries
	if json.NewDecoder(r.Body).Decode(&out) != nil {
		return nil
	}
	return out.Deliveries
}

// checkLedger verifies the record and that it extends what was seen before.
func (h *house) checkLedger() {
	h.t.Helper()
	out, err := h.try("ledger", "verify", "--blobs", "--json", "--data", h.dir)
	if err != nil || !strings.Contains(out, `"ok":true`) {
		h.t.Fatalf("the record does not verify: %v\n%s", err, out)
	}
	signer, verifier, err := ledger.ReadKey(filepath.Join(h.dir, "keys", "ledger.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	log := ledger.New(ledger.Config{Dir: filepath.Join(h.dir, "ledger", "log"), Clock: clock.System{}, Signer: signer, Verifier: verifier})
	cp, err := log.Checkpoint()
	if err != nil {
		h.t.Fatalf("checkpoint: %v", err)
	}
	if h.seen.Size > 0 {
		x, err := log.Consistency(h.t.Context(), h.seen.Size)
		if err != nil {
			h.t.Fatalf("the checkpoint of size %d does not extend that of size %d: %v", cp.Size, h.seen.Size, err)
		}
		if err := tlog.CheckTree(x.Hashes, x.Checkpoint.Size, x.Checkpoint.Root, h.seen.Size, h.seen.Root); err != nil {
			h.t.Fatalf("size %d to %d: %v", h.seen.Size, x.Checkpoint.Size, err)
		}
		cp = x.Checkpoint
	}
	h.seen = cp
	h.checks++
}
