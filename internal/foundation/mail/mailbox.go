package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"almenara.example/internal/foundation/text"
)

// MailboxConfig names one folder at an IMAP server.
type MailboxConfig struct {
	Host         string
	Port         int // 0: 143 for starttls and none, 993 for tls
	Security     Security
	Username     string
	PasswordFile string
	CAFile       string        // PEM; empty: the system's authorities
	Folder       string        // empty: INBOX
	DoneFolder   string        // where mails go that were taken in; empty: they are marked as seen
	MaxBytes     int64         // a larger mail is not fetched, only its header; 0: 32 MiB
	Timeout      time.Duration // of one conversation; default 2 min
}

// Validate names what is wrong with the configuration and what would do.
func (c MailboxConfig) Validate() error {
	switch {
	case c.Host == "":
		return errors.New(`mailbox host is empty; an example is "imap.example.org"`)
	case c.Security != StartTLS && c.Security != TLS && c.Security != Plain:
		return fmt.Errorf(`mailbox security is %q; it must be "starttls", "tls" or "none"`, c.Security)
	case c.Security == Plain && !loopback(c.Host):
		return fmt.Errorf(`mailbox security is "none" for %s; that is for a server on this machine only, use "starttls" or "tls"`, c.Host)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("mailbox port is %d; it must be between 1 and 65535", c.Port)
	case c.Username == "" || c.PasswordFile == "":
		return errors.New("a mailbox needs a user name and a password file")
	case !text.OneLine(c.Folder) || !text.OneLine(c.DoneFolder):
		return errors.New("a mailbox's folder has a control character in its name")
	case c.DoneFolder != "" && c.DoneFolder == c.folder():
		return errors.New("the folder for mails that were taken in is the one that they are taken from")
	}
	return nil
}

func (c MailboxConfig) folder() string {
	if c.Folder == "" {
		return "INBOX"
	}
	return c.Folder
}

// Position is a place in a mailbox: the last UID that was taken in, within a numbering
// of the server's (UIDVALIDITY).
type Position struct {
	Validity uint32
	UID      uint32
}

// Fetched is one mail as it lies in the mailbox.
type Fetched struct {
	Position
	Size     int64  // as the server says
	TooLarge bool   // Raw is the header only, as far as it goes
	Raw      []byte // byte for byte
}

// The bounds of what one Fetch holds in memory, besides one mail of MaxBytes.
const (
	fetchBytes = 16 << 20
	fetchHead  = 64 << 10
)

// Mailbox is an open connection to one folder. It serves one goroutine.
type Mailbox struct {
	c        MailboxConfig
	client   *imapclient.Client
	validity uint32
	idle     bool
	news     chan struct{}
	close    sync.Once
}

// OpenMailbox connects, signs in and opens the folder.
func OpenMailbox(ctx context.Context, c MailboxConfig) (*Mailbox, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 32 << 20
	}
	if c.Port == 0 {
		c.Port = map[Security]int{StartTLS: 143, TLS: 993, Plain: 143}[c.Security]
	}
	m := &Mailbox{c: c, news: make(chan struct{}, 1)}
	password, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("read the mailbox's password: %w", err)
	}
	if err := m.dial(ctx); err != nil {
		return nil, err
	}
	err = m.talk(ctx, func() error {
		if err := m.client.Login(c.Username, strings.TrimRight(string(password), "\r\n")).Wait(); err != nil {
			return fmt.Errorf("sign in to the mailbox: %w", err)
		}
		m.idle = m.client.Caps().Has(imap.CapIdle)
		if c.DoneFolder != "" {
			// It is there already, or the move will say what is wrong.
			_ = m.client.Create(c.DoneFolder, nil).Wait()
		}
		sel, err := m.client.Select(c.folder(), nil).Wait()
		if err != nil {
			return fmt.Errorf("open the folder %s: %w", c.folder(), err)
		}
		m.validity = sel.UIDValidity
		return nil
	})
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Mailbox) dial(ctx context.Context) error {
	tlsConfig, err := (&Client{cfg: Config{Host: m.c.Host, CAFile: m.c.CAFile}}).tlsConfig()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.c.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(m.c.Host, strconv.Itoa(m.c.Port)))
	if err != nil {
		return fmt.Errorf("reach the mailbox: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	o := &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(*imapclient.UnilateralDataMailbox) {
			select {
			case m.news <- struct{}{}:
			default:
			}
		},
	}}
	switch m.c.Security {
	case TLS:
		secure := tls.Client(conn, tlsConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("reach the mailbox: %w", err), conn.Close())
		}
		m.client = imapclient.New(secure, o)
	case StartTLS:
		o.TLSConfig = tlsConfig
		if m.client, err = imapclient.NewStartTLS(conn, o); err != nil {
			return fmt.Errorf("reach the mailbox: %w", err) // the library has closed it
		}
	default:
		m.client = imapclient.New(conn, o)
	}
	if err := m.client.WaitGreeting(); err != nil {
		return errors.Join(fmt.Errorf("reach the mailbox: %w", err), m.client.Close())
	}
	return nil
}

