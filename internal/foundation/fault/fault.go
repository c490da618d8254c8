// Package fault is the small closed set of errors that may leave the program.
//
// A fault carries a code (what kind of trouble), a public message as a catalogue
// key with arguments, optionally the field it concerns, and an operator detail
// that never leaves the process. Doors (pages, API, command line) turn the code
// into a status and the key into words in the reader's language; everything that
// is not a fault is shown as "internal" with nothing else.
//
// Denied and NotFound must be made indistinguishable by whoever answers a caller
// who may not know that the thing exists.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Code says what kind of trouble an error is.
type Code string

// The closed set of codes.
const (
	Invalid         Code = "invalid"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Denied          Code = "denied"
	Unauthenticated Code = "unauthenticated"
	LegalHold       Code = "legal_hold"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Args are the arguments of a public message: small, printable values only.
type Args map[string]any

// Error is one fault. Code, Key, Args and Field are public; Err is for operators.
type Error struct {
	Code  Code
	Key   string // catalogue key of the public sentence, such as "watch.source.unknown"
	Args  Args
	Field string  // the field, column or flag concerned; empty when none
	Parts []Error // several faults at once (a form, a file); each with its own field
	Err   error   // operator detail, never shown to the caller
}

// Error returns the operator's view: code, key, arguments and detail.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	b.WriteString(": ")
	b.WriteString(e.Key)
	if e.Field != "" {
		fmt.Fprintf(&b, " [%s]", e.Field)
	}
	if len(e.Args) > 0 {
		fmt.Fprintf(&b, " %v", map[string]any(e.Args))
	}
	for i := range e.Parts {
		b.WriteString("; ")
		b.WriteString(e.Parts[i].Error())
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the operator detail to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault with a public key and arguments.
func New(code Code, key string, args Args) *Error {
	return &Error{Code: code, Key: key, Args: args}
}

// OnField makes an Invalid fault about one field.
func OnField(field, key string, args Args) *Error {
	return &Error{Code: Invalid, Key: key, Args: args, Field: field}
}

// Wrap makes a fault around an operator detail.
func Wrap(code Code, key string, args Args, err error) *Error {
	return &Error{Code: code, Key: key, Args: args, Err: err}
}

// Join makes one Invalid fault of several; it returns nil when there are none.
func Join(key string, parts []Error) error {
	if len(parts) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Key: key, Parts: parts}
}

// CodeOf returns the code of err, Internal for anything that is not a fault,
// and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return Internal
}

// Of returns the fault inside err, or an Internal one that holds err as detail.
func Of(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Code: Internal, Key: "fault.internal", Err: err}
}

// Clip makes a piece of outside text fit to be named in a message: at most 80
// characters, with a dot for control characters and for bytes that are no text.
func Clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 400)], "·"))
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
