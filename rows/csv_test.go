package rows_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/rows"
)

// got is what a test compares: a record or a row error, as text.
func read(t testing.TB, r rows.Reader) []string {
	t.Helper()
	var out []string
	for {
		rec, err := r.Next()
		var bad *rows.RowError
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.As(err, &bad):
			out = append(out, fmt.Sprintf("%d+%d line %d: %s", bad.Offset, bad.Len, bad.Line, bad.Reason))
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, fmt.Sprintf("%d+%d line %d: %q", rec.Offset, rec.Len, rec.Line, rec.Fields))
		}
	}
}

func readCSV(t testing.TB, in io.Reader, o rows.CSVOptions) []string {
	t.Helper()
	r, err := rows.NewCSV(in, o)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, r)
}

func TestEachKindOfRowIsReadOrSetAsideAlone(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"plain fields and both line ends": {"a,b\n1,2\r\n3,4", []string{
			`4+3 line 2: ["1" "2"]`, `9+3 line 3: ["3" "4"]`,
		}},
		"a byte order mark before the header": {"\xef\xbb\xbfa,b\n1,2\n", []string{`7+3 line 2: ["1" "2"]`}},
		"quotation marks doubled inside":      {"a,b\n\"x\"\"y\",\"\"\n", []string{`4+9 line 2: ["x\"y" ""]`}},
		"a newline inside quotation marks": {"a,b\n\"x\ny\",2\n3,4\n", []string{
			`4+7 line 2: ["x\ny" "2"]`, `12+3 line 4: ["3" "4"]`,
		}},
		"empty lines are skipped": {"\n\r\na,b\n\n1,2\n\r\n", []string{`8+3 line 5: ["1" "2"]`}},
		"too few and too many columns": {"a,b\n1\n1,2,3\n1,2\n", []string{
			`4+1 line 2: too_few_columns`, `6+5 line 3: too_many_columns`, `12+3 line 4: ["1" "2"]`,
		}},
		"bytes that are not UTF-8": {"a,b\n1,\xff\n1,é\n", []string{
			`4+3 line 2: bad_utf8`, `8+4 line 3: ["1" "é"]`,
		}},
		"a NUL byte": {"a,b\n1,\x00\n1,2\n", []string{`4+3 line 2: nul_byte`, `8+3 line 3: ["1" "2"]`}},
		"a mark inside a plain field": {"a,b\n1,2\"3\n1,2\n", []string{
			`4+5 line 2: bad_quote`, `10+3 line 3: ["1" "2"]`,
		}},
		"something behind a closing mark": {"a,b\n\"1\"x,2\n1,2\n", []string{
			`4+6 line 2: bad_quote`, `11+3 line 3: ["1" "2"]`,
		}},
		"a mark never closed costs its own line": {"a,b\n\"1,2\n3,4\n5,6\n", []string{
			`4+4 line 2: bad_quote`, `9+3 line 3: ["3" "4"]`, `13+3 line 4: ["5" "6"]`,
		}},
		"a mark never closed before quoted lines": {"a,b\n1,\"2\n\"3\",\"4\"\n\"5\",\"6\"\n", []string{
			`4+4 line 2: bad_quote`, `9+7 line 3: ["3" "4"]`, `17+7 line 4: ["5" "6"]`,
		}},
		"two stray marks on two lines": {"a,b\n1,\"2\n3,4\n5\",6\n7,8\n", []string{
			`4+4 line 2: bad_quote`, `9+3 line 3: ["3" "4"]`, `13+4 line 4: bad_quote`, `18+3 line 5: ["7" "8"]`,
		}},
		"marks behind backslashes": {"a,b\n\"x=\\\"y\\\"\",2\n\"p\\\"\",4\n\"C:\\\",5\n", []string{
			`4+11 line 2: ["x=\"y\"" "2"]`, `16+7 line 3: ["p\"" "4"]`, `24+7 line 4: ["C:\\" "5"]`,
		}},
		"an open mark on the last line": {"a,b\n1,\"2", []string{`4+4 line 2: bad_quote`}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, in := range map[string]io.Reader{
				"whole": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				if diff := cmp.Diff(c.want, readCSV(t, in, rows.CSVOptions{})); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", how, diff)
				}
			}
		})
	}
}

