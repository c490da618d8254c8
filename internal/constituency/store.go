package constituency

import (
	"context"
	"database/sql"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

const assetColumns = `id, org_id, kind, value, valid_from, valid_to, source, waiting, version`

func scanAsset(r sqldb.Row) (a Asset, err error) {
	return a, r.Scan(&a.ID, &a.Org, &a.Kind, &a.Value, &a.From, &a.To, &a.Source, &a.Waiting, &a.Version)
}

// getAsset returns one visible asset; NotFound when there is none.
func getAsset(ctx context.Context, r sqldb.Reader, id int64) (Asset, error) {
	a, ok, err := sqldb.One(ctx, r, scanAsset,
		`select `+assetColumns+` from constituency_asset where id = $1 and `+visible, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "constituency.asset.none", nil)
	}
	return a, err
}

const assetInsert = `insert into constituency_asset
	(id, org_id, kind, value, valid_from, valid_to, source, waiting, import_id, version)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)`

// execer is a transaction or a statement's owner.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func insertAsset(ctx context.Context, tx execer, a *Asset, importID int64) error {
	_, err := tx.ExecContext(ctx, assetInsert, a.ID, a.Org, int64(a.Kind), a.Value, int64(a.From), int64(a.To),
		int64(a.Source), a.Waiting, importID)
	return err
}

// updateAsset writes an asset if it still has the version that the editor saw.
func updateAsset(ctx context.Context, tx *act.Tx, a *Asset, seen int64) error {
	res, err := tx.ExecContext(ctx, `update constituency_asset set org_id = $1, valid_from = $2, valid_to = $3,
		source = $4, waiting = $5, version = version + 1 where id = $6 and version = $7`,
		a.Org, int64(a.From), int64(a.To), int64(a.Source), a.Waiting, a.ID, seen)
	return unchanged(res, err)
}

// unchanged turns an update that found no row into a conflict.
func unchanged(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "constituency.changed_meanwhile", nil)
	}
	return err
}

// getStanding returns what the room has recorded of an organisation.
func getStanding(ctx context.Context, r sqldb.Reader, org int64) (s Standing, err error) {
	s, _, err = sqldb.One(ctx, r, func(r sqldb.Row) (s Standing, err error) {
		return s, r.Scan(&s.Critical, &s.Designation, &s.Until, &s.Population, &s.Version)
	}, `select critical, designation, designated_until, population, version from constituency_operator where org_id = $1`, org)
	if err != nil {
		return s, err
	}
	s.Org = org
	if s.Version == 0 {
		s.Until = Forever
	}
	if s.Sectors, err = sqldb.All(ctx, r, sqldb.Text,
		`select sector from constituency_sector where org_id = $1 order by sector`, org); err != nil {
		return s, err
	}
	s.Services, err = sqldb.All(ctx, r, scanService,
		`select `+serviceColumns+` from constituency_service where org_id = $1 order by id`, org)
	return s, err
}

const serviceColumns = `id, org_id, name, sector, population`

func scanService(r sqldb.Row) (s Service, err error) {
	return s, r.Scan(&s.ID, &s.Org, &s.Name, &s.Sector, &s.Population)
}

// putStanding writes an operator's record if it still has the version seen, with
// its sectors and services as a whole.
func putStanding(ctx context.Context, tx *act.Tx, s *Standing) error {
	res, err := tx.ExecContext(ctx, `insert into constituency_operator
		(org_id, critical, designation, designated_until, population, version) values ($1, $2, $3, $4, $5, 1)
		on conflict (org_id) do update set critical = excluded.critical, designation = excluded.designation,
		designated_until = excluded.designated_until, population = excluded.population,
		version = constituency_operator.version + 1 where constituency_operator.version = $6`,
		s.Org, s.Critical, s.Designation, int64(s.Until), s.Population, s.Version)
	if err := unchanged(res, err); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `delete from constituency_sector where org_id = $1`, s.Org); err != nil {
		return err
	}
	for _, code := range s.Sectors {
		if _, err := tx.ExecContext(ctx, `insert into constituency_sector (org_id, sector) values ($1, $2)
			on conflict (org_id, sector) do nothing`, s.Org, code); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `delete from constituency_service where org_id = $1`, s.Org); err != nil {
		return err
	}
	for i := range s.Services {
		if err := putService(ctx, tx, s.Org, &s.Services[i]); err != nil {
			return err
		}
	}
	return nil
}

func putService(ctx context.Context, tx *act.Tx, org int64, v *Service) (err error) {
	v.Org = org
	if v.ID == 0 {
		if v.ID, err = tx.Next(ctx, "constituency.service"); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `insert into constituency_service (id, org_id, name, name_key, sector, population)
		values ($1, $2, $3, $4, $5, $6) on conflict (org_id, name_key) do nothing`,
		v.ID, org, v.Name, guard.FoldName(v.Name), v.Sector, v.Population)
	return err
}

// getContact returns one contact that stands; NotFound when there is none.
func getContact(ctx context.Context, r sqldb.Reader, id int64) (Contact, error) {
	c, ok, err := sqldb.One(ctx, r, scanContact, `select `+contactColumns+` from constituency_contact c
		join guard_person p on p.id = c.person_id where c.id = $1 and not c.ended`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "constituency.contact.none", nil)
	}
	return c, err
}

// putContact adds a contact, or lets one that had ended stand again.
func putContact(ctx context.Context, tx *act.Tx, c *Contact) (err error) {
	if c.ID, err = tx.Next(ctx, "constituency.contact"); err != nil {
		return err
	}
	if c.Position == 0 {
		last, _, err := sqldb.One(ctx, tx, sqldb.Int64,
			`select coalesce(max(position), 0) from constituency_contact where org_id = $1 and not ended`, c.Org)
		if err != nil {
			return err
		}
		c.Position = last + 1
	}
	c.Version = 1
	return tx.QueryRowContext(ctx, `insert into constituency_contact
		(id, org_id, person_id, role, hours, position, ended, version) values ($1, $2, $3, $4, $5, $6, false, 1)
		on conflict (org_id, person_id) do update set role = excluded.role, hours = excluded.hours,
		position = excluded.position, ended = false, version = constituency_contact.version + 1
		returning id, version`, c.ID, c.Org, c.Person, c.Role, c.Hours, c.Position).Scan(&c.ID, &c.Version)
}
