package act

import (
	"context"
	"database/sql"
	"time"
)

type txKind int

const (
	kindAct txKind = iota
	kindStep
	kindHousekeeping
)

// Tx is an open write transaction. Only this package makes one.
type Tx struct {
	sql    *sql.Tx
	acts   *Acts
	kind   txKind
	shared *shared // of all acts joined in one transaction
	order  int64
	call   Call
	now    time.Time
	detail any
	facts  []Fact
}

// shared is what joined acts have in common.
type shared struct {
	texts   map[string]*sql.Stmt // prepared statements in this transaction
	facts   []Envelope
	after   []func()
	denials []denial
	failed  error // of a joined act; it fails the whole, even when its caller went on
}

// ExecContext runs a statement in the transaction.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if st := tx.prepared(ctx, query); st != nil {
		return st.ExecContext(ctx, args...)
	}
	return tx.sql.ExecContext(ctx, query, args...)
}

// prepared is the prepared form of a text in this transaction, nil when there is none
// yet. Statements that leave rows open behind them are never run by it: the same text
// may be run again meanwhile.
func (tx *Tx) prepared(ctx context.Context, query string) *sql.Stmt {
	if st, ok := tx.shared.texts[query]; ok {
		return st
	}
	st := tx.acts.cfg.DB.Prepared(context.WithoutCancel(ctx), tx.sql, query)
	if st != nil {
		if tx.shared.texts == nil {
			tx.shared.texts = map[string]*sql.Stmt{}
		}
		tx.shared.texts[query] = st
	}
	return st
}

// QueryContext runs a query in the transaction; Tx is a sqldb.Reader.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.sql.QueryContext(ctx, query, args...)
}

// QueryWhole is QueryContext for a query whose rows are read to their end before
// anything else is run: it may use a prepared text. Tx is a sqldb.WholeReader.
func (tx *Tx) QueryWhole(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := tx.prepared(ctx, query); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return tx.sql.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row in the transaction.
func (tx *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if st := tx.prepared(ctx, query); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return tx.sql.QueryRowContext(ctx, query, args...)
}

// PrepareContext prepares a statement for many executions in this transaction.
func (tx *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return tx.sql.PrepareContext(ctx, query)
}

// Order is the act's own number, 0 in a step.
func (tx *Tx) Order() int64 { return tx.order }

// Now is the time of the act; one act has one time.
func (tx *Tx) Now() time.Time { return tx.now }

// Actor is who does the act.
func (tx *Tx) Actor() Actor { return tx.call.Actor }

// Call is the call that opened the act.
func (tx *Tx) Call() Call { return tx.call }

// Subject names the thing when the verb itself makes it.
func (tx *Tx) Subject(id string) { tx.call.Subject = id }

// Detail sets what the ledger entry says besides who, what and why: a small
// struct, no personal data beyond ids, never content.
func (tx *Tx) Detail(v any) { tx.detail = v }

// MarkExercise makes the act exercise traffic, when what it finds is.
func (tx *Tx) MarkExercise() { tx.call.Exercise = true }

// AfterCommit runs f when, and only when, the whole transaction has committed,
// before the next act begins.
func (tx *Tx) AfterCommit(f func()) { tx.shared.after = append(tx.shared.after, f) }

// Job is a job that can put itself into the queue within a transaction.
type Job interface {
	Insert(ctx context.Context, tx *sql.Tx) error
}

// Enqueue puts a job into the queue; it runs only if the transaction commits.
func (tx *Tx) Enqueue(ctx context.Context, j Job) error { return j.Insert(ctx, tx.sql) }

type txKey struct{}

func withTx(ctx context.Context, tx *Tx) context.Context { return context.WithValue(ctx, txKey{}, tx) }

// Within tells whether an act is open in ctx, which one that begins now would join.
func Within(ctx context.Context) bool { return txOf(ctx) != nil }

func txOf(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{}).(*Tx)
	return tx
}
