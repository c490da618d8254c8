package warn

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// maxInline is how many findings a notice lists; the rest is counted.
const maxInline = 100

// Parts lists what a notice shows: each of its findings, with the organisation that
// it belongs to now. It implements guard.Closure.
func (w *Warn) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, _ guard.Recipient) ([]guard.Part, error) {
	n, err := w.Notice(ctx, r, t.ID)
	if err != nil {
		return nil, err
	}
	marking := tlp.Unmarked
	if n.Marking != "" {
		if marking, err = tlp.Parse(n.Marking); err != nil {
			return nil, fmt.Errorf("marking of notice %d: %w", n.ID, err)
		}
	}
	parts := make([]guard.Part, 0, len(n.Findings))
	err = w.eachFinding(ctx, r, n.Findings, func(f watch.Finding) error {
		parts = append(parts, guard.Part{
			Ref: strconv.FormatInt(f.ID, 10), Owner: n.Org, Owned: f.Org == n.Org, Marking: marking,
			Audience: f.Audience, Exercise: n.Exercise,
		})
		return nil
	})
	return parts, err
}

// eachFinding reads findings in bounded pieces, as the machine sees them: whose
// they are and who may see them is the gate's question.
func (w *Warn) eachFinding(ctx context.Context, r sqldb.Reader, ids []int64, f func(watch.Finding) error) error {
	for len(ids) > 0 {
		some := ids[:min(500, len(ids))]
		ids = ids[len(some):]
		fs, err := w.Watch.FindingsByID(ctx, r, some, watch.AllOrgs)
		if err != nil {
			return err
		}
		for _, one := range fs {
			if err := f(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// Render writes the mail from the cleared findings only, in the contact's
// language. It implements guard.Closure.
func (w *Warn) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient, cleared []guard.Part) (v guard.View, err error) {
	n, err := w.Notice(ctx, r, t.ID)
	if err != nil {
		return v, err
	}
	org, err := w.Guard.Organisation(ctx, r, n.Org)
	if err != nil {
		return v, err
	}
	own, err := w.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return v, err
	}
	ids := make([]int64, 0, len(cleared))
	for _, p := range cleared {
		id, err := strconv.ParseInt(p.Ref, 10, 64)
		if err != nil {
			return v, fmt.Errorf("render notice %d: %w", n.ID, err)
		}
		ids = append(ids, id)
	}
	p := w.Catalogue.Printer(to.Language)
	b := &strings.Builder{}
	line := func(key string, args map[string]any) {
		b.WriteString(p.T(key, args))
		b.WriteString("\n")
	}
	line("warn.mail.greeting", map[string]any{"Organisation": org.Name})
	line("warn.mail.intro", map[string]any{"Count": len(ids), "Team": own.Name})
	b.WriteString("\n")
	if err := w.findingLines(ctx, r, b, p, ids); err != nil {
		return v, err
	}
	line("warn.mail.why", nil)
	line("warn.mail.do", nil)
	line("warn.mail.answer", map[string]any{"URL": w.PublicURL + "/n/" + w.linkSecret(n), "Date": p.Date(n.DraftedAt.Add(LinkLife))})
	line("warn.mail.number", map[string]any{"Number": w.Number(n.ID)})
	line("warn.mail.sign", map[string]any{"Team": own.Name})
	return guard.View{
		Subject:     p.T("warn.mail.subject", map[string]any{"Number": w.Number(n.ID), "Count": len(ids)}),
		ContentType: "text/plain; charset=utf-8", Body: []byte(b.String()),
		MessageID: fmt.Sprintf("%s@%s", strings.ToLower(w.Number(n.ID)), w.MailDomain),
	}, nil
}

func (w *Warn) findingLines(ctx context.Context, r sqldb.Reader, b *strings.Builder, p *i18n.Printer, ids []int64) error {
	shown := ids[:min(len(ids), maxInline)]
	err := w.eachFinding(ctx, r, shown, func(f watch.Finding) error {
		stream, _ := w.Watch.StreamOf(f.Stream)
		place := f.Host
		if f.IP.IsValid() {
			place = f.IP.String()
		}
		if f.Port >= 0 {
			place += " " + strings.TrimSuffix(f.Transport+"/"+strconv.Itoa(f.Port), "/")
		}
		b.WriteString(p.T("warn.mail.line", map[string]any{
			"Number": w.Watch.Number(f.ID), "Place": place, "Kind": orText(f.Class.Identifier, stream.Kind),
			"Severity": p.T("warn.severity."+f.Severity.String(), nil), "Date": p.Date(f.Last),
		}))
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		return err
	}
	if more := len(ids) - len(shown); more > 0 {
		b.WriteString(p.T("warn.mail.more", map[string]any{"Count": more}))
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return nil
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
