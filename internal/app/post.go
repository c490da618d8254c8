package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/outbound"
)

// openpgpKeyFile is the team's OpenPGP key.
const openpgpKeyFile = "keys/openpgp.key"

// Intake is one mailbox that is read, a table [[mail.intake]].
type Intake struct {
	Name         string `toml:"name"`
	Host         string `toml:"host"`
	Port         int    `toml:"port"`     // 0: 993 for tls, else 143
	Security     string `toml:"security"` // starttls, tls, none (this machine only)
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	CAFile       string `toml:"ca_file"`
	Folder       string `toml:"folder"`      // empty: INBOX
	DoneFolder   string `toml:"done_folder"` // empty: mails are marked as seen
}

// checkIntake names what is wrong with a mailbox.
func (c *Config) checkIntake() error {
	names := map[string]bool{}
	for i, in := range c.intakes() {
		key := "mail.intake[" + strconv.Itoa(i) + "]"
		if in.Name == "" {
			return &ConfigError{key + ".name", "", `a mailbox needs a name, such as "desk"`}
		}
		if names[in.Name] {
			return &ConfigError{key + ".name", in.Name, "two mailboxes have this name"}
		}
		names[in.Name] = true
		if err := in.Validate(); err != nil {
			return &ConfigError{key, in.Name, err.Error()}
		}
	}
	return nil
}

// intakes are the mailboxes as the room knows them.
func (c *Config) intakes() (out []outbound.Intake) {
	for _, in := range c.Mail.Intake {
		if in.Security == "" {
			in.Security = "tls"
		}
		out = append(out, outbound.Intake{
			Name: in.Name, Host: in.Host, Port: in.Port, Security: in.Security, Username: in.User, PasswordFile: c.path(in.PasswordFile),
			CAFile: c.path(in.CAFile), Folder: in.Folder, DoneFolder: in.DoneFolder,
		})
	}
	return out
}

// intakeFiles are the files that mailboxes name, with their keys.
func (c *Config) intakeFiles() (out []struct{ key, name string }) {
	for i, in := range c.Mail.Intake {
		key := "mail.intake[" + strconv.Itoa(i) + "]."
		out = append(out, struct{ key, name string }{key + "password_file", in.PasswordFile}, struct{ key, name string }{key + "ca_file", in.CAFile})
	}
	return out
}

// keyAge is how far a new key is dated back: a machine whose clock is a little behind
// takes it nevertheless, and the demo writes mails of last week.
const keyAge = 30 * 24 * time.Hour

// teamKey reads the team's OpenPGP key; one that is missing is made.
func (a *App) teamKey(ctx context.Context) (*pgp.Team, error) {
	name := filepath.Join(a.cfg.Dir, openpgpKeyFile)
	address := a.cfg.Mail.From
	if address == "" {
		address = "csirt@" + a.public.Hostname()
	}
	t, err := pgp.Load(name)
	if errors.Is(err, fs.ErrNotExist) {
		who := strings.Map(func(r rune) rune {
			if strings.ContainsRune("<>()\x00\n\r", r) {
				return -1
			}
			return r
		}, a.cfg.Name)
		if t, err = pgp.Generate(name, who, address, a.clock.Now().Add(-keyAge)); err == nil {
			a.log.InfoContext(ctx, "made the team's OpenPGP key", "file", name, "fingerprint", t.Public().Fingerprint)
		}
	}
	if err != nil {
		return nil, &Refusal{Err: err, Hint: "bring " + openpgpKeyFile + " back from its backup with mode 0600, or move it away to have a new one made"}
	}
	if a.cfg.Mail.From != "" && !t.Public().Has(a.cfg.Mail.From) {
		a.log.WarnContext(ctx, "the team's OpenPGP key does not carry the address that mails are sent from", "address", a.cfg.Mail.From, "file", name)
	}
	return t, nil
}

// openPost wires the mail both ways: the way out with the team's key, and the
// mailboxes.
func (a *App) openPost(ctx context.Context) (err error) {
	s := a.cfg.mailSettings()
	if s.Team, err = a.teamKey(ctx); err != nil {
		return err
	}
	if a.outbound, err = outbound.New(a.acts, s); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	a.receiving, err = outbound.NewReceiving(outbound.ReceiveConfig{
		Acts: a.acts, Blobs: a.blobs, Mailboxes: a.cfg.intakes(), Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	a.watch.AlsoUsed(outbound.UsedBlobs)
	return nil
}

// Receiving takes mails in, for the demo and for tests that hand some in.
func (a *App) Receiving() *outbound.Receiving { return a.receiving }
