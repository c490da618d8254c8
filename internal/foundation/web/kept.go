package web

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"almenara.example/internal/foundation/fault"
)

// Refuse puts a refusal on a page that shows the forms again, filled with what was typed
// (Form.Fill): each fault beside its field, and, when somebody was faster at changing
// the same thing, what stands now where the reader typed something else.
func (page *Page) Refuse(r *http.Request, problem error, forms ...*Form) {
	words := PrinterOf(r.Context())
	page.Fault, page.Faults = Sentence(words, classify(problem)), FieldFaults(words, problem)
	for _, f := range forms {
		f.Fail(page.Faults)
		if fault.CodeOf(problem) == fault.Conflict && f.changes() {
			page.Differs = append(page.Differs, f.differs...)
		}
	}
}

// changes tells whether a form is about something that stands, in one of its versions.
func (f *Form) changes() bool {
	return slices.ContainsFunc(f.Hidden, func(h Hidden) bool { return h.Name == "version" || h.Name == "last" })
}

// Typed lists what somebody wrote in words into a posted form that was read, the longest
// first: for a page that can no longer show the form.
func Typed(r *http.Request) (out []string) {
	for name, values := range r.PostForm {
		if name == tokenField || name == "code" { // a code opens a report
			continue
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); utf8.RuneCountInString(v) > 20 || strings.ContainsAny(v, " \n") {
				out = append(out, v)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return out
}

// lost lists what was typed into a refused form that the page does not show again: its
// form is gone, because the thing is.
func lost(r *http.Request, status int, page string) (out []string) {
	if r.Method != http.MethodPost || status < http.StatusBadRequest {
		return nil
	}
	lines := strings.NewReplacer("\r\n", "\n")
	page = lines.Replace(html.UnescapeString(page))
	for _, text := range Typed(r) {
		if !strings.Contains(page, lines.Replace(text)) {
			out = append(out, text)
		}
	}
	return out
}

// readRefused reads a form that is refused before its handler ran, so that its words can
// be given back to whoever was signed out while typing. What cannot be read is gone.
func (s *Site) readRefused(w http.ResponseWriter, r *http.Request, route *Route, err error) {
	if fault.CodeOf(err) != fault.Unauthenticated || r.Method != http.MethodPost || route.API || route.Stream || !isForm(r) {
		return
	}
	s.bound(w, r, route)
	if err := Parse(r); err != nil {
		r.PostForm = nil
	}
}
