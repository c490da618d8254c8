package observable

import (
	"net/netip"
	"strings"
)

// Detect guesses the kind of one token, such as a line that somebody pasted; ok is
// false when it is of none that could be told without being said. A handle is told
// by its @, a domain by an end that exists, a file by an ending that is known.
func Detect(text string) (o Observable, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > MaxText {
		return Observable{}, false
	}
	if strings.Contains(text, "://") || strings.ContainsRune(text, '[') && strings.Contains(text, "//") {
		return try(URL, text)
	}
	plain, why := settle(words, text)
	if why != "" {
		return Observable{}, false
	}
	kinds := []Kind{IP, CIDR, Phone}
	if strings.HasPrefix(plain, "@") {
		kinds = []Kind{Account}
	} else if strings.Contains(plain, "@") {
		kinds = []Kind{Email, Account}
	}
	for _, k := range kinds {
		if o, ok := try(k, plain); ok {
			return o, true
		}
	}
	if o, ok := word(plain, plain != text); ok {
		return o, true
	}
	return try(IBAN, plain)
}

// try is Parse without the making of an error.
func try(kind Kind, text string) (Observable, bool) {
	r, _ := ruleOf(kind)
	value, why := read(r.read, text)
	if why != "" {
		return Observable{}, false
	}
	return Observable{kind, value}, true
}

// word tells what a token is that holds no slash, colon or @. Defanged ones need no
// benefit of the doubt: somebody took them for a name.
func word(s string, defanged bool) (Observable, bool) {
	if strings.IndexByte(s, '.') >= 0 {
		return dotted(s, defanged)
	}
	switch n := len(s); {
	case n < 9:
	case hasPrefixFold(s, "CVE-"):
		return try(CVE, s)
	case n == 32 || n == 40 || n == 64 || n == 128:
		if o, ok := hash(s); ok {
			return o, true
		}
	}
	if len(s) >= 15 {
		return money(s)
	}
	return Observable{}, false
}

func dotted(s string, defanged bool) (Observable, bool) {
	if isDigit(s[len(s)-1]) && strings.Trim(s, "0123456789.") == "" {
		if _, err := netip.ParseAddr(s); err == nil {
			return Observable{IP, s}, true
		}
		return Observable{}, false
	}
	ending := strings.ToLower(s[strings.LastIndexByte(s, '.')+1:])
	if !defanged && (fileEnding(ending) || nameEnding(ending) && ambiguous(s, ending)) {
		return try(FileName, s)
	}
	o, ok := try(Domain, s)
	return o, ok && (defanged || listed(o.Value))
}

// fileEnding knows endings of files that no top-level domain has.
func fileEnding(s string) bool {
	switch s {
	case "exe", "dll", "sys", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "js", "jse", "wsf", "hta", "scr", "lnk", "msi", "cpl",
		"jar", "class", "apk", "ipa", "dmg", "elf", "bin", "dat", "tmp", "doc", "docx", "docm", "xls", "xlsx", "xlsm", "xll",
		"ppt", "pptx", "rtf", "pdf", "odt", "one", "iso", "img", "vhd", "vhdx", "rar", "7z", "gz", "tgz", "tar", "bz2", "xz", "cab",
		"html", "htm", "php", "asp", "aspx", "jsp", "jspx", "txt", "log", "csv", "json", "xml", "yml", "yaml", "conf", "cfg", "ini",
		"png", "jpg", "jpeg", "gif", "svg", "eml", "msg", "pem", "key", "crt", "kdbx", "sql", "bak", "dmp", "pcap":
		return true
	}
	return false
}

// nameEnding knows endings that are both of files and of countries or registries.
func nameEnding(s string) bool {
	switch s {
	case "py", "sh", "pl", "rs", "md", "zip", "mov", "ps", "so":
		return true
	}
	return false
}

// ambiguous tells whether a name such as tool.py reads as a file: two labels and no
// www. A shared object begins with lib.
func ambiguous(s, ending string) bool {
	if ending == "so" {
		return strings.HasPrefix(s, "lib")
	}
	return strings.Count(s, ".") == 1
}

// hash wants a letter and a digit: a row of digits is a number, a row of letters a word.
func hash(s string) (Observable, bool) {
	if !isHex(s) || digits(s) || !strings.ContainsAny(s, "0123456789") {
		return Observable{}, false
	}
	kind := map[int]Kind{32: MD5, 40: SHA1, 64: SHA256, 128: SHA512}[len(s)]
	return Observable{kind, strings.ToLower(s)}, true
}

// money tells bank accounts and wallets apart by their first characters and lengths;
// their checksums leave no doubt. A 3… is taken for Bitcoin's.
func money(s string) (Observable, bool) {
	if !alnum(s) {
		return Observable{}, false
	}
	switch n := len(s); {
	case n == 95 || n == 106:
		return try(Monero, s)
	case n == 42 && hasPrefixFold(s, "0x"):
		return try(Ethereum, s)
	case hasPrefixFold(s, "bc1"):
		return try(Bitcoin, s)
	case hasPrefixFold(s, "ltc1"):
		return try(Litecoin, s)
	case n <= 34 && isUpper(s[0]) && isUpper(s[1]) && isDigit(s[2]) && isDigit(s[3]):
		if o, ok := try(IBAN, s); ok {
			return o, true
		}
	}
	if len(s) < 25 || len(s) > 35 {
		return Observable{}, false
	}
	switch s[0] {
	case '1', '3':
		return try(Bitcoin, s)
	case 'L', 'M':
		return try(Litecoin, s)
	case 'D', 'A', '9':
		return try(Dogecoin, s)
	case 'T':
		return try(Tron, s)
	case 'r':
		return try(XRP, s)
	}
	return Observable{}, false
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
