package constituency

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
)

// Validate says what is wrong with an operator's record, all at once.
func (s *Standing) Validate() error {
	var parts []fault.Error
	refuse := func(field, key string, args fault.Args) { parts = append(parts, *fault.OnField(field, key, args)) }
	for _, code := range s.Sectors {
		if !IsSector(code) {
			refuse("sector", "constituency.sector_unknown", fault.Args{"Value": fault.Clip(code)})
		}
	}
	if s.Critical && text.Blank(s.Designation) {
		refuse("designation", "constituency.designation.empty", nil)
	}
	if len(s.Designation) > 300 {
		refuse("designation", "constituency.text.long", fault.Args{"Max": 300})
	}
	if s.Population < 0 {
		refuse("population", "constituency.population.form", fault.Args{"Value": s.Population})
	}
	for _, v := range s.Services {
		if err := guard.CheckName("service", v.Name); err != nil {
			parts = append(parts, *fault.Of(err))
		}
		if v.Sector != "" && !IsSector(v.Sector) {
			refuse("service_sector", "constituency.sector_unknown", fault.Args{"Value": fault.Clip(v.Sector)})
		}
		if v.Population < 0 {
			refuse("service_population", "constituency.population.form", fault.Args{"Value": v.Population})
		}
	}
	return fault.Join("constituency.standing.invalid", parts)
}

// tidy sorts the sectors, those of the services among them.
func (s *Standing) tidy() {
	for _, v := range s.Services {
		if v.Sector != "" {
			s.Sectors = append(s.Sectors, v.Sector)
		}
	}
	slices.Sort(s.Sectors)
	s.Sectors = slices.Compact(s.Sectors)
	s.Designation = strings.TrimSpace(s.Designation)
	if !s.Critical {
		s.Designation, s.Until = "", Forever
	}
}

// SetStanding records sectors, designation and services of an organisation as a
// whole. Version is the one that the editor saw, 0 for a first record; another's
// edit in between is a Conflict. The verb is constituency.change_operator.
func (c *Constituency) SetStanding(ctx context.Context, actor act.Actor, s Standing) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return c.changeOperator(ctx, actor, s.Org, "standing", func(ctx context.Context, tx *act.Tx) error {
		s.tidy()
		return putStanding(ctx, tx, &s)
	})
}

// changeOperator is the frame of what concerns one organisation: it exists, the
// index and those who listen hear of it.
func (c *Constituency) changeOperator(ctx context.Context, actor act.Actor, org int64, what string, f func(context.Context, *act.Tx) error) error {
	call := act.Call{
		Actor: actor, Verb: "constituency.change_operator", Subject: orgSubject(org),
		Resource: act.Resource{Kind: "organisation", ID: orgSubject(org), Org: org},
	}
	return c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := c.guard.Organisation(ctx, tx, org); err != nil {
			return err
		}
		if err := f(ctx, tx); err != nil {
			return err
		}
		tx.Detail(assetDetail{What: what, Count: 1})
		tx.Fact(operatorsChanged([]int64{org}))
		return c.refreshOrgs(ctx, tx, []int64{org})
	})
}

// AddOrganisation gives an organisation a standing at guard and records what this
// room adds to it, in one act.
func (c *Constituency) AddOrganisation(ctx context.Context, actor act.Actor, n guard.NewOrganisation, s Standing) (o guard.Organisation, err error) {
	if err := s.Validate(); err != nil {
		return o, err
	}
	call := act.Call{Actor: actor, Verb: "constituency.change_operator", Resource: act.Resource{Kind: "organisation"}}
	err = c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if o, err = c.guard.AddOrganisation(ctx, actor, n); err != nil {
			return err
		}
		tx.Subject(orgSubject(o.ID))
		tx.Detail(assetDetail{What: "add", Count: 1})
		s.Org = o.ID
		s.tidy()
		if err := putStanding(ctx, tx, &s); err != nil {
			return err
		}
		tx.Fact(operatorsChanged([]int64{o.ID}))
		return c.refreshOrgs(ctx, tx, []int64{o.ID})
	})
	return o, err
}

