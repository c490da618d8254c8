package message

import (
	"regexp"
	"strings"
)

var (
	// The line of a mail program before what it quotes, in the four languages. Lengths
	// are held by attribution: counted repetitions are slow.
	wrote = regexp.MustCompile(`(?i)^(on|le|el|em|am|il|op)\b.+\b(wrote|a écrit|a ecrit|escribió|escribio|escreveu|schrieb.*|ha scritto|schreef.*)\s*:$`)
	// The other way: "Ana Sol <ana@…> schrieb am 3. Mai …:".
	wroteName    = regexp.MustCompile(`(?i)^.+[>@].*\b(schrieb am|wrote on|a écrit le|escribió el)\b.+:$`)
	originalLine = regexp.MustCompile(`(?i)^\s*[-_*]{2,}\s*(original message|original appointment|forwarded message|message d['’]origine|message original|message transféré|mensaje original|mensaje reenviado|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht)\s*[-_*]{2,}\s*$`)
	ruler        = regexp.MustCompile(`^\s*_{20,}\s*$`)
	fromLine     = regexp.MustCompile(`(?i)^\s*\*?(from|de|von|expéditeur)\s?:\*?\s+\S`)
	dateLine     = regexp.MustCompile(`(?i)^\s*\*?(sent|date|envoyé|envoyé le|enviado|enviado el|fecha|gesendet|datum)\s?:\*?\s+\S`)
	toLine       = regexp.MustCompile(`(?i)^\s*\*?(to|à|a|para|an|destinataire|subject|objet|asunto|betreff)\s?:\*?\s`)
)

// SplitQuoted parts the new words of a reply from what it quotes: lines with ">",
// and everything below the line with which a mail program begins a quotation.
// Answers between quoted lines are words.
func SplitQuoted(text string) (words, quoted string) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var w, q []string
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		switch n := attribution(lines, i); {
		case strings.HasPrefix(strings.TrimLeft(l, " "), ">"):
			q = append(q, l)
		case n > 0 && quotedBelow(lines, i+n):
			q = append(q, lines[i:i+n]...)
			i += n - 1
		case n > 0, originalLine.MatchString(l), block(lines, i):
			q = append(q, lines[i:]...)
			i = len(lines)
		default:
			w = append(w, l)
		}
	}
	return join(w), join(q)
}

func join(lines []string) string {
	s := strings.Trim(strings.Join(lines, "\n"), "\n")
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s + "\n"
}

// attribution returns how many lines from i are "On … wrote:", broken or not; 0 for
// none.
func attribution(lines []string, i int) int {
	if t := strings.TrimSpace(lines[i]); t == "" || len(t) > 600 {
		return 0
	}
	l := ""
	for n := 1; n <= 4 && i+n <= len(lines); n++ {
		next := strings.TrimSpace(lines[i+n-1])
		if n > 1 && (next == "" || strings.HasPrefix(next, ">")) || len(next) > 600 {
			return 0
		}
		l = strings.TrimSpace(l + " " + next)
		if strings.HasSuffix(next, ":") {
			if len(l) < 600 && (wrote.MatchString(l) || wroteName.MatchString(l)) {
				return n
			}
			return 0
		}
	}
	return 0
}

// quotedBelow tells whether the next line with words begins with ">".
func quotedBelow(lines []string, i int) bool {
	for ; i < len(lines); i++ {
		if t := strings.TrimSpace(lines[i]); t != "" {
			return strings.HasPrefix(t, ">")
		}
	}
	return true
}

// block tells whether the header of an earlier mail begins at i, as Outlook puts it
// into the text: From, a date, a recipient.
func block(lines []string, i int) bool {
	if ruler.MatchString(lines[i]) {
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) == ""; i++ {
		}
	}
	if i >= len(lines) || !fromLine.MatchString(lines[i]) {
		return false
	}
	date, to := false, false
	for _, l := range lines[i+1 : min(i+8, len(lines))] {
		date = date || dateLine.MatchString(l)
		to = to || toLine.MatchString(l)
	}
	return date && to
}
