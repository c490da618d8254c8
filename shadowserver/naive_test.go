package shadowserver_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file is a second, naive reading of reports, straight from the schema's
// JSON with the standard library alone: nothing of packages rows, mapping and
// idf is in it. What the real reading finds is compared with it.

// outcome is what became of one row: an event's source.ip, or a reason.
type outcome struct {
	line   int
	reason string
	ip     string
	port   string
	time   time.Time
	extras map[string]string
}

type naiveReport struct {
	Required  [][]any `json:"required_fields"`
	Optional  [][]any `json:"optional_fields"`
	Constants map[string]string
	File      string `json:"file_name"`
}

func naiveSchema(t testing.TB) map[string]naiveReport {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata(t), "schema", "intelmq.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	byFile := map[string]naiveReport{}
	for name, raw := range all {
		if name == "_meta" {
			continue
		}
		var r naiveReport
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		byFile[r.File] = r
	}
	return byFile
}

func testdata(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ALMENARA_TESTDATA")
	if dir == "" {
		t.Skip("ALMENARA_TESTDATA is empty: there are no real reports to read")
	}
	return filepath.Join(dir, "shadowserver")
}

// naive reads a whole report. Its rules, in words: an empty time is missing; a
// time, number or address that cannot be read sets the row aside; a row whose
// file could say where it happened, but which does not, is set aside.
func naive(t testing.TB, r naiveReport, text []byte) []outcome {
	t.Helper()
	// Three real rows have \" inside quotation marks where CSV has "".
	in := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(text, []byte(`\"`), []byte(`""`))))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i := len(header) - 1; i >= 0; i-- {
		at[strings.TrimPrefix(header[i], "\ufeff")] = i
	}
	var out []outcome
	for {
		row, err := in.Read()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("the naive reading needs well-formed CSV: %v", err)
		}
		line, _ := in.FieldPos(0)
		switch {
		case len(row) < len(header):
			out = append(out, outcome{line: line, reason: "too_few_columns"})
		case len(row) > len(header):
			out = append(out, outcome{line: line, reason: "too_many_columns"})
		default:
			o := naiveRow(r, at, row)
			o.line = line
			out = append(out, o)
		}
	}
}

func naiveRow(r naiveReport, at map[string]int, row []string) outcome {
	o := outcome{extras: map[string]string{}}
	canLocate, located, hasIP := false, false, false
	for _, e := range append(append([][]any{}, r.Required...), r.Optional...) {
		hasIP = hasIP || e[0] == "source.ip"
	}
	for _, e := range append(append([][]any{}, r.Required...), r.Optional...) {
		field, _ := e[0].(string)
		column := e[1].(string)
		conversion := ""
		if len(e) > 2 {
			conversion = e[2].(string)
		}
		i, ok := at[column]
		if !ok {
			continue
		}
		place := naivePlace(field)
		canLocate = canLocate || place && (!hasIP || field == "source.ip")
		text, reason := naiveConvert(field, conversion, row[i], at, row)
		if reason != "" {
			return outcome{reason: reason}
		}
		if text == "" {
			if field == "time.source" {
				return outcome{reason: "empty_required"}
			}
			continue
		}
		switch field {
		case "source.ip":
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return outcome{reason: "bad_ip"}
			}
			o.ip = ip.Unmap().String()
		case "source.port":
			n, _ := strconv.Atoi(text)
			o.port = strconv.Itoa(n)
		case "time.source":
			o.time, _ = time.Parse(time.DateTime, text)
		case "extra.":
			o.extras[column] = text
		}
		located = located || place && naiveIsPlace(field, text)
	}
	if canLocate && !located {
		return outcome{reason: "empty_required"}
	}
	return o
}

func naivePlace(field string) bool {
	return strings.Contains(" source.ip source.network source.fqdn source.url source.account source.reverse_dns source.asn ", " "+field+" ")
}

func naiveIsPlace(field, text string) bool {
	switch field {
	case "source.fqdn", "source.reverse_dns":
		return regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9_-]*[A-Za-z][A-Za-z0-9_-]*\.?$`).MatchString(text)
	case "source.url":
		return regexp.MustCompile(`^[A-Za-z]+://[^/\s]\S*$`).MatchString(text)
	}
	return true
}

// naiveConvert gives the converted text, empty when absent, or a reason.
func naiveConvert(field, conversion, v string, at map[string]int, row []string) (text, reason string) {
	switch conversion {
	case "":
		return v, ""
	case "validate_to_none":
		if v == "0" || v == "unknown" {
			return "", ""
		}
		return v, ""
	case "convert_int", "invalidate_zero":
		if v == "" {
			return "", ""
		}
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil || strings.HasSuffix(field, ".port") && (n < 0 || n > 65535) {
			return "", "bad_number"
		}
		if conversion == "invalidate_zero" && n == 0 {
			return "", ""
		}
		return strconv.FormatInt(n, 10), ""
	case "convert_float":
		if v == "" {
			return "", ""
		}
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return "", "bad_number"
		}
		return v, ""
	case "convert_bool":
		switch strings.ToLower(v) {
		case "y", "yes", "true", "enabled", "1", "t", "on":
			return "true", ""
		case "n", "no", "false", "disabled", "0", "f", "off":
			return "false", ""
		}
		return "", ""
	case "add_UTC_to_timestamp":
		if v == "" {
			return "", ""
		}
		t, err := time.Parse(time.DateTime, v)
		if err != nil || t.Year() < 1970 {
			return "", "bad_time"
		}
		return v, ""
	case "validate_ip", "validate_network":
		return naiveAddress(conversion, v)
	}
	return naiveText(conversion, v, at, row), ""
}

func naiveAddress(conversion, v string) (text, reason string) {
	if strings.Contains(v, "/") {
		if _, err := netip.ParsePrefix(v); err != nil {
			return "", "bad_ip"
		}
		if conversion == "validate_ip" {
			return "", ""
		}
		return v, ""
	}
	if v == "" || v == "0.0.0.0" || conversion == "validate_network" {
		return "", ""
	}
	if _, err := netip.ParseAddr(v); err != nil {
		return "", "bad_ip"
	}
	return v, ""
}

func naiveText(conversion, v string, at map[string]int, row []string) string {
	get := func(name string) string {
		if i, ok := at[name]; ok {
			return row[i]
		}
		return ""
	}
	switch conversion {
	case "extract_cve_from_tag":
		var found []string
		for _, w := range strings.Split(v, ";") {
			if regexp.MustCompile(`^cve-[0-9]+-[0-9]+$`).MatchString(w) && !strings.Contains(strings.Join(found, ";")+";", w+";") {
				found = append(found, w)
			}
		}
		sort.Strings(found)
		return strings.Join(found, ";")
	case "force_base64":
		if _, err := base64.StdEncoding.DecodeString(v); err == nil {
			return v
		}
		return base64.StdEncoding.EncodeToString([]byte(v))
	case "category_or_detail":
		if get("category") != "" {
			return get("category")
		}
		return get("detail")
	case "convert_date", "convert_date_utc":
		for _, layout := range []string{time.DateTime, time.RFC1123, time.RFC3339Nano} {
			if t, err := time.Parse(layout, v); err == nil {
				if t.Nanosecond() != 0 {
					return t.UTC().Format("2006-01-02T15:04:05.000000+00:00")
				}
				return t.UTC().Format("2006-01-02T15:04:05+00:00")
			}
		}
	}
	return v
}
