package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"almenara.example/casefile"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
)

// Config is an installation's configuration: almenara.toml, over the defaults,
// under the environment. Paths that are not absolute are relative to the folder.
type Config struct {
	// Dir is the folder of the installation; never in the file.
	Dir string `toml:"-"`

	Name           string   `toml:"name"`            // who keeps it, such as "CSIRT Atalaya"
	Country        string   `toml:"country"`         // ISO 3166-1 alpha-2
	PublicURL      string   `toml:"public_url"`      // how browsers reach it; passkeys belong to its host
	Listen         string   `toml:"listen"`          // host:port; "none" for the local socket alone
	TrustedProxies []string `toml:"trusted_proxies"` // addresses or prefixes whose X-Forwarded-* is believed
	Language       string   `toml:"language"`        // of notices and pages when nobody says otherwise
	Zone           string   `toml:"time_zone"`
	Memory         Size     `toml:"memory_limit"` // soft limit of the process, 0 for none

	TLS      TLS      `toml:"tls"`
	Database Database `toml:"database"`
	Watch    Watch    `toml:"watch"`
	Mail     Mail     `toml:"mail"`
	Warn     Warning  `toml:"warn"`
	Backup   Backup   `toml:"backup"`
	Duty     Duty     `toml:"duty"`
	Incident Response `toml:"incident"`
	Log      Log      `toml:"log"`
}

// Backup says for whom backups are sealed: age recipients ("age1…"). Their
// identities are kept elsewhere; making a backup does not need them.
type Backup struct {
	Recipients []string `toml:"recipients"`
}

// TLS names the files of the server's own certificate.
type TLS struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// Database says where the rows are. Without URL it is almenara.db in the folder.
type Database struct {
	URL     string `toml:"url"`      // postgres://…; one with a password belongs into a file
	URLFile string `toml:"url_file"` // a file with the URL, mode 0600
	CacheMB int    `toml:"cache_mb"` // SQLite's page cache
}

// Watch bounds what deliveries may cost.
type Watch struct {
	Drop        string `toml:"drop"`    // folder with a folder per source; "none" for none
	Overlay     string `toml:"overlay"` // file that replaces our rules for Shadowserver's kinds
	MaxReceived Size   `toml:"max_received"`
	MaxContent  Size   `toml:"max_content"`
	MaxRatio    int64  `toml:"max_ratio"`
	MaxMembers  int    `toml:"max_members"`
	MaxRecord   Size   `toml:"max_record"`
}

// Mail names the server that takes our mail. Without Host nothing leaves: messages
// stay in the outbox on the screen.
type Mail struct {
	Host         string `toml:"host"`
	Port         int    `toml:"port"`
	Security     string `toml:"security"` // starttls, tls, none (this machine only)
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	CAFile       string `toml:"ca_file"`
	From         string `toml:"from"`

	Intake []Intake `toml:"intake"` // the mailboxes that are read
}

// Warning bounds what is sent.
type Warning struct {
	PerContactHour int      `toml:"per_contact_hour"` // notices below FLASH to one address within an hour
	WebhookAllow   []string `toml:"webhook_allow"`    // prefixes that webhooks may call although they are not public
	SMIMERoots     string   `toml:"smime_roots"`      // PEM file of authorities whose S/MIME certificates count
}

// Log says how the process speaks to its operator, on standard error.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// defaults is what holds when nobody says otherwise.
func defaults() Config {
	return Config{
		Listen: "127.0.0.1:8440", PublicURL: "http://localhost:8440", Language: "en", Zone: "UTC",
		Database: Database{CacheMB: 64},
		Watch: Watch{
			Drop: "drop", MaxReceived: 2 << 30, MaxContent: 4<<30 - 1, MaxRatio: 200, MaxMembers: 1000, MaxRecord: 1 << 20,
		},
		Mail: Mail{Security: "starttls"},
		Warn: Warning{PerContactHour: 12},
		Duty: Duty{PackAt: "18:00"}, Incident: Response{Reminders: incident.DefaultReminders(), MaxImport: casefile.MaxFile},
		Log: Log{Level: "info", Format: "text"},
	}
}

// ConfigError says which setting is wrong, what it is, and what would do.
type ConfigError struct {
	Key   string
	Value string
	Why   string
}

// Error names key and value.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("configuration: %s = %q: %s", e.Key, e.Value, e.Why)
}

// LoadConfig reads DIR/almenara.toml over the defaults and under the environment,
// and validates the result. Getenv is os.Getenv but in tests. An unknown key is
// refused; a missing file is a Refusal that names init.
func LoadConfig(dir string, getenv func(string) string) (Config, error) {
	if err := refuseHalfRestored(dir); err != nil {
		return defaults(), err
	}
	return readConfig(dir, getenv)
}

