package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// Duty is that a regime applies to an organisation in an incident.
type Duty struct {
	ID        int64
	Incident  int64
	Org       int64
	Law       int64  // the version of the regime
	Regime    string // its id
	Entity    string
	Authority int64 // to which the operator reports, 0: not one of ours
	Zone      string
	Calendar  string
	Why       string
	BegunAt   time.Time
	BegunBy   string
	EndedAt   time.Time // zero while it stands
	EndedBy   string
	EndedWhy  string
}

const dutyColumns = `id, incident_id, org_id, law_id, regime, entity, authority, zone, calendar, why, begun_at, begun_by, ended_at, ended_by, ended_why`

func scanDuty(r sqldb.Row) (d Duty, err error) {
	var begun, ended int64
	err = r.Scan(&d.ID, &d.Incident, &d.Org, &d.Law, &d.Regime, &d.Entity, &d.Authority, &d.Zone, &d.Calendar, &d.Why, &begun, &d.BegunBy,
		&ended, &d.EndedBy, &d.EndedWhy)
	d.BegunAt, d.EndedAt = clock.FromMicros(begun), clock.FromMicros(ended)
	return d, err
}

// Proposal is that a regime probably applies to a participant; a person decides.
type Proposal struct {
	Org    int64
	Regime string
	Why    string // catalogue key
}

// financial are the sectors whose entities report under DORA instead of NIS2.
func financial() []string { return []string{"banking", "financial-market"} }

// personalData are the types of incident in which personal data may be touched.
func personalData() []string {
	return []string{"unauthorised-information-access", "unauthorised-information-modification", "data-loss", "data-leak"}
}

// Propose says which regimes probably apply to those who are hit, by their sectors,
// their designation and the type of the incident. What stands already is left out.
func (in *Incidents) Propose(ctx context.Context, r sqldb.Reader, i *Incident) (out []Proposal, err error) {
	ps, err := in.Participants(ctx, r, i.ID, false)
	if err != nil {
		return nil, err
	}
	duties, err := in.duties(ctx, r, i.ID, 0)
	if err != nil {
		return nil, err
	}
	var seen []int64
	for _, p := range ps {
		if p.Role != "affected" || slices.Contains(seen, p.Org) {
			continue
		}
		seen = append(seen, p.Org)
		s, err := in.Constituency.Standing(ctx, r, p.Org)
		if err != nil {
			return nil, err
		}
		for _, x := range proposed(s, i.Class) {
			stands := slices.ContainsFunc(duties, func(d Duty) bool { return d.Org == p.Org && d.Regime == x.Regime && d.EndedAt.IsZero() })
			if _, err := in.LawNamed(x.Regime); err == nil && !stands {
				out = append(out, x)
			}
		}
	}
	return out, nil
}

// proposed are the rules themselves.
func proposed(s constituency.Standing, class string) (out []Proposal) {
	add := func(regime, why string) { out = append(out, Proposal{s.Org, regime, "incident.clocks.propose." + why}) }
	bank := slices.ContainsFunc(s.Sectors, func(c string) bool { return slices.Contains(financial(), c) })
	switch {
	case bank:
		add("dora", "financial")
	case len(s.Sectors) > 0:
		add("nis2", "sector")
	}
	if s.Critical && !bank {
		add("cer", "critical")
	}
	if slices.Contains(personalData(), class) {
		add("gdpr", "data")
	}
	return out
}

// NewDuty says that a regime applies.
type NewDuty struct {
	Org       int64
	Regime    string // id
	Entity    string // a kind of entity of the regime, empty for the rule without any
	Authority int64
	Zone      string // empty: the desk's, or UTC where the regime says so
	Calendar  string // empty: the holidays of the operator's or the desk's country
	Why       string

	law *Law // the version by which somebody reported; nil: the current one
}

// BeginDuty records that a regime applies to a participant, and starts a clock for each
// of its stages. They run as soon as it is known from when.
func (in *Incidents) BeginDuty(ctx context.Context, actor act.Actor, incident int64, n NewDuty) (d Duty, err error) {
	n.Why = clean(n.Why)
	if err := checkText("why", n.Why, MaxReason, false); err != nil {
		return d, err
	}
	l, err := in.LawNamed(n.Regime)
	if err != nil {
		return d, err
	}
	call := act.Call{Actor: actor, Verb: "incident.begin_duty", Reason: n.Why}
	n.law = &l
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		d, err = in.beginDuty(ctx, tx, actor, i, n)
		return err
	})
	return d, err
}

