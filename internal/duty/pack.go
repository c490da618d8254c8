package duty

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the pack's template and style
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// Marking is that of packs and of every page of the room.
const Marking = "TLP:AMBER+STRICT"

//go:embed pack.tmpl
var packTemplate string

//go:embed pack.css
var packStyle string

// StyleHash is the source under which a content security policy lets the pack's own
// style pass, when a browser gets the pack from a server: 'sha256-…'.
func StyleHash() string {
	sum := sha256.Sum256([]byte(packStyle))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Texts tells the pack what is open: warnings that hold and notices that nobody
// answered, as plain lines in the pack's language. The room of notices implements it;
// app joins the two with SetTexts.
type Texts interface {
	OpenTexts(ctx context.Context, r sqldb.Reader) ([]Text, error)
}

// Text is one notice or warning as the pack prints it.
type Text struct {
	Org    int64 // whose notice it is; 0 for a warning to many
	Number string
	Title  string
	At     time.Time
	Due    time.Time // zero when nothing is due
	Lines  []string
}

// Pack is everything that the night needs, in one file without network or scripts.
type Pack struct {
	Made          time.Time
	HTML          []byte
	CSV           []byte
	Organisations int
	Contacts      int
}

// packShifts is how far ahead the pack shows the roster.
const packShifts = 7

// packData is the dot of the pack's template.
type packData struct {
	Lang, Dir, Team, Made, Marking string
	Style                          template.CSS
	Shifts                         []Shift
	Gaps                           []Gap
	Calls                          []Caller
	Handover                       *Handover
	General                        []Text
	Sectors                        []packSector
}

type packSector struct {
	ID, Name string
	Rows     []packRow
}

type packRow struct {
	CallRow
	Texts []Text
}

// BuildPack makes the pack as things are now. It writes nothing.
func (d *Duty) BuildPack(ctx context.Context, r sqldb.Reader) (p Pack, err error) {
	p.Made = d.Acts.Clock().Now()
	speak := d.Catalogue.Printer(d.Language).In(d.Zone)
	own, err := d.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return p, fmt.Errorf("make the pack: %w", err)
	}
	data := packData{
		Lang: speak.Lang(), Dir: speak.Dir(), Team: own.Name, Made: speak.Time(p.Made), Marking: Marking,
		Style: template.CSS(packStyle), //nolint:gosec // our own file, embedded
	}
	if err := d.packPeople(ctx, r, p.Made, &data); err != nil {
		return p, fmt.Errorf("make the pack: %w", err)
	}
	rows, err := d.CallSheet(ctx, r, "")
	if err != nil {
		return p, fmt.Errorf("make the pack: %w", err)
	}
	texts := map[int64][]Text{}
	if d.texts != nil {
		all, err := d.texts.OpenTexts(ctx, r)
		if err != nil {
			return p, fmt.Errorf("make the pack: %w", err)
		}
		for _, t := range all {
			texts[t.Org] = append(texts[t.Org], t)
		}
	}
	data.General, data.Sectors = texts[0], bySector(speak, rows, texts)
	p.Organisations = len(rows)
	for i := range rows {
		p.Contacts += len(rows[i].Contacts)
	}
	if p.HTML, err = renderPack(speak, &data); err != nil {
		return p, fmt.Errorf("make the pack: %w", err)
	}
	if p.CSV, err = packCSV(speak, &data); err != nil {
		return p, fmt.Errorf("make the pack: %w", err)
	}
	return p, nil
}

// packPeople reads who is on duty, whom to call and what was handed over last.
func (d *Duty) packPeople(ctx context.Context, r sqldb.Reader, now time.Time, data *packData) (err error) {
	to := now.AddDate(0, 0, packShifts)
	if data.Shifts, err = d.Roster(ctx, r, now, to); err != nil {
		return err
	}
	if len(data.Shifts) > 0 {
		data.Gaps = Gaps(data.Shifts, Officer, now, to)
	}
	if data.Calls, err = d.CallList(ctx, r); err != nil {
		return err
	}
	last, err := d.Handovers(ctx, r, HandoverFilter{Limit: 1})
	if len(last) > 0 {
		data.Handover = &last[0]
	}
	return err
}

