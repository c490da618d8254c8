package constituency

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// weighOrgs compares the organisations of the file with what is recorded.
func (c *Constituency) weighOrgs(ctx context.Context, p *importPlan) error {
	for _, o := range p.order {
		if o.id == 0 {
			p.result.Organisations.Added++
			p.result.Contacts.Added += len(o.contacts)
			p.touched = append(p.touched, o)
			continue
		}
		s, err := getStanding(ctx, c.read, o.id)
		if err != nil {
			return err
		}
		o.changed = o.merge(&s)
		if !o.changed {
			if o.changed, err = c.newActsFor(ctx, c.read, p, o); err != nil {
				return err
			}
		}
		if o.changed {
			p.result.Organisations.Changed++
		} else {
			p.result.Organisations.Unchanged++
		}
		contacts, err := c.weighContacts(ctx, c.read, o)
		if err != nil {
			return err
		}
		p.result.Contacts.Added += contacts.Added
		p.result.Contacts.Changed += contacts.Changed
		p.result.Contacts.Unchanged += contacts.Unchanged
		if o.changed || contacts.Added+contacts.Changed > 0 {
			p.touched = append(p.touched, o)
		}
	}
	return nil
}

// merge adds what the file says to a record; it tells whether that changes it.
func (o *plannedOrg) merge(s *Standing) (changed bool) {
	for _, code := range o.sectors {
		if !slices.Contains(s.Sectors, code) {
			s.Sectors, changed = append(s.Sectors, code), true
		}
	}
	for _, v := range o.services {
		at := slices.IndexFunc(s.Services, func(k Service) bool { return guard.FoldName(k.Name) == guard.FoldName(v.Name) })
		switch {
		case at < 0:
			s.Services, changed = append(s.Services, v), true
		case v.Population > 0 && s.Services[at].Population != v.Population:
			s.Services[at].Population, changed = v.Population, true
		}
	}
	if o.population > 0 && s.Population != o.population {
		s.Population, changed = o.population, true
	}
	if o.designation != "" && (!s.Critical || s.Designation != o.designation || s.Until != o.until) {
		s.Critical, s.Designation, s.Until, changed = true, o.designation, o.until, true
	}
	return changed
}

func (c *Constituency) newActsFor(ctx context.Context, r sqldb.Reader, p *importPlan, o *plannedOrg) (bool, error) {
	if len(o.actsFor) == 0 {
		return false, nil
	}
	have, err := c.ActsFor(ctx, r, o.id)
	return slices.ContainsFunc(o.actsFor, func(name string) bool { return !slices.Contains(have, p.orgs[name].id) }), err
}

// contactChange is a contact of the file beside the one that there is.
func (o *plannedOrg) find(have []Contact, n NewContact) int {
	return slices.IndexFunc(have, func(k Contact) bool { return sameContact(NewContact{Name: k.Name, Email: k.Email}, n) })
}

// contactDiffers tells whether the file says anything else about a contact; what it
// leaves empty it does not say.
func contactDiffers(k Contact, n NewContact) bool {
	says := func(new, old string) bool { return new != "" && new != old }
	return !n.Mailbox && says(n.Name, k.Name) || says(n.Language, k.Language) || says(n.Phone, k.Phone) ||
		says(n.Hours, k.Hours) || says(n.Role, k.Role) || n.Position != 0 && n.Position != k.Position
}

func (c *Constituency) weighContacts(ctx context.Context, r sqldb.Reader, o *plannedOrg) (t Tally, err error) {
	if len(o.contacts) == 0 {
		return t, nil
	}
	have, err := c.Contacts(ctx, r, o.id)
	for _, n := range o.contacts {
		switch at := o.find(have, n); {
		case at < 0:
			t.Added++
		case contactDiffers(have[at], n):
			t.Changed++
		default:
			t.Unchanged++
		}
	}
	return t, err
}

// applySmall does the whole import in one act.
func (c *Constituency) applySmall(ctx context.Context, call act.Call, p *importPlan, src io.ReadSeeker) error {
	return c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := c.stillPlanned(p); err != nil {
			return err
		}
		if err := c.writeOrgs(ctx, tx, p.touched); err != nil {
			return err
		}
		if err := c.writeActsFor(ctx, tx, p); err != nil {
			return err
		}
		out, in, err := c.writeChanges(ctx, tx, p, src)
		if err != nil {
			return err
		}
		return c.finishImport(ctx, tx, p, in, func(x *Index) *Index { return x.withAssets(out, in) })
	})
}

// stillPlanned refuses when assets changed since the file was weighed.
func (c *Constituency) stillPlanned(p *importPlan) error {
	if c.Index().assets != p.index.assets {
		return fault.New(fault.Conflict, "constituency.import.changed_meanwhile", nil)
	}
	return nil
}

// writeOrgs writes organisations, their records and contacts, and knows their ids
// afterwards.
func (c *Constituency) writeOrgs(ctx context.Context, tx *act.Tx, orgs []*plannedOrg) error {
	for _, o := range orgs {
		if err := c.writeOrg(ctx, tx, o); err != nil {
			return fmt.Errorf("write organisation of line %d: %w", o.line, err)
		}
	}
	return nil
}

