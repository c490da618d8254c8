package guardweb

import (
	"net/http"
	"strconv"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// number writes a whole number for an address or a hidden field.
func number(n int64) string { return strconv.FormatInt(n, 10) }

// wholeOf reads a whole number of the posted form; anything else is 0, which is
// nobody's id and no thing's version.
func wholeOf(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.PostForm.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// trouble is what a form is shown again with.
type trouble struct {
	code  int
	fault error
}

// failed puts what a verb refused into the form. Only what the reader can mend
// there comes back as trouble; the rest is the caller's to return.
func failed(r *http.Request, form *web.Form, err error) (trouble, error) {
	switch code := fault.CodeOf(err); code {
	case fault.Invalid, fault.Conflict:
		form.Fail(web.FieldFaults(web.PrinterOf(r.Context()), err))
		return trouble{code: web.Status(code), fault: err}, nil
	default:
		return trouble{}, err
	}
}

// say puts a fault on top of a page, with the labels of the form's fields.
func say(r *http.Request, page *web.Page, err error, forms ...*web.Form) {
	if err == nil {
		return
	}
	words := web.PrinterOf(r.Context())
	if f := fault.Of(err); f.Field == "" { // else the one field says it
		page.Fault = web.Sentence(words, f)
	}
	page.Faults = web.FieldFaults(words, err)
	for _, f := range forms {
		f.Fail(page.Faults)
	}
}

// personID reads the person in the address; NotFound when it is no number.
func personID(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.NotFound, "guard.person.none", nil)
	}
	return n, nil
}