// bySector puts organisations under each of their sectors, in the order of the annexes;
// those without one come last.
func bySector(speak *i18n.Printer, rows []CallRow, texts map[int64][]Text) (out []packSector) {
	add := func(code, name string, in func(*CallRow) bool) {
		s := packSector{ID: "sector-" + code, Name: name}
		for i := range rows {
			if in(&rows[i]) {
				s.Rows = append(s.Rows, packRow{rows[i], texts[rows[i].Org]})
			}
		}
		if len(s.Rows) > 0 {
			out = append(out, s)
		}
	}
	for _, sector := range constituency.Sectors() {
		add(sector.Code, speak.T(sector.Key(), nil), func(c *CallRow) bool { return slices.Contains(c.Sectors, sector.Code) })
	}
	add("none", speak.T("duty.pack.no_sector", nil), func(c *CallRow) bool { return len(c.Sectors) == 0 })
	return out
}

func renderPack(speak *i18n.Printer, data *packData) ([]byte, error) {
	t, err := template.New("pack").Funcs(template.FuncMap{
		"T":    func(key string, pairs ...any) string { return speak.Say(key, pairs...) },
		"time": speak.Time,
		"inc":  func(i int) int { return i + 1 },
	}).Parse(packTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// packColumns are the headings of the CSV; they do not change with the language.
func packColumns() []string {
	return []string{
		"sector", "sector_name", "organisation", "kind", "critical", "order", "name", "role", "phone", "email", "language", "hours",
	}
}

// packCSV writes the call list and the sheets of all sectors as one table; the desk's
// own people have the sector "duty".
func packCSV(speak *i18n.Printer, data *packData) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff") // spreadsheets misread accents without it
	w := csv.NewWriter(&b)
	write := func(cells ...string) error {
		for i := range cells {
			cells[i] = web.HarmlessCell(cells[i])
		}
		return w.Write(cells)
	}
	if err := w.Write(packColumns()); err != nil {
		return nil, err
	}
	for i, c := range data.Calls {
		if err := write("duty", speak.T("duty.pack.calls", nil), data.Team, string(guard.KindCSIRT), "false", strconv.Itoa(i+1),
			c.Name, c.Note, c.Phone, c.Email, c.Language, ""); err != nil {
			return nil, err
		}
	}
	for _, s := range data.Sectors {
		code := s.ID[len("sector-"):]
		for i := range s.Rows {
			if err := writeRow(write, code, s.Name, &s.Rows[i].CallRow); err != nil {
				return nil, err
			}
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func writeRow(write func(...string) error, code, name string, c *CallRow) error {
	head := []string{code, name, c.Name, string(c.Kind), strconv.FormatBool(c.Critical)}
	if len(c.Contacts) == 0 {
		return write(append(slices.Clone(head), "", "", "", "", "", "", "")...)
	}
	for i, k := range c.Contacts {
		row := append(slices.Clone(head), strconv.Itoa(i+1), k.Name, k.Role, k.Phone, k.Email, k.Language, k.Hours)
		if err := write(row...); err != nil {
			return err
		}
	}
	return nil
}

// SheetCSV writes call rows as the pack does, for one sector's sheet.
func (d *Duty) SheetCSV(sector string, rows []CallRow) ([]byte, error) {
	speak := d.Catalogue.Printer(d.Language)
	data := packData{}
	for _, s := range bySector(speak, rows, nil) {
		if sector == "" || inSector(s.ID[len("sector-"):], sector) {
			data.Sectors = append(data.Sectors, s)
		}
	}
	b, err := packCSV(speak, &data)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "fault.internal", nil, err)
	}
	return b, nil
}
