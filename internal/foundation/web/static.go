package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	files "almenara.example/web"
)

// static serves the frame's files under /static/<digest>/, where digest covers every
// file: browsers keep them for ever and ask anew after an upgrade. Addresses between
// the files (a picture in a style sheet) are relative and stay inside one digest.
type static struct {
	digest string
	files  map[string]asset
}

type asset struct {
	kind   string // media type
	body   []byte
	packed []byte // gzip, nil where it does not pay
}

func newStatic() (*static, error) {
	s := &static{files: map[string]asset{}}
	sum := sha256.New()
	err := fs.WalkDir(files.Static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kind := mediaType(name)
		if kind == "" { // licences and lists are for readers of the source
			return nil
		}
		body, err := fs.ReadFile(files.Static, name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		fmt.Fprintf(sum, "%s %d\n", name, len(body))
		sum.Write(body)
		s.files[name] = asset{kind: kind, body: body, packed: pack(body)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	return s, nil
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".json":
		return "application/json"
	}
	return ""
}

func pack(body []byte) []byte {
	if len(body) < 1024 {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil
	}
	if _, err := z.Write(body); err != nil || z.Close() != nil || b.Len() > len(body)*9/10 {
		return nil
	}
	return b.Bytes()
}

// url is the address of a file below static/.
func (s *static) url(name string) string { return "/static/" + s.digest + "/" + name }

// ServeHTTP answers /static/<digest>/<name>. A wrong digest is not found rather than
// an old or new file under a name that promises to be immutable.
func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/static/"+s.digest+"/")
	a, found := s.files[name]
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.body
	if a.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the client may be gone
}
