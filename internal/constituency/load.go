package constituency

import (
	"context"
	"database/sql"
	"fmt"

	"almenara.example/internal/foundation/sqldb"
)

// visible is the condition under which an asset row counts: not one of an import
// that is under way.
const visible = `import_id not in (select id from constituency_import where state <> 'applied')`

// loadIndex reads everything. A million assets take some two seconds.
func loadIndex(ctx context.Context, r sqldb.Reader) (*Index, error) {
	x := newIndex()
	infos, err := orgInfos(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	x.setOrgs(infos)
	e := &editor{x: x, bulk: true}
	if err := eachAsset(ctx, r, e.add); err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	return x, nil
}

// eachAsset calls f for every visible asset that routes; which ones do is asked here
// and not in SQL, where it would tempt the engine to go through an index. The asset
// is reused.
func eachAsset(ctx context.Context, r sqldb.Reader, f func(*Asset)) error {
	var a Asset
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		err := row.Scan(&a.ID, &a.Org, &a.Kind, &a.Value, &a.From, &a.To, &a.Source, &a.Waiting)
		if err == nil && a.Kind <= MailDomain {
			f(&a)
		}
		return err
	}, `select id, org_id, kind, value, valid_from, valid_to, source, waiting
		from constituency_asset where `+visible)
}

// orgInfos reads organisations for the index; no ids means all.
func orgInfos(ctx context.Context, r sqldb.Reader, ids []int64) ([]OrgInfo, error) {
	if len(ids) > 500 {
		ids = nil
	}
	in, args := "", make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	if len(ids) > 0 {
		in = ` where g.id in ` + sqldb.In(1, len(ids))
	}
	infos, err := sqldb.All(ctx, r, scanOrgInfo, `select g.id, g.uid, g.kind, g.name, g.country, g.ended_at, g.exercise,
		o.critical, o.population
		from guard_organisation g left join constituency_operator o on o.org_id = g.id`+in+` order by g.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read organisations: %w", err)
	}
	at := make(map[int64]int, len(infos))
	for i := range infos {
		at[infos[i].ID] = i
	}
	in = ""
	if len(ids) > 0 {
		in = ` where org_id in ` + sqldb.In(1, len(ids))
	}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		var sector string
		if err := row.Scan(&org, &sector); err != nil {
			return err
		}
		if i, ok := at[org]; ok {
			infos[i].Sectors = append(infos[i].Sectors, sector)
		}
		return nil
	}, `select org_id, sector from constituency_sector`+in+` order by org_id, sector`, args...)
	if err != nil {
		return nil, fmt.Errorf("read sectors: %w", err)
	}
	return infos, nil
}

func scanOrgInfo(r sqldb.Row) (o OrgInfo, err error) {
	var ended int64
	var critical sql.NullBool
	var population sql.NullInt64
	err = r.Scan(&o.ID, &o.UID, &o.Kind, &o.Name, &o.Country, &ended, &o.Exercise, &critical, &population)
	o.Ended, o.Critical, o.Population = ended != 0, critical.Bool, population.Int64
	return o, err
}
