package dutyweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// shiftFields ask for a shift. Who is on it and is no longer active stays a choice.
func (w *Web) shiftFields(r *http.Request, s duty.Shift) ([]web.Field, error) {
	staff, err := w.room.Staff(r.Context(), w.acts.Reader())
	var people, roles []web.Option
	known := s.Person == 0
	for _, p := range staff {
		known = known || p.ID == s.Person
		people = append(people, web.Option{Value: text(p.ID), Label: p.Name, Selected: p.ID == s.Person})
	}
	if !known {
		people = append(people, web.Option{Value: text(s.Person), Label: s.Name, Selected: true})
	}
	for _, role := range duty.Roles() {
		roles = append(roles, web.Option{Value: string(role), Label: web.Say(r, "duty.role."+string(role)), Selected: role == s.Role})
	}
	begins, ends := "", ""
	if !s.Begins.IsZero() {
		begins, ends = s.Begins.In(zone(r)).Format(local), s.Ends.In(zone(r)).Format(local)
	}
	why := web.Say(r, "duty.zone.why", "Zone", zone(r).String())
	return []web.Field{
		{Name: "person", Label: web.Say(r, "duty.name"), Type: "select", Options: people, Required: true, Autofocus: true},
		{Name: "role", Label: web.Say(r, "duty.role"), Type: "select", Options: roles, Required: true},
		{Name: "begins", Label: web.Say(r, "duty.from"), Type: "datetime-local", Value: begins, Required: true, Why: why},
		{Name: "ends", Label: web.Say(r, "duty.to"), Type: "datetime-local", Value: ends, Required: true, Why: why},
	}, err
}

func (w *Web) newShiftForm(r *http.Request) (web.Form, error) {
	fields, err := w.shiftFields(r, duty.Shift{Role: duty.Officer})
	fields = append(fields, web.Field{Name: "days", Label: web.Say(r, "duty.shift.days_field"), Type: "number", Value: "1", Why: web.Say(r, "duty.shift.days_field.why")})
	return web.Form{Action: "/duty/shifts", Cancel: "/duty", Submit: web.Say(r, "duty.shift.add"), Fields: fields}, err
}

func (w *Web) shiftNew(rw http.ResponseWriter, r *http.Request) error {
	f, err := w.newShiftForm(r)
	if err != nil {
		return err
	}
	return w.form(rw, r, http.StatusOK, page(r, web.Say(r, "duty.shift.add"), home(r)), f, nil)
}

func (w *Web) shiftAdd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v := r.PostFormValue
	made, err := w.room.AddShifts(r.Context(), actorOf(r), duty.NewShift{
		Role: duty.Role(v("role")), Person: number(v("person")), Begins: timeOf(r, "begins"), Ends: timeOf(r, "ends"), Days: int(number(v("days"))),
	})
	if correctable(err) {
		f, ferr := w.newShiftForm(r)
		if ferr != nil {
			return ferr
		}
		f.Fill(v)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), page(r, web.Say(r, "duty.shift.add"), home(r)), f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/roster", web.Flash{Key: "duty.shift.added", Args: map[string]any{"Name": made[0].Name, "Count": len(made)}})
	return nil
}

func (w *Web) shiftNamed(r *http.Request) (duty.Shift, error) {
	id, err := pathID(r, "duty.shift.none")
	if err != nil {
		return duty.Shift{}, err
	}
	return w.room.Shift(r.Context(), w.acts.Reader(), id)
}

func (w *Web) editShiftForm(r *http.Request, s duty.Shift) (web.Form, error) {
	fields, err := w.shiftFields(r, s)
	return web.Form{
		Action: shiftURL(s.ID), Cancel: "/duty/roster", Submit: web.Say(r, "duty.save"), Fields: fields,
		Hidden: []web.Hidden{{Name: "version", Value: text(s.Version)}},
	}, err
}

func shiftPage(r *http.Request, s duty.Shift, f web.Form) web.Page {
	p := page(r, web.Say(r, "duty.shift.change"), home(r), web.Link{Label: web.Say(r, "duty.roster"), URL: "/duty/roster"})
	p.Lead = s.Name
	p.Actions = []web.Action{{
		Label: web.Say(r, "duty.shift.remove"), URL: shiftURL(s.ID) + "/remove", Post: true, Tone: "danger", Icon: "trash", Hidden: f.Hidden,
	}}
	return p
}

