package incident

import (
	"cmp"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"almenara.example/internal/foundation/fault"
	"almenara.example/observable"
	"almenara.example/rsit"
	"almenara.example/tlp"
)

// translation makes of another system's cases what will stand here.
type translation struct {
	origin Origin
	now    time.Time
	each   func(*foreignCase) error // takes a case as soon as it is read
	result ImportResult
	sorts  map[string]int  // how many notes there are of a sort
	at     map[string]int  // where the note on all of a sort is
	room   int             // entries that may still come
	said   map[string]bool // by whom something is said
}

func (t *translation) read(src io.ReaderAt) (err error) {
	t.room = MaxImportEntries
	switch t.origin {
	case RTIR:
		err = t.rtir(src)
	case TheHive:
		err = t.theHive(src)
	case IRIS:
		err = t.iris(src)
	default:
		err = fault.OnField("from", "incident.import.unknown", fault.Args{"Value": fault.Clip(string(t.origin))})
	}
	if err == nil && t.room <= 0 {
		err = fault.New(fault.Invalid, "incident.import.large", fault.Args{"Max": MaxImportEntries})
	}
	return err
}

func (t *translation) key(number string) string { return string(t.origin) + ":" + number }

// begin begins a case. Its marking is at least AMBER; RED is for persons whom this
// installation does not know, so it is kept as AMBER+STRICT, told in a note.
func (t *translation) begin(line int, number, title string, m tlp.Marking, opened, closed time.Time) *foreignCase {
	f := foreignCase{line: line, key: t.key(number)}
	f.head = Incident{State: Resolved, Title: cmp.Or(oneLine(title, MaxTitle), f.key), Severity: Medium, Marking: t.marking(line, m)}
	f.head.OpenedAt = t.past(opened, closed)
	f.head.ClosedAt = t.past(closed, opened)
	if f.head.ClosedAt.Before(f.head.OpenedAt) {
		f.head.ClosedAt = f.head.OpenedAt
	}
	return &f
}

func (t *translation) marking(line int, m tlp.Marking) tlp.Marking {
	if m == tlp.Red {
		t.many(line, "red", "")
		return tlp.AmberStrict
	}
	return tlp.Strictest(m, tlp.Amber)
}

// class is the RSIT type that a word of theirs means, empty for none.
func class(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	if also, ok := map[string]string{
		"spam": "spam", "system compromise": "system-compromise", "scan": "scanner", "denial of service": "dos", "piracy": "copyright",
		"phishing": "phishing", "ransomware": "infected-system", "malware": "infected-system",
	}[word]; ok {
		return also
	}
	if at := strings.LastIndexAny(word, ":="); at >= 0 { // "malicious-code:c2-server", rsit:fraud="phishing"
		word = word[at+1:]
	}
	if word = strings.Trim(word, `" `); rsit.ClassOf(word) != "" {
		return word
	}
	return ""
}

// say adds an entry: cut to what fits here, what does not fit as files. One that says
// nothing is left out.
func (t *translation) say(f *foreignCase, e foreignEntry) {
	if t.room <= 0 { // said when all is read
		return
	}
	e.Kind = cmp.Or(e.Kind, Note)
	e.At, e.By, e.Text = t.past(e.At, f.head.OpenedAt), oneLine(e.By, MaxTitle), clean(e.Text)
	if e.Marking = tlp.Strictest(e.Marking, f.head.Marking); e.Marking == tlp.Red {
		e.Marking = t.marking(f.line, e.Marking)
	}
	if utf8.RuneCountInString(e.Text) > MaxText {
		e.Files = append(e.Files, NewFile{Name: "text.txt", Body: []byte(e.Text)})
		e.Text = string([]rune(e.Text)[:MaxText-1]) + "…"
	}
	e.Files = t.files(f, e.Files)
	if e.Text == "" && len(e.Observables) == 0 && len(e.Files) == 0 {
		return
	}
	t.room--
	rest := e.Files[min(len(e.Files), MaxFiles):]
	e.Files = e.Files[:len(e.Files)-len(rest)]
	more := e.Observables[min(len(e.Observables), MaxObservables):]
	e.Observables = e.Observables[:len(e.Observables)-len(more)]
	f.entries = append(f.entries, e)
	if len(rest)+len(more) > 0 {
		t.say(f, foreignEntry{NewEntry: NewEntry{Kind: e.Kind, By: e.By, At: e.At, Marking: e.Marking, Files: rest, Observables: more}})
	}
}

