package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a folder with a configuration.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestConfigurationNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       string // in the error; empty: none
	}{
		{name: "nothing but defaults", file: ""},
		{name: "an unknown key", file: `lisen = "x"`, want: "unknown key lisen"},
		{name: "an unknown key in a section", file: "[watch]\nmax_rows = 1", want: "unknown key watch.max_rows"},
		{name: "a public address without host", file: `public_url = "csirt"`, want: `public_url = "csirt"`},
		{name: "a public address without a name", file: `public_url = "http://127.0.0.1:8440"`, want: "passkeys are not given to an address"},
		{name: "a public address with a path", file: `public_url = "https://csirt.example/desk"`, want: "scheme and a host"},
		{name: "no port", file: `listen = "127.0.0.1"`, want: `listen = "127.0.0.1"`},
		{name: "the local socket alone", file: `listen = "none"`},
		{name: "beyond this machine in clear", file: `listen = "192.0.2.1:80"`, want: "over TLS only"},
		{name: "on all addresses in clear", file: `listen = ":80"`, want: "over TLS only"},
		{name: "beyond this machine behind a proxy", file: "listen = \"192.0.2.1:80\"\ntrusted_proxies = [\"192.0.2.2\"]"},
		{name: "beyond this machine over TLS", file: "listen = \"192.0.2.1:443\"\n[tls]\ncertificate = \"c\"\nkey = \"k\""},
		{name: "a certificate without key", file: "[tls]\ncertificate = \"c\"", want: "go together"},
		{name: "a size", file: "[watch]\nmax_record = \"2MiB\""},
		{name: "a size as a number", file: "[watch]\nmax_record = 4096"},
		{name: "a size that is none", file: "[watch]\nmax_record = \"lots\"", want: "lots"},
		{name: "a size from the environment", env: map[string]string{"ALMENARA_WATCH_MAX_RECORD": "100"}, want: `watch.max_record = "100"`},
		{name: "a file of cases beyond the bound", env: map[string]string{"ALMENARA_INCIDENT_MAX_IMPORT": "1GiB"}, want: `incident.max_import = "1GiB"`},
		{name: "too large a content", file: "[watch]\nmax_content = \"5GiB\"", want: "below 4GiB"},
		{name: "a number from the environment", env: map[string]string{"ALMENARA_DATABASE_CACHE_MB": "many"}, want: "ALMENARA_DATABASE_CACHE_MB"},
		{name: "a proxy that is none", env: map[string]string{"ALMENARA_TRUSTED_PROXIES": "10.0.0.0/8, box"}, want: `trusted_proxies = "box"`},
		{name: "another database", file: "[database]\nurl = \"mysql://x\"", want: "postgres://"},
		{name: "a time zone", file: `time_zone = "Mars/Olympus"`, want: "Mars/Olympus"},
		{name: "mail without sender", file: "[mail]\nhost = \"mail.example\"", want: "mail.from"},
		{name: "mail", file: "[mail]\nhost = \"mail.example\"\nfrom = \"csirt@csirt.example\""},
		{name: "a level of the log", file: "[log]\nlevel = \"chatty\"", want: `log.level = "chatty"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadConfig(writeConfig(t, c.file), func(name string) string { return c.env[name] })
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("got %v, want no error", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAFolderWithoutConfigurationSaysHowToBegin(t *testing.T) {
	_, err := LoadConfig(t.TempDir(), os.Getenv)
	var r *Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Hint, "almenara init") {
		t.Fatalf("got %v, want a refusal that names init", err)
	}
}

func TestTheShownConfigurationHidesSecretsAndLoadsAgain(t *testing.T) {
	dir := writeConfig(t, "[database]\nurl = \"postgres://almenara:geheim@db.example/x\"")
	c, err := LoadConfig(dir, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "geheim") {
		t.Fatalf("the password is shown:\n%s", text)
	}
	if _, err := LoadConfig(writeConfig(t, text), func(string) string { return "" }); err != nil {
		t.Fatalf("what is shown does not load: %v", err)
	}
}

func TestSizesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]Size{"1MiB": 1 << 20, "2GiB": 2 << 30, "64KB": 64000, "4095": 4095, "0": 0, "7 KiB": 7 << 10} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v, want %d", text, s, err, want)
		}
		var again Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q is written as %q, which reads as %d, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5MiB", "MiB", "9999999999GiB", "1 mib"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, s)
		}
	}
}