func (c *Constituency) writeOrg(ctx context.Context, tx *act.Tx, o *plannedOrg) error {
	id := o.id
	if id == 0 {
		g, err := c.guard.AddOrganisation(ctx, tx.Actor(), guard.NewOrganisation{
			Kind: o.kind, Name: o.name, Country: o.country, Exercise: tx.Call().Exercise,
		})
		if err != nil {
			return err
		}
		id, o.imagined = g.ID, g.ID
		tx.AfterCommit(func() { o.id = id })
	}
	s, err := getStanding(ctx, tx, id)
	if err != nil {
		return err
	}
	if o.merge(&s) {
		s.tidy()
		if err := putStanding(ctx, tx, &s); err != nil {
			return err
		}
	}
	return c.writeContacts(ctx, tx, o, id)
}

func (c *Constituency) writeContacts(ctx context.Context, tx *act.Tx, o *plannedOrg, org int64) error {
	if len(o.contacts) == 0 {
		return nil
	}
	have, err := c.Contacts(ctx, tx, org)
	if err != nil {
		return err
	}
	for _, n := range o.contacts {
		n.Org = org
		at := o.find(have, n)
		switch {
		case at < 0:
			_, err = c.addContact(ctx, tx, n)
		case contactDiffers(have[at], n):
			err = c.mergeContact(ctx, tx, have[at], n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeContact changes what the file says and leaves the rest.
func (c *Constituency) mergeContact(ctx context.Context, tx *act.Tx, k Contact, n NewContact) error {
	or := func(new, old string) string {
		if new == "" {
			return old
		}
		return new
	}
	if n.Mailbox {
		n.Name = k.Name
	}
	n.Name, n.Language, n.Phone = or(n.Name, k.Name), or(n.Language, k.Language), or(n.Phone, k.Phone)
	n.Email = k.Email
	if n.Position == 0 {
		n.Position = k.Position
	}
	res, err := tx.ExecContext(ctx, `update constituency_contact set role = $1, hours = $2, position = $3,
		version = version + 1 where id = $4 and version = $5`, or(n.Role, k.Role), or(n.Hours, k.Hours), n.Position, k.ID, k.Version)
	if err := unchanged(res, err); err != nil {
		return err
	}
	return c.changePerson(ctx, tx, k, n)
}

func (c *Constituency) writeActsFor(ctx context.Context, tx *act.Tx, p *importPlan) error {
	for _, o := range p.order {
		for _, name := range o.actsFor {
			if err := putActsFor(ctx, tx, o.anyID(), p.orgs[name].anyID()); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeChanges writes the assets of a small import.
func (c *Constituency) writeChanges(ctx context.Context, tx *act.Tx, p *importPlan, src io.ReadSeeker) (out, in []Asset, err error) {
	next, err := tx.Reserve(ctx, "constituency.asset", p.result.Assets.Added+1)
	if err != nil {
		return nil, nil, err
	}
	st, err := tx.PrepareContext(ctx, assetInsert)
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	err = c.eachChange(ctx, p, src, func(was, will *Asset) error {
		in = append(in, *will)
		a := &in[len(in)-1]
		if was.ID != 0 {
			out = append(out, *was)
			return moveAsset(ctx, tx, a)
		}
		a.ID = next
		next++
		return insertAsset(ctx, prepared{st}, a, 0)
	})
	return out, in, err
}

// moveAsset gives an imported asset the time that the file says.
func moveAsset(ctx context.Context, tx *act.Tx, a *Asset) error {
	return unchanged(tx.ExecContext(ctx, `update constituency_asset set valid_from = $1, valid_to = $2,
		version = version + 1 where id = $3`, int64(a.From), int64(a.To), a.ID))
}

// prepared runs a statement that was prepared already.
type prepared struct{ *sql.Stmt }

// ExecContext ignores the text: the statement has it.
func (p prepared) ExecContext(ctx context.Context, _ string, args ...any) (sql.Result, error) {
	return p.Stmt.ExecContext(ctx, args...)
}

// importDetail is what the ledger says about an import.
type importDetail struct {
	Rows          int   `json:"rows"`
	Organisations Tally `json:"organisations"`
	Assets        Tally `json:"assets"`
	Contacts      Tally `json:"contacts"`
}

// finishImport tells the facts and changes the index after the commit.
func (c *Constituency) finishImport(ctx context.Context, tx *act.Tx, p *importPlan, in []Asset, f func(*Index) *Index) error {
	r := &p.result
	tx.Detail(importDetail{r.Rows, r.Organisations, r.Assets, r.Contacts})
	var ids []int64
	for _, o := range p.touched {
		ids = append(ids, o.anyID())
	}
	if len(ids) > 0 {
		tx.Fact(operatorsChanged(ids))
		if err := c.refreshOrgs(ctx, tx, ids); err != nil {
			return err
		}
	}
	if r.Assets.Added+r.Assets.Changed > 0 {
		fact := assetsChanged(in)
		fact.Many = fact.Many || in == nil
		tx.Fact(fact)
		tx.AfterCommit(func() { c.swap(f) })
	}
	return nil
}
