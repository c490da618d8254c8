package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

// Founding is what a new installation is made of.
type Founding struct {
	Dir       string
	Name      string // of the organisation that keeps it
	Country   string // ISO 3166-1 alpha-2
	PublicURL string
	Listen    string // empty: the default
	Database  string // postgres://…; empty: SQLite in the folder
	Overlay   []byte // rules for Shadowserver's kinds; empty: ours alone
	Version   string
	Log       *slog.Logger
	Clock     clock.Clock // nil: the machine's
}

// Found makes an installation: folder, configuration, keys, schema, the own
// organisation and its administrator. It returns the administrator's one-time
// link. It works once; after a crash in between it may be called again.
func Found(ctx context.Context, f Founding) (link string, err error) {
	if f.Clock == nil {
		f.Clock = clock.System{}
	}
	c, err := f.config()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder: %w", err)
	}
	unlock, err := lockFolder(f.Dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := f.write(c); err != nil {
		return "", err
	}
	db, err := openDatabase(ctx, &c, true)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := bringSchema(ctx, &c, db, f.Version, f.Log); err != nil {
		return "", err
	}
	_, g, err := newFrame(db, f.Clock, nil, nil, f.Log)
	if err != nil {
		return "", err
	}
	return foundIn(ctx, g, &c)
}

// config is the configuration of the new installation, checked.
func (f *Founding) config() (Config, error) {
	c := defaults()
	c.Dir, c.Name, c.Country = f.Dir, f.Name, f.Country
	c.PublicURL = strings.TrimSuffix(f.PublicURL, "/")
	if f.Listen != "" {
		c.Listen = f.Listen
	}
	if f.Database != "" && !isPostgres(f.Database) {
		return c, &ConfigError{"database.url", mask(f.Database), "it must begin with postgres://"}
	}
	n := guard.NewOrganisation{Kind: guard.KindCSIRT, Name: f.Name, Country: f.Country}
	if err := n.Validate(); err != nil {
		return c, &Refusal{Err: publicError(err), Hint: `an example that would do: --name "CSIRT Atalaya" --country AT`}
	}
	return c, c.Validate()
}

// write makes what the folder holds besides rows. A folder that has another
// installation's configuration is refused.
func (f *Founding) write(c Config) error {
	name := filepath.Join(f.Dir, configFile)
	text := f.text(c)
	if b, err := os.ReadFile(name); err == nil && string(b) != text {
		return &Refusal{
			Err:  fmt.Errorf("there is an installation in %s already", f.Dir),
			Hint: "choose another folder; to get back in: almenara guard let-back-in --data " + f.Dir + " --reason TEXT",
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	if err := makeKeys(f.Dir, public.Host, nil); err != nil {
		return err
	}
	if err := RememberDatabase(f.Dir, f.Database); err != nil {
		return err
	}
	if len(f.Overlay) > 0 {
		if err := durable.WriteFile(durable.OS{}, filepath.Join(f.Dir, overlayFile), f.Overlay, 0o600); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
	}
	if err := durable.WriteFile(durable.OS{}, name, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// text is the new almenara.toml: what init was told; everything else is a default.
func (f *Founding) text(c Config) string {
	var b strings.Builder
	b.WriteString("# Every setting with its default: almenara config show\n")
	fmt.Fprintf(&b, "name = %q\ncountry = %q\npublic_url = %q\nlisten = %q\n", c.Name, c.Country, c.PublicURL, c.Listen)
	if len(f.Overlay) > 0 {
		fmt.Fprintf(&b, "\n[watch]\noverlay = %q\n", overlayFile)
	}
	return b.String()
}

// RememberDatabase keeps the address of PostgreSQL in the folder, for the other
// commands: a file of mode 0600, because it may hold a password.
func RememberDatabase(dir, dsn string) error {
	if dsn == "" {
		return nil
	}
	if !isPostgres(dsn) {
		return &ConfigError{"database.url", mask(dsn), "it must begin with postgres://"}
	}
	name := filepath.Join(dir, databaseURLFile)
	if err := durable.WriteFile(durable.OS{}, name, []byte(dsn+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the database's address: %w", err)
	}
	return nil
}

// foundIn makes the own organisation and returns the administrator's link.
func foundIn(ctx context.Context, g *guard.Guard, c *Config) (link string, err error) {
	secret, err := g.Found(ctx, c.Name, c.Country)
	if fault.CodeOf(err) == fault.Conflict {
		return "", &Refusal{
			Err:  fmt.Errorf("there is an installation in %s already", c.Dir),
			Hint: "to get back in: almenara guard let-back-in --data " + c.Dir + " --reason TEXT",
		}
	}
	if err != nil {
		return "", err
	}
	return c.signInLink(secret), nil
}

// signInLink is the page where a one-time link is used.
func (c *Config) signInLink(secret string) string {
	return strings.TrimSuffix(c.PublicURL, "/") + "/sign-in/link/" + secret
}

// foundIfBlank founds the installation in a database that has just been made for
// it: the folder was founded with another one.
func (a *App) foundIfBlank(ctx context.Context, o Options) error {
	empty, err := a.guard.IsEmpty(ctx)
	if err != nil || !empty || o.Founded == nil || a.cfg.Name == "" {
		return err
	}
	link, err := foundIn(ctx, a.guard, &a.cfg)
	if err == nil {
		o.Founded(link)
	}
	return err
}

// publicError keeps what a fault says about fields, without its code.
func publicError(err error) error {
	f := fault.Of(err)
	var fields []string
	for _, p := range append([]fault.Error{*f}, f.Parts...) {
		if p.Field != "" {
			fields = append(fields, p.Field)
		}
	}
	if len(fields) == 0 {
		return err
	}
	return fmt.Errorf("%s is not as it must be (%w)", strings.Join(fields, ", "), err)
}
