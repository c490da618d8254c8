package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/wire"
)

// heldDecider refuses to let anything out while a restore waits for its statement.
type heldDecider struct {
	act.Decider
	db *sqldb.DB
}

// verbsHeld are the verbs that wait for the statement after a restore.
func verbsHeld(verb string) bool { return verb == "warn.resume_sending" }

// Decide asks whether the installation is held before the policies.
func (d heldDecider) Decide(ctx context.Context, r sqldb.Reader, c act.Call) (act.Decision, error) {
	if verbsHeld(c.Verb) {
		if _, held, err := ledger.Held(ctx, r); err != nil || held {
			return act.Decision{Reasons: []string{ledger.ErrHeld.Error()}}, err
		}
	}
	return d.Decider.Decide(ctx, r, c)
}

// restoreNoted is the detail of the entry that notes a restore.
type restoreNoted struct {
	Backup  string            `json:"backup"`
	Made    int64             `json:"made"`
	Entries int64             `json:"entries"`
	Ended   guard.EndedAccess `json:"ended"` // sessions, links and tokens of the backup
}

// afterRestore is what the rooms do, in the act that notes a restore, before
// anything is served.
func (a *App) afterRestore(noted *restoreNoted) []func(ctx context.Context, tx *act.Tx) error {
	return []func(ctx context.Context, tx *act.Tx) error{
		// What was ended since the backup must not live again.
		func(ctx context.Context, tx *act.Tx) (err error) {
			noted.Ended, err = a.guard.EndAccessAfterRestore(ctx, tx)
			return err
		},
		// Nothing is sent until somebody lets it go on: what was told since the backup
		// would be told again.
		func(ctx context.Context, tx *act.Tx) error { return a.warn.HoldAfterRestore(ctx, tx, tx.Call().Reason) },
		a.watch.HoldAfterRestore,
		a.incidents.HoldAfterRestore,
	}
}

// noteRestore is the first thing that a restored installation does: it writes into
// the record that it was restored, and the rooms hold what must be held. A statement
// whose end was cut off is ended.
func (a *App) noteRestore(ctx context.Context) error {
	h, ok, err := ledger.Held(ctx, a.acts.Reader())
	if err != nil || !ok {
		return err
	}
	a.log.WarnContext(ctx, "restored from a backup: nothing is sent or signed before the statement", "backup", h.Backup, "state", h.State)
	switch h.State {
	case ledger.RestoredStating:
		_, err = a.ledger.GoOn(ctx, a.cfg.path(ledgerKeyFile))
		return err
	case ledger.RestoredFresh:
	default:
		return nil
	}
	call := act.Call{
		Actor: act.MachineActor("ledger.restore"), Verb: "ledger.note_restore", Subject: "ledger",
		Reason: "restored from the backup " + h.Backup,
	}
	return a.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		noted := restoreNoted{Backup: h.Backup, Made: h.MadeAt, Entries: h.Entries}
		for _, hold := range a.afterRestore(&noted) {
			if err := hold(ctx, tx); err != nil {
				return err
			}
		}
		tx.Detail(noted)
		return ledger.SetRestored(ctx, tx, ledger.RestoredHeld, 0)
	})
}

// stated is the detail of the entry that states what is missing after a restore.
type stated struct {
	Backup       string `json:"backup"`
	Entries      int64  `json:"entries"` // that the backup held
	KnownSize    int64  `json:"known_size"`
	KnownRoot    string `json:"known_root,omitempty"`
	HighSize     int64  `json:"high_size,omitempty"` // of the file that survived
	Continues    bool   `json:"continues"`
	Why          string `json:"why"`
	FormerOrigin string `json:"former_origin,omitempty"`
	FormerKey    string `json:"former_key,omitempty"`
	Origin       string `json:"origin"`
	Key          string `json:"key"`
}

