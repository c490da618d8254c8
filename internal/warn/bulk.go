package warn

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"

	"almenara.example/idf"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/xarf"
)

// maxFiled is how many findings a bulk mail carries as files; the whole is fetched
// from the portal.
const maxFiled = 5000

// Sender is who reports are from, in files for machines.
type Sender struct {
	Name, Email, Domain string
}

// Sender is the team as the sender of reports. Without a mail server it has the address
// that mail to it would have: a report must name one.
func (w *Warn) Sender(team string) Sender {
	return Sender{Name: team, Email: cmp.Or(w.Outbound.From(), "csirt@"+w.MailDomain), Domain: w.MailDomain}
}

// event writes a finding as an event of the IntelMQ Data Format.
func (w *Warn) event(e *idf.Event, f watch.Finding) {
	stream, _ := w.Watch.StreamOf(f.Stream)
	e.Reset()
	e.Time, e.IP, e.ASN, e.Severity = clock.Micros(f.Last), f.IP, f.ASN, idf.Severity(f.Severity)
	if f.Port >= 0 {
		e.Port, e.HasPort = uint16(f.Port), true
	}
	if len(f.CC) == 2 {
		e.CC = [2]byte{f.CC[0], f.CC[1]}
	}
	e.Transport, e.FQDN = []byte(f.Transport), []byte(f.Host)
	e.Class, e.Type, e.Identifier = []byte(f.Class.Taxonomy), []byte(f.Class.Type), []byte(f.Class.Identifier)
	e.Set(idf.FeedName, []byte(stream.Kind))
	e.SetExtra("almenara.finding", idf.KindText, []byte(w.Watch.Number(f.ID)))
}

// bulkFiles are the cleared findings as CSV and, as far as the format has a type for
// them, as XARF, one report a line.
func (l *letter) bulkFiles(fs []watch.Finding) ([]guard.File, error) {
	var table, reports bytes.Buffer
	if err := l.w.WriteCSV(&table, fs[:min(len(fs), maxFiled)]); err != nil {
		return nil, err
	}
	if err := l.w.WriteXARF(&reports, l.w.Sender(l.team), fs[:min(len(fs), maxFiled)]); err != nil {
		return nil, err
	}
	name := l.w.Number(l.n.ID)
	files := []guard.File{{Name: name + ".csv", ContentType: "text/csv", Body: table.Bytes()}}
	if reports.Len() > 0 {
		files = append(files, guard.File{Name: name + ".xarf.jsonl", ContentType: "application/x-ndjson", Body: reports.Bytes()})
	}
	return files, nil
}

// WriteCSV writes findings for machines of a network (RFC 4180, columns of
// idf.CSVColumns). What is written must have been cleared.
func (w *Warn) WriteCSV(out io.Writer, fs []watch.Finding) error {
	c, err := idf.NewCSVWriter(out)
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	var e idf.Event
	for _, f := range fs {
		w.event(&e, f)
		if err := c.Write(&e); err != nil {
			return fmt.Errorf("write finding %d: %w", f.ID, err)
		}
	}
	return c.Flush()
}

// WriteXARF writes findings as reports in XARF v4, one a line; what the format has no
// type for, or what names no address and no host, is left out. What is written must have been cleared.
func (w *Warn) WriteXARF(out io.Writer, from Sender, fs []watch.Finding) error {
	x := xarf.NewWriter(out)
	by := xarf.Contact{Org: from.Name, Contact: from.Email, Domain: from.Domain}
	var e idf.Event
	for _, f := range fs {
		if !f.IP.IsValid() && f.Host == "" {
			continue
		}
		w.event(&e, f)
		r, err := xarf.FromIDF(&e, xarf.Options{ID: w.reportID(f), Reporter: by, Sender: by})
		if errors.Is(err, xarf.ErrNoType) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write finding %d: %w", f.ID, err)
		}
		if err := x.Write(r); err != nil {
			return fmt.Errorf("write finding %d: %w", f.ID, err)
		}
	}
	return nil
}

// reportID is a finding's report id: the same finding, seen at the same time, is the
// same report whoever fetches it how often.
func (w *Warn) reportID(f watch.Finding) string {
	sum := w.derive("report/" + strconv.FormatInt(f.ID, 10) + "/" + strconv.FormatInt(clock.Micros(f.Last), 10))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