// SetActsFor records for which operators a provider acts, as a whole.
func (c *Constituency) SetActsFor(ctx context.Context, actor act.Actor, provider int64, operators []int64) error {
	return c.changeOperator(ctx, actor, provider, "acts-for", func(ctx context.Context, tx *act.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from constituency_acts_for where provider_id = $1`, provider); err != nil {
			return err
		}
		for _, op := range operators {
			if op == provider {
				return fault.OnField("acts_for", "constituency.acts_for.self", nil)
			}
			if err := c.checkOwner(op); err != nil {
				return err
			}
			if err := putActsFor(ctx, tx, provider, op); err != nil {
				return err
			}
		}
		return nil
	})
}

func putActsFor(ctx context.Context, tx *act.Tx, provider, operator int64) error {
	_, err := tx.ExecContext(ctx, `insert into constituency_acts_for (provider_id, operator_id) values ($1, $2)
		on conflict (provider_id, operator_id) do nothing`, provider, operator)
	return err
}

// NewContact is what AddContact needs: words about a person or mailbox, and where it
// stands in the order of escalation (0: last).
type NewContact struct {
	Org      int64
	Mailbox  bool
	Name     string
	Email    string
	Phone    string
	Language string // BCP 47, default "en"
	Role     string
	Hours    string
	Position int64
}

// Validate says what is wrong with it, all at once.
func (n NewContact) Validate() error {
	var parts []fault.Error
	note := func(err error) {
		if err != nil {
			parts = append(parts, *fault.Of(err))
		}
	}
	note(guard.CheckName("contact_name", n.Name))
	if n.Email != "" {
		note(guard.CheckEmail("contact_email", n.Email))
	}
	if n.Email == "" && text.Blank(n.Phone) {
		note(fault.OnField("contact_email", "constituency.contact.unreachable", nil))
	}
	note(checkLanguage("contact_language", n.Language))
	for field, s := range map[string]string{"contact_phone": n.Phone, "contact_hours": n.Hours, "contact_role": n.Role} {
		if len(s) > 200 || strings.ContainsAny(s, "\r\n\x00") {
			note(fault.OnField(field, "constituency.text.long", fault.Args{"Max": 200}))
		}
	}
	if n.Position < 0 || n.Position > 1000 {
		note(fault.OnField("contact_position", "constituency.contact.position_form", nil))
	}
	return fault.Join("constituency.contact.invalid", parts)
}

// checkLanguage refuses what is no language tag such as fr or pt-BR; empty is fine.
func checkLanguage(field, s string) error {
	if _, err := language.Parse(s); s != "" && err != nil {
		return fault.OnField(field, "constituency.language.form", fault.Args{"Value": fault.Clip(s)})
	}
	return nil
}

// AddContact adds a person or mailbox to an organisation and puts it into the order
// of escalation. The verb is constituency.change_contact.
func (c *Constituency) AddContact(ctx context.Context, actor act.Actor, n NewContact) (out Contact, err error) {
	if err := n.Validate(); err != nil {
		return out, err
	}
	err = c.changeContact(ctx, actor, n.Org, "add", func(ctx context.Context, tx *act.Tx) error {
		out, err = c.addContact(ctx, tx, n)
		return err
	})
	return out, err
}

func (c *Constituency) addContact(ctx context.Context, tx *act.Tx, n NewContact) (out Contact, err error) {
	p, err := c.guard.AddPerson(ctx, tx.Actor(), guard.NewPerson{
		Org: n.Org, Mailbox: n.Mailbox, Name: n.Name, Email: n.Email, Phone: n.Phone, Language: n.Language,
		Roles: contactRoles(n.Org),
	})
	if err != nil {
		return out, err
	}
	out = Contact{
		Org: n.Org, Person: p.ID, Mailbox: p.Mailbox, Role: strings.TrimSpace(n.Role), Name: p.Name, Language: p.Language,
		Email: p.Email, Phone: p.Phone, Hours: strings.TrimSpace(n.Hours), Position: n.Position,
	}
	return out, putContact(ctx, tx, &out)
}

// contactRoles are what makes a contact enter the portal; our own organisation has none.
func contactRoles(org int64) []string {
	if org == guard.OwnOrg {
		return nil
	}
	return []string{guard.RoleContact}
}

// ContactEdit is an edit of a contact; Version is the one that the editor saw.
type ContactEdit struct {
	NewContact
	ID      int64
	Version int64
}

// ChangeContact edits a contact. What belongs to the person (name, addresses,
// language) goes through guard's verb when it differs.
func (c *Constituency) ChangeContact(ctx context.Context, actor act.Actor, e ContactEdit) error {
	if err := e.Validate(); err != nil {
		return err
	}
	was, err := getContact(ctx, c.read, e.ID)
	if err != nil {
		return err
	}
	if e.Position == 0 {
		e.Position = was.Position
	}
	return c.changeContact(ctx, actor, was.Org, "change", func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update constituency_contact set role = $1, hours = $2, position = $3,
			version = version + 1 where id = $4 and version = $5 and not ended`,
			strings.TrimSpace(e.Role), strings.TrimSpace(e.Hours), e.Position, e.ID, e.Version)
		if err := unchanged(res, err); err != nil {
			return err
		}
		return c.changePerson(ctx, tx, was, e.NewContact)
	})
}

