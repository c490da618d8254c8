package watch

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/foundation/i18n"
)

func TestAFindingIsToldInWords(t *testing.T) {
	words, err := i18n.New(i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	w := &Watch{}
	for id, want := range map[string][2]string{
		"open-smb":                 {"Open to the Internet: SMB (open-smb)", "Accesible desde Internet: SMB (open-smb)"},
		"accessible-radmin":        {"Open to the Internet: Radmin (accessible-radmin)", "Accesible desde Internet: Radmin (accessible-radmin)"},
		"open-ics":                 {"Industrial controls open to the Internet (open-ics)", "Control industrial accesible desde Internet (open-ics)"},
		"honeypot-rdp-scan":        {"Attacks come from this address: RDP (honeypot-rdp-scan)", "De esta dirección parten ataques: RDP (honeypot-rdp-scan)"},
		"ddos-participant":         {"Attacks come from this address (ddos-participant)", "De esta dirección parten ataques (ddos-participant)"},
		"c2-beacon":                {"A machine at this address is infected (c2-beacon)", "Una máquina de esta dirección está infectada (c2-beacon)"},
		"something-of-their-own":   {"something-of-their-own", "something-of-their-own"},
		"blacklisted-ip-and-so-on": {"blacklisted-ip-and-so-on", "blacklisted-ip-and-so-on"},
		"vulnerable-http":          {"Known weakness: HTTP (vulnerable-http)", "Debilidad conocida: HTTP (vulnerable-http)"},
	} {
		for n, lang := range []string{"en", "es"} {
			if got := w.Plain(words.Printer(lang), Finding{Class: Class{Identifier: id}}); got != want[n] {
				t.Errorf("%s in %s: %q, want %q", id, lang, got, want[n])
			}
		}
	}
}

func TestEveryKindOfTheRealReportsHasWords(t *testing.T) {
	dir := os.Getenv("ALMENARA_TESTDATA")
	if dir == "" {
		t.Skip("ALMENARA_TESTDATA names no folder with real reports")
	}
	body, err := os.ReadFile(filepath.Join(dir, "shadowserver", "schema", "intelmq.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]struct {
		Constant map[string]any `json:"constant_fields"`
	}
	if err := json.Unmarshal(body, &schema); err != nil {
		t.Fatal(err)
	}
	words, err := i18n.New(i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	w := &Watch{}
	for kind, r := range schema {
		id, _ := r.Constant["classification.identifier"].(string)
		if said := w.Plain(words.Printer("en"), Finding{Class: Class{Identifier: id}}); id != "" && id != "special" && !strings.HasSuffix(said, "("+id+")") {
			t.Errorf("%s: %q has no words", kind, id)
		}
	}
}