// talk bounds a conversation: when ctx ends or the time is over, the connection is
// closed, and with it whatever waits.
func (m *Mailbox) talk(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, m.c.Timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, m.abort)
	defer stop()
	err := f()
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}

func (m *Mailbox) abort() {
	m.close.Do(func() { _ = m.client.Close() }) // there is nobody to tell
}

// Close ends the connection at once.
func (m *Mailbox) Close() { m.abort() }

// Validity is the numbering that is in force.
func (m *Mailbox) Validity() uint32 { return m.validity }

// Fetch calls each for the next mails after a position, in the order of their
// numbers, at most most of them and about 16 MiB, and tells whether there are more. A
// position of another numbering counts as the beginning.
func (m *Mailbox) Fetch(ctx context.Context, after Position, most int, each func(Fetched) error) (more bool, err error) {
	if after.Validity != m.validity {
		after = Position{Validity: m.validity}
	}
	err = m.talk(ctx, func() error {
		uids, err := m.search(after.UID+1, 0, &imap.SearchCriteria{})
		if err != nil {
			return err
		}
		batch := uids[:min(len(uids), most)]
		sizes, err := m.sizes(batch)
		if err != nil {
			return err
		}
		n, total := 0, int64(0)
		var small, large []imap.UID
		for _, u := range batch {
			if sizes[u] > m.c.MaxBytes {
				large = append(large, u)
			} else if total += sizes[u]; n > 0 && total > fetchBytes {
				break
			} else {
				small = append(small, u)
			}
			n++
		}
		more = n < len(uids)
		got := map[imap.UID]Fetched{}
		whole, head := &imap.FetchItemBodySection{Peek: true}, &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
		if err := m.bodies(small, whole, m.c.MaxBytes, got); err != nil {
			return err
		}
		if err := m.bodies(large, head, fetchHead, got); err != nil {
			return err
		}
		for _, u := range batch[:n] {
			f, ok := got[u]
			if !ok {
				continue // it was removed meanwhile
			}
			if f.Size = sizes[u]; f.Size > m.c.MaxBytes {
				f.TooLarge = true
			}
			if err := each(f); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

// search lists the numbers from one to another (0: the end) that fit.
func (m *Mailbox) search(from, to uint32, c *imap.SearchCriteria) ([]imap.UID, error) {
	var set imap.UIDSet
	set.AddRange(imap.UID(from), imap.UID(to))
	c.UID = []imap.UIDSet{set}
	found, err := m.client.UIDSearch(c, nil).Wait()
	if err != nil {
		return nil, fmt.Errorf("look for mails: %w", err)
	}
	// "5:*" names the last mail even when its number is below 5.
	uids := slices.DeleteFunc(found.AllUIDs(), func(u imap.UID) bool { return uint32(u) < from || to != 0 && uint32(u) > to })
	slices.Sort(uids)
	return uids, nil
}

func (m *Mailbox) sizes(uids []imap.UID) (map[imap.UID]int64, error) {
	out := map[imap.UID]int64{}
	if len(uids) == 0 {
		return out, nil
	}
	list, err := m.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true}).Collect()
	if err != nil {
		return nil, fmt.Errorf("ask for the sizes of mails: %w", err)
	}
	for _, b := range list {
		out[b.UID] = b.RFC822Size
	}
	return out, nil
}

// errLonger says that a server sends more than it had said.
var errLonger = errors.New("the server sends a longer mail than it had said")

// bodies reads a section of mails, each within a limit: of a header what is beyond is
// left out, of a whole mail it ends the connection.
func (m *Mailbox) bodies(uids []imap.UID, section *imap.FetchItemBodySection, limit int64, into map[imap.UID]Fetched) error {
	if len(uids) == 0 {
		return nil
	}
	cmd := m.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		var uid imap.UID
		var raw []byte
		for item := msg.Next(); item != nil; item = msg.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				uid = item.UID
			case imapclient.FetchItemDataBodySection:
				if item.Literal == nil {
					continue
				}
				var err error
				if raw, err = io.ReadAll(io.LimitReader(item.Literal, limit)); err != nil {
					return errors.Join(fmt.Errorf("fetch mails: %w", err), m.client.Close())
				}
				rest, err := io.Copy(io.Discard, io.LimitReader(item.Literal, 1<<20))
				if err != nil || rest > 0 && (section.Specifier == imap.PartSpecifierNone || rest == 1<<20) {
					return errors.Join(errLonger, err, m.client.Close())
				}
			}
		}
		if uid != 0 && slices.Contains(uids, uid) {
			into[uid] = Fetched{Position: Position{Validity: m.validity, UID: uint32(uid)}, Raw: raw}
		}
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("fetch mails: %w", err)
	}
	return nil
}

