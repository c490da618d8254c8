package dutyweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// API registers the room's operations below /api/v1/duty.
func (w *Web) API(api huma.API) {
	huma.Register(api, operation("now", http.MethodGet, "now", read, "Who is on duty, and who comes next", "now"), w.apiNow)
	huma.Register(api, operation("roster", http.MethodGet, "roster", read, "Shifts and gaps of some days", "roster?days=7"), w.apiRoster)
	addOp := operation("add-shift", http.MethodPost, "shifts", add, "Put a person on the roster, once or on several days",
		`shifts {"person":1,"begins":"2026-11-21T08:00:00Z","ends":"2026-11-21T20:00:00Z"}`)
	addOp.DefaultStatus = http.StatusCreated
	huma.Register(api, addOp, w.apiAddShift)
	huma.Register(api, operation("call-list", http.MethodGet, "calls", read, "The desk's own call list, in order", "calls"), w.apiCalls)
	huma.Register(api, operation("call-sheet", http.MethodGet, "sheet", read, "Whom to reach in a sector", "sheet?sector=energy-gas"), w.apiSheet)
	note := operation("write-handover", http.MethodPost, "handovers", write, "Write a note for the next shift", `handovers {"text":"nothing open"}`)
	note.DefaultStatus = http.StatusCreated
	huma.Register(api, note, w.apiHandover)
	pack := operation("pack", http.MethodGet, "pack", read, "The offline pack as things are now", "pack?format=csv")
	huma.Register(api, pack, w.apiPack)
}

func operation(id, method, path, permission, summary, sample string) huma.Operation {
	return huma.Operation{
		OperationID: "duty-" + id, Method: method, Path: "/api/v1/duty/" + path, Summary: summary, Tags: []string{Room},
		Security: []map[string][]string{{"token": {permission}}},
		Metadata: map[string]any{"permission": permission, "sample": method + " /api/v1/duty/" + sample},
	}
}

func apiActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

// Shift is a shift as the API shows it.
type Shift struct {
	ID      int64     `json:"id"`
	Role    string    `json:"role" enum:"duty-officer,deputy"`
	Person  int64     `json:"person"`
	Name    string    `json:"name"`
	Phone   string    `json:"phone"`
	Email   string    `json:"email"`
	Zone    string    `json:"zone" doc:"the person's time zone"`
	Begins  time.Time `json:"begins"`
	Ends    time.Time `json:"ends"`
	Version int64     `json:"version"`
}

func shiftsOf(list []duty.Shift) []Shift {
	out := make([]Shift, len(list))
	for i, s := range list {
		out[i] = Shift{s.ID, string(s.Role), s.Person, s.Name, s.Phone, s.Email, s.Zone, s.Begins, s.Ends, s.Version}
	}
	return out
}

// Gap is a time without a duty officer.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type nowOut struct {
	Body struct {
		At   time.Time `json:"at"`
		On   []Shift   `json:"on" doc:"duty officer first; empty when nobody is on duty"`
		Next []Shift   `json:"next"`
	}
}

func (w *Web) apiNow(ctx context.Context, _ *struct{}) (*nowOut, error) {
	p, err := w.room.Now(ctx, w.acts.Reader(), w.acts.Clock().Now())
	out := &nowOut{}
	out.Body.At, out.Body.On, out.Body.Next = p.At, shiftsOf(p.On), shiftsOf(p.Next)
	return out, err
}

type rosterIn struct {
	From string `query:"from" doc:"2026-11-21; default today, in UTC" example:"2026-11-21"`
	Days int    `query:"days" minimum:"1" maximum:"366" default:"28"`
}

type rosterOut struct {
	Body struct {
		Shifts []Shift `json:"shifts"`
		Gaps   []Gap   `json:"gaps" doc:"from now on, when there is any shift"`
	}
}

func (w *Web) apiRoster(ctx context.Context, in *rosterIn) (*rosterOut, error) {
	now := w.acts.Clock().Now()
	from := now.Truncate(24 * time.Hour)
	if in.From != "" {
		var err error
		if from, err = time.Parse(time.DateOnly, in.From); err != nil {
			return nil, fault.OnField("from", "duty.day.form", fault.Args{"Value": fault.Clip(in.From)})
		}
	}
	to := from.AddDate(0, 0, in.Days)
	shifts, err := w.room.Roster(ctx, w.acts.Reader(), from, to)
	out := &rosterOut{}
	out.Body.Shifts, out.Body.Gaps = shiftsOf(shifts), []Gap{}
	if now.After(from) {
		from = now
	}
	if len(shifts) > 0 && from.Before(to) {
		for _, g := range duty.Gaps(shifts, duty.Officer, from, to) {
			out.Body.Gaps = append(out.Body.Gaps, Gap(g))
		}
	}
	return out, err
}

