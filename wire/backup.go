package wire

import "time"

// BackupMade tells the server of a backup that a command has made beside it, so that
// the record of actions speaks of it.
type BackupMade struct {
	Name       string    `json:"name" minLength:"1" maxLength:"200" doc:"name of the file"`
	Made       time.Time `json:"made" doc:"the moment that it holds"`
	Bytes      int64     `json:"bytes" minimum:"0" doc:"size of the file"`
	Entries    int64     `json:"entries" minimum:"0" doc:"the last entry that it holds"`
	Blobs      int       `json:"blobs" minimum:"0" doc:"how many blobs its rows refer to"`
	Missing    int       `json:"missing,omitempty" minimum:"0" doc:"how many of them were lost before"`
	Recipients []string  `json:"recipients" maxItems:"100" nullable:"false" doc:"for whom it is sealed"`
}

// Recorded is the entry of the record of actions that was written.
type Recorded struct {
	Order int64 `json:"order"`
}
