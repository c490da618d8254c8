// Package mailtest is a real SMTP server on the loopback for tests. It records
// every message that it took responsibility for, and it can refuse, defer, or
// vanish before or after it took one.
//
// A server with a file keeps what it received there, one JSON object per line,
// synced before it answers, so that a test which kills its own processes can count
// afterwards what had arrived.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Verdict is what the server does with a message.
type Verdict int

// The verdicts. The default is Accept.
const (
	Accept          Verdict = iota
	Refuse                  // 550 to the recipient
	RefuseData              // 554 after the final dot
	Defer                   // 451 to the recipient
	DropBeforeDot           // the connection vanishes when the content begins
	DropAfterAccept         // the message is taken and the connection vanishes without an answer
	DropAfterDot            // the connection vanishes after the final dot, the message is not taken
	Greylist                // 451 to a recipient's first attempt, then Accept
	Leave                   // 421 to the recipient, and the connection is closed
)

// Received is a message that the server took.
type Received struct {
	From      string `json:"from"` // of the envelope
	To        string `json:"to"`   // of the envelope
	MessageID string `json:"message_id"`
	Subject   string `json:"subject"` // raw
	Data      []byte `json:"data"`    // with CRLF
	TLS       bool   `json:"tls"`
	User      string `json:"user,omitempty"`
}

// Server is a running server.
type Server struct {
	Host   string
	Port   int
	CAFile string // the authority of its certificate, for STARTTLS

	server  *smtp.Server
	listen  net.Listener
	once    sync.Once
	mu      sync.Mutex
	file    *os.File
	inbox   []Received
	verdict func(from, to string) Verdict
	arrived chan struct{} // closed and renewed at every message
	grey    map[string]bool
	delay   time.Duration
	bare    bool // count only
	count   int
	opened  int // connections
	open    []net.Conn
}

// The user and password that the server knows.
const (
	User     = "almenara"
	Password = "correct horse"
)

// New starts a server that ends with the test. It offers STARTTLS.
func New(t testing.TB) *Server {
	t.Helper()
	return run(t, false)
}

// NewTLS is New for a server that speaks TLS from the first byte.
func NewTLS(t testing.TB) *Server {
	t.Helper()
	return run(t, true)
}

func run(t testing.TB, implicitTLS bool) *Server {
	t.Helper()
	s, err := start(t.TempDir(), "127.0.0.1:0", implicitTLS)
	if err != nil {
		t.Fatalf("start the mail server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the mail server: %v", err)
		}
	})
	return s
}

// Start starts a server at addr that keeps its certificate and what it receives
// (received.jsonl) in dir. What the file holds already counts as received.
func Start(dir, addr string) (*Server, error) { return start(dir, addr, false) }

func start(dir, addr string, implicitTLS bool) (*Server, error) {
	s := &Server{CAFile: filepath.Join(dir, "ca.pem"), arrived: make(chan struct{})}
	cert, err := certificate(s.CAFile)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "received.jsonl")
	if s.inbox, err = ReadFile(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if s.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	tcp, _ := l.Addr().(*net.TCPAddr) // a TCP listener has a TCP address
	s.listen, s.count = l, len(s.inbox)
	s.Host, s.Port = tcp.IP.String(), tcp.Port
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		s.opened++
		s.open = append(s.open, c.Conn())
		s.mu.Unlock()
		return &session{server: s, conn: c}, nil
	}))
	s.server.Domain = "mail.example"
	s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.server.AllowInsecureAuth = true
	s.server.ErrorLog = quiet{}
	if implicitTLS {
		l = tls.NewListener(l, s.server.TLSConfig)
	}
	go func() { _ = s.server.Serve(l) }() // it returns when Close is called
	return s, nil
}

// Close ends the server at once, also its open connections. A second call does
// nothing.
func (s *Server) Close() (err error) {
	s.once.Do(func() {
		// Serve may not have heard of the listener yet; then Close does not know it.
		if e := s.listen.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
		if e := s.server.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		err = errors.Join(err, s.file.Close())
	})
	return err
}

// Judge sets what is done with the messages that come from now on; nil accepts.
func (s *Server) Judge(f func(from, to string) Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict = f
}

// CloseConnections closes every open connection, as a server does with idle ones.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close() // it may have ended by itself
	}
	s.open = nil
}

// Delay makes the server think about every message for a time before it answers the
// final dot.
func (s *Server) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// CountOnly makes the server forget the messages that come from now on and only count
// them: for measuring.
func (s *Server) CountOnly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bare = true
}

// Count is how many messages the server took.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Connections is how many connections there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Received returns what the server took, in order.
func (s *Server) Received() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.inbox...)
}

// Wait waits until the server took at least n messages and returns them; it fails
// the test after a time.
func (s *Server) Wait(t testing.TB, n int, within time.Duration) []Received {
	t.Helper()
	timeout := time.After(within)
	for {
		s.mu.Lock()
		got, arrived := append([]Received(nil), s.inbox...), s.arrived
		s.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-timeout:
			t.Fatalf("got %d messages within %s, want %d", len(got), within, n)
		}
	}
}

// ReadFile reads what a server kept in its file.
func ReadFile(path string) ([]Received, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Received
	for d := json.NewDecoder(f); ; {
		var r Received
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		out = append(out, r)
	}
}

func (s *Server) judge(from, to string) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict == nil {
		return Accept
	}
	v := s.verdict(from, to)
	if v != Greylist {
		return v
	}
	if s.grey[to] {
		return Accept
	}
	if s.grey == nil {
		s.grey = map[string]bool{}
	}
	s.grey[to] = true
	return Defer
}

// take records a message, in the file first.
func (s *Server) take(r Received) error {
	s.mu.Lock()
	s.count++
	bare, delay := s.bare, s.delay
	s.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	if bare {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.inbox = append(s.inbox, r)
	close(s.arrived)
	s.arrived = make(chan struct{})
	return nil
}

// session is one connection.
type session struct {
	server   *Server
	conn     *smtp.Conn
	user     string
	from, to string
	verdict  Verdict
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.verdict = s.server.judge(s.from, to)
	switch s.verdict {
	case Refuse:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	case Leave:
		// The library writes the answer after we return: close a moment later.
		conn := s.conn.Conn()
		time.AfterFunc(20*time.Millisecond, func() { _ = conn.Close() })
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many messages"}
	case Defer:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	default:
		return nil
	}
}

func (s *session) Data(r io.Reader) error {
	if s.verdict == DropBeforeDot {
		return s.conn.Conn().Close()
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch s.verdict {
	case DropAfterDot:
		return s.conn.Conn().Close()
	case RefuseData:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not wanted"}
	default:
	}
	_, encrypted := s.conn.TLSConnectionState()
	m := Received{From: s.from, To: s.to, Data: data, TLS: encrypted, User: s.user}
	if head, err := mail.ReadMessage(strings.NewReader(string(data))); err == nil {
		m.MessageID = strings.Trim(head.Header.Get("Message-Id"), "<>")
		m.Subject = head.Header.Get("Subject")
	}
	if err := s.server.take(m); err != nil {
		return err
	}
	if s.verdict == DropAfterAccept {
		return s.conn.Conn().Close()
	}
	return nil
}

// certificate makes a certificate for the loopback and writes it to path.
func certificate(path string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(path, b, 0o600)
}

// quiet takes the server's complaints about connections that vanish on purpose.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