type addShiftIn struct {
	Body struct {
		Person int64     `json:"person"`
		Role   string    `json:"role,omitempty" enum:"duty-officer,deputy" default:"duty-officer"`
		Begins time.Time `json:"begins"`
		Ends   time.Time `json:"ends"`
		Days   int       `json:"days,omitempty" doc:"repeat on so many days at the same time of day"`
	}
}

type shiftsOut struct{ Body []Shift }

func (w *Web) apiAddShift(ctx context.Context, in *addShiftIn) (*shiftsOut, error) {
	b := in.Body
	made, err := w.room.AddShifts(ctx, apiActor(ctx), duty.NewShift{
		Role: duty.Role(b.Role), Person: b.Person, Begins: b.Begins.UTC(), Ends: b.Ends.UTC(), Days: b.Days,
	})
	return &shiftsOut{shiftsOf(made)}, err
}

// Caller is somebody on the call list.
type Caller struct {
	Order    int    `json:"order"`
	Person   int64  `json:"person"`
	Name     string `json:"name"`
	Phone    string `json:"phone"`
	Email    string `json:"email"`
	Language string `json:"language"`
	Note     string `json:"note"`
}

type callsOut struct{ Body []Caller }

func (w *Web) apiCalls(ctx context.Context, _ *struct{}) (*callsOut, error) {
	list, err := w.room.CallList(ctx, w.acts.Reader())
	out := &callsOut{Body: []Caller{}}
	for i, c := range list {
		out.Body = append(out.Body, Caller{i + 1, c.Person, c.Name, c.Phone, c.Email, c.Language, c.Note})
	}
	return out, err
}

// SheetRow is an organisation on a call sheet.
type SheetRow struct {
	Organisation int64     `json:"organisation"`
	Name         string    `json:"name"`
	Kind         string    `json:"kind"`
	Critical     bool      `json:"critical"`
	Sectors      []string  `json:"sectors"`
	Contacts     []Contact `json:"contacts" doc:"in order of escalation"`
}

// Contact is how to reach it.
type Contact struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Phone    string `json:"phone"`
	Email    string `json:"email"`
	Language string `json:"language"`
	Hours    string `json:"hours"`
}

type sheetIn struct {
	Sector string `query:"sector" doc:"a sector or the beginning of several (energy); empty: all"`
}

type sheetOut struct{ Body []SheetRow }

func (w *Web) apiSheet(ctx context.Context, in *sheetIn) (*sheetOut, error) {
	rows, err := w.room.CallSheet(ctx, w.acts.Reader(), in.Sector)
	out := &sheetOut{Body: []SheetRow{}}
	for _, c := range rows {
		row := SheetRow{Organisation: c.Org, Name: c.Name, Kind: string(c.Kind), Critical: c.Critical, Sectors: append([]string{}, c.Sectors...), Contacts: []Contact{}}
		for _, k := range c.Contacts {
			row.Contacts = append(row.Contacts, Contact{k.Name, k.Role, k.Phone, k.Email, k.Language, k.Hours})
		}
		out.Body = append(out.Body, row)
	}
	return out, err
}

type handoverIn struct {
	Body struct {
		Text string `json:"text" maxLength:"20000"`
	}
}

type handoverOut struct {
	Body struct {
		ID    int64 `json:"id"`
		Shift int64 `json:"shift" doc:"0 outside any shift"`
	}
}

func (w *Web) apiHandover(ctx context.Context, in *handoverIn) (*handoverOut, error) {
	h, err := w.room.WriteHandover(ctx, apiActor(ctx), in.Body.Text)
	out := &handoverOut{}
	out.Body.ID, out.Body.Shift = h.ID, h.Shift
	return out, err
}

type packIn struct {
	Format string `query:"format" enum:"html,csv" default:"html"`
}

type packOut struct {
	Type string `header:"Content-Type"`
	Name string `header:"Content-Disposition"`
	Body []byte
}

func (w *Web) apiPack(ctx context.Context, in *packIn) (*packOut, error) {
	p, err := w.room.BuildPack(ctx, w.acts.Reader())
	if err != nil {
		return nil, err
	}
	if in.Format == "csv" {
		return &packOut{"text/csv; charset=utf-8", web.Attachment("pack.csv"), p.CSV}, nil
	}
	return &packOut{"text/html; charset=utf-8", web.Attachment("pack.html"), p.HTML}, nil
}
