package idf

import (
	"bytes"
	"time"
)

// Times outside these years are taken for errors of the sender.
const (
	firstYear = 1970
	lastYear  = 2100
)

const secondMicros = 1_000_000

// ParseTime reads a point in time and returns it in microseconds since 1970,
// UTC. A text without a zone is UTC. The usual form, a date and a time of day
// as in ISO 8601 or RFC 3339 ("2006-01-02 15:04:05", "T" between, a fraction,
// "Z", " UTC", "+01:00", "+0100"), is read without allocating; otherwise the
// forms of RFC 1123, RFC 850, ANSI C, Unix date, web server logs and
// certificates are tried. A date alone is its midnight. Zones by name are
// refused except UTC and GMT: their offsets are not certain. So are years
// before 1970 and after 2100.
func ParseTime(b []byte) (micros int64, ok bool) {
	if micros, ok = parseISO(b); ok {
		return micros, true
	}
	if micros, ok = parseHTTPDate(b); ok {
		return micros, true
	}
	return parseOther(b)
}

// parseHTTPDate reads "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section
// 5.6.7), which reports hold in plenty.
func parseHTTPDate(b []byte) (int64, bool) {
	if len(b) != 29 || b[3] != ',' || b[4] != ' ' || b[7] != ' ' || b[11] != ' ' || b[16] != ' ' ||
		b[19] != ':' || b[22] != ':' || string(b[25:]) != " GMT" {
		return 0, false
	}
	switch string(b[:3]) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
	default:
		return 0, false
	}
	month := monthNumber(b[8:11])
	year, day := digits2(b[12:])*100+digits2(b[14:]), digits2(b[5:])
	hour, minute, second := digits2(b[17:]), digits2(b[20:]), digits2(b[23:])
	if month == 0 || year < firstYear || year > lastYear || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	return (int64(daysSince1970(year, month, day))*86400 + int64(hour*3600+minute*60+second)) * secondMicros, true
}

func monthNumber(b []byte) int {
	switch string(b) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// parseISO reads YYYY-MM-DD, then maybe a time of day, then maybe a zone.
func parseISO(b []byte) (int64, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	year, month, day := digits2(b[0:])*100+digits2(b[2:]), digits2(b[5:]), digits2(b[8:])
	if year < firstYear || year > lastYear || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	seconds := int64(daysSince1970(year, month, day)) * 86400
	if len(b) == 10 {
		return seconds * secondMicros, true
	}
	if len(b) < 16 || (b[10] != ' ' && b[10] != 'T' && b[10] != 't') || b[13] != ':' {
		return 0, false
	}
	hour, minute, second := digits2(b[11:]), digits2(b[14:]), 0
	rest := b[16:]
	if len(rest) >= 3 && rest[0] == ':' {
		second = digits2(rest[1:])
		rest = rest[3:]
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	micros := (seconds + int64(hour*3600+minute*60+second)) * secondMicros
	if len(rest) == 0 {
		return micros, true
	}
	fraction, rest, ok := parseFraction(rest)
	if !ok {
		return 0, false
	}
	offset, ok := parseZone(rest)
	if !ok {
		return 0, false
	}
	return micros + fraction - offset, true
}

// parseFraction reads ".123456789": what is below a microsecond is dropped.
func parseFraction(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) == 0 || (b[0] != '.' && b[0] != ',') {
		return 0, b, true
	}
	i, scale := 1, int64(secondMicros/10)
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		micros += int64(b[i]-'0') * scale
		scale /= 10
		i++
	}
	return micros, b[i:], i > 1 && i <= 10
}

// parseZone reads a zone and returns its offset from UTC in microseconds.
func parseZone(b []byte) (int64, bool) {
	b = bytes.TrimLeft(b, " ")
	switch string(b) {
	case "", "Z", "z", "UTC", "GMT", "utc", "gmt":
		return 0, true
	}
	sign := int64(1)
	switch b[0] {
	case '+':
	case '-':
		sign = -1
	default:
		return 0, false
	}
	b = b[1:]
	hours, minutes := -1, 0
	if len(b) >= 2 {
		hours = digits2(b)
	}
	switch {
	case len(b) == 2:
	case len(b) == 4:
		minutes = digits2(b[2:])
	case len(b) == 5 && b[2] == ':':
		minutes = digits2(b[3:])
	default:
		return 0, false
	}
	if hours < 0 || hours > 14 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	return sign * int64(hours*3600+minutes*60) * secondMicros, true
}

// parseOther tries the rarer layouts.
func parseOther(b []byte) (int64, bool) {
	const shortest, longest = 10, 48
	if len(b) < shortest || len(b) > longest {
		return 0, false
	}
	s := string(b)
	for _, layout := range [...]string{
		time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC, time.UnixDate, time.RFC822, time.RFC822Z,
		"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", "02/Jan/2006:15:04:05 -0700",
		"Jan 2 15:04:05 2006 MST", "Jan _2 15:04:05 2006 MST", "2006/01/02 15:04:05", "20060102150405Z", "20060102T150405Z",
	} {
		t, err := time.ParseInLocation(layout, s, time.UTC)
		if err != nil {
			continue
		}
		if zone, _ := t.Zone(); t.Location() != time.UTC && zone != "" && zone != "GMT" && zone != "UTC" {
			return 0, false
		}
		if y := t.UTC().Year(); y < firstYear || y > lastYear {
			return 0, false
		}
		return t.UnixMicro(), true
	}
	return 0, false
}

// AppendTime writes a time as the event format has it, in UTC with its offset
// ("2006-01-02T15:04:05+00:00"), and microseconds when there are any.
func AppendTime(dst []byte, micros int64) []byte {
	t := time.UnixMicro(micros).UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, "2006-01-02T15:04:05+00:00")
	}
	hour, minute, second := t.Clock()
	dst = append2(append2(dst, year/100), year%100)
	dst = append2(append(append2(append(dst, '-'), int(month)), '-'), day)
	dst = append2(append(append2(append(append2(append(dst, 'T'), hour), ':'), minute), ':'), second)
	if below := int(micros % secondMicros); below > 0 {
		dst = append2(append2(append2(append(dst, '.'), below/10000), below/100%100), below%100)
	}
	return append(dst, "+00:00"...)
}

func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

// digits2 reads two decimal digits; -1 (or less) when they are not. A result
// of two of them is below zero whenever one of them is.
func digits2(b []byte) int {
	hi, lo := b[0]-'0', b[1]-'0'
	if hi > 9 || lo > 9 {
		return -10000
	}
	return int(hi)*10 + int(lo)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar: years start in March,
// so that the leap day is a year's last.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
}
