package blob

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzIndex(f *testing.F) {
	x := index{frameSize: 10, size: 25, frames: []frame{{stored: 26, codec: codecZstd}, {stored: 26}, {stored: 21}}}
	f.Add(x.encode())
	f.Add((&index{frameSize: 1}).encode())
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, indexFixed+indexEntry))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decodeIndex(b)
		if err != nil {
			return
		}
		if d := cmp.Diff(b, x.encode()); d != "" {
			t.Errorf("an index that is read is written otherwise (-want +got):\n%s", d)
		}
	})
}

func FuzzFooter(f *testing.F) {
	f.Add(append(make([]byte, headerSize+40), encodeFooter(headerSize, 40)...))
	f.Add(bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, n, err := parseFooter(bytes.NewReader(b), int64(len(b)))
		if err == nil && (at < headerSize || n < 0 || at+n+footerSize != int64(len(b))) {
			t.Errorf("got an index of %d bytes at %d in %d", n, at, len(b))
		}
	})
}
