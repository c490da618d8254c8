package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"strconv"

	"almenara.example/internal/foundation/sqldb"
)

// batchRows is how many entries pass between reading and checking at once.
const batchRows = 512

// entryRow is one entry as Verify reads it; the slices lie in the batch's arena.
type entryRow struct {
	ord, time            int64
	actor, verb, subject []byte
	body, salt, stored   []byte
	commitment           [32]byte
	erased               bool
	problem              string
}

// entryBatch is some entries in order.
type entryBatch struct {
	rows  []entryRow
	arena []byte
}

// keep copies b into the arena; nil stays nil.
func (b *entryBatch) keep(p []byte) []byte {
	if p == nil {
		return nil
	}
	n := len(b.arena)
	b.arena = append(b.arena, p...)
	return b.arena[n:len(b.arena):len(b.arena)]
}

// eachBatch reads all entries in order, checks each by itself on another
// goroutine than it is read, and calls f with them, in order.
func eachBatch(ctx context.Context, r sqldb.Reader, f func(*entryBatch) error) error {
	batches := make(chan *entryBatch, 8)
	read := make(chan error, 1)
	// stop ends the reading in an orderly way: a cancelled context would break the
	// connection under an open snapshot.
	stop := make(chan struct{})
	go func() {
		read <- readBatches(ctx, r, batches, stop)
		close(batches)
	}()
	var err error
	for b := range batches {
		if err != nil {
			continue // drain, so that the reader ends
		}
		for i := range b.rows {
			b.rows[i].check()
		}
		if err = f(b); err != nil {
			close(stop)
		}
	}
	if e := <-read; err == nil {
		err = e
	}
	return err
}

func readBatches(ctx context.Context, r sqldb.Reader, to chan<- *entryBatch, stop <-chan struct{}) error {
	b := &entryBatch{}
	send := func() error {
		select {
		case to <- b:
			b = &entryBatch{rows: make([]entryRow, 0, batchRows), arena: make([]byte, 0, cap(b.arena))}
			return nil
		case <-stop:
			return errStop
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var actor, verb, subject, body, salt, stored sql.RawBytes
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var e entryRow
		if err := row.Scan(&e.ord, &e.time, &actor, &verb, &subject, &body, &salt, &stored); err != nil {
			return err
		}
		e.actor, e.verb, e.subject = b.keep(actor), b.keep(verb), b.keep(subject)
		e.body, e.salt, e.stored = b.keep(body), b.keep(salt), b.keep(stored)
		b.rows = append(b.rows, e)
		if len(b.rows) == batchRows {
			return send()
		}
		return nil
	}, `select ord, time, actor, verb, subject, body, salt, commitment from ledger_entry order by ord`)
	if err == nil && len(b.rows) > 0 {
		err = send()
	}
	return err
}

// check compares one row with itself: commitment, body, look-up columns.
func (e *entryRow) check() {
	if len(e.stored) != recordSize {
		e.problem = "its commitment has " + strconv.Itoa(len(e.stored)) + " bytes"
		return
	}
	e.commitment = [32]byte(e.stored)
	if e.body == nil && e.salt == nil {
		e.erased = true
		if len(e.actor)+len(e.verb)+len(e.subject) > 0 {
			e.problem = "it is erased, but its columns still say something"
		}
		return
	}
	if len(e.salt) != 32 || Commit([32]byte(e.salt), e.body) != e.commitment {
		e.problem = "body does not match its commitment"
		return
	}
	if e.plainly() {
		return
	}
	d, err := decode(e.body)
	switch {
	case err != nil:
		e.problem = "its body cannot be read: " + err.Error()
	case d.Order != e.ord:
		e.problem = "its body is that of entry " + strconv.FormatInt(d.Order, 10)
	case d.Time != e.time:
		e.problem = "column time is not what its body says"
	case !bytes.Equal(e.actor, []byte(d.Actor)):
		e.problem = "column actor is not what its body says"
	case !bytes.Equal(e.verb, []byte(d.Verb)):
		e.problem = "column verb is not what its body says"
	case !bytes.Equal(e.subject, []byte(d.Subject)):
		e.problem = "column subject is not what its body says"
	}
}

// plainly tells whether the columns stand in the body letter for letter, without
// reading it as JSON: a canonical body begins with the actor and ends with subject,
// time, version and verb. What is written otherwise (an escaped letter) is decoded.
func (e *entryRow) plainly() bool {
	var scratch [256]byte
	b := append(scratch[:0], `{"actor":"`...)
	b = append(append(b, e.actor...), '"', ',')
	if !bytes.HasPrefix(e.body, b) {
		return false
	}
	b = append(scratch[:0], `,"subject":"`...)
	b = append(b, e.subject...)
	b = append(b, `","time":`...)
	b = strconv.AppendInt(b, e.time, 10)
	b = append(b, `,"v":1,"verb":"`...)
	b = append(append(b, e.verb...), '"', '}')
	if !bytes.HasSuffix(e.body, b) {
		return false
	}
	b = append(scratch[:0], `,"order":`...)
	b = append(strconv.AppendInt(b, e.ord, 10), ',')
	return bytes.Contains(e.body, b)
}

// partialWidths yields the widths of a tile's partial files.
func (f files) partialWidths(t tile) iter.Seq[int] {
	return func(yield func(int) bool) {
		dir := f.path(t.full().path()) + ".p"
		entries, err := f.fs.ReadDir(filepath.Clean(dir))
		if err != nil {
			return
		}
		for _, e := range entries {
			if w, err := strconv.Atoi(e.Name()); err == nil && w > 0 && w < tileWidth && !yield(w) {
				return
			}
		}
	}
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
