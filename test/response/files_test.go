package response

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// attach writes an entry with a file and returns the file's address.
func (d *desk) attach(name string, body []byte) string {
	d.t.Helper()
	p := d.Person(guard.OwnOrg, guard.RoleWatchOfficer)
	actor := guard.ActorOf(p)
	actor.Roles = []string{guard.RoleWatchOfficer}
	i, err := d.in.Numbered(d.t.Context(), d.App.Acts().Reader(), incident.ViewerOf(actor), d.number)
	if err != nil {
		d.t.Fatal(err)
	}
	e, err := d.in.AddEntry(d.t.Context(), actor, i.ID, incident.NewEntry{Kind: incident.FileEntry, Marking: tlp.Amber, Text: "A file", Files: []incident.NewFile{{Name: name, Body: body}}})
	if err != nil {
		d.t.Fatal(err)
	}
	fs, err := d.in.Files(d.t.Context(), d.App.Acts().Reader(), incident.ViewerOf(actor), i.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range fs {
		if f.Entry == e.ID {
			return "/incident/files/" + fmt.Sprint(f.ID)
		}
	}
	d.t.Fatal("the file is not there")
	return ""
}

func TestAFileIsShownAsTextOrMadeAnewAndNeverRun(t *testing.T) {
	d := newDesk(t)
	script := d.attach("note.html", []byte("<html><script>alert(1)</script>\u202eevil</html>"))
	body := d.get(script+"/view", "&lt;script&gt;alert(1)&lt;/script&gt;", "·evil")
	if strings.Contains(body, "<script>alert") {
		t.Error("a script of a file stands on the page")
	}
	if a := d.Ask(http.MethodGet, script, nil, d.as); a.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("got %q and %q, want a download", a.Header.Get("Content-Type"), a.Header.Get("Content-Disposition"))
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	picture.WriteString("<script>behind the image</script>")
	shown := d.attach("screen.png", picture.Bytes())
	d.get(shown+"/view", shown+"/image")
	if a := d.Ask(http.MethodGet, shown+"/image", nil, d.as); a.Status != http.StatusOK || strings.Contains(a.Body, "behind the image") || a.Header.Get("Content-Type") != "image/png" {
		t.Errorf("got %d, %q; the second file behind the image must be gone", a.Status, a.Header.Get("Content-Type"))
	}
	d.get(d.attach("tool.exe", []byte("MZ\x00\x01\x02"))+"/view", "is not shown here")
}

func TestClosingAnIncidentAnswersWhoReportedIt(t *testing.T) {
	d := newDesk(t)
	p := d.Person(guard.OwnOrg, guard.RoleWatchOfficer)
	actor := guard.ActorOf(p)
	actor.Roles = []string{guard.RoleWatchOfficer}
	ctx, read := t.Context(), d.App.Acts().Reader()
	i, err := d.in.Numbered(ctx, read, incident.ViewerOf(actor), d.number)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.in.TakeReport(ctx, actor, incident.NewReport{Source: incident.ByPhone, Owner: d.org, Text: "A pump moves by itself"})
	if err == nil {
		_, err = d.in.LinkReport(ctx, actor, r.ID, i.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := "/incident/incidents/" + d.number
	d.get(at+"/close", "What each reporter is told")
	if i, err = d.in.Incident(ctx, read, incident.ViewerOf(actor), i.ID); err != nil {
		t.Fatal(err)
	}
	d.post(at+"/close", http.StatusSeeOther, url.Values{"state": {"resolved"}, "resolution": {"The gateway was rebuilt."}, "answer": {"It is over. Thank you."}, "version": {fmt.Sprint(i.Version)}})
	got, err := d.in.Report(ctx, read, incident.ViewerOf(actor), r.ID)
	if err != nil || got.State != incident.ReportResolved {
		t.Errorf("got %s (%v), want resolved", got.State, err)
	}
	told, err := d.in.Messages(ctx, read, r.ID, false)
	if err != nil || len(told) == 0 || !strings.Contains(told[len(told)-1].Text, "It is over") {
		t.Errorf("the reporter is told %+v (%v)", told, err)
	}
}
