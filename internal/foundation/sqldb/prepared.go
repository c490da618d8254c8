package sqldb

import (
	"context"
	"database/sql"
	"strings"
	"sync"
)

// SQLite parses a statement anew each time it is run as text: measured, a quarter of
// the CPU of acts. So texts are kept prepared. PostgreSQL's driver does that by itself.

// maxPrepared bounds how many texts are kept prepared on one side; a text beyond it is
// run as before.
const maxPrepared = 500

// keepable tells whether a text is one of the fixed ones: lists of varying length are
// not worth a place.
func keepable(query string) bool { return len(query) < 4000 && !strings.Contains(query, "in ($") }

// statements are the prepared texts of one pool.
type statements struct {
	db *sql.DB
	mu sync.RWMutex
	by map[string]*sql.Stmt
	// wanted are texts that a write transaction ran and that can be prepared once it
	// has given its connection back.
	wanted map[string]bool
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, by: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

func (s *statements) get(query string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.by[query]
}

// prepare keeps a text prepared; nil when there is no place or it cannot be prepared:
// then the caller runs it as text and meets the error there. Nothing is locked while it
// waits for a connection: whoever holds that one may ask for another text.
func (s *statements) prepare(ctx context.Context, query string) *sql.Stmt {
	s.mu.RLock()
	full := len(s.by) >= maxPrepared
	s.mu.RUnlock()
	if full {
		return nil
	}
	st, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	have := s.by[query]
	if have == nil {
		s.by[query] = st
	}
	s.mu.Unlock()
	if have != nil { // somebody was faster
		_ = st.Close() // it has run nothing
		return have
	}
	return st
}

func (s *statements) want(query string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted)+len(s.by) < maxPrepared {
		s.wanted[query] = true
	}
}

func (s *statements) takeWanted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) == 0 {
		return nil
	}
	out := make([]string, 0, len(s.wanted))
	for q := range s.wanted {
		out = append(out, q)
	}
	clear(s.wanted)
	return out
}

func (s *statements) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.by {
		_ = st.Close() // the pool is being closed with them
	}
	clear(s.by)
}

// pool is the reading side with its prepared texts. Each query has a connection of its
// own for as long as its rows are read, so one text may be read within itself.
type pool struct {
	*sql.DB
	texts *statements
}

func (p *pool) stmt(ctx context.Context, query string) *sql.Stmt {
	if !keepable(query) {
		return nil
	}
	if st := p.texts.get(query); st != nil {
		return st
	}
	return p.texts.prepare(ctx, query)
}

// QueryContext runs a query.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := p.stmt(ctx, query); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return p.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if st := p.stmt(ctx, query); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}

// Prepared gives a write transaction the prepared form of a text, nil when there is
// none yet: then it is prepared after the transaction, by Settle. What it returns must
// be run to its end before the same text is run again in the transaction.
func (db *DB) Prepared(ctx context.Context, tx *sql.Tx, query string) *sql.Stmt {
	if db.texts == nil || !keepable(query) {
		return nil
	}
	if st := db.texts.get(query); st != nil {
		return tx.StmtContext(ctx, st)
	}
	db.texts.want(query)
	return nil
}

// Settle prepares what the transactions since the last call ran as text. It must not
// be called inside one: it takes the writer's connection for a moment.
func (db *DB) Settle(ctx context.Context) {
	if db.texts == nil {
		return
	}
	for _, query := range db.texts.takeWanted() {
		db.texts.prepare(ctx, query)
	}
}