func TestTheDelimiterIsFoundInTheHeader(t *testing.T) {
	for in, want := range map[string]byte{
		"a,b\n": ',', "a;b;c,d\n": ';', "a\tb\n": '\t', "a|b\n": '|', "a\n": ',', "\"x,y\";\"z\"\n": ';', "a;b": ';',
		"\r\na;b\n1,2,3,4\n": ';',
	} {
		r, err := rows.NewCSV(strings.NewReader(in), rows.CSVOptions{})
		if err != nil || r.Delimiter() != want {
			t.Errorf("header %q: got %q, %v, want %q", in, r.Delimiter(), err, want)
		}
	}
}

func TestAnInputWithoutHeaderIsRefused(t *testing.T) {
	for _, in := range []string{"", "\n\n", "\xef\xbb\xbf"} {
		if _, err := rows.NewCSV(strings.NewReader(in), rows.CSVOptions{}); !errors.Is(err, rows.ErrNoHeader) {
			t.Errorf("input %q: got %v, want ErrNoHeader", in, err)
		}
	}
	if _, err := rows.NewCSV(strings.NewReader("a\xff,b\n"), rows.CSVOptions{}); err == nil {
		t.Error("a header that is not UTF-8: got no error, want one")
	}
}

func TestTheErrorOfTheInputIsFinalAndReported(t *testing.T) {
	broken := errors.New("the disk is gone")
	r, err := rows.NewCSV(io.MultiReader(strings.NewReader("a,b\n1,2\n3,"), iotest.ErrReader(broken)), rows.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the input's own error", err)
	}
}

