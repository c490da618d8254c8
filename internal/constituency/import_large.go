package constituency

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// applyLarge prepares the import in acts for organisations and steps for assets, and
// makes it visible by a last short act.
func (c *Constituency) applyLarge(ctx context.Context, call act.Call, p *importPlan, src io.ReadSeeker) error {
	for part := range slices.Chunk(p.touched, actRecords/8) {
		if err := c.applyOrgs(ctx, call, part); err != nil {
			return err
		}
	}
	imp := &largeImport{c: c, p: p}
	if err := imp.begin(ctx, call.Actor); err != nil {
		return err
	}
	err := c.eachChange(ctx, p, src, func(was, will *Asset) error { return imp.take(ctx, was, will) })
	if err == nil {
		err = imp.flush(ctx)
	}
	if err == nil {
		err = c.acts.Do(ctx, call, imp.finish)
	}
	if err != nil {
		return errors.Join(err, imp.drop(context.WithoutCancel(ctx)))
	}
	return nil
}

// applyOrgs is the act for some of the organisations of a large import.
func (c *Constituency) applyOrgs(ctx context.Context, call act.Call, part []*plannedOrg) error {
	return c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := c.writeOrgs(ctx, tx, part); err != nil {
			return err
		}
		ids := make([]int64, len(part))
		for i, o := range part {
			ids[i] = o.anyID()
		}
		tx.Detail(assetDetail{What: "organisations", Count: len(ids)})
		tx.Fact(operatorsChanged(ids))
		return c.refreshOrgs(ctx, tx, ids)
	})
}

// largeImport is an import that goes in steps.
type largeImport struct {
	c       *Constituency
	p       *importPlan
	id      int64
	first   int64 // inner ids of its assets: from here …
	next    int64 // … to below here
	waiting []Asset
	moved   []Asset
	after   *Index
	edit    *editor
}

// stepRows is how many assets one step writes.
const stepRows = 4000

func (l *largeImport) begin(ctx context.Context, actor act.Actor) error {
	x := *l.c.Index()
	l.after = &x
	l.edit = &editor{x: l.after, bulk: true}
	x.operators, x.networks = x.operators.clone(), x.networks.clone()
	return l.c.acts.Step(ctx, "constituency.import", func(ctx context.Context, tx *act.Tx) (err error) {
		if l.id, err = tx.Next(ctx, "constituency.import"); err != nil {
			return err
		}
		if l.first, err = tx.Reserve(ctx, "constituency.asset", l.p.result.Assets.Added+1); err != nil {
			return err
		}
		l.next = l.first
		_, err = tx.ExecContext(ctx, `insert into constituency_import (id, state, made_at, made_by, first_asset, last_asset)
			values ($1, 'pending', $2, $3, $4, $5)`, l.id, clock.Micros(tx.Now()), actor.ID, l.first, l.first+int64(l.p.result.Assets.Added))
		return err
	})
}

// take notes one change; every stepRows added assets are written.
func (l *largeImport) take(ctx context.Context, was, will *Asset) error {
	if was.ID != 0 {
		l.edit.remove(was)
		l.edit.add(will)
		l.moved = append(l.moved, *will)
		return nil
	}
	will.ID = l.next
	l.next++
	l.edit.add(will)
	l.waiting = append(l.waiting, *will)
	if len(l.waiting) < stepRows {
		return nil
	}
	return l.flush(ctx)
}

func (l *largeImport) flush(ctx context.Context) error {
	err := l.c.acts.Step(ctx, "constituency.import", func(ctx context.Context, tx *act.Tx) error {
		st, err := tx.PrepareContext(ctx, assetInsert)
		if err != nil {
			return err
		}
		defer st.Close()
		for i := range l.waiting {
			if err := insertAsset(ctx, prepared{st}, &l.waiting[i], l.id); err != nil {
				return err
			}
		}
		return nil
	})
	l.waiting = l.waiting[:0]
	return err
}

// finish is the last short act: it makes visible what the steps prepared.
func (l *largeImport) finish(ctx context.Context, tx *act.Tx) error {
	if err := l.c.stillPlanned(l.p); err != nil {
		return err
	}
	tx.Subject(fmt.Sprintf("import:%d", l.id))
	if err := l.c.writeActsFor(ctx, tx, l.p); err != nil {
		return err
	}
	for i := range l.moved {
		if err := moveAsset(ctx, tx, &l.moved[i]); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `update constituency_import set state = 'applied' where id = $1`, l.id); err != nil {
		return err
	}
	return l.c.finishImport(ctx, tx, l.p, nil, func(x *Index) *Index {
		after := *x
		after.operators, after.networks, after.assets = l.after.operators, l.after.networks, x.assets+1
		return &after
	})
}

// drop takes back what the steps wrote.
func (l *largeImport) drop(ctx context.Context) error {
	return l.c.dropImport(ctx, pendingImport{l.id, l.first, l.next})
}

// pendingImport is an import that did not come to its end.
type pendingImport struct{ id, first, last int64 }

// dropPending takes back what imports prepared when the program was stopped below
// them.
func (c *Constituency) dropPending(ctx context.Context) error {
	pending, err := sqldb.All(ctx, c.read, func(r sqldb.Row) (p pendingImport, err error) {
		return p, r.Scan(&p.id, &p.first, &p.last)
	}, `select id, first_asset, last_asset from constituency_import where state = 'pending' order by id`)
	for _, p := range pending {
		err = errors.Join(err, c.dropImport(ctx, p))
	}
	return err
}

func (c *Constituency) dropImport(ctx context.Context, p pendingImport) error {
	for from := p.first; from <= p.last; from += stepRows {
		err := c.acts.Step(ctx, "constituency.import", func(ctx context.Context, tx *act.Tx) error {
			_, err := tx.ExecContext(ctx, `delete from constituency_asset where id >= $1 and id < $2 and import_id = $3`,
				from, from+stepRows, p.id)
			return err
		})
		if err != nil {
			return fmt.Errorf("take back import %d: %w", p.id, err)
		}
	}
	return c.acts.Step(ctx, "constituency.import", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `update constituency_import set state = 'dropped' where id = $1`, p.id)
		return err
	})
}
