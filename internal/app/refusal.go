package app

// Refusal is an error with what to do about it. The command line prints both.
type Refusal struct {
	Err  error
	Hint string
	// Missing says that something asked for is not there.
	Missing bool
}

// Error is what is wrong.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap gives the error to errors.Is and errors.As.
func (r *Refusal) Unwrap() error { return r.Err }
