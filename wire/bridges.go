package wire

// SourcesImport says what an import of feeds from another system did, or would do.
type SourcesImport struct {
	Applied bool             `json:"applied"`
	Added   int              `json:"added"`
	Sources []ImportedSource `json:"sources"`
	Notes   []ImportNote     `json:"notes"` // what is not carried over, or still to do
}

// ImportedSource is a feed of another system and what becomes of it.
type ImportedSource struct {
	Line      int    `json:"line"`      // in the other system's file
	Collector string `json:"collector"` // the bot that gets it
	Parser    string `json:"parser"`    // the bot that reads it
	Name      string `json:"name"`      // of the feed here
	Mapping   string `json:"mapping"`
	Rhythm    string `json:"rhythm,omitempty"`
	Here      bool   `json:"here"` // it is here already, and stays as it is
}

// ImportNote is one thing that is not carried over.
type ImportNote struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"` // catalogue key, stable for programs
	Detail string `json:"detail"` // in words, with what to do
}
