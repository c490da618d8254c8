package warn

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// draftArgs ask for the notices of one delivery's news.
type draftArgs struct {
	Delivery int64  `json:"delivery"`
	Batch    int64  `json:"batch"`
	News     string `json:"news,omitempty"`
	// Rematched are findings that belong to somebody else now; then Delivery is 0.
	Rematched []int64 `json:"rematched,omitempty"`
}

// Subscription hears of deliveries that were taken in live, of those released from
// shadow or hold, and of findings that were matched to somebody else: each becomes a
// job that drafts.
func (w *Warn) Subscription() act.Subscription {
	return act.Subscription{
		Name: "warn.notices",
		Kinds: []string{
			watch.DeliveryTaken{}.FactKind(), watch.DeliveriesReleased{}.FactKind(), watch.FindingsChanged{}.FactKind(),
		},
		Handle: func(ctx context.Context, tx *act.Tx, e act.Envelope) error {
			all, err := draftsFor(e)
			if err != nil {
				return err
			}
			for _, a := range all {
				if err := tx.Enqueue(ctx, w.draft.With(a)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// draftsFor says what a fact of watch asks for.
func draftsFor(e act.Envelope) (out []draftArgs, err error) {
	switch e.Kind {
	case watch.DeliveryTaken{}.FactKind():
		var f watch.DeliveryTaken
		if err = e.Decode(&f); err == nil && f.Mode == watch.Live {
			out = append(out, draftArgs{Delivery: f.Delivery, Batch: e.Order, News: f.News})
		}
	case watch.FindingsChanged{}.FactKind():
		var f watch.FindingsChanged
		if err = e.Decode(&f); err == nil && f.Kind == string(watch.ChangeMatched) {
			out = append(out, draftArgs{Batch: e.Order, Rematched: f.Findings})
		}
	case watch.DeliveriesReleased{}.FactKind():
		var f watch.DeliveriesReleased
		err = e.Decode(&f)
		for _, d := range f.Deliveries {
			out = append(out, draftArgs{Delivery: d, Batch: e.Order})
		}
	}
	return out, err
}

// workDraft puts the news of every organisation into a notice, in acts of a few at
// a time. Repeated, it does those that are missing.
func (w *Warn) workDraft(ctx context.Context, a draftArgs, _ jobs.Try) error {
	if len(a.Rematched) > 0 {
		per, err := w.Watch.RematchedNews(ctx, w.read, a.Rematched)
		if err != nil {
			return fmt.Errorf("read news of matched findings: %w", err)
		}
		for _, delivery := range slices.Sorted(maps.Keys(per)) {
			if err := w.draftNews(ctx, draftArgs{Delivery: delivery, Batch: a.Batch}, per[delivery]); err != nil {
				return err
			}
		}
		return nil
	}
	news, err := w.Watch.ReleasedNews(ctx, w.read, a.Delivery, a.News)
	if err != nil {
		return fmt.Errorf("read news of delivery %d: %w", a.Delivery, err)
	}
	return w.draftNews(ctx, a, news)
}

// perAct is how many organisations are told in one act of drafting.
const perAct = 50

// draftNews makes the notices of one delivery that are not there yet.
func (w *Warn) draftNews(ctx context.Context, a draftArgs, news []watch.News) (err error) {
	if news, err = w.undrafted(ctx, a, news); err != nil || len(news) == 0 {
		return err
	}
	d, err := w.Watch.Delivery(ctx, w.read, a.Delivery)
	if err != nil {
		return err
	}
	src, err := w.Watch.Source(ctx, w.read, d.Source)
	if err != nil {
		return err
	}
	rules, err := w.RulesNow(ctx, w.read)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(news, perAct) {
		call := act.Call{
			Actor: act.MachineActor("warn.draft"), Verb: "warn.draft_notice", Exercise: src.Exercise,
			Subject: fmt.Sprintf("delivery:%d", a.Delivery), Purpose: "warn",
		}
		err := w.drafting(ctx, call, func(ctx context.Context, tx *act.Tx, dr *drafter) error {
			for _, n := range batch {
				if err := dr.news(ctx, tx, rules, a, src, n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// undrafted leaves the news that stands in no notice yet, so that a repeated job
// does not make an act of nothing.
func (w *Warn) undrafted(ctx context.Context, a draftArgs, news []watch.News) ([]watch.News, error) {
	have := map[int64]bool{}
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var org int64
		if err := r.Scan(&org); err != nil {
			return err
		}
		have[org] = true
		return nil
	}, `select org_id from warn_news where delivery_id = $1 and batch = $2`, a.Delivery, a.Batch)
	if err != nil {
		return nil, fmt.Errorf("read notices of delivery %d: %w", a.Delivery, err)
	}
	return slices.DeleteFunc(news, func(n watch.News) bool { return have[n.Org] }), nil
}

// drafter makes the notices of one act.
type drafter struct {
	w     *Warn
	made  []int64          // notices, for the record
	orgs  []int64          // whose they are
	turns map[string]int64 // next turn per destination
	send  bool             // something waits for its turn now
	count int64
}

// drafting runs an act that drafts and, when something was drafted, wakes the
// sending.
func (w *Warn) drafting(ctx context.Context, call act.Call, f func(context.Context, *act.Tx, *drafter) error) error {
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		dr := &drafter{w: w, turns: map[string]int64{}}
		if err := f(ctx, tx, dr); err != nil {
			return err
		}
		tx.Detail(struct {
			Notices []int64 `json:"notices"`
		}{dr.made})
		if len(dr.orgs) > 0 {
			tx.Fact(NoticesDrafted{Orgs: dr.orgs})
		}
		if !dr.send {
			return nil
		}
		return tx.Enqueue(ctx, w.dispatch.With(struct{}{}))
	})
}

// news puts what one organisation is to be told into the notice that already waits
// for it, or into a new one; what the rules hold back is noted and not told.
func (dr *drafter) news(ctx context.Context, tx *act.Tx, rules Rules, a draftArgs, src watch.Source, news watch.News) error {
	w := dr.w
	_, exists, err := sqldb.One(ctx, tx, sqldb.Int64, `select notice_id from warn_news
		where org_id = $1 and delivery_id = $2 and batch = $3`, news.Org, a.Delivery, a.Batch)
	if err != nil || exists {
		return err
	}
	told, err := w.toldTo(ctx, tx, news.Org, tx.Now().Add(-rules.longest()))
	if err != nil {
		return err
	}
	pick, err := w.pick(ctx, tx, rules, src.Name, news, told)
	if err != nil {
		return err
	}
	ids := []int64{0}
	if len(pick) > 0 {
		ids = ids[:0]
	}
	for _, p := range pick {
		n := p.notice(news.Org, src)
		n.Delivery, n.Batch, n.Level = a.Delivery, a.Batch, news.Level
		if len(ids) > 0 { // the pair of delivery and batch names the first one only
			n.Delivery, n.Batch = 0, dr.own(tx)
		}
		id, err := dr.put(ctx, tx, n, p.outcome)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	_, err = tx.ExecContext(ctx, `insert into warn_news (org_id, delivery_id, batch, notice_id) values ($1, $2, $3, $4)`,
		news.Org, a.Delivery, a.Batch, ids[0])
	return err
}

// picked are findings of one organisation that are told in one notice.
type picked struct {
	outcome    Outcome
	findings   []int64
	severities []watch.Severity
	again      bool
}

func (p picked) notice(org int64, src watch.Source) Notice {
	n := Notice{
		Org: org, Findings: p.findings, Severities: p.severities, Total: len(p.findings), Format: p.outcome.Format,
		Exercise: src.Exercise, Again: p.again, Priority: Usual,
	}
	if src.Marking != tlp.Unmarked {
		n.Marking = src.Marking.String()
	}
	if n.Format == AsBulk {
		n.Priority = Bulk
	}
	return n
}

// pick weighs the findings of some news under the rules and splits those that are to
// be told by format, text first. What was told a short while ago is left out unless
// it got worse.
func (w *Warn) pick(ctx context.Context, r sqldb.Reader, rules Rules, source string, news watch.News, told toldSet) (out []picked, err error) {
	info, _ := w.Constituency.Index().Org(news.Org)
	now := w.Acts.Clock().Now()
	byFormat := map[Format]*picked{}
	err = w.eachFinding(ctx, r, news.Findings, func(f watch.Finding) error {
		stream, _ := w.Watch.StreamOf(f.Stream)
		o := rules.outcome(subject{source: source, kind: stream.Kind, taxonomy: f.Class.Taxonomy, severity: f.Severity, org: info})
		if !o.Tell || told.recently(f, now, o.Repeat) || w.Told.recently(toldKey(f, info.Name), now, o.Repeat) {
			return nil
		}
		p := byFormat[o.Format]
		if p == nil {
			p = &picked{outcome: o}
			byFormat[o.Format] = p
		}
		p.outcome.Pace = max(p.outcome.Pace, o.Pace)
		p.findings = append(p.findings, f.ID)
		p.severities = append(p.severities, f.Severity)
		return nil
	})
	for _, format := range []Format{AsText, AsBulk} {
		if p := byFormat[format]; p != nil {
			out = append(out, *p)
		}
	}
	return out, err
}

// own is a batch that no other notice has, for what begins without a delivery.
func (dr *drafter) own(tx *act.Tx) int64 {
	dr.count++
	return -(tx.Order()<<12 + dr.count)
}

// put adds a notice's findings to the one that waits for the same organisation, or
// makes it. It returns the notice that tells them.
func (dr *drafter) put(ctx context.Context, tx *act.Tx, n Notice, o Outcome) (int64, error) {
	waiting, ok, err := sqldb.One(ctx, tx, scanNotice, `select `+noticeColumns+` from warn_notice
		where org_id = $1 and state = $2 and warning_id = 0 and attempts = 0 and format = $3 and exercise = $4
		and again = $5 and level = $6 order by id desc limit 1`,
		n.Org, string(Drafted), string(n.Format), n.Exercise, n.Again, int64(n.Level))
	if err != nil {
		return 0, err
	}
	if ok {
		return waiting.ID, dr.absorb(ctx, tx, waiting, n)
	}
	if n.DueAt, err = dr.w.paced(ctx, tx, n, o.Pace); err != nil {
		return 0, err
	}
	return dr.insert(ctx, tx, n)
}

// paced is when the next notice of a format may leave for an organisation.
func (w *Warn) paced(ctx context.Context, tx *act.Tx, n Notice, pace time.Duration) (time.Time, error) {
	if pace <= 0 {
		return time.Time{}, nil
	}
	last, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select coalesce(max(drafted_at), 0) from warn_notice
		where org_id = $1 and format = $2 and warning_id = 0 and state not in ('no-contact', 'withheld')`, n.Org, string(n.Format))
	if err != nil || last == 0 {
		return time.Time{}, err
	}
	return clock.FromMicros(last).Add(pace), nil
}

// absorb bundles news into a notice that has not left.
func (dr *drafter) absorb(ctx context.Context, tx *act.Tx, into, n Notice) error {
	sev := map[int64]watch.Severity{}
	for i, f := range into.Findings {
		sev[f] = severityAt(into, i)
	}
	for i, f := range n.Findings {
		sev[f] = max(sev[f], severityAt(n, i))
	}
	into.Findings = slices.Sorted(maps.Keys(sev))
	into.Severities = into.Severities[:0]
	for _, f := range into.Findings {
		into.Severities = append(into.Severities, sev[f])
	}
	raw, err := findingsBytes(into.Findings)
	if err != nil {
		return err
	}
	into.Marking = strictest(into.Marking, n.Marking)
	dr.made = append(dr.made, into.ID)
	dr.send = true
	_, err = tx.ExecContext(ctx, `update warn_notice set findings = $1, severities = $2, total = $3, marking = $4 where id = $5`,
		raw, severityBytes(into.Severities), len(into.Findings), into.Marking, into.ID)
	return err
}

func severityAt(n Notice, i int) watch.Severity {
	if i < len(n.Severities) {
		return n.Severities[i]
	}
	return watch.NoSeverity
}

// strictest joins two markings as text; unmarked counts as the strictest that may
// still be told.
func strictest(a, b string) string {
	if a == "" || b == "" {
		return ""
	}
	x, errX := tlp.Parse(a)
	y, errY := tlp.Parse(b)
	if errX != nil || errY != nil {
		return ""
	}
	return tlp.Strictest(x, y).String()
}

// insert makes a notice with its number, link and place in the spool.
func (dr *drafter) insert(ctx context.Context, tx *act.Tx, n Notice) (int64, error) {
	w := dr.w
	var err error
	n.DraftedAt, n.State = tx.Now(), Drafted
	if n.Person == 0 {
		if err := w.addressee(ctx, tx, &n); err != nil {
			return 0, err
		}
	}
	if n.ID, err = tx.Next(ctx, "warn.notice"); err != nil {
		return 0, err
	}
	n.Link = w.newLink(n)
	if n.Turn, err = dr.turn(ctx, tx, n); err != nil {
		return 0, err
	}
	dr.made, dr.orgs = append(dr.made, n.ID), append(dr.orgs, n.Org)
	dr.send = dr.send || n.State == Drafted
	if err := insertNotice(ctx, tx, n); err != nil {
		return 0, err
	}
	return n.ID, w.hang(ctx, tx, n)
}

// turn gives a notice its place in the queue of its destination: the n-th notices of
// all destinations go before the n+1-th, so nobody waits behind a long queue of
// somebody else.
func (dr *drafter) turn(ctx context.Context, tx *act.Tx, n Notice) (int64, error) {
	next, ok := dr.turns[n.Destination]
	if !ok {
		var err error
		next, _, err = sqldb.One(ctx, tx, sqldb.Int64, `select coalesce(max(turn) + 1, 0) from warn_notice
			where state = $1 and destination = $2`, string(Drafted), n.Destination)
		if err != nil {
			return 0, err
		}
	}
	dr.turns[n.Destination] = next + 1
	return next, nil
}

// addressee picks the first contact with a mail address, in order of escalation.
func (w *Warn) addressee(ctx context.Context, r sqldb.Reader, n *Notice) error {
	cs, err := w.Constituency.Contacts(ctx, r, n.Org)
	if err != nil {
		return fmt.Errorf("read contacts of organisation %d: %w", n.Org, err)
	}
	for _, c := range cs {
		if c.Email != "" {
			n.to(c, w.Language)
			return nil
		}
	}
	n.Language = w.Language
	n.State, n.Why = NoContact, "warn.why.no_contact"
	return nil
}

// to addresses a notice to a contact, in his language or otherwise.
func (n *Notice) to(c constituency.Contact, language string) {
	n.Person, n.Address, n.Language = c.Person, c.Email, cmp.Or(c.Language, language)
	_, domain, _ := strings.Cut(c.Email, "@")
	n.Destination = strings.ToLower(domain)
}

func findingsBytes(ids []int64) ([]byte, error) {
	b := roaring.New()
	for _, f := range ids {
		b.Add(uint32(f))
	}
	raw, err := b.ToBytes()
	if err != nil {
		return nil, fmt.Errorf("write findings of notice: %w", err)
	}
	return raw, nil
}

func severityBytes(s []watch.Severity) []byte {
	out := make([]byte, len(s))
	for i, v := range s {
		out[i] = byte(v)
	}
	return out
}

func insertNotice(ctx context.Context, tx *act.Tx, n Notice) error {
	// Both columns go by the order of ids.
	order := make([]int, len(n.Findings))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(n.Findings[a], n.Findings[b]) })
	sev := make([]watch.Severity, len(order))
	for i, at := range order {
		sev[i] = severityAt(n, at)
	}
	raw, err := findingsBytes(n.Findings)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into warn_notice (`+noticeColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
		$25, $26, $27, $28, $29, $30, $31)`,
		n.ID, n.Org, n.Delivery, n.Batch, n.Warning, n.Step, int64(n.Level), n.Person, n.Address, n.Destination, n.Language,
		n.Marking, n.Exercise, raw, severityBytes(sev), n.Total, string(n.Format), n.Again, n.Link, int64(n.Priority), n.Turn,
		stamp(n.DueAt), n.Attempts, string(n.Manner), string(n.State), n.Why, clock.Micros(n.DraftedAt), 0, 0, 0, "")
	return err
}
