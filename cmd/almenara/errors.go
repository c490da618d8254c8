package main

import (
	"context"
	"errors"
	"strings"

	"github.com/alecthomas/kong"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/fault"
)

// The exit codes.
const (
	exitFailed   = 1
	exitMisuse   = 2
	exitRefused  = 3
	exitNotFound = 4
	exitNoServer = 6
)

// failure is an error with its exit code and what to do.
type failure struct {
	code int
	err  error
	hint string
}

// Error is what went wrong.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap gives the error to errors.Is and errors.As.
func (f *failure) Unwrap() error { return f.err }

func misuse(err error) error {
	hint := "almenara --help"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil {
		if cmd := strings.TrimSpace(p.Context.Command()); cmd != "" {
			hint = "almenara " + cmd + " --help"
		}
	}
	return &failure{exitMisuse, err, hint}
}

// report writes an error in two lines and returns the exit code.
func (c *console) report(err error) int {
	if err == nil {
		return 0
	}
	code, hint := exitFailed, ""
	var f *failure
	var r *app.Refusal
	var conf *app.ConfigError
	switch {
	case errors.As(err, &f):
		code, hint = f.code, f.hint
	case errors.As(err, &r):
		hint = r.Hint
	case errors.As(err, &conf):
		hint = "see every setting with its default: almenara config show"
	case errors.Is(err, context.Canceled):
		return exitFailed
	default:
		code = exitOf(fault.CodeOf(err))
	}
	c.noteln("error:", oneLine(err.Error()))
	if hint != "" {
		c.noteln("hint:", hint)
	}
	return code
}

// exitOf is the exit code of a fault.
func exitOf(code fault.Code) int {
	switch code {
	case fault.NotFound:
		return exitNotFound
	case fault.Invalid, fault.Conflict, fault.Denied, fault.Unauthenticated, fault.LegalHold:
		return exitRefused
	}
	return exitFailed
}

// oneLine keeps an error on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
