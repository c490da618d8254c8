package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
)

// progress is one line on standard error that is written over, when that is a
// terminal; otherwise nothing.
type progress struct {
	w     io.Writer // nil: silent
	clock clock.Clock
	what  string
	began time.Time
	shown time.Time
	bytes bool // what is counted are bytes
}

func (c *console) progress() *progress {
	p := &progress{clock: clock.System{}}
	if f, ok := c.err.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			p.w = f
		}
	}
	return p
}

// byteProgress counts bytes.
func (c *console) byteProgress() *progress {
	p := c.progress()
	p.bytes = true
	return p
}

// amount writes a number of what is counted.
func (p *progress) amount(n float64) string {
	if p.bytes {
		return app.Size(n).Rough()
	}
	return fmt.Sprintf("%.0f", n)
}

// show says how far a piece of work is; total 0 when nobody knows.
func (p *progress) show(what string, done, total int64) {
	now := p.clock.Now()
	if p.w == nil || p.what == what && now.Sub(p.shown) < 200*time.Millisecond {
		return
	}
	if p.what != what {
		p.what, p.began = what, now
	}
	p.shown = now
	took := now.Sub(p.began).Seconds()
	line := what + ": " + p.amount(float64(done))
	if total > 0 {
		line += fmt.Sprintf(" of %s (%d %%)", p.amount(float64(total)), min(100, 100*done/total))
	}
	if took > 0.5 && done > 0 {
		rate := float64(done) / took
		line += fmt.Sprintf(", %s a second", p.amount(rate))
		if total > done {
			left := time.Duration(float64(total-done) / rate * float64(time.Second))
			line += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
	}
	_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", line)
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil && p.what != "" {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
