package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
)

func TestOnlyNamedProxiesAreBelieved(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	for _, c := range []struct {
		name, peer, forwarded, want string
	}{
		{"no proxy", "192.0.2.1:5000", "", "192.0.2.1:5000"},
		{"a client that says it is somebody else", "192.0.2.1:5000", "198.51.100.7", "192.0.2.1:5000"},
		{"a named proxy", "10.0.0.5:5000", "198.51.100.7", "198.51.100.7:0"},
		{"two named proxies", "10.0.0.5:5000", "198.51.100.7, 10.0.0.6", "198.51.100.7:0"},
		{"a lie before a named proxy", "10.0.0.5:5000", "127.0.0.1, 198.51.100.7", "198.51.100.7:0"},
		{"a named proxy that says nothing", "10.0.0.5:5000", "", "10.0.0.5:5000"},
		{"rubbish behind a named proxy", "10.0.0.5:5000", "<script>", "10.0.0.5:5000"},
		{"an IPv6 client", "10.0.0.5:5000", "2001:db8::7", "[2001:db8::7]:0"},
		{"a named proxy written as IPv6", "[::ffff:10.0.0.5]:5000", "198.51.100.7", "198.51.100.7:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got *http.Request
			h := behindProxies(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got.RemoteAddr != c.want {
				t.Errorf("got %s, want %s", got.RemoteAddr, c.want)
			}
			if got.Header.Get("X-Forwarded-For") != "" {
				t.Error("the header went on")
			}
		})
	}
}

func TestFiguresAreForThisMachine(t *testing.T) {
	for _, c := range []struct {
		name, peer, header string
		want               bool
	}{
		{"from this machine", "127.0.0.1:1", "", true},
		{"from this machine over IPv6", "[::1]:1", "", true},
		{"from elsewhere", "192.0.2.1:1", "", false},
		{"through a proxy on this machine", "127.0.0.1:1", "X-Forwarded-For", false},
		{"through another sort of proxy", "127.0.0.1:1", "Forwarded", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bool
			h := behindProxies(nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = fromThisMachine(r) }))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			r.RemoteAddr = c.peer
			if c.header != "" {
				r.Header.Set(c.header, "198.51.100.7")
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// pair writes a certificate for localhost with a serial number of its own.
func pair(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.System{}.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTheTLSFilesAreReadAgainAndABadOneKeepsTheOld(t *testing.T) {
	p := found(t, "")
	first := pair(t, p.dir, 1)
	o := p.options(t)
	o.Config.TLS = TLS{Certificate: "cert.pem", Key: "key.pem"}
	a, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(a.Address())
	if err != nil {
		t.Fatal(err)
	}
	served := func(trusted *x509.Certificate) int64 {
		t.Helper()
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "localhost"}}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := served(first); got != 1 {
		t.Errorf("got certificate %d, want 1", got)
	}
	second := pair(t, p.dir, 2)
	a.reload(t.Context())
	if got := served(second); got != 2 {
		t.Errorf("after reloading: got certificate %d, want 2", got)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "key.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.reload(t.Context())
	if got := served(second); got != 2 {
		t.Errorf("after a bad file: got certificate %d, want 2", got)
	}
}
