package i18n

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/number"
)

// Printer speaks one language in one time zone. It is safe for concurrent use.
type Printer struct {
	chain []*speaker // the language, its base, English
	zone  *time.Location
}

// Printer returns a printer for lang; an unknown language is answered in its base
// language or in English. Times are in the catalogue's zone until [Printer.In].
func (c *Catalogue) Printer(lang string) *Printer {
	p := &Printer{zone: c.zone}
	for _, tag := range []string{lang, base(lang), Fallback} {
		s := c.speakers[tag]
		if s != nil && (len(p.chain) == 0 || p.chain[len(p.chain)-1] != s) {
			p.chain = append(p.chain, s)
		}
	}
	return p
}

func base(lang string) string {
	b, _, _ := strings.Cut(lang, "-")
	return b
}

// In returns the same printer writing times in zone; nil means UTC.
func (p *Printer) In(zone *time.Location) *Printer {
	if zone == nil {
		zone = time.UTC
	}
	return &Printer{chain: p.chain, zone: zone}
}

// Language is the language spoken.
func (p *Printer) Language() Language { return p.chain[0].language }

// Lang is the value for the lang attribute of a page.
func (p *Printer) Lang() string {
	if tag := p.chain[0].language.Tag; tag != PseudoRTL {
		return tag
	}
	return "en-x-pseudo"
}

// Dir is "ltr" or "rtl".
func (p *Printer) Dir() string { return p.chain[0].language.Dir }

// T is the sentence for key with its places filled from args; the argument Count
// chooses the plural form. Whole numbers are written as the language writes them.
// A key that no language has comes back in ⟦brackets⟧.
func (p *Printer) T(key string, args map[string]any) string {
	for _, s := range p.chain {
		if text, ok := s.plain[key]; ok {
			return text
		}
		if plural, ok := s.formed[key]; ok {
			return p.form(s, key, plural, args)
		}
	}
	return "⟦" + key + "⟧"
}

// Say is T with the arguments as pairs of names and values.
func (p *Printer) Say(key string, pairs ...any) string {
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return p.T(key, args)
}

func (p *Printer) form(s *speaker, key string, plural bool, args map[string]any) string {
	config := &i18n.LocalizeConfig{MessageID: key}
	data := make(map[string]any, len(args))
	for name, value := range args {
		data[name] = p.printable(value)
	}
	config.TemplateData = data
	if count, ok := whole(args["Count"]); ok && plural {
		config.PluralCount = strconv.FormatInt(count, 10)
	}
	text, err := s.localize.Localize(config)
	if err != nil || strings.Contains(text, "<no value>") {
		return "⟦" + key + "⟧"
	}
	return text
}

func (p *Printer) printable(value any) any {
	if n, ok := whole(value); ok {
		return p.Number(n)
	}
	switch v := value.(type) {
	case time.Time:
		return p.Time(v)
	case float64:
		return p.Decimal(v, 1)
	}
	return value
}

func whole(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), true
	}
	return 0, false
}

// Number writes a whole number: 12,345 or 12 345.
func (p *Printer) Number(n int64) string {
	return p.chain[0].numbers.Sprint(number.Decimal(n))
}

// Decimal writes f with at most the given number of decimals.
func (p *Printer) Decimal(f float64, decimals int) string {
	return p.chain[0].numbers.Sprint(number.Decimal(f, number.MaxFractionDigits(decimals)))
}

// Percent writes a share of one as a percentage without decimals: 0.42 is 42%.
func (p *Printer) Percent(share float64) string {
	return p.chain[0].numbers.Sprint(number.Percent(share, number.MaxFractionDigits(0)))
}

// Date writes the day in the printer's zone: 21 Nov 2026.
func (p *Printer) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(p.zone)
	return p.T("frame.date", map[string]any{
		"Day": strconv.Itoa(t.Day()), "Month": p.month(t), "Year": strconv.Itoa(t.Year()),
	})
}

func (p *Printer) month(t time.Time) string {
	return p.T("frame.month."+strconv.Itoa(int(t.Month())), nil)
}

// Day writes the day without its year, in the printer's zone: 21 Nov.
func (p *Printer) Day(t time.Time) string {
	t = t.In(p.zone)
	return p.T("frame.day", map[string]any{"Day": strconv.Itoa(t.Day()), "Month": p.month(t)})
}

// Month writes the month with its year, in the printer's zone: Nov 2026.
func (p *Printer) Month(t time.Time) string {
	t = t.In(p.zone)
	return p.month(t) + " " + strconv.Itoa(t.Year())
}

// Zones names the printer's zone as it is called between two times: CET, or CET, CEST
// where the clocks change, with its place: CET (Europe/Madrid).
func (p *Printer) Zones(from, until time.Time) string {
	var names []string
	for _, t := range []time.Time{from, from.Add(until.Sub(from) / 2), until} {
		if name := zoneName(t.In(p.zone)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	out := strings.Join(names, ", ")
	if place := p.zone.String(); strings.Contains(place, "/") {
		out += " (" + place + ")"
	}
	return out
}

// Clock writes the time of day in the printer's zone with UTC beside it:
// 14:05 CET (13:05 UTC). Where the days differ, UTC's day is named.
func (p *Printer) Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	local, utc := t.In(p.zone), t.UTC()
	if _, offset := local.Zone(); offset == 0 && p.zone == time.UTC {
		return utc.Format("15:04") + " UTC"
	}
	beside := utc.Format("15:04") + " UTC"
	if local.Day() != utc.Day() {
		beside = p.T("frame.day", map[string]any{"Day": strconv.Itoa(utc.Day()), "Month": p.month(utc)}) + " " + beside
	}
	return fmt.Sprintf("%s %s (%s)", local.Format("15:04"), zoneName(local), beside)
}

// zoneName is the zone's abbreviation, or "UTC+5:30" for zones that have none.
func zoneName(t time.Time) string {
	name, offset := t.Zone()
	if !strings.HasPrefix(name, "+") && !strings.HasPrefix(name, "-") {
		return name
	}
	sign, minutes := "+", offset/60
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	if minutes%60 == 0 {
		return fmt.Sprintf("UTC%s%d", sign, minutes/60)
	}
	return fmt.Sprintf("UTC%s%d:%02d", sign, minutes/60, minutes%60)
}

// Time writes date and time: 21 Nov 2026, 14:05 CET (13:05 UTC).
func (p *Printer) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.T("frame.moment", map[string]any{"Date": p.Date(t), "Clock": p.Clock(t)})
}

// Age writes how long ago (or how long until) in one unit: 3 h, 5 d, 40 min. The
// number is cut, never rounded up, so that nothing looks older than it is.
func (p *Printer) Age(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	unit, n := "minutes", int64(d/time.Minute)
	switch {
	case d < time.Minute:
		unit, n = "seconds", int64(d/time.Second)
	case d >= 365*24*time.Hour:
		unit, n = "years", int64(d/(365*24*time.Hour))
	case d >= 48*time.Hour:
		unit, n = "days", int64(d/(24*time.Hour))
	case d >= time.Hour:
		unit, n = "hours", int64(d/time.Hour)
	}
	return p.T("frame.age."+unit, map[string]any{"Count": n})
}

// Bytes writes a size: 1.4 MB (powers of ten).
func (p *Printer) Bytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	size, at := float64(n), 0
	for size >= 1000 && at < len(units)-1 {
		size, at = size/1000, at+1
	}
	return p.Decimal(size, 1) + "\u00a0" + units[at]
}

// Zone is the zone in which times are written.
func (p *Printer) Zone() *time.Location { return p.zone }
