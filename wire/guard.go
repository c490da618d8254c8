package wire

// Person is someone of the installation's own organisation, or of another.
type Person struct {
	Person       string   `json:"person"` // opaque id
	Name         string   `json:"name"`
	Email        string   `json:"email,omitempty"`
	Organisation string   `json:"organisation"`
	Roles        []string `json:"roles"`
	Mailbox      bool     `json:"mailbox,omitempty"`
	Active       bool     `json:"active"`
}

// Persons is a list by age of the entry.
type Persons struct {
	Persons []Person `json:"persons"`
	Next    int64    `json:"next,omitempty"` // value of after
}

// NewPerson is somebody to add to the installation's own organisation.
type NewPerson struct {
	Name     string   `json:"name" minLength:"1"`
	Email    string   `json:"email,omitempty"`
	Phone    string   `json:"phone,omitempty"`
	Language string   `json:"language,omitempty"`
	Zone     string   `json:"time_zone,omitempty"`
	Roles    []string `json:"roles,omitempty" nullable:"false"`
}

// Reason says why something is done; it stands in the record of actions.
type Reason struct {
	Reason string `json:"reason" minLength:"1"`
}

// Link is a one-time sign-in link; it is shown once.
type Link struct {
	Name string `json:"name"` // who signs in with it
	Link string `json:"link"`
}

// NewToken is an API token to make.
type NewToken struct {
	Name  string   `json:"name" minLength:"1" doc:"what it is for"`
	Scope []string `json:"scope,omitempty" nullable:"false" doc:"verbs (watch.deliver) or rooms (watch); empty: all that the person may"`
	Days  int      `json:"days" minimum:"1" maximum:"366"`
}

// Token is an API token; its secret is shown once.
type Token struct {
	Name    string   `json:"name"`
	Scope   []string `json:"scope,omitempty"`
	Expires string   `json:"expires"`
	Secret  string   `json:"secret"`
}
