package warn

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
)

// sheaf is the transaction of one act of sending, as its notices are cleared in it. Many
// of them tell one warning, and the act holds the notices in its hands already: each is
// read once for the whole act instead of at every step of every notice. Acts are serial,
// so nobody else changes them meanwhile, and the act itself changes a notice only when
// it was cleared and is not read again.
type sheaf struct {
	*act.Tx
	notices  map[int64]Notice
	warnings map[int64]Warning
}

func newSheaf(tx *act.Tx, ns []Notice) *sheaf {
	s := &sheaf{Tx: tx, notices: make(map[int64]Notice, len(ns)), warnings: map[int64]Warning{}}
	for _, n := range ns {
		s.notices[n.ID] = n
	}
	return s
}

// Notice returns one notice; NotFound when there is none.
func (w *Warn) Notice(ctx context.Context, r sqldb.Reader, id int64) (Notice, error) {
	if s, ok := r.(*sheaf); ok {
		if n, ok := s.notices[id]; ok {
			return n, nil
		}
	}
	return readNotice(ctx, r, id)
}

// Warning returns one warning; NotFound when there is none.
func (w *Warn) Warning(ctx context.Context, r sqldb.Reader, id int64) (Warning, error) {
	s, ok := r.(*sheaf)
	if !ok {
		return readWarning(ctx, r, id)
	}
	if v, ok := s.warnings[id]; ok {
		return v, nil
	}
	v, err := readWarning(ctx, r, id)
	if err == nil {
		s.warnings[id] = v
	}
	return v, err
}
