package web

import (
	"net/http"
	"slices"
)

// Letter is a mail that came in, as the part "letter" shows it. Nothing of it is shown
// live: words are text, files and the mail itself are saved (see SaveFile).
type Letter struct {
	Warning string // what speaks against the sender, in a sentence
	Words   string
	Files   []LetterFile
	Raw     string // address of the mail as it arrived; empty: not handed out
}

// LetterFile is an attachment. URL is where it is shown, Save where it is saved from;
// one without either is only named.
type LetterFile struct{ Label, Note, URL, Save string }

// Doubtful tells whether what is known of a signature (the verdicts of outbound) speaks
// against the sender.
func Doubtful(verdict string) bool {
	return slices.Contains([]string{"bad", "expired", "revoked", "foreign"}, verdict)
}

// SignatureBadge says in words who signed a mail, and whether it was sealed.
func SignatureBadge(r *http.Request, verdict string, sealed bool) Badge {
	b := Badge{Tone: "medium", Icon: "question"}
	switch {
	case verdict == "":
		b, verdict = Badge{Tone: "info", Icon: "mail"}, "none"
	case verdict == "good":
		b = Badge{Tone: "ok", Icon: "key"}
	case Doubtful(verdict):
		b = Badge{Tone: "critical", Icon: "warning"}
	}
	if b.Word = Say(r, "frame.signature."+verdict); sealed {
		b.Word += " · " + Say(r, "frame.sealed")
	}
	return b
}

// SignatureWarning is what a signature that proves nothing means; empty for one that is
// good, and for none.
func SignatureWarning(r *http.Request, verdict string) string {
	if verdict == "" || verdict == "good" {
		return ""
	}
	return Say(r, "frame.signature."+verdict+".why")
}

// SaveFile hands bytes from outside out to be saved under a name, never to be shown.
func SaveFile(w http.ResponseWriter, name string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", Attachment(name))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, err := w.Write(body)
	return err
}
