package warn

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/outbound"
)

func TestAWebhookNeverReachesAPrivateAddressByNumberNameOrRedirect(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		var calls, away atomic.Int32
		// Whatever connects to any address of the loopback but one is counted.
		secret, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		defer secret.Close()
		go func() {
			for {
				c, err := secret.Accept()
				if err != nil {
					return
				}
				calls.Add(1)
				_ = c.Close() // nothing is said
			}
		}()
		_, port, _ := net.SplitHostPort(secret.Addr().String())
		faro, _, err := d.Guard.OrganisationNamed(t.Context(), d.read, "Aguas del Faro")
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{
			"http://127.0.0.1:" + port, "https://127.0.0.1:" + port, "https://[::1]:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://[::ffff:7f00:1]:" + port,
			"https://[0:0:0:0:0:ffff:10.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/",
			"https://192.168.1.1/", "https://172.16.0.1/", "https://100.64.0.1/", "https://0.0.0.0:" + port, "https://[::]:" + port, "https://[fe80::1%25lo]/", "https://[fd00::1]/",
			"https://localhost:" + port, "https://a.localhost:" + port, "https://localhost.:" + port, "https://db.internal/", "https://printer.local/",
			"http://hooks.example.org/", "https://user:pw@hooks.example.org/", "file:///etc/passwd", "gopher://127.0.0.1/", "https://",
		} {
			if h, err := d.AddHook(t.Context(), d.lead, faro.ID, address); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s was taken: %+v, %v", address, h, err)
			}
		}
		// Names are judged at the dial: what is written down already, in whatever way, and
		// what an allowed address sends elsewhere.
		redirect := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			away.Add(1)
			http.Redirect(rw, r, "http://127.0.0.1:"+port, http.StatusTemporaryRedirect)
		}))
		closed := redirect.Listener.Close()
		if redirect.Listener, err = net.Listen("tcp4", "127.0.0.3:0"); err != nil || closed != nil {
			t.Fatal(err, closed)
		}
		redirect.Start()
		defer redirect.Close()
		d.WebHooks = outbound.NewHooks([]netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")})
		if _, err := d.AddHook(t.Context(), d.lead, faro.ID, redirect.URL); err != nil {
			t.Fatal(err)
		}
		for i, address := range []string{
			"https://localhost:" + port, "https://2130706433:" + port, "https://0x7f.1:" + port, "https://0177.0.0.2:" + port, "https://[::ffff:127.0.0.2]:" + port, "https://127.0.0.2:" + port,
			"https://127.2:" + port,
		} {
			if _, err := d.db.Pool().ExecContext(t.Context(), `insert into warn_hook (id, org_id, url, active, made_at, made_by, version)
				values ($1, $2, $3, $4, $5, 'x', 1)`, 1000+i, faro.ID, address, true, clock.Micros(d.clock.Now())); err != nil {
				t.Fatal(err)
			}
		}
		d.warnAll(SeverityHigh)
		d.waitFor("Aguas del Faro", Sent)
		d.waitHook(func() bool {
			return away.Load() > 0 && d.count(`select count(*) from warn_hook_call where state = 'waiting' and tries = 0`) == 0
		})
		if n := calls.Load(); n != 0 {
			t.Errorf("a private address was called %d times", n)
		}
		if n := d.count(`select count(*) from warn_hook_call where state = 'accepted'`); n != 0 {
			t.Errorf("%d calls are told to be accepted", n)
		}
	})
}
