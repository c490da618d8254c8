package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Security says how the connection to the server is protected.
type Security string

// The ways to protect a connection.
const (
	StartTLS Security = "starttls" // required, not opportunistic
	TLS      Security = "tls"      // from the first byte
	Plain    Security = "none"     // only to a server on this machine
)

// Config names the server that takes our mail.
type Config struct {
	Host         string
	Port         int // 0: 587 for starttls, 465 for tls, 25 for none
	Security     Security
	Username     string // empty: no authentication
	PasswordFile string
	CAFile       string        // PEM; empty: the system's authorities
	Hello        string        // name in EHLO; empty: "localhost"
	Timeout      time.Duration // of one command; default 30 s
}

// Validate names what is wrong with the configuration and what would do.
func (c Config) Validate() error {
	switch {
	case c.Host == "":
		return errors.New(`mail host is empty; an example is "mail.example.org"`)
	case c.Security != StartTLS && c.Security != TLS && c.Security != Plain:
		return fmt.Errorf(`mail security is %q; it must be "starttls", "tls" or "none"`, c.Security)
	case c.Security == Plain && !loopback(c.Host):
		return fmt.Errorf(`mail security is "none" for %s; that is for a server on this machine only, use "starttls" or "tls"`, c.Host)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("mail port is %d; it must be between 1 and 65535", c.Port)
	case c.Username != "" && c.PasswordFile == "":
		return errors.New("mail has a user name but no password file")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// State is what became of a message.
type State string

// The states of a message after Send.
const (
	Accepted State = "accepted" // the server took it
	Refused  State = "refused"  // for good; Code and Reply say why
	Deferred State = "deferred" // not taken, may be tried again
	Unknown  State = "unknown"  // the connection vanished after the final dot
)

// Outcome is what became of a message.
type Outcome struct {
	State State
	Code  int    // the server's reply code (RFC 5321 §4.2), 0 when there was none
	Reply string // the server's words or the trouble on the way; operator detail
	// Connection says that the trouble was with the server as such, not with this
	// message: whoever sends many should wait before he tries the others.
	Connection bool
}

// Client sends through one server.
type Client struct {
	cfg Config
}

// New returns a client, or what is wrong with the configuration.
func New(c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Port == 0 {
		c.Port = map[Security]int{StartTLS: 587, TLS: 465, Plain: 25}[c.Security]
	}
	if c.Hello == "" {
		c.Hello = "localhost"
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return &Client{cfg: c}, nil
}

// Send sends m over a connection of its own. It returns an error only when m itself
// cannot be sent (an Invalid fault naming the field) or this machine is not able to
// (no password file); what happens on the way is an Outcome.
func (c *Client) Send(ctx context.Context, m Message) (Outcome, error) {
	data, err := m.Bytes()
	if err != nil {
		return Outcome{}, err
	}
	l := c.Lane()
	defer l.Close()
	return l.Send(ctx, Raw{From: m.From.Email, To: m.To.Email, Data: data})
}

func codeOf(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func (c *Client) client() (*gomail.Client, error) {
	tlsConfig, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	opts := []gomail.Option{
		gomail.WithPort(c.cfg.Port), gomail.WithTimeout(c.cfg.Timeout), gomail.WithHELO(c.cfg.Hello),
		gomail.WithTLSConfig(tlsConfig), gomail.WithoutNoop(),
	}
	switch c.cfg.Security {
	case TLS:
		opts = append(opts, gomail.WithSSL())
	case StartTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.cfg.Username != "" {
		secret, err := os.ReadFile(c.cfg.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read the mail password: %w", err)
		}
		opts = append(opts, gomail.WithUsername(c.cfg.Username),
			gomail.WithPassword(strings.TrimRight(string(secret), "\r\n")), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	client, err := gomail.NewClient(c.cfg.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("set up the mail client: %w", err)
	}
	return client, nil
}

func (c *Client) tlsConfig() (*tls.Config, error) {
	t := &tls.Config{ServerName: c.cfg.Host, MinVersion: tls.VersionTLS12}
	if c.cfg.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the mail server's authority: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the mail server's authority: no certificate in %s", c.cfg.CAFile)
	}
	return t, nil
}
