package act

import "context"

// first is what the first act of a context does before anything else.
type first struct {
	f    func(ctx context.Context, tx *Tx) error
	done bool // in an act that was committed
}

type firstKey struct{}

// First returns a context whose first act runs f before its own closure, in the same
// transaction: so a request is claimed by the act that answers it, or by none. An error
// of f is returned by Do, and nothing of the act is done; an act that fails gives the
// claim back to the next one. A context is for one goroutine's acts, one after the other.
func First(ctx context.Context, f func(ctx context.Context, tx *Tx) error) context.Context {
	return context.WithValue(ctx, firstKey{}, &first{f: f})
}

// claim runs what the context's first act does first.
func claim(ctx context.Context, tx *Tx) error {
	c, ok := ctx.Value(firstKey{}).(*first)
	if !ok || c.done {
		return nil
	}
	tx.AfterCommit(func() { c.done = true })
	return c.f(withTx(ctx, tx), tx)
}
