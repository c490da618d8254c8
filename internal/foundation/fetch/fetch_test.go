package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestOnlyPublicAddressesAreCalled(t *testing.T) {
	c := New(Config{})
	for _, address := range []string{
		"https://127.0.0.1/x", "https://10.1.2.3/", "https://[::1]/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/",
		"https://100.64.1.1/", "https://192.0.2.5/", "http://example.org/", "ftp://example.org/", "https://user:pw@example.org/",
		"https://localhost/", "https://localhost./", "https://box.internal./", "https://box.internal/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0.0.0.0/", "https://[fe80::1]/", "https://[64:ff9b::a00:1]/", "nonsense", "",
		"https://soc.example:99999/", "https://soc.example:0/",
	} {
		if err := c.Check(address); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want it refused", address, err)
		}
	}
	for _, address := range []string{"https://hooks.example.org/a?b=c", "https://8.8.8.8/", "https://[2a00:1450::1]:8443/x"} {
		if err := c.Check(address); err != nil {
			t.Errorf("%s: %v, want it taken", address, err)
		}
	}
}

func TestANameThatLeadsToAPrivateAddressIsRefusedAtTheDial(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	defer s.Close()
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	c := New(Config{})
	_, err := c.http.Post("https://localhost:"+port+"/", "text/plain", nil) //nolint:noctx // the dial is what is tried
	if !errors.Is(err, ErrAddress) {
		t.Errorf("got %v, want the dial refused", err)
	}
}

func TestAnAllowedAddressAnswersAndNoRedirectIsFollowed(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) })
	mux.HandleFunc("/other", func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("got\x00 it" + strings.Repeat("x", 9000)))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	c := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	got, err := c.Post(t.Context(), s.URL+"/ok", http.Header{}, []byte("x"))
	if err != nil || got.Status != 200 || len(got.Words) > 500 || strings.ContainsRune(got.Words, 0) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := c.Post(t.Context(), s.URL+"/away", http.Header{}, nil); err != nil || got.Status != http.StatusFound {
		t.Errorf("got %+v, %v; want the redirect as it is", got, err)
	}
}
