package web

import (
	"encoding/csv"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"almenara.example/internal/foundation/fault"
)

// Parse reads a posted form, also one with files (up to 8 MiB of them stay in memory,
// the rest goes to temporary files), and turns what can go wrong into faults.
func Parse(r *http.Request) error {
	err := r.ParseForm() // by itself: ParseMultipartForm forgets its errors where there are no files
	if err == nil {
		err = r.ParseMultipartForm(8 << 20)
	}
	if errors.Is(err, http.ErrNotMultipart) {
		err = nil
	}
	if err == nil {
		return checkForm(r)
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return err
	}
	return fault.Wrap(fault.Invalid, "fault.form", nil, err)
}

// checkForm refuses what is no text in a form that has been parsed.
func checkForm(r *http.Request) error {
	for name, values := range r.Form {
		for _, v := range append(values, name) {
			if !isText(v) {
				return notText(name)
			}
		}
	}
	if r.MultipartForm == nil {
		return nil
	}
	for name, files := range r.MultipartForm.File {
		for _, f := range files {
			if !isText(f.Filename) || !isText(name) {
				return notText(name)
			}
		}
	}
	return nil
}

// checkAddress refuses a path or a query that is no text: bytes that are not UTF-8,
// and NUL, which not every database keeps.
func checkAddress(u *url.URL) error {
	if !isText(u.Path) {
		return fault.New(fault.Invalid, "fault.text", nil)
	}
	for name, values := range u.Query() {
		for _, v := range append(values, name) {
			if !isText(v) {
				return notText(name)
			}
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func notText(field string) error {
	return fault.OnField(strings.ToValidUTF8(strings.ReplaceAll(field, "\x00", ""), "·"), "fault.text", nil)
}

// CSV answers with a table to download.
type CSV struct{ w *csv.Writer }

// NewCSV starts an answer of comma-separated values named file. Spreadsheets get a
// byte order mark, without which some of them misread accents.
func NewCSV(w http.ResponseWriter, file string) *CSV {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", Attachment(file))
	_, _ = w.Write([]byte("\ufeff")) // an error shows at Flush
	return &CSV{w: csv.NewWriter(w)}
}

// Row writes one line. A cell that a spreadsheet would take for a formula gets an
// apostrophe in front; numbers stay numbers.
func (c *CSV) Row(cells ...string) error {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = HarmlessCell(cell)
	}
	return c.w.Write(safe)
}

// Flush sends what is still waiting.
func (c *CSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// HarmlessCell is a cell that no spreadsheet runs: one that begins with =, +, -, @,
// a tab or a line end gets an apostrophe in front, unless it is a plain number.
func HarmlessCell(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) && !strings.HasPrefix(cell, "＝") {
		return cell
	}
	if strings.Trim(cell[1:], "0123456789.") == "" && len(cell) > 1 && (cell[0] == '-' || cell[0] == '+') {
		return cell
	}
	return "'" + cell
}

// Attachment is the Content-Disposition for a file to save under a name. Control
// characters and path separators are replaced, so that a name from outside can
// neither break the header nor leave the folder.
func Attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:"`, r) {
			return '_'
		}
		return r
	}, name)
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// LocalTime is how a form's own field for a time writes it, in the reader's zone.
const LocalTime = "2006-01-02T15:04"

// FormTime reads a time of a parsed form: as the browser's own field writes it, in the
// reader's zone, or with a zone of its own (RFC 3339). Zero when there is none; false
// for what is no time.
func FormTime(r *http.Request, name string) (time.Time, bool) {
	s := strings.TrimSpace(r.PostForm.Get(name))
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{LocalTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, PrinterOf(r.Context()).Zone()); err == nil {
			return t.UTC(), true
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil
}
