package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// presence says which findings one delivery shows. The bitmap of an older
// delivery is read from its blob when it is asked for.
type presence struct {
	delivery int64
	observed time.Time // the day
	proves   bool
	rows     int64
	ref      string
	set      *roaring.Bitmap // nil: not loaded
}

// loadedPresences is how many bitmaps a stream keeps in memory, newest first.
const loadedPresences = 8

// streamState is a stream with what intake and lists need of it in memory.
type streamState struct {
	Stream
	keys      *keyIndex  // of the stream's findings, visible or not
	presences []presence // by observed day, then delivery
}

// add puts a presence in its place by day; a delivery that is there is replaced.
func (s *streamState) add(p presence) {
	s.presences = slices.DeleteFunc(s.presences, func(o presence) bool { return o.delivery == p.delivery })
	i := sort.Search(len(s.presences), func(i int) bool {
		o := s.presences[i]
		return o.observed.After(p.observed) || o.observed.Equal(p.observed) && o.delivery > p.delivery
	})
	s.presences = slices.Insert(s.presences, i, p)
	for j := range max(len(s.presences)-loadedPresences, 0) {
		s.presences[j].set = nil
	}
}

// set returns the bitmap of a presence, loading it when needed.
func (w *Watch) presenceSet(ctx context.Context, p presence) (*roaring.Bitmap, error) {
	if p.set != nil {
		return p.set, nil
	}
	return w.readBitmap(ctx, p.ref)
}

func (w *Watch) readBitmap(ctx context.Context, ref string) (*roaring.Bitmap, error) {
	r, err := blob.ParseRef(ref)
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	f, err := w.blobs.Open(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("open presence %s: %w", ref, err)
	}
	defer f.Close()
	b := roaring.New()
	if _, err := b.ReadFrom(f); err != nil {
		return nil, fmt.Errorf("read presence %s: %w", ref, err)
	}
	return b, nil
}

func (w *Watch) writeBitmap(ctx context.Context, b *roaring.Bitmap) (string, error) {
	b.RunOptimize()
	bw, err := w.blobs.Create(ctx)
	if err != nil {
		return "", fmt.Errorf("write presence: %w", err)
	}
	if _, err := b.WriteTo(bw); err != nil {
		return "", errors.Join(fmt.Errorf("write presence: %w", err), bw.Abort())
	}
	ref, err := bw.Commit()
	if err != nil {
		return "", fmt.Errorf("write presence: %w", err)
	}
	return ref.String(), nil
}

// A place is where a finding stands in a delivery: the finding's id in the upper
// half, the byte offset of the row in the lower. A sidecar is the sorted places of
// a delivery as little-endian 64-bit numbers.
type place uint64

func placeOf(id uint32, offset int64) place { return place(id)<<32 | place(uint32(offset)) }

func (p place) id() uint32    { return uint32(p >> 32) }
func (p place) offset() int64 { return int64(uint32(p)) }

func (w *Watch) writeSidecar(ctx context.Context, ps []place) (string, error) {
	bw, err := w.blobs.Create(ctx)
	if err != nil {
		return "", fmt.Errorf("write sidecar: %w", err)
	}
	buf := make([]byte, 0, 1<<15)
	for _, p := range ps {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(p))
		if len(buf) == cap(buf) {
			if _, err := bw.Write(buf); err != nil {
				return "", errors.Join(fmt.Errorf("write sidecar: %w", err), bw.Abort())
			}
			buf = buf[:0]
		}
	}
	if _, err := bw.Write(buf); err != nil {
		return "", errors.Join(fmt.Errorf("write sidecar: %w", err), bw.Abort())
	}
	ref, err := bw.Commit()
	if err != nil {
		return "", fmt.Errorf("write sidecar: %w", err)
	}
	return ref.String(), nil
}

// readSidecar reads a whole sidecar: for adding places to it.
func (w *Watch) readSidecar(ctx context.Context, ref string) ([]place, error) {
	r, err := w.openRef(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, r.Size()))
	if err != nil {
		return nil, fmt.Errorf("read sidecar %s: %w", ref, err)
	}
	ps := make([]place, len(raw)/8)
	for i := range ps {
		ps[i] = place(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return ps, nil
}

func (w *Watch) openRef(ctx context.Context, ref string) (*blob.Reader, error) {
	r, err := blob.ParseRef(ref)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", ref, err)
	}
	return w.blobs.Open(ctx, r)
}

// offsetsOf finds where a finding stands in a delivery, by binary search in its
// sidecar; at most limit places.
func (w *Watch) offsetsOf(ctx context.Context, sidecar string, id uint32, limit int) ([]int64, error) {
	r, err := w.openRef(ctx, sidecar)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	at := func(i int) (place, error) {
		var b [8]byte
		if _, err := r.ReadAt(b[:], int64(i)*8); err != nil {
			return 0, fmt.Errorf("read sidecar %s: %w", sidecar, err)
		}
		return place(binary.LittleEndian.Uint64(b[:])), nil
	}
	var failed error
	n := int(r.Size() / 8)
	first := sort.Search(n, func(i int) bool {
		p, err := at(i)
		if err != nil {
			failed = err
			return true
		}
		return p.id() >= id
	})
	var out []int64
	for i := first; i < n && len(out) < limit && failed == nil; i++ {
		p, err := at(i)
		if err != nil || p.id() != id {
			failed = err
			break
		}
		out = append(out, p.offset())
	}
	return out, failed
}

// loadPresences reads the list of deliveries of every stream at start, with the
// newest bitmaps.
func (w *Watch) loadPresences(ctx context.Context) error {
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var p presence
		var stream, observed int64
		if err := r.Scan(&stream, &p.delivery, &observed, &p.proves, &p.rows, &p.ref); err != nil {
			return err
		}
		p.observed = clock.FromMicros(observed)
		if s := w.streams[stream]; s != nil {
			s.presences = append(s.presences, p)
		}
		return nil
	}, `select stream_id, id, observed, proves, total_rows, presence_ref from watch_delivery
		where act_order > 0 and presence_ref <> '' order by stream_id, observed, id`)
	if err != nil {
		return fmt.Errorf("load presences: %w", err)
	}
	for _, s := range w.streams {
		for i := max(len(s.presences)-loadedPresences, 0); i < len(s.presences); i++ {
			p := &s.presences[i]
			if p.set, err = w.readBitmap(ctx, p.ref); err != nil {
				return err
			}
		}
	}
	return nil
}
