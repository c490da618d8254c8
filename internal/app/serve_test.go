package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
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
