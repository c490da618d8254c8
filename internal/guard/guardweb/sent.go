package guardweb

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/ledger"
)

// forms remembers which forms were sent, for web.Config.
type forms struct {
	door *Door
	made func(v web.Viewer, subject string) string
}

// Forms remembers which forms were sent and done. Made is the page on which a viewer
// finds the subject of an act, empty when it has none.
func (d *Door) Forms(made func(v web.Viewer, subject string) string) web.Forms { return forms{d, made} }

// Sent implements web.Forms.
func (f forms) Sent(ctx context.Context, v web.Viewer, form [32]byte) (string, bool, error) {
	r := f.door.config.Acts.Reader()
	order, done, err := f.door.config.Guard.FormDone(ctx, r, v.ID, form)
	if err != nil || !done {
		return "", false, err
	}
	made, err := ledger.Entries(ctx, r, ledger.Query{Before: order + 1, Limit: 1})
	if err != nil || len(made) == 0 {
		return "", true, err
	}
	return f.made(v, made[0].Subject), true, nil
}

// Claim implements web.Forms.
func (f forms) Claim(ctx context.Context, v web.Viewer, form [32]byte) context.Context {
	return act.First(ctx, func(ctx context.Context, tx *act.Tx) error {
		fresh, err := f.door.config.Guard.ClaimForm(ctx, tx, v.ID, form)
		if err == nil && !fresh {
			err = web.ErrSent
		}
		return err
	})
}
