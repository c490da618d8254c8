package bad

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/test/house"
)

func TestMain(m *testing.M) {
	code := m.Run()
	house.Remove()
	os.Exit(code)
}

// problem is an error as programs get it.
type problem struct {
	Status    int
	Code, Key string
	Detail    string
	Errors    []struct{ Field, Detail string }
}

// refusal checks that an answer says what and why, as its reader wants it.
func refusal(t *testing.T, what string, a house.Answer, status int) problem {
	t.Helper()
	var p problem
	if a.Status != status {
		t.Errorf("%s: got %d, want %d: %.300s", what, a.Status, status, a.Body)
		return p
	}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		if !strings.Contains(a.Body, "<main") || strings.Contains(a.Body, "⟦") {
			t.Errorf("%s: the page does not say what is wrong: %.300s", what, a.Body)
		}
		return p
	}
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil || p.Detail == "" || p.Key == "" || strings.Contains(p.Detail, "⟦") {
		t.Errorf("%s: not a problem with a sentence: %v %.300s", what, err, a.Body)
	}
	return p
}

func TestABodyTooLargeIsRefusedAsWhatItIs(t *testing.T) {
	h := full(t, sqldb.Config{})
	cookie := h.SignIn(chief(h).ID)
	form := "name=" + strings.Repeat("a", 2<<20)
	refusal(t, "a form of 2 MiB on a page", h.Ask("POST", "/guard/persons", strings.NewReader(form), house.As(cookie), house.Form), 413)
	refusal(t, "a body of 2 MiB for the API", h.Ask("POST", "/api/v1/watch/sources", strings.NewReader(`{"name":"`+form+`","mode":"shadow"}`),
		house.As(cookie), house.JSON), 413)
	if a := h.Ask("GET", "/healthz", nil); a.Status != 200 {
		t.Errorf("afterwards: %d", a.Status)
	}
}

func TestASlowClientIsCutOffAndNobodyElseNotices(t *testing.T) {
	h := full(t, sqldb.Config{})
	address := strings.TrimPrefix(h.URL, "http://")
	// The limits are 10 s for a head and 30 s for a body.
	for what, first := range map[string]string{
		"a head that never ends":      "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"a body that never comes":     "POST /csp-report HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
		"a head of 100 kB in one go":  "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 100<<10) + "\r\n\r\n",
		"a request that is none":      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"two lengths for one body":    "POST /csp-report HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"a length and pieces as well": "POST /csp-report HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked, identity\r\n\r\n{}",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			began := time.Now()
			if _, err := io.WriteString(c, first); err != nil {
				return // refused while it wrote
			}
			stop := make(chan struct{})
			defer close(stop)
			go dribble(c, stop)
			_ = c.SetReadDeadline(time.Now().Add(40 * time.Second))
			if _, err := io.Copy(io.Discard, bufio.NewReader(c)); err != nil && time.Since(began) > 39*time.Second {
				t.Errorf("the connection is still open after %s", time.Since(began))
			}
			if a := h.Ask("GET", "/healthz", nil); a.Status != 200 {
				t.Errorf("meanwhile somebody else got %d", a.Status)
			}
		})
	}
}

// dribble writes a byte now and then.
func dribble(c net.Conn, stop <-chan struct{}) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if _, err := c.Write([]byte("a")); err != nil {
				return
			}
		}
	}
}

// endless gives n bytes of one line, without holding them.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(e.left, int64(len(p))))
	for i := range n {
		p[i] = 'a' + byte(i%23)
	}
	e.left -= int64(n)
	return n, nil
}

func TestALineOfAGigabyteCostsNoMemory(t *testing.T) {
	h := full(t, sqldb.Config{})
	token := h.Token(guard.OwnOrg, guard.RoleDutyLead)
	runtime.GC()
	peak := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		var most uint64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	body := io.MultiReader(strings.NewReader("timestamp,ip,protocol,port\n2026-11-18 03:00:00,192.0.2.3,tcp,23\n"), &endless{left: 1 << 30})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/api/v1/watch/deliveries?source=scans&file=2026-11-18-scan_telnet.csv&wait=true", body)
	if err != nil {
		t.Fatal(err)
	}
	house.With(token)(r)
	r.Header.Set("Content-Type", "application/octet-stream")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	close(stop)
	most := <-peak
	if err != nil || res.StatusCode >= 500 {
		t.Fatalf("%d, %v: %s", res.StatusCode, err, text)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 96<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	var out struct {
		Deliveries []struct {
			State             string
			Rows, Quarantined int64
		}
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.Deliveries) != 1 || out.Deliveries[0].Quarantined != 1 || out.Deliveries[0].Rows != 2 {
		t.Errorf("%d %s (%v); want 2 rows, one of them in quarantine", res.StatusCode, text, err)
	}
}

func TestAnArchiveThatSwellsIsRefused(t *testing.T) {
	h := full(t, sqldb.Config{})
	token := h.Token(guard.OwnOrg, guard.RoleWatchOfficer)
	archive := func(members int, size int64) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range members {
			w, err := z.Create(fmt.Sprintf("2026-11-18-scan_telnet-%d.csv", i))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(w, zeros{}, size); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for what, c := range map[string][]byte{
		"a member of 300 MB": archive(1, 300<<20), "3,000 members": archive(3000, 1), "no archive at all": []byte("PK\x03\x04nonsense"),
	} {
		file := filepath.Join(t.TempDir(), "bomb.zip")
		if err := os.WriteFile(file, c, 0o600); err != nil {
			t.Fatal(err)
		}
		p := refusal(t, what, h.Ask("POST", "/api/v1/watch/deliveries?source=scans&file=bomb.zip", bytes.NewReader(c), house.With(token), house.Header("Content-Type", "application/octet-stream")), 422)
		code, _, problems := house.Run(t, "watch", "import", "--data", h.Dir, "--source", "scans", file)
		if code != 3 || !strings.Contains(problems, "error: bomb.zip: ") || !strings.Contains(problems, p.Detail) {
			t.Errorf("%s on the command line: exit %d: %s; the API says %q", what, code, problems, p.Detail)
		}
	}
	if a := h.Ask("GET", "/api/v1/watch/deliveries", nil, house.With(h.Token(guard.OwnOrg, guard.RoleReader))); strings.Count(a.Body, `"delivery":`) != 1 {
		t.Errorf("something of them was kept: %s", a.Body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