// Done marks mails as seen, or moves them to the done folder, after they were taken
// in.
func (m *Mailbox) Done(ctx context.Context, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	var set imap.UIDSet
	for _, u := range uids {
		set.AddNum(imap.UID(u))
	}
	return m.talk(ctx, func() error {
		if m.c.DoneFolder != "" {
			if _, err := m.client.Move(set, m.c.DoneFolder).Wait(); err != nil {
				return fmt.Errorf("move mails to %s: %w", m.c.DoneFolder, err)
			}
			return nil
		}
		seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
		if err := m.client.Store(set, seen, nil).Close(); err != nil {
			return fmt.Errorf("mark mails as seen: %w", err)
		}
		return nil
	})
}

// Left lists mails up to a position that were not marked or moved: a crash came
// between. At most 1,000.
func (m *Mailbox) Left(ctx context.Context, upTo Position) (uids []uint32, err error) {
	if upTo.Validity != m.validity || upTo.UID == 0 {
		return nil, nil
	}
	err = m.talk(ctx, func() error {
		c := &imap.SearchCriteria{}
		if m.c.DoneFolder == "" {
			c.NotFlag = []imap.Flag{imap.FlagSeen}
		}
		found, err := m.search(1, upTo.UID, c)
		for _, u := range found[:min(len(found), 1000)] {
			uids = append(uids, uint32(u))
		}
		return err
	})
	return uids, err
}

// idleFor is how long one IDLE lasts: servers end one that is 30 minutes old (RFC 2177
// §3), and a dead connection is found earlier.
const idleFor = 14 * time.Minute

// Wait returns when there may be news, at the latest after most, or after poll where
// the server cannot tell (no IDLE). It returns an error when the connection is gone.
func (m *Mailbox) Wait(ctx context.Context, poll, most time.Duration) error {
	select {
	case <-m.news:
		return nil
	default:
	}
	if !m.idle {
		return m.poll(ctx, poll)
	}
	var cmd *imapclient.IdleCommand
	err := m.talk(ctx, func() (err error) {
		cmd, err = m.client.Idle()
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for mails: %w", err)
	}
	timer := time.NewTimer(min(most, idleFor))
	defer timer.Stop()
	ended := false
	select {
	case <-m.news:
	case <-timer.C:
	case <-ctx.Done():
	case <-m.client.Closed():
		ended = true
	}
	err = m.talk(context.WithoutCancel(ctx), func() error {
		return errors.Join(cmd.Close(), cmd.Wait())
	})
	if ended {
		err = errors.Join(errors.New("the server has closed the connection"), err)
	}
	return errors.Join(ctx.Err(), err)
}

// poll waits and asks the server for news.
func (m *Mailbox) poll(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return m.talk(ctx, func() error { return m.client.Noop().Wait() })
}
