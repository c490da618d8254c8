package regime

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a file of holidays.
const (
	maxHolidayFile = 1 << 20 // bytes
	maxHolidayLine = 1000    // bytes
	maxHolidays    = 10_000
)

// Years between which everything here happens: younger than the regulation on
// periods, and writable in every format of a time.
const (
	minYear = 1980
	maxYear = 2999
)

// Holidays are the public holidays of one place: all days designated as such in the
// Member State or institution where the act is to be done (Regulation 1182/71
// art. 2(1)). The zero value is none.
type Holidays struct {
	names map[date]string
	years map[int]bool
}

// ParseHolidays reads a text file with one day a line: an ISO date, and a name which
// may be missing. Blank lines, and all from # to the end of a line, are comments:
//
//	# Republic of Atalaya
//	2026-12-25 Christmas Day
//	2026-12-26
//
// A day that comes twice has its first name. The file has at most 1 MiB and 10,000
// days, the years are 1980 to 2999. The error is a [Problems] with every bad line,
// or the reader's own.
func ParseHolidays(r io.Reader) (Holidays, error) {
	text, err := readBounded(r, maxHolidayFile)
	if err != nil {
		return Holidays{}, err
	}
	h := Holidays{map[date]string{}, map[int]bool{}}
	var bad Problems
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	lines.Buffer(make([]byte, 0, 4096), maxHolidayFile+1)
	for n := 1; lines.Scan(); n++ {
		if err := h.line(lines.Text()); err != nil {
			bad = bad.add(Problem{Line: n, Problem: err.Error(), Example: "2026-12-25 Christmas Day"})
		}
	}
	if len(h.names) > maxHolidays {
		bad = bad.add(Problem{Problem: fmt.Sprintf("there are more than %d days", maxHolidays)})
	}
	if len(bad) > 0 {
		return Holidays{}, bad
	}
	return h, nil
}

func (h Holidays) line(line string) error {
	if len(line) > maxHolidayLine {
		return fmt.Errorf("the line is longer than %d bytes", maxHolidayLine)
	}
	if !utf8.ValidString(line) {
		return errors.New("the line is not UTF-8 text")
	}
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	t, err := time.Parse(time.DateOnly, fields[0])
	if err != nil {
		return fmt.Errorf("%s is not a day of the calendar; a line begins with a date, year-month-day", quoted(fields[0]))
	}
	if t.Year() < minYear || t.Year() > maxYear {
		return fmt.Errorf("the year %d is not between %d and %d", t.Year(), minYear, maxYear)
	}
	d := dateOf(t)
	if _, twice := h.names[d]; !twice {
		h.names[d] = strings.Join(fields[1:], " ")
		h.years[d.year] = true
	}
	return nil
}

// Len is the number of days.
func (h Holidays) Len() int { return len(h.names) }

// On reports whether the day of t, in t's own zone, is a holiday, and its name.
func (h Holidays) On(t time.Time) (name string, holiday bool) {
	name, holiday = h.names[dateOf(t)]
	return name, holiday
}

// Covers reports whether the file has a holiday in that year. A year without any is
// one that nobody has entered yet.
func (h Holidays) Covers(year int) bool { return h.years[year] }

// readBounded reads all of r, at most limit bytes.
func readBounded(r io.Reader, limit int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if len(text) > limit {
		return nil, Problems{{Problem: fmt.Sprintf("the file is larger than %d bytes", limit)}}
	}
	return text, nil
}
