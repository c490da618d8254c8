package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"time"
)

// probeWithin bounds a probe of the mail server.
const probeWithin = 10 * time.Second

// Probe asks whether the mail server answers: connection, greeting, EHLO, and
// STARTTLS where the settings want it. It signs in nowhere and sends nothing.
// Without a server it returns nil.
func Probe(ctx context.Context, s Settings) (err error) {
	if s.Host == "" {
		return nil
	}
	port := s.Port
	if port == 0 {
		port = map[string]int{"starttls": 587, "tls": 465}[s.Security]
	}
	if port == 0 {
		port = 25
	}
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	address := net.JoinHostPort(s.Host, strconv.Itoa(port))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends what waits
	defer stop()
	conf, err := probeTLS(s)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	if s.Security == "tls" {
		conn = tls.Client(conn, conf)
	}
	client, err := smtp.NewClient(conn, s.Host)
	if err != nil {
		return errors.Join(fmt.Errorf("the mail server at %s does not greet: %w", address, err), conn.Close())
	}
	defer func() { _ = client.Close() }() // after QUIT it is closed already
	if err := client.Hello("localhost"); err != nil {
		return fmt.Errorf("the mail server at %s refuses EHLO: %w", address, err)
	}
	if s.Security == "starttls" {
		if err := client.StartTLS(conf); err != nil {
			return fmt.Errorf("the mail server at %s does not start TLS: %w", address, err)
		}
	}
	if err := client.Quit(); err != nil {
		return fmt.Errorf("take leave of the mail server: %w", err)
	}
	return nil
}

func probeTLS(s Settings) (*tls.Config, error) {
	conf := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the mail server's authority: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", s.CAFile)
	}
	return conf, nil
}
