package web

import (
	"encoding/csv"
	"errors"
	"mime"
	"net/http"
	"strings"

	"almenara.example/internal/foundation/fault"
)

// Parse reads a posted form, also one with files (up to 8 MiB of them stay in memory,
// the rest goes to temporary files), and turns what can go wrong into faults.
func Parse(r *http.Request) error {
	err := r.ParseMultipartForm(8 << 20)
	if errors.Is(err, http.ErrNotMultipart) {
		err = nil // ParseMultipartForm has parsed the plain form by then
	}
	if err == nil {
		return nil
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return err
	}
	return fault.Wrap(fault.Invalid, "fault.form", nil, err)
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