func TestARoughSplitOfABadRowIsGiven(t *testing.T) {
	for in, want := range map[string][]string{
		"a,b\n192.0.2.1\n":                           {"192.0.2.1"},
		"a,b\n\"192.0.2.1\",x\"y\n":                  {"192.0.2.1", "x\"y"},
		"a,b\n192.0.2.1,\"\xff\",x\n":                {"192.0.2.1", "\xff", "x"},
		"a,b\n192.0.2.1," + strings.Repeat("x", 200): nil,
	} {
		r, err := rows.NewCSV(strings.NewReader(in), rows.CSVOptions{MaxRecord: 100})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Next()
		var bad *rows.RowError
		if !errors.As(err, &bad) {
			t.Fatalf("input %q: got %v, want a row error", in, err)
		}
		var got []string
		for _, f := range bad.Fields {
			got = append(got, string(f))
		}
		if want == nil {
			if bad.Reason != rows.LineTooLong || got[0] != "192.0.2.1" {
				t.Errorf("long line: got %v, %q", bad, got)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("input %q (-want +got)\n%s", in, diff)
		}
	}
}

// flood is n bytes of x, then a tail.
type flood struct {
	n    int64
	tail io.Reader
}

func (f *flood) Read(p []byte) (int, error) {
	if f.n == 0 {
		return f.tail.Read(p)
	}
	n := int(min(int64(len(p)), f.n))
	for i := range p[:n] {
		p[i] = 'x'
	}
	f.n -= int64(n)
	return n, nil
}

func TestALineOfOneGigabyteCostsNoMemory(t *testing.T) {
	const size = 1 << 30
	for name, open := range map[string]func(io.Reader) rows.Reader{
		"CSV": func(in io.Reader) rows.Reader {
			r, err := rows.NewCSV(io.MultiReader(strings.NewReader("a,b\n1,2\n"), in), rows.CSVOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return r
		},
		"JSON lines": func(in io.Reader) rows.Reader {
			return rows.NewJSONLines(io.MultiReader(strings.NewReader("\n{\"a\":1}\n"), in), rows.JSONOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			last := "\r\n3,4\n"
			if name != "CSV" {
				last = "\r\n{\"a\":3}\n"
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := read(t, open(&flood{size, strings.NewReader(last)}))
			runtime.ReadMemStats(&after)
			if len(got) != 3 || got[1] != fmt.Sprintf("%d+%d line 3: line_too_long", map[string]int{"CSV": 8}[name]+map[string]int{"JSON lines": 9}[name], size) {
				t.Errorf("got %v, want a record, a line too long and a record", got)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
				t.Errorf("got %d bytes allocated, want at most 4 MiB", used)
			}
		})
	}
}

func TestARecordAtTheLimitIsReadAndOneByteMoreIsNot(t *testing.T) {
	const limit = 300 << 10
	for extra, want := range map[int]string{0: "", 1: "line_too_long"} {
		for _, end := range []string{"", "\n", "\r\n"} {
			in := "a\n" + strings.Repeat("x", limit+extra) + end
			got := readCSV(t, strings.NewReader(in), rows.CSVOptions{MaxRecord: limit})
			if len(got) != 1 || strings.HasSuffix(got[0], ": line_too_long") != (want != "") {
				t.Errorf("limit%+d, end %q: got %d results, %.60s", extra, end, len(got), got)
			}
		}
	}
}

func TestAQuotedRecordBeyondTheLimitCostsItsFirstLine(t *testing.T) {
	in := "a,b\n1,\"2\n" + strings.Repeat("3,4\n", 1000)
	got := readCSV(t, strings.NewReader(in), rows.CSVOptions{MaxRecord: 1000})
	if len(got) != 1001 || got[0] != "4+4 line 2: bad_quote" || got[1] != `9+3 line 3: ["3" "4"]` {
		t.Errorf("got %d results, %.120q, want the first line set aside and 1000 records", len(got), got[:2])
	}
}

func TestWhatEncodingCSVWritesIsReadBackEqual(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\",;\n é|\t'")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 6).Draw(t, "width")
		table := rapid.SliceOfN(rapid.SliceOfN(text, width, width), 1, 20).Draw(t, "rows")
		header := make([]string, width)
		for i := range header {
			header[i] = fmt.Sprint("c", i)
		}
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		_ = w.Write(header)
		_ = w.WriteAll(table)
		size := rapid.IntRange(1, 40).Draw(t, "chunk")
		r, err := rows.NewCSV(&chunks{file.Bytes(), size}, rows.CSVOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range table {
			rec, err := r.Next()
			if err != nil {
				t.Fatalf("row %d of %q: %v", i, file.String(), err)
			}
			for k := range want {
				got := string(rec.Fields[k])
				if w.UseCRLF {
					got = strings.ReplaceAll(got, "\r\n", "\n")
				}
				if got != want[k] {
					t.Fatalf("row %d field %d: got %q, want %q", i, k, got, want[k])
				}
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("got %v, want the end", err)
		}
	})
}

// chunks gives its bytes out in small pieces.
type chunks struct {
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestReadingAllocatesNothingPerRecord(t *testing.T) {
	line := "2026-01-02 03:04:05,192.0.2.1,\"tcp\",80,\"a \"\"b\"\"\",é\n"
	r, err := rows.NewCSV(strings.NewReader("a,b,c,d,e,f\n"+strings.Repeat(line, 5000)), rows.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(4000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("got %v allocations per record, want 0", got)
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "a;b\r\n\"1\";\"2\"\r\n", "\xef\xbb\xbfa\tb\n1\t2", "a,b\n\"1,2\n3,4\n", "a,b\n\"x\ny\",\"\"\"\"\n",
		"a,b\n1,\x00\n\xff,2\n", "a|b\n" + strings.Repeat("x", 300), "a,b\n\"\"\"\n\"\"\",1\n",
	} {
		f.Add([]byte(s), byte(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		o := rows.CSVOptions{MaxRecord: 256}
		r, err := rows.NewCSV(&chunks{data, int(size) + 1}, o)
		if err != nil {
			return
		}
		checkPlaces(t, r, data, func(record []byte, rec *rows.Record) {
			again, err := rows.NewCSV(bytes.NewReader(record), rows.CSVOptions{Delimiter: r.Delimiter(), Header: r.Header(), MaxRecord: 256})
			if err != nil {
				t.Fatal(err)
			}
			other, err := again.Next()
			if err != nil {
				t.Fatalf("record %q read alone: %v", record, err)
			}
			if diff := cmp.Diff(rec.Fields, other.Fields); diff != "" {
				t.Fatalf("record %q read alone differs: %s", record, diff)
			}
		})
	})
}

// checkPlaces reads everything and checks that places grow, lie inside the
// data and never overlap.
func checkPlaces(t *testing.T, r rows.Reader, data []byte, each func([]byte, *rows.Record)) {
	t.Helper()
	var end int64
	line := 0
	for range len(data) + 2 {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		var bad *rows.RowError
		var offset, length int64
		var at int
		switch {
		case err == nil:
			offset, length, at = rec.Offset, int64(rec.Len), rec.Line
		case errors.As(err, &bad):
			offset, length, at = bad.Offset, bad.Len, bad.Line
		default:
			t.Fatalf("got %v, want a record or a row error", err)
		}
		if offset < end || offset+length > int64(len(data)) || at <= line || length < 1 {
			t.Fatalf("record at %d+%d line %d after %d, line %d of %d bytes", offset, length, at, end, line, len(data))
		}
		end, line = offset+length, at
		if err == nil {
			each(data[offset:end], rec)
		}
	}
	t.Fatal("reading does not end")
}
