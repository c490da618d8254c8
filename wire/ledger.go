package wire

// LedgerResume states, after a restore, what is known and what is missing.
type LedgerResume struct {
	Checkpoint string `json:"checkpoint,omitempty" doc:"the last known signed checkpoint, as its file has it"`
	None       bool   `json:"none,omitempty" doc:"no checkpoint is known"`
	Missing    string `json:"missing" minLength:"1" doc:"what is missing since the backup, or that nothing is"`
}

// LedgerResumed is what came of it.
type LedgerResumed struct {
	Order      int64  `json:"order"`      // of the entry that states it
	Continues  bool   `json:"continues"`  // under the former name
	Why        string `json:"why"`        // of that
	Origin     string `json:"origin"`     // the name in force
	Verifier   string `json:"verifier"`   // its public key
	Former     string `json:"former"`     // the public key before, the same when it continues
	Checkpoint string `json:"checkpoint"` // the first one after it
}
