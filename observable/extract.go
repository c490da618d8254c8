package observable

import (
	"math"
	"net/netip"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Found is an observable of a text: text[Start:End] is what stands for it there.
type Found struct {
	Observable
	Start, End int // bytes
}

// maxToken is the longest run without blanks that is looked into, but for a URL:
// longer ones are encoded data.
const maxToken = 1024

// Extract finds the observables of a text, in its order, every time that they occur;
// at most limit of them, all when limit is not above zero. Handles (@name) are left
// out: text is full of what looks like them.
func Extract(text string, limit int) []Found {
	if limit <= 0 {
		limit = math.MaxInt
	}
	x := extractor{text: text, limit: limit, class: classes()}
	for pos := 0; pos < len(text) && len(x.found) < limit; {
		pos = x.token(pos)
	}
	return x.found[:min(len(x.found), limit)]
}

// The classes of bytes that decide whether a token is worth a closer look.
const (
	ends    = 1 << iota // stands between tokens
	digit               // 0-9
	dot                 //
	mark                // colon, slash, @
	bracket             // may begin a defanged sign
	plus                // may begin a telephone number
	foreign             // not ASCII
)

var classes = sync.OnceValue(func() *[256]byte {
	var t [256]byte
	for c := range t {
		switch {
		case c <= ' ' || c == 0x7f || strings.IndexByte("<>\"'`|,;=\\", byte(c)) >= 0:
			t[c] = ends
		case isDigit(byte(c)):
			t[c] = digit
		case c == '.':
			t[c] = dot
		case c == ':' || c == '/' || c == '@' || c == '?' || c == '&' || c == '#':
			t[c] = mark
		case strings.IndexByte("[](){}*", byte(c)) >= 0:
			t[c] = bracket
		case c == '+':
			t[c] = plus
		case c >= 0x80:
			t[c] = foreign
		}
	}
	return &t
})

type extractor struct {
	text  string
	limit int
	class *[256]byte
	found []Found
	prev  string // the token before, for "version 1.2.3.4"
	end   int    // of the run that was scanned last, and what it holds: a URL may
	flags byte   // use up a part of it, and the rest is not scanned again
}

func (x *extractor) add(o Observable, start, end int) {
	x.found = append(x.found, Found{o, start, end})
}

// token reads one token from pos on and returns where the next may begin.
func (x *extractor) token(pos int) int {
	start := pos
	if x.end <= start {
		x.scan(start)
	}
	pos, flags := x.end, x.flags
	if pos == start {
		return pos + 1
	}
	s := x.text[start:pos]
	if flags&mark != 0 {
		if next := x.url(start, s); next > 0 {
			return next
		}
	}
	if flags&plus != 0 {
		if next := x.phone(start, s); next > 0 {
			return next
		}
	}
	if flags&digit != 0 && len(s) == 4 {
		if next := x.spacedIBAN(start, s); next > 0 {
			return next
		}
	}
	if len(s) <= maxToken && (flags&(dot|mark|bracket) != 0 || len(s) > 8 && flags&digit != 0) {
		x.look(s, start, flags)
	}
	x.prev = s
	return pos
}

// scan finds the end of the run of bytes that begins at pos.
func (x *extractor) scan(pos int) {
	x.flags = 0
	for pos < len(x.text) {
		c := x.class[x.text[pos]]
		if c == ends {
			break
		}
		x.flags |= c
		pos++
	}
	x.end = pos
}

// look trims what the sentence put around a token and takes it apart.
func (x *extractor) look(s string, at int, flags byte) {
	s, at = trim(s, at, flags&foreign != 0)
	if s == "" {
		return
	}
	if flags&bracket == 0 {
		x.parts(s, at, false)
		return
	}
	plain, why := settle(words, s)
	if why == "" && plain != s {
		before := len(x.found)
		x.parts(plain, 0, true)
		for i := range x.found[before:] {
			f := &x.found[before+i]
			f.Start, f.End = at, at+len(s)
		}
		return
	}
	if o, ok := whole(s); ok { // [2001:db8::1]:443
		x.add(o, at, at+len(s))
		return
	}
	each(s, at, "[](){}*", func(s string, at int, _ byte) { x.parts(s, at, false) })
}

// trim takes quotes, brackets and the sentence's own signs off both ends.
func trim(s string, at int, anyRune bool) (string, int) {
	const signs = ".,:!?-_*~/&#()[]{}"
	cut := func(r rune) bool {
		return r < 0x80 && strings.ContainsRune(signs, r) || r >= 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	if strings.HasPrefix(s, "[") && strings.Contains(s, "]:") || strings.HasPrefix(s, ":") {
		return strings.TrimRight(s, ".,!?"), at // [2001:db8::1]:443, ::1
	}
	if !anyRune {
		left := strings.TrimLeft(s, ".,:!?-*~/&#()[]{}")
		at += len(s) - len(left)
		return strings.TrimRight(left, signs), at
	}
	left := strings.TrimLeftFunc(s, cut)
	at += len(s) - len(left)
	return strings.TrimRightFunc(left, cut), at
}

// each calls f with the parts of s between the bytes of seps, and with the byte
// before each part (0 before the first).
func each(s string, at int, seps string, f func(part string, at int, before byte)) {
	before, from := byte(0), 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && strings.IndexByte(seps, s[i]) < 0 {
			continue
		}
		if i > from {
			f(s[from:i], at+from, before)
		}
		if i < len(s) {
			before = s[i]
		}
		from = i + 1
	}
}

// parts tries a token as a whole, then between its slashes and colons.
func (x *extractor) parts(s string, at int, defanged bool) {
	if o, ok := whole(s); ok {
		x.add(o, at, at+len(s))
		return
	}
	product := false
	each(s, at, "/:?&#", func(s string, at int, before byte) {
		x.part(s, at, defanged, before == '/' && product)
		product = strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '_' }) < 0
	})
}