func (c *Constituency) changePerson(ctx context.Context, tx *act.Tx, was Contact, n NewContact) error {
	p, err := c.guard.Person(ctx, tx, was.Person)
	if err != nil {
		return err
	}
	if n.Language == "" {
		n.Language = p.Language
	}
	if p.Name == strings.TrimSpace(n.Name) && p.Email == strings.ToLower(n.Email) &&
		p.Phone == strings.TrimSpace(n.Phone) && p.Language == n.Language {
		return nil
	}
	return c.guard.ChangePerson(ctx, tx.Actor(), p.ID, guard.PersonChange{
		Name: n.Name, Email: n.Email, Phone: strings.TrimSpace(n.Phone), Language: n.Language, Zone: p.Zone, Active: p.Active, Version: p.Version,
	})
}

// EndContact takes a contact out of the order of escalation; the person stays, and has
// no portal any more.
func (c *Constituency) EndContact(ctx context.Context, actor act.Actor, id, version int64) error {
	was, err := getContact(ctx, c.read, id)
	if err != nil {
		return err
	}
	return c.changeContact(ctx, actor, was.Org, "end", func(ctx context.Context, tx *act.Tx) error {
		if err := unchanged(tx.ExecContext(ctx, `update constituency_contact set ended = true, version = version + 1
			where id = $1 and version = $2 and not ended`, id, version)); err != nil {
			return err
		}
		return c.guard.DismissContact(ctx, tx.Actor(), was.Person)
	})
}

func (c *Constituency) changeContact(ctx context.Context, actor act.Actor, org int64, what string, f func(context.Context, *act.Tx) error) error {
	call := act.Call{
		Actor: actor, Verb: "constituency.change_contact", Subject: orgSubject(org),
		Resource: act.Resource{Kind: "organisation", ID: orgSubject(org), Org: org},
	}
	return c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := f(ctx, tx); err != nil {
			return err
		}
		tx.Detail(assetDetail{What: what, Count: 1})
		tx.Fact(operatorsChanged([]int64{org}))
		return nil
	})
}

// ActsFor lists the operators for which a provider acts.
func (c *Constituency) ActsFor(ctx context.Context, r sqldb.Reader, provider int64) ([]int64, error) {
	return sqldb.All(ctx, r, sqldb.Int64,
		`select operator_id from constituency_acts_for where provider_id = $1 order by operator_id`, provider)
}

// ProvidersOf lists the providers that act for an operator.
func (c *Constituency) ProvidersOf(ctx context.Context, r sqldb.Reader, operator int64) ([]int64, error) {
	return sqldb.All(ctx, r, sqldb.Int64,
		`select provider_id from constituency_acts_for where operator_id = $1 order by provider_id`, operator)
}
