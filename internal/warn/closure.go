package warn

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// maxInline is how many findings a notice lists in its text; the rest is counted.
const maxInline = 100

// Parts lists what a notice shows: each of its findings, with the organisation that
// it belongs to now, or the warning. It implements guard.Closure.
func (w *Warn) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) ([]guard.Part, error) {
	n, err := w.Notice(ctx, r, t.ID)
	if err != nil {
		return nil, err
	}
	marking, err := parseMarking(n.Marking)
	if err != nil {
		return nil, fmt.Errorf("marking of notice %d: %w", n.ID, err)
	}
	actedFor, err := w.actsFor(ctx, r, to.Org, n.Org)
	if err != nil {
		return nil, err
	}
	if n.Warning != 0 {
		v, err := w.Warning(ctx, r, n.Warning)
		if err != nil {
			return nil, err
		}
		_, named := slices.BinarySearch(v.Recipients, n.Org)
		chosen := named && v.State != Composed && v.State != Discarded
		return []guard.Part{{Ref: "warning", Owner: n.Org, Owned: chosen, ActedFor: actedFor, Marking: v.Marking, Exercise: v.Exercise}}, nil
	}
	parts := make([]guard.Part, 0, len(n.Findings))
	err = w.eachFinding(ctx, r, n.Findings, func(f watch.Finding) error {
		parts = append(parts, guard.Part{
			Ref: strconv.FormatInt(f.ID, 10), Owner: n.Org, Owned: f.Org == n.Org, ActedFor: actedFor, Marking: marking,
			Audience: f.Audience, Exercise: n.Exercise,
		})
		return nil
	})
	return parts, err
}

