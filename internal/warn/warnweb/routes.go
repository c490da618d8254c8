package warnweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
)

// deskRoutes are the pages of warnings to many, the call list, questions, mail, rules and what is
// done with many notices at once.
func (p *Pages) deskRoutes() []web.Route {
	get := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: "/warn" + pattern, Permission: permission, Handler: h, Sample: "GET /warn" + sample}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: "/warn" + pattern, Permission: permission, Handler: h, Sample: "POST /warn" + sample}
	}
	const one = "/warnings/ALM-0000-0000"
	return []web.Route{
		get("", read, "", p.start),
		get("/warnings", read, "/warnings?state=released", p.warnings),
		get("/warnings/new", compose, "/warnings/new", p.newWarning),
		post("/warnings", compose, "/warnings severity=high&marking=TLP:GREEN", p.saveWarning),
		get("/warnings/{number}", read, one+"?show=silent", p.warning),
		get("/warnings/{number}/edit", compose, one+"/edit", p.editWarning),
		post("/warnings/{number}", compose, one+" version=1", p.saveWarning),
		post("/warnings/{number}/discard", compose, one+"/discard version=1", p.discard),
		get("/warnings/{number}/list", read, one+"/list", p.chosen),
		get("/warnings/{number}/list.csv", read, one+"/list.csv", p.chosenCSV),
		get("/warnings/{number}/letter", read, one+"/letter?org=2", p.letter),
		get("/warnings/{number}/taken.csv", read, one+"/taken.csv", p.takenCSV),
		post("/warnings/{number}/release", release, one+"/release version=1&seen=x", p.release),
		get("/warnings/{number}/review", review, one+"/review", p.confirmReview),
		post("/warnings/{number}/review", review, one+"/review verdict=approve", p.review),
		get("/warnings/{number}/close", closing, one+"/close", p.confirmClose),
		post("/warnings/{number}/close", closing, one+"/close reason=a", p.closeWarning),
		get("/calls", read, "/calls?state=all", p.calls),
		post("/calls/{call}", noteCall, "/calls/1 outcome=busy&version=1", p.noteCall),
		get("/answers", read, "/answers", p.answers),
		post("/answers/{answer}/settle", settle, "/answers/1/settle note-1=a", p.settleAnswer),
		get("/mail", read, "/mail?state=all", p.mails),
		get("/mail/{mail}", read, "/mail/1", p.mail),
		get("/mail/{mail}/files/{file}", read, "/mail/1/files/1", p.mailFile),
		post("/mail/{mail}/confirm", confirmMail, "/mail/1/confirm what=done", p.decideMail("confirm", "warn.post.confirmed", p.confirmMail)),
		post("/mail/{mail}/file", fileMail, "/mail/1/file notice=ALM-0000-0000", p.decideMail("file", "warn.post.filed", p.fileMail)),
		post("/mail/{mail}/dismiss", dismissMail, "/mail/1/dismiss reason=a", p.decideMail("dismiss", "warn.post.dismissed", p.dismissMail)),
		get("/rules", read, "/rules", p.rules),
		post("/rules", changeRules, "/rules do=try&version=1", p.changeRules),
		get("/notices.csv", read, "/notices.csv?state=sent", p.noticesCSV),
		get("/repeat", retry, "/repeat", p.confirmRepeatAll),
		post("/repeat", retry, "/repeat reason=", p.repeatAll),
	}
}

// start is GET /warn: the room's own address leads to the notices, as its rail does.
func (p *Pages) start(w http.ResponseWriter, r *http.Request) error {
	p.site.Redirect(w, r, "/warn/notices", web.Flash{})
	return nil
}