// beginDuty does BeginDuty's work inside an open act. What the organisation has reported
// already counts as filed.
func (in *Incidents) beginDuty(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, n NewDuty) (d Duty, err error) {
	if err := in.checkDuty(ctx, tx, i, n.law, &n); err != nil {
		return d, err
	}
	if err := in.keepLaw(ctx, tx, n.law); err != nil {
		return d, err
	}
	d = Duty{
		Incident: i.ID, Org: n.Org, Law: n.law.ID, Regime: n.Regime, Entity: n.Entity, Authority: n.Authority, Zone: n.Zone, Calendar: n.Calendar,
		Why: n.Why, BegunAt: tx.Now(), BegunBy: actor.ID,
	}
	if d.ID, err = tx.Next(ctx, "incident.duty"); err != nil {
		return d, err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_duty (`+dutyColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', '')`,
		d.ID, d.Incident, d.Org, d.Law, d.Regime, d.Entity, d.Authority, d.Zone, d.Calendar, d.Why, stamp(d.BegunAt), d.BegunBy); err != nil {
		return d, err
	}
	if err := in.startClocks(ctx, tx, i, &d, n.law); err != nil {
		return d, err
	}
	tx.Detail(dutyDetail{d.ID, d.Org, d.Regime, n.law.Digest})
	return d, in.fileReports(ctx, tx, actor, i, &d)
}

type dutyDetail struct {
	Duty   int64  `json:"duty"`
	Org    int64  `json:"org"`
	Regime string `json:"regime"`
	Law    string `json:"law,omitempty"` // digest of the file
}

// checkDuty fills in zone and holidays, and refuses what cannot be.
func (in *Incidents) checkDuty(ctx context.Context, r sqldb.Reader, i *Incident, l *Law, n *NewDuty) error {
	switch part, err := sqldb.All(ctx, r, sqldb.Int64, `select distinct org_id from incident_participant where incident_id = $1 and org_id = $2 and removed_at = 0`, i.ID, n.Org); {
	case err != nil:
		return err
	case len(part) == 0:
		return fault.OnField("organisation", "incident.clocks.no_participant", nil)
	}
	if n.Entity != "" && !slices.Contains(l.Regime.Entities(), n.Entity) {
		return fault.OnField("entity", "incident.clocks.no_entity", fault.Args{"Value": fault.Clip(n.Entity)})
	}
	operator, err := in.Guard.Organisation(ctx, r, n.Org)
	if err != nil {
		return err
	}
	own, err := in.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return err
	}
	if n.Authority != 0 {
		if _, err := in.Guard.Organisation(ctx, r, n.Authority); err != nil {
			return fault.OnField("authority", "incident.participant.no_organisation", nil)
		}
	}
	if n.Calendar == "" {
		n.Calendar = own.Country
		if l.Regime.ZoneOf == regime.ZoneOfOperator {
			n.Calendar = operator.Country
		}
	}
	if n.Zone == "" {
		n.Zone = in.Zone.String()
		if l.Regime.ZoneOf == regime.ZoneUTC {
			n.Zone = "UTC"
		}
	}
	if _, err := time.LoadLocation(n.Zone); err != nil || n.Zone == "Local" {
		return fault.OnField("zone", "incident.clocks.zone", fault.Args{"Value": fault.Clip(n.Zone)})
	}
	stands, err := sqldb.All(ctx, r, sqldb.Int64, `select id from incident_duty where incident_id = $1 and org_id = $2 and regime = $3 and ended_at = 0`, i.ID, n.Org, n.Regime)
	if err == nil && len(stands) > 0 {
		err = fault.OnField("regime", "incident.clocks.stands", nil)
	}
	return err
}

// EndDuty records that a regime does not apply after all, or no longer: its clocks are
// void, what was filed stays.
func (in *Incidents) EndDuty(ctx context.Context, actor act.Actor, duty int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	first, err := in.Duty(ctx, in.read, ViewerOf(actor), duty)
	if err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.end_duty", Reason: reason}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		d, err := in.Duty(ctx, tx, ViewerOf(actor), duty)
		if err != nil {
			return err
		}
		if !d.EndedAt.IsZero() {
			return fault.New(fault.Conflict, "incident.clocks.duty_ended", nil)
		}
		tx.Detail(dutyDetail{d.ID, d.Org, d.Regime, ""})
		if _, err := tx.ExecContext(ctx, `update incident_duty set ended_at = $1, ended_by = $2, ended_why = $3 where id = $4`,
			clock.Micros(tx.Now()), actor.ID, reason, duty); err != nil {
			return err
		}
		clocks, err := clocksOf(ctx, tx, duty)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_clock set state = 'void', voided_at = $1, void_why = $2, warn_at = 0, remind_at = 0, changed_at = $1,
			version = version + 1 where duty_id = $3 and state <> 'met'`, clock.Micros(tx.Now()), reason, duty); err != nil {
			return err
		}
		return in.tellClocks(ctx, tx, d.Incident, clocks...)
	})
}

// Duty returns a duty that a viewer may know of: the desk any, an organisation its own.
func (in *Incidents) Duty(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Duty, error) {
	d, ok, err := sqldb.One(ctx, r, scanDuty, `select `+dutyColumns+` from incident_duty where id = $1`, id)
	if err == nil && (!ok || !v.Desk() && v.Org != d.Org) {
		return d, fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	if err == nil {
		_, err = in.Incident(ctx, r, v, d.Incident)
	}
	return d, err
}

// duties lists the duties in an incident, of one organisation or of all (0), in the
// order in which they began.
func (in *Incidents) duties(ctx context.Context, r sqldb.Reader, incident, org int64) ([]Duty, error) {
	return sqldb.All(ctx, r, scanDuty, `select `+dutyColumns+` from incident_duty where incident_id = $1 and ($2 = 0 or org_id = $2) order by id`, incident, org)
}

// Duties lists which regimes apply to whom in an incident: all for the desk, its own
// for anybody else.
func (in *Incidents) Duties(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Duty, error) {
	if _, err := in.Incident(ctx, r, v, incident); err != nil {
		return nil, err
	}
	org := v.Org
	if v.Desk() {
		org = 0
	}
	return in.duties(ctx, r, incident, org)
}

// tellClocks tells the desk and those to whom clocks are owed, or by whom, that they
// moved.
func (in *Incidents) tellClocks(ctx context.Context, tx *act.Tx, incident int64, clocks ...Clock) error {
	var parties []int64
	for _, c := range clocks {
		parties = append(parties, c.OwedByOrg, c.OwedToOrg)
	}
	return in.tellParties(ctx, tx, incident, "clocks", parties...)
}

// after are the clocks of moves.
func after(moves []Move) (out []Clock) {
	for _, m := range moves {
		out = append(out, m.After)
	}
	return out
}
