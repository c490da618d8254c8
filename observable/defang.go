package observable

import (
	"net/netip"
	"strings"
)

// The ways in which people break a value. In a URL only the bracketed signs are
// undone behind the host, since "(dot)" may be part of a path.
var (
	signs = strings.NewReplacer("[.]", ".", "[:]", ":", "[://]", "://", "[:/]/", "://", "[//]", "//", "[/]", "/", "[@]", "@")
	words = strings.NewReplacer(
		"[.]", ".", "(.)", ".", "{.}", ".", "[:]", ":", "[@]", "@", "(@)", "@", "{@}", "@", "[/]", "/",
		"[dot]", ".", "(dot)", ".", "{dot}", ".", "[DOT]", ".", "(DOT)", ".", "{DOT}", ".", "[Dot]", ".", "(Dot)", ".",
		"[at]", "@", "(at)", "@", "{at}", "@", "[AT]", "@", "(AT)", "@", "{AT}", "@", "[At]", "@", "(At)", "@",
	)
)

const nested = "has brackets within brackets"

// settle replaces until nothing is left to replace, so that a canonical value holds
// no sign that the next reading would take for a defanged one.
func settle(r *strings.Replacer, s string) (out, why string) {
	if !strings.ContainsAny(s, "[({") {
		return s, ""
	}
	for range 3 {
		next := r.Replace(s)
		if next == s {
			return s, ""
		}
		s = next
	}
	return "", nested
}

// schemeOf undoes what is done to the scheme of a URL: hxxp, h**p, htxp, fxp.
func schemeOf(s string) string {
	switch s = strings.ToLower(s); s {
	case "hxxp", "h**p", "htxp", "hxtp":
		return "http"
	case "hxxps", "h**ps", "htxps", "hxtps":
		return "https"
	case "fxp":
		return "ftp"
	}
	return s
}

// Defang writes o for screens and mail: no program makes a link of it, and [Parse]
// reads it back. Kinds that nobody could click or connect to are shown as they are.
func Defang(o Observable) string {
	switch o.Kind {
	case IP, CIDR:
		return defangHost(o.Value)
	case Domain:
		return strings.ReplaceAll(o.Value, ".", "[.]")
	case Email:
		return defangMail(o.Value)
	case Account:
		if strings.HasPrefix(o.Value, "@") {
			return o.Value
		}
		return defangMail(o.Value)
	case URL:
		return defangURL(o.Value)
	case FileName:
		return showHidden(o.Value)
	}
	return o.Value
}

// defangHost breaks the dots of a name or IPv4 address, the first colon of IPv6.
func defangHost(host string) string {
	if strings.Count(host, ":") > 1 {
		return strings.Replace(host, ":", "[:]", 1)
	}
	return strings.ReplaceAll(host, ".", "[.]")
}

func defangMail(value string) string {
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return value
	}
	return value[:at] + "[@]" + strings.ReplaceAll(value[at+1:], ".", "[.]")
}

func defangURL(value string) string {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		return value
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	host, port := cutPort(rest[at:end])
	sep := "://"
	switch scheme {
	case "http":
		scheme = "hxxp"
	case "https":
		scheme = "hxxps"
	case "ftp":
		scheme = "fxp"
	default:
		sep = "[:]//"
	}
	if port != "" {
		port = ":" + port
	}
	return scheme + sep + rest[:at] + defangHost(host) + port + rest[end:]
}

// cutPort cuts "host:port"; the brackets of an IPv6 host stay.
func cutPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, ""
	}
	return s[:i], s[i+1:]
}
