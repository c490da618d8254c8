package warn

import (
	"slices"
	"strconv"
)

// NoticeAnswered tells that an organisation answered a notice.
type NoticeAnswered struct {
	Notice   int64    `json:"notice"`
	Warning  int64    `json:"warning,omitempty"`
	Org      int64    `json:"org"`
	What     What     `json:"what"`
	Strength Strength `json:"strength"`
}

// FactKind returns "warn.NoticeAnswered".
func (NoticeAnswered) FactKind() string { return "warn.NoticeAnswered" }

// FactVersion returns 1.
func (NoticeAnswered) FactVersion() int { return 1 }

// NoticesMoved tells that notices left, were refused or bounced.
type NoticesMoved struct {
	Notices  []int64 `json:"notices"`
	Warnings []int64 `json:"warnings,omitempty"` // to which some of them belong
}

// FactKind returns "warn.NoticesMoved".
func (NoticesMoved) FactKind() string { return "warn.NoticesMoved" }

// FactVersion returns 1.
func (NoticesMoved) FactVersion() int { return 1 }

func (f *NoticesMoved) add(n Notice) {
	f.Notices = append(f.Notices, n.ID)
	if n.Warning != 0 && !slices.Contains(f.Warnings, n.Warning) {
		f.Warnings = append(f.Warnings, n.Warning)
	}
}

// WarningChanged tells that a warning was composed, released, closed or reviewed.
type WarningChanged struct {
	Warning  int64        `json:"warning"`
	State    WarningState `json:"state"`
	Severity Severity     `json:"severity"`
}

// FactKind returns "warn.WarningChanged".
func (WarningChanged) FactKind() string { return "warn.WarningChanged" }

// FactVersion returns 1.
func (WarningChanged) FactVersion() int { return 1 }

// MailArrived tells that a mail waits for a person or became an answer by itself.
type MailArrived struct {
	Mail   int64 `json:"mail"`
	Notice int64 `json:"notice,omitempty"`
}

// FactKind returns "warn.MailArrived".
func (MailArrived) FactKind() string { return "warn.MailArrived" }

// FactVersion returns 1.
func (MailArrived) FactVersion() int { return 1 }

func jobSubject(id int64) string { return "job:" + strconv.FormatInt(id, 10) }
