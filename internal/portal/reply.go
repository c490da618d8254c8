package portal

import (
	"iter"
	"time"

	"almenara.example/internal/guard"
)

// Static names a page that shows nothing of anybody: only forms and sentences, and what
// the reader typed himself.
type Static string

// The static pages.
const (
	VisitAsk     Static = "visit"         // the page behind a notice's link before anything is shown
	VisitRefused Static = "visit-refused" // a link that does not work
	VisitOther   Static = "visit-other"   // somebody else's session is open
	VisitSignIn  Static = "visit-sign-in" // above TLP:AMBER: sign in to read
	VisitThanks  Static = "visit-thanks"
	VisitAgain   Static = "visit-again" // answered already
	LinkForm     Static = "link-form"   // ask for a sign-in link
	LinkAsked    Static = "link-asked"  // the same answer to every address
	TokenMade    Static = "token-made"  // the reader's own new token, shown once
)

// Statics lists the static pages.
func Statics() []Static {
	return []Static{VisitAsk, VisitRefused, VisitOther, VisitSignIn, VisitThanks, VisitAgain, LinkForm, LinkAsked, TokenMade, ReportAsk, ReportSent, ReportCode, ReportWrite}
}

// Reply is what a handler of the portal answers. Make it with Show, Download, Stream,
// GoTo or Page; the zero Reply is refused at the door.
type Reply struct {
	Status   int // 0: 200
	Parcel   guard.Parcel
	Parcels  iter.Seq2[guard.Parcel, error]
	File     *File  // how a parcel or a stream is sent as a file; nil: as a page
	Location string // a path of this site
	Said     string // catalogue key of the message after a redirect
	Static   Static
	Typed    Typed // what the reader typed, given back
	Problem  error // what was wrong with it
	Retry    time.Duration
}

// Typed is what the reader typed himself, or got from us just now for himself alone.
type Typed map[string]string

// File is how a file is sent.
type File struct {
	Name        string // empty: shown in the browser or by a program
	ContentType string
}

// Show answers with a page that shows a parcel.
func Show(p guard.Parcel) Reply { return Reply{Parcel: p} }

// Send answers with a parcel's view as a file.
func Send(p guard.Parcel, f File) Reply { return Reply{Parcel: p, File: &f} }

// Stream answers with the views of several parcels, one after the other, as a file.
func Stream(ps iter.Seq2[guard.Parcel, error], f File) Reply { return Reply{Parcels: ps, File: &f} }

// GoTo sends the reader on after a change, with a message when said is a key.
func GoTo(path, said string) Reply { return Reply{Location: path, Said: said} }

// Page answers with a static page.
func Page(s Static) Reply { return Reply{Static: s} }

// With gives back what was typed and what is wrong with it.
func (r Reply) With(status int, typed Typed, problem error) Reply {
	r.Status, r.Typed, r.Problem = status, typed, problem
	return r
}