// files leaves out those that are empty or too large.
func (t *translation) files(f *foreignCase, all []NewFile) (out []NewFile) {
	for _, one := range all {
		switch {
		case len(one.Body) > MaxFile:
			t.note(f.line, "file", fault.Args{"Number": f.key, "Name": fileName(one.Name), "Max": MaxFile >> 20})
		case len(one.Body) > 0:
			out = append(out, one)
		}
	}
	return out
}

// sighting is something technical in their words.
type sighting struct{ kind, value, about string }

// sightings add one entry with what was seen: what is of a kind that is known here and
// right becomes an observable, all else stays text.
func (t *translation) sightings(f *foreignCase, e foreignEntry, all []sighting) {
	var lines []string
	for _, s := range all {
		o, ok := t.observable(f, s)
		if ok {
			e.Observables = append(e.Observables, o)
		}
		switch {
		case s.value == "":
		case !ok:
			lines = append(lines, strings.TrimSpace(s.kind+": "+s.value+"  "+s.about))
		case s.about != "":
			lines = append(lines, s.value+"  "+s.about)
		}
	}
	e.Kind, e.Text = Observable, strings.Join(lines, "\n")
	t.say(f, e)
}

func (t *translation) observable(f *foreignCase, s sighting) (NewObservable, bool) {
	kinds := kindsOf(s.kind)
	for _, k := range kinds {
		n := NewObservable{k, s.value}
		if _, err := n.parse(); err == nil {
			return n, true
		}
	}
	if s.value == "" {
		return NewObservable{}, false
	}
	if len(kinds) == 0 {
		t.many(f.line, "observable_kind", fault.Clip(s.kind))
	} else {
		t.note(f.line, "observable", fault.Args{"Number": f.key, "Kind": fault.Clip(s.kind), "Value": fault.Clip(s.value)})
	}
	return NewObservable{}, false
}

// kindsOf are the kinds that a word of another system may mean, to be tried in turn.
func kindsOf(word string) []observable.Kind {
	switch strings.ToLower(word) {
	case "ip", "ip-any", "ip-src", "ip-dst":
		return []observable.Kind{observable.IP, observable.CIDR}
	case "domain", "fqdn", "hostname", "host":
		return []observable.Kind{observable.Domain}
	case "url", "uri":
		return []observable.Kind{observable.URL}
	case "mail", "email", "email-src", "email-dst", "mail-address":
		return []observable.Kind{observable.Email}
	case "hash", "md5", "sha1", "sha256", "sha512":
		return []observable.Kind{observable.MD5, observable.SHA1, observable.SHA256, observable.SHA512}
	case "filename", "file":
		return []observable.Kind{observable.FileName}
	case "vulnerability", "cve":
		return []observable.Kind{observable.CVE}
	case "account", "github-username", "twitter-id":
		return []observable.Kind{observable.Account}
	case "phone-number", "phone":
		return []observable.Kind{observable.Phone}
	case "btc":
		return []observable.Kind{observable.Bitcoin}
	case "xmr":
		return []observable.Kind{observable.Monero}
	case "iban":
		return []observable.Kind{observable.IBAN}
	}
	return nil
}

// task adds a task as it stood. When it was due is not kept: nobody owes anything in an
// incident that is over.
func (t *translation) task(f *foreignCase, e foreignEntry, status string) {
	e.Kind, e.Task = TaskEntry, &NewTask{}
	switch strings.ToLower(strings.ReplaceAll(status, " ", "")) {
	case "completed", "done", "resolved":
		e.state = Done
	case "cancel", "cancelled", "canceled", "rejected", "abandoned":
		e.state = Canceled
	case "inprogress", "open":
		e.state = Doing
	case "onhold":
		e.state = OnHold
	default:
		e.state = Todo
	}
	if !e.state.Ended() {
		e.doneAt = time.Time{}
	}
	t.say(f, e)
}

// paragraphs joins texts that are not empty.
func paragraphs(all ...string) string {
	var out []string
	for _, s := range all {
		if s = clean(s); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, "\n\n")
}

// named is "name: value", empty without a value.
func named(name, value string) string {
	if value = strings.TrimSpace(value); value == "" {
		return ""
	}
	return name + ": " + value
}
