package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailboxesAreChecked(t *testing.T) {
	const head = "name = \"CSIRT\"\ncountry = \"XA\"\npublic_url = \"http://localhost:8440\"\n\n"
	const good = "[[mail.intake]]\nname = \"desk\"\nhost = \"imap.example\"\nuser = \"csirt\"\npassword_file = \"keys/imap\"\n"
	load := func(text string, env ...string) (Config, error) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(head+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadConfig(dir, func(name string) string {
			for _, e := range env {
				if key, value, _ := strings.Cut(e, "="); key == name {
					return value
				}
			}
			return ""
		})
	}
	c, err := load(good + "done_folder = \"Taken\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if in := c.intakes(); len(in) != 1 || in[0].Security != "tls" || in[0].PasswordFile != filepath.Join(c.Dir, "keys/imap") || in[0].DoneFolder != "Taken" {
		t.Errorf("got %+v", in)
	}
	var wrong *ConfigError
	if err := c.CheckFiles(); !errors.As(err, &wrong) || wrong.Key != "mail.intake[0].password_file" {
		t.Errorf("got %v for a missing password file", err)
	}
	if text, err := c.Show(); err != nil || !strings.Contains(text, "[[mail.intake]]") {
		t.Errorf("got %q, %v", text, err)
	}
	for want, text := range map[string]string{
		"two mailboxes":       good + good,
		"needs a name":        strings.Replace(good, "\"desk\"", "\"\"", 1),
		"this machine only":   good + "security = \"none\"\n",
		"unknown key":         good + "colour = \"red\"\n",
		"needs a user name":   strings.Replace(good, "csirt", "", 1),
		"control character":   good + "folder = \"a\\nb\"\n",
		"it must be \"startt": good + "security = \"ssl\"\n",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if _, err := load(good, "ALMENARA_MAIL_INTAKE=x"); err == nil || !strings.Contains(err.Error(), "in the file only") {
		t.Errorf("got %v for a mailbox in the environment", err)
	}
}