// whole reads what a slash or colon is part of: addresses and networks.
func whole(s string) (Observable, bool) {
	if strings.IndexByte(s, '/') >= 0 {
		return try(CIDR, s)
	}
	colons := strings.Count(s, ":")
	if colons == 0 || colons > 1 && (len(s) < 4 && s != "::1" || !strings.ContainsAny(s, "0123456789")) {
		return Observable{}, false
	}
	if colons == 1 && !isDigit(s[0]) {
		return Observable{}, false
	}
	return try(IP, s)
}

// part reads a token without slashes and colons. After a product's name and a slash
// four numbers are a version.
func (x *extractor) part(s string, at int, defanged, product bool) {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		if o, ok := try(Email, s); ok {
			if _, domain, _ := strings.Cut(o.Value, "@"); defanged || listed(domain) {
				x.add(o, at, at+len(s))
				return
			}
		}
		each(s, at, "@", func(s string, at int, _ byte) { x.single(s, at, defanged, product) })
		return
	}
	x.single(s, at, defanged, product)
}

func (x *extractor) single(s string, at int, defanged, product bool) {
	if len(x.found) >= x.limit {
		return
	}
	if o, ok := word(s, defanged); ok {
		if o.Kind == IP && !defanged && (product || versionWord(x.prev)) {
			return
		}
		x.add(o, at, at+len(s))
		return
	}
	if !isASCII(s) {
		x.latin(s, at, defanged)
	}
}

// latin reads the ASCII runs of a token that as a whole is nothing: scripts without
// blanks put names between their own letters.
func (x *extractor) latin(s string, at int, defanged bool) {
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && s[i] < utf8.RuneSelf {
			i++
		}
		if run := strings.Trim(s[from:i], ".-_"); len(run) > 3 {
			from += strings.Index(s[from:i], run)
			if o, ok := word(run, defanged); ok {
				x.add(o, at+from, at+from+len(run))
			}
		}
		for i < len(s) && s[i] >= utf8.RuneSelf {
			i++
		}
	}
}

func versionWord(s string) bool {
	switch strings.ToLower(strings.Trim(s, "(:.")) {
	case "version", "versions", "ver", "v", "release", "build", "firmware", "revision", "rev", "fw":
		return true
	}
	return false
}

