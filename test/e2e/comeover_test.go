package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/test/browser"
)

// TestATeamComesOverFromAnotherSystem: from the empty list to what came, on a desk and on
// a telephone, without saying which system wrote the file.
func TestATeamComesOverFromAnotherSystem(t *testing.T) {
	s := open(t, false, parties)
	tab := browser.New(t).Tab(t)
	s.signIn(tab, s.link(s.person("Carla Vidal", guard.RoleWatchOfficer)))
	file := filepath.Join(t.TempDir(), "cases-2025.json")
	s.check(os.WriteFile(file, []byte(`{"number": 12, "title": "Phishing of a bank’s customers", "status": "TruePositive", "stage": "Closed", "tlp": 2, "startDate": 1763629200000, "endDate": 1763715600000,
 "observables": [{"dataType": "ip", "data": "192.0.2.7"}, {"dataType": "user-agent", "data": "curl"}]}
{"number": 13, "title": "Not over", "status": "InProgress"}
{"number": 14, "title": "A laptop was lost", "status": "FalsePositive", "stage": "Closed", "createdBy": "ben", "description": "In the train.", "startDate": 1763629200000}
`), 0o600))
	for _, width := range []int64{1280, 360} {
		name := map[int64]string{1280: "comeover/wide", 360: "comeover/narrow"}[width]
		tab.Viewport(width, 900)
		if width == 360 {
			tab.Go(s.url + "/?lang=fr")
		}
		tab.Go(s.url + "/incident/incidents")
		s.look(tab, name+"-0-list")
		tab.Follow(`main a[href="/incident/import"]`)
		s.look(tab, name+"-1-form")
		tab.Upload("[name=file]", file)
		tab.Follow("main form button.btn-primary")
		tab.WaitText("main", "thehive:12")
		s.look(tab, name+"-2-dry-run")
		if width == 360 {
			if tab.Count("main form[action$='/apply']") != 0 {
				t.Error("what came already can be imported again")
			}
			break
		}
		tab.Follow("main form[action$='/apply'] button.btn-primary")
		if got := tab.Text("main"); !strings.Contains(got, "A laptop was lost") || strings.Contains(got, "Not over") {
			t.Errorf("what came is shown as\n%s", got)
		}
		s.look(tab, name+"-3-came")
	}
}
