package warnweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/tlp"
)

// Permissions that pages and calls need; the verbs have the same names.
const (
	read        = "warn.read"
	compose     = "warn.compose"
	release     = "warn.release_warning"
	review      = "warn.review_release"
	closing     = "warn.close_warning"
	noteCall    = "warn.note_call"
	confirmMail = "warn.confirm_mail"
	fileMail    = "warn.file_mail"
	dismissMail = "warn.dismiss_mail"
	changeRules = "warn.change_rules"
	record      = "warn.record_answer"
	settle      = "warn.settle_answer"
	retry       = "warn.retry"
)

// RawMail reads the bytes of a mail that came in.
type RawMail interface {
	Raw(ctx context.Context, in outbound.Incoming) ([]byte, error)
}

// ReadsMail lets the pages hand out attachments, and returns them.
func (p *Pages) ReadsMail(raw RawMail) *Pages {
	p.raw = raw
	return p
}

// Offers lets another room offer what it does with a mail; nil for a mail is no offer.
func (p *Pages) Offers(f func(*http.Request, *warn.Mail) *web.Action) *Pages {
	p.offer = f
	return p
}

func can(r *http.Request, permission string) bool { return web.ViewerOf(r.Context()).Can(permission) }

// who names an actor: a person by name, the operator of this machine, the program.
func (p *Pages) who(r *http.Request, actor string) string {
	if digits, ok := strings.CutPrefix(actor, "person:"); ok {
		if id, err := strconv.ParseInt(digits, 10, 64); err == nil {
			if one, err := p.warn.Guard.Person(r.Context(), p.warn.Acts.Reader(), id); err == nil {
				return one.Name
			}
		}
		return ""
	}
	if actor == "" {
		return ""
	}
	if strings.HasPrefix(actor, "local-operator") {
		return web.Say(r, "warn.operator")
	}
	return web.Say(r, "warn.machine")
}

// orgName is an organisation's name, from memory; empty for none.
func (p *Pages) orgName(id int64) string {
	o, _ := p.warn.Constituency.Index().Org(id)
	return o.Name
}

func orgURL(id int64) string { return "/constituency/organisations/" + number(id) }

func (p *Pages) orgCell(id int64) web.Cell { return web.Anchor(p.orgName(id), orgURL(id)) }

// reader is where pages read from.
func (p *Pages) now() time.Time { return p.warn.Acts.Clock().Now() }

// local is how a form writes a time, in the reader's zone.
const local = "2006-01-02T15:04"

func zone(r *http.Request) *time.Location { return web.PrinterOf(r.Context()).Zone() }

// timeOf reads a time of a form: as the browser's own field writes it, in the
// reader's zone, or with a zone of its own. Zero when there is none.
func timeOf(r *http.Request, name string) (time.Time, error) {
	s := strings.TrimSpace(r.PostForm.Get(name))
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{local, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, zone(r)); err == nil {
			return t.UTC(), nil
		}
	}
	t, err := ParseTime(s)
	if err != nil {
		return t, fault.OnField(name, "warn.answer.time", nil)
	}
	return t, nil
}

func formTime(r *http.Request, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone(r)).Format(local)
}

// stricter is the stricter of two markings as pages show them.
func stricter(a, b string) string {
	x, errX := tlp.Parse(a)
	y, errY := tlp.Parse(b)
	if errX != nil || errY != nil {
		return tlp.AmberStrict.String()
	}
	return tlp.Strictest(x, y).String()
}

// unmarked is how material that nobody marked is shown: contacts, mail of others.
func unmarked() string { return tlp.AmberStrict.String() }

// fail puts a refusal on a page whose form is shown again.
func fail(r *http.Request, page *web.Page, problem error, forms ...*web.Form) {
	printer := web.PrinterOf(r.Context())
	page.Fault, page.Faults = web.Sentence(printer, fault.Of(problem)), web.FieldFaults(printer, problem)
	for _, f := range forms {
		if f != nil {
			f.Fail(page.Faults)
		}
	}
}

// correctable faults are shown on the form with what was typed.
func correctable(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Invalid || code == fault.Conflict
}

func statusOf(err error) int { return web.Status(fault.CodeOf(err)) }

// pathID is a number in the address.
func pathID(r *http.Request, name, none string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, none, nil)
	}
	return id, nil
}

func positive(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func apiActor(ctx context.Context) act.Actor {
	a, _ := web.ViewerOf(ctx).Actor.(act.Actor)
	return a
}

// mayBack is where a form may lead after it: within this room's pages only.
func mayBack(s string) bool {
	return strings.HasPrefix(s, "/warn/") && !strings.ContainsAny(s, "\\\r\n") && !strings.Contains(s, "//")
}

func strengthBadge(r *http.Request, s warn.Strength) web.Badge {
	tone := map[warn.Strength]string{warn.ByLink: "medium", warn.ByPhone: "low", warn.ByMail: "low", warn.ByPortal: "ok", warn.Signed: "ok"}[s]
	return web.Badge{Tone: tone, Icon: "check", Word: web.Say(r, "warn.strength."+string(s))}
}
