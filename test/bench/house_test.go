package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// house is one installation whose server runs as a process of its own.
type house struct {
	b      *testing.B
	bin    string
	dir    string // of data
	listen string
	dsn    string
	server *exec.Cmd
	http   *http.Client // over the local socket
}

func newHouse(b *testing.B, dsn string) *house {
	b.Helper()
	bin, err := filepath.Abs("../../bin/almenara")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		b.Fatalf("there is no built program: run make build (%v)", err)
	}
	h := &house{b: b, bin: bin, dir: filepath.Join(b.TempDir(), "data"), listen: freeAddress(b), dsn: dsn}
	_, port, _ := net.SplitHostPort(h.listen)
	args := []string{"init", "--data", h.dir, "--name", "Bench", "--country", "XA", "--public-url", "http://bench.localhost:" + port}
	if dsn != "" {
		args = append(args, "--database", dsn)
	}
	h.run(args...)
	sock := filepath.Join(h.dir, "run", "almenara.sock")
	h.http = &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", sock)
	}}}
	b.Cleanup(h.stop)
	h.start()
	return h
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts the server and returns how long it took until it was ready.
func (h *house) start() time.Duration {
	h.b.Helper()
	began := time.Now()
	args := []string{"serve", "--data", h.dir, "--listen", h.listen}
	if h.dsn != "" {
		args = append(args, "--database", h.dsn)
	}
	h.server = exec.Command(h.bin, args...)
	log, err := os.Create(filepath.Join(filepath.Dir(h.dir), "serve.log"))
	if err != nil {
		h.b.Fatal(err)
	}
	h.server.Stdout, h.server.Stderr = log, log
	if err := h.server.Start(); err != nil {
		h.b.Fatal(err)
	}
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := h.http.Get("http://local/readyz"); err == nil {
			ok := r.StatusCode == http.StatusOK
			r.Body.Close()
			if ok {
				return time.Since(began)
			}
		}
		select {
		case <-deadline:
			text, _ := os.ReadFile(log.Name())
			h.b.Fatalf("the server is not ready:\n%s", text)
		case <-tick.C:
		}
	}
}

func (h *house) stop() {
	if h.server == nil || h.server.Process == nil {
		return
	}
	_ = h.server.Process.Signal(os.Interrupt)
	_ = h.server.Wait()
	h.server = nil
}

// run runs a command of the program and returns what it printed.
func (h *house) run(args ...string) string {
	h.b.Helper()
	var out, problems bytes.Buffer
	cmd := exec.Command(h.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		h.b.Fatalf("almenara %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), problems.String())
	}
	return out.String()
}

// ask runs a command that speaks to the server.
func (h *house) ask(args ...string) string {
	h.b.Helper()
	return h.run(append(args, "--data", h.dir)...)
}

// delivery is a line of `watch import --json`.
type delivery struct {
	Delivery     int64   `json:"delivery"`
	Rows         int64   `json:"rows"`
	Events       int64   `json:"events"`
	Quarantined  int64   `json:"quarantined"`
	Opened       int64   `json:"opened"`
	Kept         int64   `json:"kept"`
	NoLongerSeen int64   `json:"no_longer_seen"`
	Seconds      float64 `json:"seconds"`
}

// deliver imports a report and waits for it; it returns the line and the CPU time
// of the server and of the command together.
func (h *house) deliver(path string) (d delivery, cpu time.Duration) {
	h.b.Helper()
	before := h.cpu()
	var out, problems bytes.Buffer
	cmd := exec.Command(h.bin, "watch", "import", "--data", h.dir, "--source", "scans", "--wait", "--json", path)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		h.b.Fatalf("import %s: %v\n%s", path, err, problems.String())
	}
	if err := json.Unmarshal(bytes.TrimSpace(out.Bytes()), &d); err != nil {
		h.b.Fatalf("import %s: %v in %q", path, err, out.String())
	}
	return d, h.cpu() - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// cpu is the server's CPU time so far.
func (h *house) cpu() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.server.Process.Pid))
	if err != nil {
		h.b.Fatal(err)
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100)
}

var memoryLine = regexp.MustCompile(`(?m)^(VmHWM|VmRSS):\s+(\d+) kB`)

// memory is the server's resident memory now and at its peak, in MiB.
func (h *house) memory() (now, peak int64) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.server.Process.Pid))
	if err != nil {
		h.b.Fatal(err)
	}
	for _, m := range memoryLine.FindAllSubmatch(raw, -1) {
		n, _ := strconv.ParseInt(string(m[2]), 10, 64)
		if string(m[1]) == "VmHWM" {
			peak = n / 1024
		} else {
			now = n / 1024
		}
	}
	return now, peak
}

// forgetPeak makes the peak begin anew from what is resident now.
func (h *house) forgetPeak() {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", h.server.Process.Pid), []byte("5"), 0); err != nil {
		h.b.Logf("the peak of memory cannot be reset: %v", err)
	}
}

// get fetches a page or a call over the local socket and returns how long it took.
func (h *house) get(path string) (time.Duration, error) {
	began := time.Now()
	r, err := h.http.Get("http://local" + path)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return 0, err
	}
	if r.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", path, r.Status)
	}
	return time.Since(began), nil
}

// act does a small act of a person over the API and returns how long it took.
func (h *house) act(n int) (time.Duration, error) {
	body := fmt.Sprintf(`{"name":"act-%d","mode":"shadow"}`, n)
	began := time.Now()
	r, err := h.http.Post("http://local/api/v1/watch/sources", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode >= 300 {
		return 0, fmt.Errorf("add source: %s: %s", r.Status, text)
	}
	return time.Since(began), nil
}

// checkpoint is the size that the signed checkpoint on disk speaks of.
func (h *house) checkpoint() int64 {
	text, err := os.ReadFile(filepath.Join(h.dir, "ledger", "log", "checkpoint"))
	if err != nil {
		return 0
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if len(lines) < 2 {
		return 0
	}
	n, _ := strconv.ParseInt(lines[1], 10, 64)
	return n
}

// signed waits until a checkpoint speaks of more than size acts and returns how long
// it took.
func (h *house) signed(size int64) time.Duration {
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if h.checkpoint() > size || time.Since(began) > 10*time.Second {
			break
		}
	}
	return time.Since(began)
}

// disk is the size of the data folder in MiB.
func (h *house) disk() (mib float64) {
	var n int64
	err := filepath.Walk(h.dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		h.b.Fatal(err)
	}
	return float64(n) / (1 << 20)
}

// table collects the figures and prints them side by side with their targets.
type table struct{ rows [][3]string }

func (t *table) add(what, target, format string, args ...any) {
	t.rows = append(t.rows, [3]string{what, target, fmt.Sprintf(format, args...)})
}

func (t *table) print(w io.Writer) {
	out := bufio.NewWriter(w)
	defer out.Flush()
	fmt.Fprintf(out, "\n%-62s %-22s %s\n", "figure", "target", "measured")
	for _, r := range t.rows {
		fmt.Fprintf(out, "%-62s %-22s %s\n", r[0], r[1], r[2])
	}
}
