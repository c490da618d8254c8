package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard/guardweb"
	"almenara.example/shadowserver"
)

// serving is what listens.
type serving struct {
	servers []*http.Server
	address net.Addr // of the pages, nil with the local socket alone
	cert    *certificate
}

// certificate is the server's own, read again on demand.
type certificate struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("read the TLS files: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

func (s *serving) reload() error {
	if s.cert == nil {
		return nil
	}
	return s.cert.load()
}

// listen opens the local socket and the address of the pages.
func (a *App) listen(base context.Context) error {
	local, err := listenLocal(a.cfg.path(socketFile))
	if err != nil {
		return err
	}
	a.serveOn(base, local, guardweb.ConnContext)
	if a.cfg.Listen == noListen {
		return nil
	}
	tcp, err := (&net.ListenConfig{}).Listen(base, "tcp", a.cfg.Listen)
	if err != nil {
		return &Refusal{Err: fmt.Errorf("listen: %w", err), Hint: "another program has the address; choose one with --listen"}
	}
	a.serving.address = tcp.Addr()
	if a.cfg.TLS.Certificate != "" {
		a.serving.cert = &certificate{cert: a.cfg.path(a.cfg.TLS.Certificate), key: a.cfg.path(a.cfg.TLS.Key)}
		if err := a.serving.cert.load(); err != nil {
			return errors.Join(err, tcp.Close())
		}
		current := &a.serving.cert.current
		tcp = tls.NewListener(tcp, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
		})
	}
	a.serveOn(base, tcp, nil)
	return nil
}

func (a *App) serveOn(base context.Context, l net.Listener, conn func(context.Context, net.Conn) context.Context) {
	handler := a.handler
	if conn == nil {
		proxies, _ := a.cfg.proxies() // validated
		handler = behindProxies(proxies, handler)
	}
	s := web.Server(base, handler)
	s.ConnContext = conn
	a.serving.servers = append(a.serving.servers, s)
	a.running.Go(func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.watchOver("server on "+l.Addr().String(), err)
		}
	})
}

// shutdown takes no new requests and lets the open ones end; streams are ended at
// once. After a moment, or when nothing is open, cancel ends the context of all that
// is left; what has not ended with ctx is cut off.
func (s *serving) shutdown(ctx context.Context, site *web.Site, cancel func()) error {
	defer cancel()
	if site != nil {
		site.Hub().Close()
	}
	moment := time.AfterFunc(finishWithin, cancel)
	defer moment.Stop()
	var err error
	for _, srv := range s.servers {
		if e := srv.Shutdown(ctx); e != nil {
			err = errors.Join(err, srv.Close())
		}
	}
	return err
}

// Address is where the pages are served, such as "127.0.0.1:40123"; empty when
// only the local socket is.
func (a *App) Address() string {
	if a.serving.address == nil {
		return ""
	}
	return a.serving.address.String()
}

// listenLocal opens the local socket: folder 0700, socket 0600. The folder's lock
// is held, so a socket that is there belongs to a server that ended.
func listenLocal(name string) (net.Listener, error) {
	if err := os.Chmod(filepath.Dir(name), 0o700); err != nil { //nolint:gosec // a folder, of the server's user alone
		return nil, fmt.Errorf("listen on the local socket: %w", err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listen on the local socket: %w", err)
	}
	var l net.Listener
	err := shortPath(name, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on the local socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the short name may be gone by then
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on the local socket: %w", err), l.Close())
	}
	return l, nil
}

// DialLocal connects to the local socket of the installation in dir.
func DialLocal(ctx context.Context, dir string) (net.Conn, error) {
	var c net.Conn
	err := shortPath(filepath.Join(dir, socketFile), func(short string) (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, "unix", short)
		return err
	})
	return c, err
}

// shortPath gives f a name of the socket that fits into a socket's address (107
// bytes), by way of the open folder where the true name does not.
func shortPath(name string, f func(string) error) error {
	if len(name) <= 107 {
		return f(name)
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(f("/proc/self/fd/"+strconv.Itoa(int(d.Fd()))+"/"+filepath.Base(name)), d.Close())
}

// behindProxies believes X-Forwarded-For of the named proxies alone: the client is
// the last address that none of them has. From anybody else the headers are taken
// off, so that nothing further in can believe them.
func behindProxies(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded := r.Header.Values("X-Forwarded-For")
		for _, h := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip"} {
			if r.Header.Get(h) != "" {
				r = r.WithContext(context.WithValue(r.Context(), forwardedKey{}, true))
			}
			r.Header.Del(h)
		}
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && isTrusted(trusted, peer.Addr()) {
			if client, ok := clientOf(trusted, forwarded); ok {
				r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedKey marks a request that came through some proxy, named or not.
type forwardedKey struct{}

func isTrusted(trusted []netip.Prefix, a netip.Addr) bool {
	for _, p := range trusted {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// clientOf reads X-Forwarded-For from its end.
func clientOf(trusted []netip.Prefix, headers []string) (client netip.Addr, ok bool) {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return client, ok
		}
		client, ok = a.Unmap(), true
		if !isTrusted(trusted, client) {
			break
		}
	}
	return client, ok
}

// readOverlay reads an installation's own rules for Shadowserver's kinds.
func readOverlay(name string) (*shadowserver.Overlay, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read watch.overlay: %w", err)
	}
	o, err := shadowserver.LoadOverlay(f)
	return o, errors.Join(err, f.Close())
}
