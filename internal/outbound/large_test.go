package outbound_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/outbound"
)

// heap follows the heap until the returned function tells its peak above the start.
func heap() func() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, peak := m.HeapAlloc, m.HeapAlloc
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 { close(done); <-ended; return peak - base }
}

func TestAMailOf100MBIsKeptAsTooLargeAndTheNextMailsCome(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := mailtest.Dovecot(t)
		huge := append(fmt.Appendf(nil, "From: Ana <ana@water.example>\r\nSubject: huge\r\nMessage-ID: <huge@b.example>\r\n\r\n"),
			bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), 100<<20/78)...)
		s.Deliver(letter(1))
		s.Deliver(huge)
		s.Deliver(letter(2))
		huge = nil
		peak := heap()
		r := h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{intake(t, s)} })
		run(t, r)
		eventually(t, "three mails", func() bool { return len(h.seen.list()) == 3 })
		s.Deliver(letter(3))
		eventually(t, "the mail after it, and all marked", func() bool { _, seen := s.Count("INBOX"); return seen == 4 && len(h.seen.list()) == 4 })
		if grown := peak(); grown > 48<<20 {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
		got := h.seen.list()
		if !slices.Contains(got, "taken mail 1 "+fmt.Sprint(len(letter(1)))) || !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "too-large huge ") }) {
			t.Errorf("the receiver heard %q", got)
		}
		all, err := outbound.IncomingMails(t.Context(), h.acts.Reader(), 0, 10)
		if err != nil || len(all) != 4 {
			t.Fatalf("%d mails are kept, %v", len(all), err)
		}
		for _, in := range all {
			if large := in.Subject == "huge"; large != (in.State == outbound.TooLarge) || large && (in.Size < 99<<20 || in.Kept > 1000 || in.From != "ana@water.example" || in.Reason == "") {
				t.Errorf("kept as %+v", in)
			}
		}
	})
}
