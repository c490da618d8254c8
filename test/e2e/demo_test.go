package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"almenara.example/test/browser"
	"almenara.example/test/house"
)

// onScreenWithin is how long somebody who typed "make run" waits after the build.
const onScreenWithin = time.Minute

// TestTheDemoIsOnScreenInAMinute builds the program, starts the demo and looks at it
// as somebody who has just cloned it does.
func TestTheDemoIsOnScreenInAMinute(t *testing.T) {
	dir := t.TempDir()
	program := house.Program(t)
	tab := browser.New(t).Tab(t)
	ctx, cancel := context.WithTimeout(t.Context(), onScreenWithin)
	defer cancel()
	links := startDemo(t, ctx, program, filepath.Join(dir, "data"))
	if len(links) < 9 {
		t.Errorf("got %d links, want one for each of six roles and three outsiders", len(links))
	}
	tab.Go(links["duty-lead"])
	tab.Follow("main button[type=submit]")
	tab.WaitText("h1", "passkey")
	url, _, _ := strings.Cut(links["duty-lead"], "/sign-in")
	tab.Go(url + "/")
	tab.WaitText("h1", "Board")
	if ctx.Err() != nil {
		t.Errorf("the board was not on screen within %s", onScreenWithin)
	}
	for _, need := range []string{
		"Organisation has not answered FLASH", "Organisation to call", "Mail to read", "Release by one person", "Notice that came back",
		"Key", "Late feed", "Source in shadow", "Rows in quarantine",
	} {
		tab.WaitText("#needs", need)
	}
	tab.Axe()
	tab.Screenshot("demo/board")
	for _, strength := range []string{"signed", "portal", "mail", "phone", "link"} {
		if tab.Count(`#answers a[href*="strength=`+strength+`"]`) == 0 {
			t.Errorf("the board counts no answer of strength %s", strength)
		}
	}
	figure := tab.Text(`#answer-sectors tbody tr:first-child td:nth-child(2)`)
	tab.Follow(`#answer-sectors tbody tr:first-child td:nth-child(2) a`)
	tab.WaitText(".alm-total", figure+" ")
	tab.Axe()
	tab.Screenshot("demo/answers")
	tab.Go(url + "/?lang=fr")
	tab.WaitText("#answer-sectors", "rapide")
	tab.Screenshot("demo/board-fr")
	tab.Go(url + "/?lang=en")
	for _, state := range []string{"open", "no-longer-seen"} {
		tab.Go(url + "/watch/findings?state=" + state)
		if n := tab.Count("[data-rows] tbody tr"); n < 20 {
			t.Errorf("the demo shows %d findings that are %s, want a page of them", n, state)
		}
	}
	tab.Go(url + "/")
	if !browser.Eval[bool](tab, `[...document.querySelectorAll('#today a[href*="change=reopened"]')].some(a => a.textContent.trim() !== "0")`) {
		t.Error("no delivery of today's intake reopened a finding")
	}
	tab.Follow(`#today tbody tr:last-child a[href*="change=reopened"]`)
	tab.Screenshot("demo/reopened")
	if got := browser.Eval[int](tab, `fetch("/healthz").then(a => a.status)`); got != 200 {
		t.Errorf("healthz: got %d, want 200", got)
	}
}

// startDemo starts the program's demo, waits until it serves, and stops it with the
// test. It returns the links by role.
func startDemo(t *testing.T, ctx context.Context, program, data string) map[string]string {
	t.Helper()
	cmd := exec.Command(program, "demo", "--data", data, "--listen", freeAddress(t))
	cmd.Stdout = io.Discard
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already is as good
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	serves := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if strings.Contains(lines.Text(), " is on http://") {
				serves <- true
			}
		}
	}()
	select {
	case <-serves:
	case <-ctx.Done():
		t.Fatalf("the demo did not serve within %s", onScreenWithin)
	}
	b, err := os.ReadFile(filepath.Join(data, "demo-links.json"))
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	if err := json.Unmarshal(b, &links); err != nil {
		t.Fatal(err)
	}
	return links
}
