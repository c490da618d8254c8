package warn

import "strconv"

// NoticeAnswered tells that an organisation answered a notice.
type NoticeAnswered struct {
	Notice   int64    `json:"notice"`
	Org      int64    `json:"org"`
	What     What     `json:"what"`
	Strength Strength `json:"strength"`
}

// FactKind returns "warn.NoticeAnswered".
func (NoticeAnswered) FactKind() string { return "warn.NoticeAnswered" }

// FactVersion returns 1.
func (NoticeAnswered) FactVersion() int { return 1 }

func jobSubject(id int64) string { return "job:" + strconv.FormatInt(id, 10) }