// ResumeLedger states what is missing after a restore and lets signing go on: under
// the former name when everything that was ever signed is there, otherwise under a
// new one, so that no two trees bear one name.
func (a *App) ResumeLedger(ctx context.Context, actor act.Actor, in wire.LedgerResume) (out wire.LedgerResumed, err error) {
	in.Missing, in.Checkpoint = strings.TrimSpace(in.Missing), strings.TrimLeft(in.Checkpoint, " \t\r\n")
	var parts []fault.Error
	if text.Blank(in.Missing) {
		parts = append(parts, *fault.OnField("missing", "ledger.resume.missing", nil))
	}
	if in.None == (in.Checkpoint != "") {
		parts = append(parts, *fault.OnField("checkpoint", "ledger.resume.either", nil))
	}
	if err := fault.Join("ledger.resume.invalid", parts); err != nil {
		return out, err
	}
	h, ok, err := ledger.Held(ctx, a.acts.Reader())
	if err != nil {
		return out, err
	}
	if !ok || h.State != ledger.RestoredHeld {
		return out, fault.New(fault.Conflict, "ledger.resume.not_held", nil)
	}
	call := act.Call{Actor: actor, Verb: "ledger.state_restore", Subject: "ledger", Reason: in.Missing}
	if err := a.acts.Decide(ctx, call); err != nil {
		return out, err
	}
	found, err := a.ledger.Assess(ctx, []byte(in.Checkpoint))
	if err != nil {
		return out, err
	}
	detail := stated{
		Backup: h.Backup, Entries: h.Entries, Continues: found.Continue, Why: found.Why,
		Origin: a.ledger.Origin(), Key: a.ledger.VerifierKey(),
	}
	if found.Known != nil {
		detail.KnownSize, detail.KnownRoot = found.Known.Size, found.Known.Root.String()
	}
	if found.High != nil {
		detail.HighSize = found.High.Size
	}
	var next ledger.NewName
	if !found.Continue {
		if next, err = a.ledger.PrepareName(a.cfg.path(ledgerKeyFile)); err != nil {
			return out, fmt.Errorf("make the key of the new name: %w", err)
		}
		next.FormerSize = max(detail.KnownSize, detail.HighSize)
		detail.FormerOrigin, detail.FormerKey = next.FormerOrigin, next.Former
		detail.Origin, detail.Key = next.Origin, next.Verifier
	}
	err = a.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if h, ok, err := ledger.Held(ctx, tx); err != nil || !ok || h.State != ledger.RestoredHeld {
			return errors.Join(err, fault.New(fault.Conflict, "ledger.resume.not_held", nil))
		}
		tx.Detail(detail)
		out.Order = tx.Order()
		if !found.Continue {
			if err := ledger.TakeName(ctx, tx, next, tx.Order()); err != nil {
				return err
			}
		}
		return ledger.SetRestored(ctx, tx, ledger.RestoredStating, tx.Order())
	})
	if err != nil {
		return out, err
	}
	out.Continues, out.Why, out.Former = found.Continue, found.Why, a.ledger.VerifierKey()
	cp, err := a.ledger.GoOn(context.WithoutCancel(ctx), a.cfg.path(ledgerKeyFile))
	if err != nil {
		return out, fmt.Errorf("sign the record again: %w", err)
	}
	out.Origin, out.Verifier, out.Checkpoint = a.ledger.Origin(), a.ledger.VerifierKey(), string(cp.Note)
	return out, nil
}

// restoreCalls are the operation and the page of the statement after a restore.
type restoreCalls struct{ app *App }

// restoredURL is the page where what is missing after a restore is stated.
const (
	restoredURL        = "/ledger/restored"
	restoredPermission = "ledger.state_restore"
)

type resumeInput struct{ Body wire.LedgerResume }

// API registers the operation.
func (c *restoreCalls) API(api huma.API) {
	c.noteBackupOperation(api)
	huma.Register(api, huma.Operation{
		Method: http.MethodPost, Path: "/api/v1/ledger/resume", OperationID: "ledger-resume", Tags: []string{"ledger"},
		Summary:  "State the last known checkpoint and what is missing after a restore; signing goes on",
		Security: []map[string][]string{{tokenScheme: {restoredPermission}}},
		Metadata: map[string]any{sampleKey: `POST /api/v1/ledger/resume {"none":true,"missing":"a"}`},
	}, func(ctx context.Context, in *resumeInput) (*body[wire.LedgerResumed], error) {
		out, err := c.app.ResumeLedger(ctx, callActor(ctx), in.Body)
		if err != nil {
			return nil, err
		}
		return &body[wire.LedgerResumed]{Body: out}, nil
	})
}

