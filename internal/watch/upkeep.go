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

// BlobList lists the blobs that the rows of a room refer to.
type BlobList func(ctx context.Context, r sqldb.Reader) ([]string, error)

// AlsoUsed names blobs of other rooms in the same store, so that CollectBlobs leaves
// them alone; to be called before the first collection.
func (w *Watch) AlsoUsed(list BlobList) { w.others = append(w.others, list) }

// CollectBlobs removes bytes that nothing refers to any more: presences that a late
// row has replaced, arrivals that were refused after they had been kept.
func (w *Watch) CollectBlobs(ctx context.Context) error {
	used := map[string]bool{}
	for _, list := range append([]BlobList{UsedBlobs}, w.others...) {
		refs, err := list(ctx, w.read)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			used[ref] = true
		}
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

// UsedBlobs lists every blob that a row refers to, some hundred bytes a delivery:
// for collecting the others, and for verifying that none is missing.
func UsedBlobs(ctx context.Context, r sqldb.Reader) (refs []string, err error) {
	seen := map[string]bool{"": true}
	add := func(row sqldb.Row) error {
		var found [5]string
		if err := row.Scan(&found[0], &found[1], &found[2], &found[3], &found[4]); err != nil {
			return err
		}
		for _, ref := range found {
			if !seen[ref] {
				seen[ref] = true
				refs = append(refs, ref)
			}
		}
		return nil
	}
	err = sqldb.Each(ctx, r, add, `select received_ref, content_ref, presence_ref, sidecar_ref, news_ref
		from watch_delivery where failure <> $1 order by id`, forgotten)
	if err == nil {
		err = sqldb.Each(ctx, r, add, `select '', '', presence_ref, sidecar_ref, news_ref
			from watch_delivery where failure = $1 order by id`, forgotten)
	}
	if err == nil {
		err = sqldb.Each(ctx, r, add, `select ref, '', '', '', '' from watch_mapping order by name, version`)
	}
	if err != nil {
		return nil, fmt.Errorf("list used blobs: %w", err)
	}
	return refs, nil
}