// readConfig is LoadConfig, also of a folder that is being restored.
func readConfig(dir string, getenv func(string) string) (Config, error) {
	c := defaults()
	c.Dir = dir
	name := filepath.Join(dir, configFile)
	md, err := toml.DecodeFile(name, &c)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, &Refusal{
			Err:  fmt.Errorf("%s is not an installation: there is no %s", dir, configFile),
			Hint: "almenara init --data " + dir + " --name NAME --country CC --public-url URL",
		}
	case err != nil:
		return c, fmt.Errorf("read %s: %w", name, err)
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		return c, &Refusal{
			Err:  fmt.Errorf("read %s: unknown key %s", name, unknown[0]),
			Hint: "the keys are listed by: almenara config show --data " + dir,
		}
	}
	if err := overrideByEnv(&c, getenv); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// Validate names the first setting that is wrong.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkAddresses, c.checkWords, c.checkDatabase, c.checkLimits, c.checkMail, c.checkDuty, c.checkResponse, c.checkIntake, c.checkBackup} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkAddresses() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return &ConfigError{"public_url", c.PublicURL, `it must be a scheme and a host, such as "https://csirt.example"`}
	}
	if net.ParseIP(u.Hostname()) != nil {
		return &ConfigError{"public_url", c.PublicURL, `it must have a name, such as "https://csirt.example": passkeys are not given to an address`}
	}
	if c.Listen != noListen {
		host, port, err := net.SplitHostPort(c.Listen)
		if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
			return &ConfigError{"listen", c.Listen, `it must be host:port, such as "127.0.0.1:8440", or "none"`}
		}
		if host != "" && host != "localhost" {
			if _, err := netip.ParseAddr(host); err != nil {
				return &ConfigError{"listen", c.Listen, "the host must be an address of this machine"}
			}
		}
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.webhookAllow(); err != nil {
		return err
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return &ConfigError{"tls.certificate", c.TLS.Certificate, "certificate and key go together"}
	}
	return c.checkReach()
}

// checkReach wants TLS, or a named proxy that brings it, beyond this machine.
func (c *Config) checkReach() error {
	host, _, _ := net.SplitHostPort(c.Listen)
	addr, err := netip.ParseAddr(host)
	local := c.Listen == noListen || host == "localhost" || err == nil && addr.IsLoopback()
	if local || c.TLS.Certificate != "" || len(c.TrustedProxies) > 0 {
		return nil
	}
	return &Refusal{
		Err:  &ConfigError{"listen", c.Listen, "beyond this machine pages are served over TLS only"},
		Hint: "set tls.certificate and tls.key, or name the reverse proxy that brings TLS in trusted_proxies",
	}
}

// noListen says that only the local socket is served.
const noListen = "none"

func (c *Config) checkWords() error {
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		return &ConfigError{"time_zone", c.Zone, `it must be a name such as "Europe/Madrid" or "UTC"`}
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return &ConfigError{"log.level", c.Log.Level, "it must be debug, info, warn or error"}
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return &ConfigError{"log.format", c.Log.Format, "it must be text or json"}
	}
	if c.Language == "" {
		return &ConfigError{"language", c.Language, `it must be a language such as "en" or "fr"`}
	}
	return nil
}

func (c *Config) checkDatabase() error {
	if c.Database.URL != "" && !isPostgres(c.Database.URL) {
		return &ConfigError{"database.url", mask(c.Database.URL), "it must begin with postgres://; without it the database is almenara.db in the folder"}
	}
	if c.Database.CacheMB < 4 || c.Database.CacheMB > 65536 {
		return &ConfigError{"database.cache_mb", strconv.Itoa(c.Database.CacheMB), "it must be between 4 and 65536"}
	}
	return nil
}

func isPostgres(u string) bool {
	return strings.HasPrefix(u, "postgres://") || strings.HasPrefix(u, "postgresql://")
}

func (c *Config) checkLimits() error {
	w := c.Watch
	for _, l := range []struct {
		key   string
		value int64
		min   int64
	}{
		{"watch.max_received", int64(w.MaxReceived), 1 << 10},
		{"watch.max_content", int64(w.MaxContent), 1 << 10},
		{"watch.max_ratio", w.MaxRatio, 2},
		{"watch.max_members", int64(w.MaxMembers), 1},
		{"watch.max_record", int64(w.MaxRecord), 256},
	} {
		if l.value < l.min {
			return &ConfigError{l.key, strconv.FormatInt(l.value, 10), fmt.Sprintf("it must be at least %d", l.min)}
		}
	}
	if w.MaxContent > 4<<30-1 {
		return &ConfigError{"watch.max_content", w.MaxContent.String(), "it must be below 4GiB"}
	}
	if n := c.Warn.PerContactHour; n < 1 || n > 10000 {
		return &ConfigError{"warn.per_contact_hour", strconv.Itoa(n), "it must be between 1 and 10000"}
	}
	if c.Memory != 0 && c.Memory < 64<<20 {
		return &ConfigError{"memory_limit", c.Memory.String(), "it must be at least 64MiB, or 0 for none"}
	}
	return nil
}

