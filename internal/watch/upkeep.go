package watch

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/sqldb"
)

// blobGrace is how old a blob must be before it can be unused: far longer than any
// delivery takes from its first byte to its row.
const blobGrace = 7 * 24 * time.Hour

// CollectBlobs removes bytes that nothing refers to any more: presences that a late
// row has replaced, arrivals that were refused after they had been kept.
func (w *Watch) CollectBlobs(ctx context.Context) error {
	used, err := w.usedBlobs(ctx)
	if err != nil {
		return err
	}
	c, err := w.blobs.Collect(ctx, func(r blob.Ref) (bool, error) { return used[r.String()], nil }, blobGrace)
	if err != nil {
		return fmt.Errorf("collect blobs: %w", err)
	}
	if c.Blobs > 0 {
		w.log.InfoContext(ctx, "watch: unused blobs removed", "blobs", c.Blobs, "bytes", c.Bytes)
	}
	return nil
}

// usedBlobs lists every blob that a row refers to; some hundred bytes a delivery.
func (w *Watch) usedBlobs(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	add := func(r sqldb.Row) error {
		var refs [5]string
		if err := r.Scan(&refs[0], &refs[1], &refs[2], &refs[3], &refs[4]); err != nil {
			return err
		}
		for _, ref := range refs {
			used[ref] = true
		}
		return nil
	}
	err := sqldb.Each(ctx, w.read, add, `select received_ref, content_ref, presence_ref, sidecar_ref, news_ref
		from watch_delivery where failure <> $1`, forgotten)
	if err == nil {
		err = sqldb.Each(ctx, w.read, add, `select '', '', presence_ref, sidecar_ref, news_ref
			from watch_delivery where failure = $1`, forgotten)
	}
	if err == nil {
		err = sqldb.Each(ctx, w.read, add, `select ref, '', '', '', '' from watch_mapping`)
	}
	if err != nil {
		return nil, fmt.Errorf("list used blobs: %w", err)
	}
	return used, nil
}
