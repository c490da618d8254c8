package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// CookieName is the name of one of this installation's cookies.
func (s *Site) CookieName(name string) string {
	if s.config.Installation == "" {
		return "almenara-" + name
	}
	return "almenara-" + s.config.Installation + "-" + name
}

func (s *Site) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.CookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Site) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the installation: the demo runs on plain loopback
		Name: s.CookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: s.config.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// Flash is one message on the page after a change.
type Flash struct {
	Key  string         // catalogue key
	Args map[string]any // printable values
	Tone string         // "ok" (also when empty), "info", "warning" or "danger"
}

// Redirect sends the reader on after a change (303), with a message on the next page
// when flash has a key. Only paths of this site are followed.
func (s *Site) Redirect(w http.ResponseWriter, r *http.Request, to string, flash Flash) {
	if flash.Key != "" {
		if body, err := json.Marshal(flash); err == nil && len(body) < 2000 {
			s.setCookie(w, "flash", base64.RawURLEncoding.EncodeToString(body), time.Minute)
		}
	}
	http.Redirect(w, r, localPath(to), http.StatusSeeOther)
}

// takeFlash reads the message and forgets it.
func (s *Site) takeFlash(w http.ResponseWriter, r *http.Request) *Flash {
	value := s.cookie(r, "flash")
	if value == "" {
		return nil
	}
	s.setCookie(w, "flash", "", -time.Second)
	body, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	var f Flash
	if json.Unmarshal(body, &f) != nil || !s.config.Catalogue.HasKey(f.Key) {
		return nil
	}
	for name, v := range f.Args { // JSON has no whole numbers
		if n, ok := v.(float64); ok && n == float64(int64(n)) {
			f.Args[name] = int64(n)
		}
	}
	if f.Tone == "" {
		f.Tone = "ok"
	}
	return &f
}

// localPath returns to when it is a path of this site, else "/". Control characters
// are refused: browsers drop them, and "/\t/host" would lead elsewhere.
func localPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "\\") ||
		strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "/"
	}
	return to
}

// LocalPath is the path to go to next, from an untrusted value such as ?next=.
func LocalPath(to string) string { return localPath(to) }
