// Package fetch speaks HTTP with addresses that somebody outside named.
//
// # Promises
//
//   - The address that is really dialled is judged, after names were resolved: a
//     private, loopback, link-local, shared, multicast or reserved one is refused
//     unless the installation allows its prefix. A name that resolves to a public
//     address first and to a private one later is refused at the dial.
//   - Only https; http to an allowed prefix alone. No redirect is followed, no proxy is
//     used, no cookie is kept.
//   - Bounded time, bounded answer; the answer's words are made printable.
//
// What is NOT here: what is sent and to whom (guard's parcels, outbound).
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Config says what may be reached.
type Config struct {
	Allow   []netip.Prefix // prefixes that may be dialled although they are not public
	Roots   *x509.CertPool // nil: the system's authorities
	Timeout time.Duration  // of one exchange; default 20 s
}

// Client posts. Make it with New.
type Client struct {
	allow []netip.Prefix
	http  *http.Client
}

// ErrAddress says that an address may not be dialled, or is none.
var ErrAddress = errors.New("this address may not be called")

// New returns a client.
func New(c Config) *Client {
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	out := &Client{allow: c.Allow}
	dialer := &net.Dialer{Timeout: c.Timeout / 2, Control: out.control}
	out.http = &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
			MaxIdleConns: 50, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		},
	}
	return out
}

// control judges the address that is about to be dialled.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !c.reachable(ap.Addr()) {
		return fmt.Errorf("%s: %w", address, ErrAddress)
	}
	return nil
}

func (c *Client) reachable(a netip.Addr) bool {
	a = a.Unmap()
	return c.allowed(a) || public(a)
}

func (c *Client) allowed(a netip.Addr) bool {
	for _, p := range c.allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// reserved lists what is not public besides what netip knows by name (IANA special
// purpose registries).
func reserved() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
		netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
		netip.MustParsePrefix("fec0::/10"),
	}
}

func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, p := range reserved() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// Check says whether an address could be called at all: its form, and when it names a
// number instead of a name, that it is reachable. Names are judged at the dial.
func (c *Client) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return fmt.Errorf("%w: it must look like https://host/path", ErrAddress)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return fmt.Errorf("%w: a port is a number from 1 to 65535", ErrAddress)
	}
	a, err := netip.ParseAddr(u.Hostname())
	number := err == nil
	if !number && strings.Trim(u.Hostname(), "0123456789.xXabcdefABCDEF") == "" && strings.ContainsAny(u.Hostname()[:1], "0123456789") {
		return fmt.Errorf("%w: it is a number written in a way that hides where it leads", ErrAddress)
	}
	if number && !c.reachable(a) {
		return fmt.Errorf("%w: it is not public", ErrAddress)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !number || !c.allowed(a.Unmap())) {
		return fmt.Errorf("%w: it must begin with https://", ErrAddress)
	}
	if name := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."); !number && (name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		strings.HasSuffix(name, ".internal") || strings.HasSuffix(name, ".local")) {
		return fmt.Errorf("%w: it is not public", ErrAddress)
	}
	return nil
}

// Answer is what the other side said.
type Answer struct {
	Status int
	Words  string // the beginning of its body, printable
}

// Post sends a body. An error means that no answer came; whether the other side got
// the body cannot be known then, unless it wraps ErrAddress.
func (c *Client) Post(ctx context.Context, address string, head http.Header, body []byte) (Answer, error) {
	if err := c.Check(address); err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	req.Header = head.Clone()
	req.Header.Set("User-Agent", "almenara")
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("post: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // what it says after its beginning does not count
	words, err := io.ReadAll(io.LimitReader(resp.Body, 500))
	if err != nil {
		words = nil // the status has come; the words are a courtesy
	}
	return Answer{Status: resp.StatusCode, Words: printable(words)}, nil
}

func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "·"))
}