// Routes lists the page.
func (c *restoreCalls) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: restoredURL, Permission: restoredPermission, Handler: c.show, Sample: "GET " + restoredURL},
		{Method: "POST", Pattern: restoredURL, Permission: restoredPermission, Handler: c.state, Sample: "POST " + restoredURL + " missing=a&none=yes"},
	}
}

// restoredPage is the page's data.
type restoredPage struct {
	Facts web.Facts
	Form  *web.Form
	Empty *web.Empty
}

func (c *restoreCalls) show(w http.ResponseWriter, r *http.Request) error {
	return c.page(w, r, http.StatusOK, c.form(r), nil)
}

func (c *restoreCalls) form(r *http.Request) *web.Form {
	return &web.Form{
		Action: restoredURL, Submit: web.Say(r, "ledger.resume.submit"), Cancel: "/ledger",
		Fields: []web.Field{
			{Name: "missing", Type: "textarea", Label: web.Say(r, "ledger.resume.field.missing"), Why: web.Say(r, "ledger.resume.field.missing.help"), Required: true},
			{Name: "checkpoint", Type: "textarea", Label: web.Say(r, "ledger.resume.field.checkpoint"), Why: web.Say(r, "ledger.resume.field.checkpoint.help")},
			{Name: "none", Type: "checkbox", Label: web.Say(r, "ledger.resume.field.none")},
		},
	}
}

func (c *restoreCalls) page(w http.ResponseWriter, r *http.Request, status int, form *web.Form, problem error) error {
	h, ok, err := ledger.Held(r.Context(), c.app.acts.Reader())
	if err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "ledger.resume.title"), Room: "ledger", Lead: web.Say(r, "ledger.resume.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "ledger.title"), URL: "/ledger"}},
	}
	if !ok {
		page.Lead = ""
		page.Data = restoredPage{Empty: &web.Empty{Title: web.Say(r, "ledger.resume.nothing"), Why: web.Say(r, "ledger.resume.nothing.why")}}
		return c.app.site.Page(w, r, status, "app/restored", page)
	}
	data := restoredPage{Form: form, Facts: web.Facts{Items: []web.Fact{
		{Label: web.Say(r, "ledger.resume.backup"), Cell: web.Code(h.Backup)},
		{Label: web.Say(r, "ledger.resume.made"), Cell: web.Exactly(clock.FromMicros(h.MadeAt))},
		{Label: web.Say(r, "ledger.resume.restored"), Cell: web.Exactly(clock.FromMicros(h.RestoredAt))},
		{Label: web.Say(r, "ledger.resume.entries"), Cell: web.Number(h.Entries, "")},
	}}}
	if problem != nil {
		page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), problem)
		form.Fail(page.Faults)
		form.Fill(r.PostForm.Get)
	}
	page.Data = data
	return c.app.site.Page(w, r, status, "app/restored", page)
}

func (c *restoreCalls) state(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	who, _ := web.ViewerOf(r.Context()).Actor.(act.Actor)
	_, err := c.app.ResumeLedger(r.Context(), who, wire.LedgerResume{
		Checkpoint: strings.ReplaceAll(r.PostForm.Get("checkpoint"), "\r\n", "\n"), None: r.PostForm.Get("none") != "", Missing: r.PostForm.Get("missing"),
	})
	if fault.CodeOf(err) == fault.Invalid {
		return c.page(w, r, http.StatusUnprocessableEntity, c.form(r), err)
	}
	if err != nil {
		return err
	}
	c.app.site.Redirect(w, r, "/ledger", web.Flash{Key: "ledger.resume.done"})
	return nil
}