func (w *Web) shiftForm(rw http.ResponseWriter, r *http.Request) error {
	s, err := w.shiftNamed(r)
	if err != nil {
		return err
	}
	f, err := w.editShiftForm(r, s)
	if err != nil {
		return err
	}
	return w.form(rw, r, http.StatusOK, shiftPage(r, s, f), f, nil)
}

func (w *Web) shiftSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, err := w.shiftNamed(r)
	if err != nil {
		return err
	}
	v := r.PostFormValue
	err = w.room.ChangeShift(r.Context(), actorOf(r), duty.ShiftEdit{
		ID: s.ID, Version: number(v("version")), Role: duty.Role(v("role")), Person: number(v("person")), Begins: timeOf(r, "begins"), Ends: timeOf(r, "ends"),
	})
	if correctable(err) {
		f, ferr := w.editShiftForm(r, s)
		if ferr != nil {
			return ferr
		}
		f.Fill(v)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), shiftPage(r, s, f), f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/roster", web.Flash{Key: "duty.saved"})
	return nil
}

func (w *Web) shiftRemove(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, err := w.shiftNamed(r)
	if err != nil {
		return err
	}
	if err := w.room.RemoveShift(r.Context(), actorOf(r), s.ID, number(r.PostFormValue("version"))); err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/roster", web.Flash{Key: "duty.shift.removed", Args: map[string]any{"Name": s.Name}})
	return nil
}

// swapFormOf offers the shifts to come of others. A choice carries the version that
// was seen.
func (w *Web) swapFormOf(r *http.Request, s duty.Shift) (web.Form, error) {
	now := w.acts.Clock().Now()
	all, err := w.room.Roster(r.Context(), w.acts.Reader(), now, now.AddDate(0, 0, 60))
	f := web.Form{
		Action: shiftURL(s.ID) + "/swap", Cancel: "/duty/roster", Submit: web.Say(r, "duty.swap"),
		Hidden: []web.Hidden{{Name: "version", Value: text(s.Version)}},
	}
	var options []web.Option
	speak := web.PrinterOf(r.Context())
	for _, o := range all {
		if o.Person != s.Person {
			options = append(options, web.Option{
				Value: text(o.ID) + ":" + text(o.Version),
				Label: o.Name + " · " + speak.Time(o.Begins) + " – " + speak.Time(o.Ends) + " · " + web.Say(r, "duty.role."+string(o.Role)),
			})
		}
	}
	f.Fields = []web.Field{{
		Name: "other", Label: web.Say(r, "duty.swap.with"), Type: "select", Options: options, Required: true, Autofocus: true, Why: web.Say(r, "duty.swap.why"),
	}}
	return f, err
}

func (w *Web) swapPage(rw http.ResponseWriter, r *http.Request, status int, s duty.Shift, f web.Form, problem error) error {
	p := page(r, web.Say(r, "duty.swap"), home(r), web.Link{Label: web.Say(r, "duty.roster"), URL: "/duty/roster"})
	speak := web.PrinterOf(r.Context())
	p.Lead = s.Name + " · " + speak.Time(s.Begins) + " – " + speak.Time(s.Ends)
	return w.form(rw, r, status, p, f, problem)
}

func (w *Web) swapForm(rw http.ResponseWriter, r *http.Request) error {
	s, err := w.shiftNamed(r)
	if err != nil {
		return err
	}
	f, err := w.swapFormOf(r, s)
	if err != nil {
		return err
	}
	return w.swapPage(rw, r, http.StatusOK, s, f, nil)
}

func (w *Web) swapSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, err := w.shiftNamed(r)
	if err != nil {
		return err
	}
	other, version, _ := strings.Cut(r.PostFormValue("other"), ":")
	err = w.room.SwapShifts(r.Context(), actorOf(r), duty.Swap{
		One: s.ID, OneVersion: number(r.PostFormValue("version")), Other: number(other), OtherVersion: number(version),
	})
	if correctable(err) {
		f, ferr := w.swapFormOf(r, s)
		if ferr != nil {
			return ferr
		}
		return w.swapPage(rw, r, web.Status(fault.CodeOf(err)), s, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, "/duty/roster", web.Flash{Key: "duty.swapped"})
	return nil
}
