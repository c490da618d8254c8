package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
)

// Problem is an error for programs: RFC 9457, with one entry per field concerned.
type Problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance,omitempty"` // the request's id
	Code     string         `json:"code"`               // fault's code
	Key      string         `json:"key"`                // catalogue key, stable for programs
	Args     map[string]any `json:"args,omitempty"`
	Errors   []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem is what is wrong with one field.
type FieldProblem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
	Key    string `json:"key"`
}

// Status is the HTTP status of a fault's code.
func Status(code fault.Code) int {
	switch code {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Denied:
		return http.StatusForbidden
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.LegalHold:
		return http.StatusUnavailableForLegalReasons
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

func statusOf(f *fault.Error) int {
	switch f.Key {
	case "fault.too_large":
		return http.StatusRequestEntityTooLarge
	case "fault.too_many": // the client's doing, so no error of ours in the log
		return http.StatusTooManyRequests
	}
	return Status(f.Code)
}

// classify turns the errors of net/http itself into faults.
func classify(err error) *fault.Error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return fault.Wrap(fault.Invalid, "fault.too_large", fault.Args{"Bytes": big.Limit}, err)
	}
	return fault.Of(err)
}

// Error answers a request with an error. Programs get problem+json, browsers a page;
// nobody who needs to sign in is sent there when a page was asked for. Operator
// detail is logged and never sent.
func (s *Site) Error(w http.ResponseWriter, r *http.Request, err error) {
	f := classify(err)
	status := statusOf(f)
	s.logError(r, f, status)
	rq := requestOf(r.Context())
	if rq.api || wantsJSON(r) {
		s.problem(w, rq, f, status)
		return
	}
	if f.Code == fault.Unauthenticated && r.Method == http.MethodGet && s.config.SignInURL != "" && rq.viewer.Nobody() && r.URL.Path != s.config.SignInURL {
		next := url.Values{"next": {r.URL.RequestURI()}}
		http.Redirect(w, r, s.config.SignInURL+"?"+next.Encode(), http.StatusSeeOther)
		return
	}
	data := errorData(rq, f, status)
	if r.Method == http.MethodPost {
		if data.Back = shownAt(r); f.Code == fault.Unauthenticated {
			data.Back = s.config.SignInURL + "?" + url.Values{"next": {data.Back}}.Encode()
		}
	}
	page := Page{Title: rq.printer.T("fault.title."+string(f.Code), nil), Plain: rq.viewer.Nobody(), Data: data}
	if perr := s.Page(w, r, status, "frame/error", page); perr != nil {
		s.config.Log.ErrorContext(r.Context(), "show error page", "request", rq.id, "error", perr)
		http.Error(w, "Something went wrong on our side. Reference: "+rq.id, http.StatusInternalServerError)
	}
}

type errorPage struct {
	Status  int
	Text    string
	Hint    string
	Request string
	Parts   []FieldFault
	Back    string // where the form was, by way of signing in
}

func errorData(rq *request, f *fault.Error, status int) errorPage {
	return errorPage{
		Status: status, Text: Sentence(rq.printer, f), Hint: rq.printer.T("fault.hint."+string(f.Code), nil),
		Request: rq.id, Parts: FieldFaults(rq.printer, f),
	}
}

func (s *Site) logError(r *http.Request, f *fault.Error, status int) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.config.Log.Log(r.Context(), level, "request refused", "request", RequestID(r.Context()),
		"method", r.Method, "code", string(f.Code), "key", f.Key, "error", f)
}

// Problem describes err for programs in the request's language.
func (s *Site) Problem(r *http.Request, err error) Problem {
	f := classify(err)
	return problemOf(requestOf(r.Context()), f, statusOf(f))
}

func problemOf(rq *request, f *fault.Error, status int) Problem {
	p := Problem{
		Type: "about:blank", Title: rq.printer.T("fault.title."+string(f.Code), nil), Status: status,
		Detail: Sentence(rq.printer, f), Instance: rq.id, Code: string(f.Code), Key: f.Key, Args: f.Args,
	}
	for _, part := range FieldFaults(rq.printer, f) {
		p.Errors = append(p.Errors, FieldProblem{Field: part.Field, Detail: part.Text, Key: part.Key})
	}
	return p
}

func (s *Site) problem(w http.ResponseWriter, rq *request, f *fault.Error, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problemOf(rq, f, status)) // the client may be gone
}

// nothing answers what no route answers.
func (s *Site) nothing(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "fault.not_found", nil)
}

// Sentence is the public sentence of a fault in the printer's language.
func Sentence(p *i18n.Printer, f *fault.Error) string { return p.T(f.Key, f.Args) }

// FieldFault is one fault beside a field and in the summary on top.
type FieldFault struct {
	Field string
	Label string // the field's label in the form, filled by Form.Fail
	Text  string
	Key   string
}

// FieldFaults lists the faults of err that name a field, and the parts of a joined
// fault; nil when err is about no field.
func FieldFaults(p *i18n.Printer, err error) []FieldFault {
	if err == nil {
		return nil
	}
	f := classify(err)
	var out []FieldFault
	if f.Field != "" {
		out = append(out, FieldFault{Field: f.Field, Text: Sentence(p, f), Key: f.Key})
	}
	for i := range f.Parts {
		out = append(out, FieldFault{Field: f.Parts[i].Field, Text: Sentence(p, &f.Parts[i]), Key: f.Parts[i].Key})
	}
	return out
}
