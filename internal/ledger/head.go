package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// head is the row that says what was signed last.
type head struct {
	size       int64
	root       tlog.Hash
	time       int64 // microseconds, when it was signed
	holder     string
	leaseUntil int64 // microseconds
}

// readHead reads the head; a log that never signed has size 0.
func readHead(ctx context.Context, r sqldb.Reader) (head, error) {
	h, ok, err := sqldb.One(ctx, r, scanHead,
		`select size, root, time, holder, lease_until from ledger_head where id = 1`)
	if err != nil {
		return head{}, fmt.Errorf("read ledger head: %w", err)
	}
	if !ok {
		return head{root: sha256.Sum256(nil)}, nil
	}
	return h, nil
}

func scanHead(r sqldb.Row) (h head, err error) {
	var root []byte
	if err = r.Scan(&h.size, &root, &h.time, &h.holder, &h.leaseUntil); err != nil {
		return h, err
	}
	if len(root) != tlog.HashSize || h.size < 0 {
		return h, errors.New("the row is damaged")
	}
	h.root = tlog.Hash(root)
	return h, nil
}

// taken tells whether another signer holds the lease. A lease far in the future
// comes from a clock that was set back since; it does not count.
func (l *Log) taken(h head) bool {
	now := clock.Micros(l.cfg.Clock.Now())
	return h.holder != "" && h.holder != l.holder && h.leaseUntil > now &&
		h.leaseUntil < now+2*leaseTime.Microseconds()
}

// errMoved says that another signer moved the head meanwhile.
var errMoved = errors.New("the ledger head was moved by another signer")

// moveHead sets the head from old to size and root by compare-and-swap and takes
// the lease. The transaction is the ledger's own: signing is not an act.
func (l *Log) moveHead(ctx context.Context, old head, size int64, root tlog.Hash) error {
	now := clock.Micros(l.cfg.Clock.Now())
	tx, err := l.cfg.DB.BeginWrite(ctx)
	if err != nil {
		return fmt.Errorf("move ledger head: %w", err)
	}
	empty := sha256.Sum256(nil)
	_, err = tx.ExecContext(ctx, `insert into ledger_head (id, size, root, time, holder, lease_until)
		values (1, 0, $1, 0, '', 0) on conflict (id) do nothing`, empty[:])
	var n int64
	if err == nil {
		n, err = l.swapHead(ctx, tx, old, size, root, now)
	}
	if err == nil && n == 1 {
		err = tx.Commit()
	} else {
		err = errors.Join(err, tx.Rollback())
		if err == nil {
			err = errMoved
		}
	}
	if err != nil {
		return fmt.Errorf("move ledger head to %d: %w", size, err)
	}
	return nil
}

func (l *Log) swapHead(ctx context.Context, tx Execer, old head, size int64, root tlog.Hash, now int64) (int64, error) {
	r, err := tx.ExecContext(ctx, `update ledger_head
		set size = $1, root = $2, time = $3, holder = $4, lease_until = $5
		where id = 1 and size = $6 and root = $7 and holder = $8 and lease_until = $9`,
		size, root[:], now, l.holder, now+leaseTime.Microseconds(),
		old.size, old.root[:], old.holder, old.leaseUntil)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// forceHead sets the head whatever it was; only Restate does.
func (l *Log) forceHead(ctx context.Context, size int64, root tlog.Hash) error {
	now := clock.Micros(l.cfg.Clock.Now())
	tx, err := l.cfg.DB.BeginWrite(ctx)
	if err != nil {
		return fmt.Errorf("restate ledger head: %w", err)
	}
	_, err = tx.ExecContext(ctx, `insert into ledger_head (id, size, root, time, holder, lease_until)
		values (1, $1, $2, $3, $4, $5) on conflict (id) do update set size = excluded.size,
		root = excluded.root, time = excluded.time, holder = excluded.holder, lease_until = excluded.lease_until`,
		size, root[:], now, l.holder, now+leaseTime.Microseconds())
	if err == nil {
		err = tx.Commit()
	} else {
		err = errors.Join(err, tx.Rollback())
	}
	if err != nil {
		return fmt.Errorf("restate ledger head at %d: %w", size, err)
	}
	return nil
}

// eachCommitment calls f for the commitments from order first to last, in order.
// It stops with a *Gap where an order is missing.
func eachCommitment(ctx context.Context, r sqldb.Reader, first, last int64, f func(c [32]byte) error) error {
	next := first
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var ord int64
		var c []byte
		if err := row.Scan(&ord, &c); err != nil {
			return err
		}
		if ord != next {
			return &Gap{Order: next}
		}
		if len(c) != recordSize {
			return fmt.Errorf("entry %d: its commitment has %d bytes", ord, len(c))
		}
		next++
		return f([32]byte(c))
	}, `select ord, commitment from ledger_entry where ord >= $1 and ord <= $2 order by ord`, first, last)
	if err != nil {
		return fmt.Errorf("read ledger entries: %w", err)
	}
	return nil
}

// Gap says that an entry is missing while a later one is there.
type Gap struct{ Order int64 }

// Error names the entry.
func (g *Gap) Error() string { return fmt.Sprintf("entry %d is missing", g.Order) }