func (c *Config) checkMail() error {
	m := c.Mail
	switch {
	case m.Host == "":
		return nil
	case m.Security != "starttls" && m.Security != "tls" && m.Security != "none":
		return &ConfigError{"mail.security", m.Security, "it must be starttls, tls or none"}
	case m.Port < 0 || m.Port > 65535:
		return &ConfigError{"mail.port", strconv.Itoa(m.Port), "it must be between 1 and 65535, or 0 for the usual one"}
	case m.From == "" || !strings.Contains(m.From, "@"):
		return &ConfigError{"mail.from", m.From, `it must be an address such as "csirt@csirt.example"`}
	case m.User != "" && m.PasswordFile == "":
		return &ConfigError{"mail.password_file", m.PasswordFile, "a user needs a file with the password"}
	}
	return nil
}

// CheckFiles opens what the configuration names, as `config check` does.
func (c *Config) CheckFiles() error {
	files := []struct{ key, name string }{
		{"tls.certificate", c.TLS.Certificate},
		{"tls.key", c.TLS.Key},
		{"database.url_file", c.Database.URLFile},
		{"mail.password_file", c.Mail.PasswordFile},
		{"mail.ca_file", c.Mail.CAFile},
		{"watch.overlay", c.Watch.Overlay},
		{"warn.smime_roots", c.Warn.SMIMERoots},
	}
	for _, f := range append(files, c.intakeFiles()...) {
		if f.name == "" {
			continue
		}
		file, err := os.Open(c.path(f.name))
		if err != nil {
			return &ConfigError{f.key, f.name, "it cannot be read: " + err.Error()}
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// path makes a path of the configuration absolute to the folder.
func (c *Config) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Dir, name)
}

// proxies are the prefixes of trusted_proxies.
func (c *Config) proxies() ([]netip.Prefix, error) {
	return prefixes("trusted_proxies", c.TrustedProxies)
}

// webhookAllow are the prefixes of warn.webhook_allow.
func (c *Config) webhookAllow() ([]netip.Prefix, error) {
	return prefixes("warn.webhook_allow", c.Warn.WebhookAllow)
}

// prefixes reads a list of addresses and prefixes.
func prefixes(key string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, &ConfigError{key, s, `it must be an address or a prefix, such as "10.0.0.5" or "10.0.0.0/24"`}
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// mailRoots are the authorities of warn.smime_roots, nil when there is no such file.
func (c *Config) mailRoots() (*x509.CertPool, error) {
	if c.Warn.SMIMERoots == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.path(c.Warn.SMIMERoots))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		return nil, &ConfigError{"warn.smime_roots", c.Warn.SMIMERoots, "it must be a readable PEM file with certificates"}
	}
	return pool, nil
}

// databaseURL is the address of PostgreSQL, empty for SQLite.
func (c *Config) databaseURL() (string, error) {
	if c.Database.URL != "" {
		return c.Database.URL, nil
	}
	name, named := c.path(c.Database.URLFile), c.Database.URLFile != ""
	if !named {
		name = c.path(databaseURLFile)
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the database's address: %w", err)
	}
	u := strings.TrimSpace(string(b))
	if !isPostgres(u) {
		return "", &ConfigError{"database.url_file", name, "the file must hold one line that begins with postgres://"}
	}
	return u, nil
}

// limits are the room's own form of the bounds.
func (c *Config) limits() watch.Limits {
	return watch.Limits{
		Received: int64(c.Watch.MaxReceived), Content: int64(c.Watch.MaxContent), Ratio: c.Watch.MaxRatio,
		Members: c.Watch.MaxMembers, Record: int(c.Watch.MaxRecord),
	}
}

// mailSettings name the mail server and the sender.
func (c *Config) mailSettings() outbound.Settings {
	m := c.Mail
	return outbound.Settings{
		Host: m.Host, Port: m.Port, Security: m.Security, Username: m.User, PasswordFile: c.path(m.PasswordFile),
		CAFile: c.path(m.CAFile), From: m.From, FromName: c.Name,
	}
}

// Show writes the effective configuration as TOML, secrets masked.
func (c Config) Show() (string, error) {
	c.Database.URL = mask(c.Database.URL)
	var b strings.Builder
	err := toml.NewEncoder(&b).Encode(c)
	return b.String(), err
}

// mask takes the password out of an address.
func mask(u string) string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return "(not an address)"
	}
	return parsed.Redacted()
}
