package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Forms remembers which forms were sent and done, so that a click too many, a reload or
// a second try after a broken connection does nothing twice.
type Forms interface {
	// Sent tells whether the viewer sent a form before and it was done, and where to
	// find what it made; empty when that has no page of its own.
	Sent(ctx context.Context, v Viewer, form [32]byte) (made string, done bool, err error)
	// Claim returns the context in which the form is done. The first change made in it
	// notes the form in the same transaction, or fails with ErrSent.
	Claim(ctx context.Context, v Viewer, form [32]byte) context.Context
}

// ErrSent is how a change ends whose form was sent before.
var ErrSent = errors.New("this form was sent before")

// tokenField is the hidden field that tells one showing of a form from another.
const tokenField = "once"

// formToken is that field with a new token; templates need not name it: it is put into
// every form that is posted (see withToken).
func formToken() template.HTML {
	return template.HTML(`<input type="hidden" name="` + tokenField + `" value="` + rand.Text() + `">`) //nolint:gosec // letters and digits
}

var postForm = regexp.MustCompile(`<form\b[^>]*\bmethod="(?:post|\{\{if \.Get\}\}get\{\{else\}\}post\{\{end\}\})"[^>]*>`)

// withToken puts the token into the posted forms of a template.
func withToken(text string) string { return postForm.ReplaceAllString(text, "$0{{once}}") }

// once does what a posted form asks for, unless the same viewer sent the same form
// before: then the answer is where that led. Forms without a token are just done.
func (s *Site) once(w http.ResponseWriter, r *http.Request, do func(http.ResponseWriter, *http.Request) error) error {
	v := requestOf(r.Context()).viewer
	if s.config.Forms == nil || r.Method != http.MethodPost || v.Nobody() || !isForm(r) {
		return do(w, r)
	}
	if err := Parse(r); err != nil {
		return err
	}
	if r.PostForm.Get(tokenField) == "" {
		return do(w, r)
	}
	form, err := formDigest(r)
	if err != nil {
		return err
	}
	if done, err := s.sentBefore(w, r, v, form); err != nil || done {
		return err
	}
	err = do(w, r.WithContext(s.config.Forms.Claim(r.Context(), v, form)))
	if errors.Is(err, ErrSent) { // at the same time
		_, err = s.sentBefore(w, r, v, form)
	}
	return err
}

// sentBefore answers a form that was done before.
func (s *Site) sentBefore(w http.ResponseWriter, r *http.Request, v Viewer, form [32]byte) (bool, error) {
	made, done, err := s.config.Forms.Sent(r.Context(), v, form)
	if err == nil && done {
		s.Redirect(w, r, s.after(r, made), Flash{Key: "frame.once.sent", Tone: "info"})
	}
	return done, err
}

// after is where a form that was done leads: to the page of the thing that it stands
// below, else to what it made, else to where it was shown.
func (s *Site) after(r *http.Request, made string) string {
	for up := path.Dir(r.URL.Path); up != "/" && up != "."; up = path.Dir(up) {
		_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: up}, Host: r.Host})
		if strings.HasPrefix(pattern, "GET ") && strings.HasSuffix(pattern, "}") {
			return up
		}
	}
	if made != "" {
		return made
	}
	return shownAt(r)
}

// shownAt is the page that a form was sent from, by the browser's word; "/" when it is
// not of this site.
func shownAt(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host {
		return "/"
	}
	return localPath(from.RequestURI())
}

func isForm(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data"
}

// formDigest is the SHA-256 of what a parsed form is sent to and says, its token
// included, whatever way the browser wrote it down.
func formDigest(r *http.Request) (sum [32]byte, err error) {
	h := sha256.New()
	text := func(s string) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(s))) // to a hash
		_, _ = io.WriteString(h, s)
	}
	text(r.URL.RequestURI())
	text(r.PostForm.Encode())
	if r.MultipartForm != nil {
		for _, name := range slices.Sorted(maps.Keys(r.MultipartForm.File)) {
			for _, f := range r.MultipartForm.File[name] {
				text(name)
				text(f.Filename)
				body, err := f.Open()
				if err != nil {
					return sum, fmt.Errorf("read a file of a form: %w", err)
				}
				_ = binary.Write(h, binary.BigEndian, f.Size)
				_, err = io.Copy(h, body)
				if err = errors.Join(err, body.Close()); err != nil {
					return sum, fmt.Errorf("read a file of a form: %w", err)
				}
			}
		}
	}
	return [32]byte(h.Sum(nil)), nil
}
