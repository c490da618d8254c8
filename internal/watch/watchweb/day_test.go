package watchweb

import (
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/i18n"
	frame "almenara.example/web"
)

func TestWhatIsDatedToTheDayShowsThatDayToEveryReader(t *testing.T) {
	words, err := i18n.New(i18n.Sub(frame.Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	west := asker{words: words.Printer("en").In(time.FixedZone("west", -5*3600))}
	day := time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)
	if c := west.seen(day); !strings.Contains(c.Text, "17") || !c.At.IsZero() {
		t.Errorf("got %+v, want the 17th and no hour", c)
	}
	if c := west.seen(day.Add(3 * time.Hour)); c.Text != "" || c.At.IsZero() {
		t.Errorf("got %+v, want date and hour", c)
	}
	if c := west.seen(time.Time{}); c.Text != "" {
		t.Errorf("got %+v for never, want nothing", c)
	}
}
