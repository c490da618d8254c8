package warn

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/outbound"
	"almenara.example/webhook"
	"crypto/ed25519"
)

func TestAWebhookIsSignedTriedAgainAndNeverPrivate(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		var mu sync.Mutex
		var ids []string
		var public ed25519.PublicKey
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			body, _ := io.ReadAll(r.Body)
			v := webhook.Verifier{Keys: []ed25519.PublicKey{public}}
			id, _, err := v.Verify(r.Header, body, d.clock.Now())
			if err != nil {
				t.Errorf("the signature is not good: %v", err)
			}
			var got hookBody
			if err := json.Unmarshal(body, &got); err != nil || got.Type != "warning" || got.Data.Severity != "flash" {
				t.Errorf("got %s, %v", body, err)
			}
			if ids = append(ids, id); len(ids) == 1 {
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		defer s.Close()
		faro, _, err := d.Guard.OrganisationNamed(t.Context(), d.read, "Aguas del Faro")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AddHook(t.Context(), d.lead, faro.ID, s.URL); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a private address was taken: %v", err)
		}
		d.WebHooks = outbound.NewHooks([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
		h, err := d.AddHook(t.Context(), d.lead, faro.ID, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		public, err = webhook.ParsePublic(d.PublicKey(h.ID))
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		d.warnAll(SeverityFlash)
		d.waitFor("Aguas del Faro", Sent)
		d.waitHook(func() bool { mu.Lock(); defer mu.Unlock(); return len(ids) == 2 })
		mu.Lock()
		defer mu.Unlock()
		if ids[0] != ids[1] {
			t.Errorf("a repetition has another id: %v", ids)
		}
	})
}

// waitHook waits until it is so; the second try comes after five seconds.
func (d *desk) waitHook(so func() bool) {
	d.t.Helper()
	tick, end := time.NewTicker(50*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer end.Stop()
	for !so() {
		select {
		case <-end.C:
			states, err := sqldb.All(d.t.Context(), d.read, sqldb.Text, `select state from warn_hook_call`)
			d.t.Fatalf("nothing came: %v, %v", states, err)
		case <-tick.C:
		}
	}
}