// phone reads a number with its blanks, begun by a plus sign that follows nothing or
// an opening bracket.
func (x *extractor) phone(start int, s string) (next int) {
	i := strings.IndexByte(s, '+')
	if i > 0 && strings.IndexByte("(:", s[i-1]) < 0 || i+1 >= len(s) || !isDigit(s[i+1]) {
		return 0
	}
	from := start + i
	end, count := from+1, 0
	for p := from + 1; p < len(x.text) && p < from+32; p++ {
		c := x.text[p]
		if isDigit(c) {
			end = p + 1
			count++
		} else if strings.IndexByte(" -./()", c) < 0 {
			break
		}
	}
	if count < 8 || end < len(x.text) && isAlnum(x.text[end]) {
		return 0
	}
	o, ok := try(Phone, x.text[from:end])
	if !ok {
		return 0
	}
	x.add(o, from, end)
	return end
}

// spacedIBAN reads an IBAN written in groups of four.
func (x *extractor) spacedIBAN(start int, s string) (next int) {
	if !isUpper(s[0]) || !isUpper(s[1]) || !isDigit(s[2]) || !isDigit(s[3]) {
		return 0
	}
	left, end := ibanLength(s[:2])-4, start+4
	for left > 0 {
		group := min(4, left)
		if end+1+group > len(x.text) || x.text[end] != ' ' || !alnum(x.text[end+1:end+1+group]) {
			return 0
		}
		end, left = end+1+group, left-group
	}
	o, ok := try(IBAN, x.text[start:end])
	if !ok {
		return 0
	}
	x.add(o, start, end)
	return end
}

// url reads a URL that begins within the token s and may go on behind it.
func (x *extractor) url(start int, s string) (next int) {
	sep := separator(s)
	if sep < 0 {
		return 0
	}
	from := sep
	for from > 0 && (isAlnum(s[from-1]) || s[from-1] == '*') && sep-from < 20 {
		from--
	}
	if !webScheme(schemeOf(s[from:sep])) {
		return 0
	}
	end := urlEnd(x.text, start+from)
	o, ok := try(URL, x.text[start+from:end])
	if !ok || !reachable(o.Value) {
		return 0
	}
	if from > 0 && from <= maxToken { // text without blanks before it
		x.look(s[:from], start, x.flags)
	}
	x.add(o, start+from, end)
	return end
}

// separator finds "://", defanged or not.
func separator(s string) int {
	i := strings.Index(s, "//")
	if i < 0 {
		return -1
	}
	for _, sep := range []string{"://", "[:]//", "[://]", "[:/]/"} {
		if i := strings.Index(s[:min(len(s), i+4)], sep); i > 0 {
			return i
		}
	}
	return -1
}

func webScheme(s string) bool {
	switch s {
	case "http", "https", "ftp", "ftps", "sftp", "ssh", "tcp", "udp", "ws", "wss", "rdp", "smb", "ldap", "ldaps", "telnet", "irc", "ircs", "tftp", "rtsp", "dns", "tls", "socks", "socks4", "socks5":
		return true
	}
	return false
}

// reachable leaves out what names no place in the world: a host of one label.
func reachable(url string) bool {
	host := url[strings.Index(url, "://")+3:]
	host = host[:strings.IndexByte(host, '/')]
	host, _ = cutPort(host[strings.LastIndexByte(host, '@')+1:])
	if strings.HasPrefix(host, "[") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil || strings.Contains(host, ".")
}

// urlEnd finds the end of a URL in a sentence: a blank, a quote, a closing bracket
// that was not opened in it; the sentence's own signs at the end are not its own.
func urlEnd(text string, from int) int {
	round, square, end := 0, 0, from
scan:
	for end < len(text) && end-from < MaxText {
		r, size := rune(text[end]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[end:])
		}
		switch {
		case r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"`|^\\", r) || foreignSign(r):
			break scan
		case r == '(':
			round++
		case r == '[':
			square++
		case r == ')':
			if round--; round < 0 {
				break scan
			}
		case r == ']':
			if square--; square < 0 {
				break scan
			}
		}
		end += size
	}
	return from + len(strings.TrimRight(text[from:end], ".,:;!?'*_"))
}

func foreignSign(r rune) bool {
	return r >= utf8.RuneSelf && (r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsPunct(r))
}