// eachFinding reads findings in bounded pieces, as the machine sees them: whose
// they are and who may see them is the gate's question.
func (w *Warn) eachFinding(ctx context.Context, r sqldb.Reader, ids []int64, f func(watch.Finding) error) error {
	for some := range slices.Chunk(ids, 500) {
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

// letter is a notice being written for one recipient.
type letter struct {
	w    *Warn
	r    sqldb.Reader
	n    Notice
	to   guard.Recipient
	p    *i18n.Printer
	team string
	org  string
	how  Severity // of a warning
	b    strings.Builder
}

func (l *letter) line(key string, args map[string]any) {
	l.b.WriteString(l.p.T(key, args))
	l.b.WriteString("\n")
}

// Render writes the notice from the cleared parts only, in the recipient's language:
// a letter, a minimal mail, or the text of a page. It implements guard.Closure.
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
	l := &letter{w: w, r: r, n: n, to: to, p: w.Catalogue.Printer(to.Language), team: own.Name, org: org.Name}
	l.line("warn.mail.greeting", map[string]any{"Organisation": org.Name})
	v = guard.View{
		ContentType: "text/plain; charset=utf-8",
		MessageID:   fmt.Sprintf("%s@%s", strings.ToLower(w.Number(n.ID)), w.MailDomain),
	}
	switch {
	case to.Channel == guard.ByMinimalMail:
		v.Subject, err = l.minimal(ctx)
	case n.Warning != 0:
		v.Subject, err = l.warning(ctx)
	default:
		v.Subject, v.Files, err = l.findings(ctx, cleared)
	}
	if err != nil {
		return v, err
	}
	l.close()
	v.Body = []byte(l.b.String())
	if to.Channel == guard.ByWebhook {
		err = l.asWebhook(&v)
	}
	return v, err
}

// aboveGreen tells whether a notice may be shown in clear to nobody; what cannot be
// read counts as such.
func (n Notice) aboveGreen() bool {
	m, err := tlp.Parse(n.Marking)
	return err != nil || m != tlp.Clear && m != tlp.Green
}

// minimal says only that there is a notice; of FLASH also that it is urgent, and by when
// an answer is due, which says nothing of its content.
func (l *letter) minimal(ctx context.Context) (subject string, err error) {
	team, number := map[string]any{"Team": l.team}, map[string]any{"Number": l.w.Number(l.n.ID)}
	if l.n.Priority != Flash {
		l.line("warn.mail.minimal", team)
		return l.p.T("warn.mail.minimal_subject", number), nil
	}
	l.line("warn.mail.minimal_flash", team)
	if l.n.Warning != 0 {
		v, err := l.w.Warning(ctx, l.r, l.n.Warning)
		if err != nil {
			return "", err
		}
		l.answerBy(v)
	}
	return l.p.T("warn.mail.minimal_flash_subject", number), nil
}

func (l *letter) answerBy(v Warning) {
	if v.AnswerWithin > 0 && l.to.Channel != guard.SignedInPage { // that page says it itself
		l.line("warn.mail.answer_by", map[string]any{"Time": l.p.Time(l.n.DraftedAt.Add(v.AnswerWithin))})
	}
}

// warning writes the warning in the nearest language there is.
func (l *letter) warning(ctx context.Context) (subject string, err error) {
	v, err := l.w.Warning(ctx, l.r, l.n.Warning)
	if err != nil {
		return "", err
	}
	t, _ := v.text(l.to.Language)
	l.how = v.Severity
	l.b.WriteString("\n" + strings.ToUpper(l.p.T("warn.warning.severity."+string(v.Severity), nil)) + ": " + t.Title + "\n")
	if !v.Until.IsZero() {
		l.line("warn.mail.until", map[string]any{"Time": l.p.Time(v.Until)})
	}
	l.answerBy(v)
	section := func(key, words string) {
		if words = strings.TrimSpace(words); words != "" {
			l.b.WriteString("\n" + l.p.T(key, nil) + "\n" + words + "\n")
		}
	}
	section("warn.mail.what", t.What)
	section("warn.mail.affected", t.Affected)
	section("warn.mail.what_to_do", t.Do)
	l.b.WriteString("\n")
	if l.to.Channel == guard.BySealedMail && l.n.aboveGreen() { // a subject is never sealed
		subject = "warn.mail.sealed_subject"
		if l.n.Priority == Flash {
			subject = "warn.mail.sealed_flash_subject"
		}
		return l.p.T(subject, map[string]any{"Number": l.w.Number(l.n.ID)}), nil
	}
	return l.p.T("warn.mail.warning_subject", map[string]any{
		"Number": l.w.Number(l.n.ID), "Severity": strings.ToUpper(l.p.T("warn.warning.severity."+string(v.Severity), nil)), "Title": t.Title,
	}), nil
}

// findings writes the cleared findings: in sections by kind and severity, the gravest
// first; for machines as files.
func (l *letter) findings(ctx context.Context, cleared []guard.Part) (subject string, files []guard.File, err error) {
	fs := make([]watch.Finding, 0, len(cleared))
	ids := make([]int64, 0, len(cleared))
	for _, p := range cleared {
		id, err := strconv.ParseInt(p.Ref, 10, 64)
		if err != nil {
			return "", nil, fmt.Errorf("render notice %d: %w", l.n.ID, err)
		}
		ids = append(ids, id)
	}
	if err := l.w.eachFinding(ctx, l.r, ids, func(f watch.Finding) error { fs = append(fs, f); return nil }); err != nil {
		return "", nil, err
	}
	count := map[string]any{"Count": len(fs), "Team": l.team, "Number": l.w.Number(l.n.ID)}
	if l.n.Format == AsBulk {
		l.line("warn.mail.bulk", count)
		if files, err = l.bulkFiles(fs); err != nil {
			return "", nil, err
		}
		return l.p.T("warn.mail.bulk_subject", count), files, nil
	}
	if l.n.Again {
		l.line("warn.mail.again", count)
	} else {
		l.line("warn.mail.intro", count)
	}
	l.sections(fs)
	l.line("warn.mail.why", nil)
	l.line("warn.mail.do", nil)
	if l.n.Again {
		return l.p.T("warn.mail.again_subject", count), nil, nil
	}
	return l.p.T("warn.mail.subject", count), nil, nil
}

// sections lists findings by severity and kind, the gravest first.
func (l *letter) sections(fs []watch.Finding) {
	type what struct {
		stream     int64
		identifier string
	}
	words := map[what]string{} // said once a kind, not once a comparison
	kind := func(f watch.Finding) string {
		k := what{f.Stream, f.Class.Identifier}
		if words[k] == "" {
			words[k] = l.w.Watch.Plain(l.p, f)
		}
		return words[k]
	}
	slices.SortStableFunc(fs, func(a, b watch.Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		return strings.Compare(kind(a), kind(b))
	})
	last := ""
	for i, f := range fs {
		if i == maxInline {
			l.b.WriteString("\n")
			l.line("warn.mail.more", map[string]any{"Count": len(fs) - i})
			break
		}
		head := l.p.T("warn.mail.section", map[string]any{
			"Kind": kind(f), "Severity": l.p.T("warn.severity."+f.Severity.String(), nil),
		})
		if head != last {
			l.b.WriteString("\n" + head + "\n")
			last = head
		}
		l.line("warn.mail.line", map[string]any{
			"Number": l.w.Watch.Number(f.ID), "Place": place(f), "Date": l.p.Date(f.Last),
		})
	}
	l.b.WriteString("\n")
}

// place is where a finding is: address or name, port.
func place(f watch.Finding) string {
	s := f.Host
	if f.IP.IsValid() {
		s = f.IP.String()
	}
	if f.Port >= 0 {
		s += " " + strings.TrimSuffix(f.Transport+"/"+strconv.Itoa(f.Port), "/")
	}
	return s
}

// close says how to answer, and who writes. Pages have buttons of their own.
func (l *letter) close() {
	if l.to.Channel == guard.ByLink || l.to.Channel == guard.SignedInPage || l.to.Channel == guard.ByWebhook {
		return
	}
	answer := "warn.mail.answer"
	switch {
	case l.to.Channel == guard.ByMinimalMail:
		answer = "warn.mail.read"
	case l.n.Format == AsBulk:
		answer = ""
	}
	if answer != "" {
		l.line(answer, map[string]any{
			"URL": l.w.PublicURL + "/n/" + l.w.linkSecret(l.n), "Date": l.p.Date(l.n.DraftedAt.Add(LinkLife)),
		})
	}
	l.line("warn.mail.number", map[string]any{"Number": l.w.Number(l.n.ID)})
	l.line("warn.mail.sign", map[string]any{"Team": l.team})
}
