// Package browser drives a real headless Chromium in tests.
//
// [New] starts one Chromium for a test and its sub-tests; [Browser.Tab] opens a tab
// with cookies of its own, so that two persons can be signed in at once. A tab's
// methods do one thing each, wait until it can be done, and end the test with a plain
// sentence when it cannot be within the patience of 20 seconds.
//
// When a tab's test ends, whatever the page wrote to the console as an error fails
// it: uncaught exceptions, missing files, breaches of the content security policy.
// What a test provokes on purpose it allows with [Tab.Allow].
//
// [Tab.Axe] runs axe-core against the page as it stands and fails on violations of
// WCAG 2.2 A and AA. [Tab.Screenshot] writes a picture into the folder named by
// ALMENARA_ARTEFACTS, else into the test's own folder. [Tab.VirtualAuthenticator]
// plays a passkey.
//
// Chromium is the command named by ALMENARA_CHROMIUM, else chromium-headless-shell (the
// same without its windows, which is faster), chromium, chromium-browser or google-chrome
// on the path; without one a test fails and says what to install.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long one step may take on a slow machine.
const patience = 20 * time.Second

// Browser is one running Chromium.
type Browser struct {
	ctx context.Context
}

// New starts Chromium with a profile of its own; it ends with the test.
func New(t testing.TB) *Browser {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(find(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", false), chromedp.WindowSize(1280, 900),
		chromedp.WSURLReadTimeout(2 * patience),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	options = append(chromedp.DefaultExecAllocatorOptions[:], options...)
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end Chromium: %v", err)
		}
		stop()
		stopAlloc()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx: ctx}
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("ALMENARA_CHROMIUM"), "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium found: install it (apt-get install chromium) or name it in ALMENARA_CHROMIUM")
	return ""
}

// Tab is one page with cookies of its own.
type Tab struct {
	t   testing.TB
	ctx context.Context

	width, height int64

	mu        sync.Mutex
	trouble   []trouble
	documents map[string]bool // addresses of pages, whose status is the test's business
	allowed   []string
}

type trouble struct{ kind, text, url string }

// Tab opens a tab; it closes with t, and then fails t for errors in its console.
func (b *Browser) Tab(t testing.TB) *Tab {
	t.Helper()
	tab := &Tab{t: t, documents: map[string]bool{}}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.heard))
	tab.ctx = ctx
	t.Cleanup(func() {
		tab.report()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil { // without a time limit: it binds the tab's life
		t.Fatalf("open a tab: %v", err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("watch the network: %v", err)
	}
	tab.Viewport(1280, 900)
	return tab
}

// heard runs inside the reading loop: it only notes.
func (tab *Tab) heard(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			tab.documents[e.Response.URL] = true
		}
	case *page.EventJavascriptDialogOpening: // "leave the page?" and the like: yes
		go func() {
			_, _ = chromedp.Call(tab.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		tab.trouble = append(tab.trouble, trouble{"exception", text, e.ExceptionDetails.URL})
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			tab.trouble = append(tab.trouble, trouble{"console", strings.Join(words, " "), ""})
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			tab.trouble = append(tab.trouble, trouble{string(e.Entry.Source), e.Entry.Text, e.Entry.URL})
		}
	}
}

// report fails the test for what went wrong in the console.
func (tab *Tab) report() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, x := range tab.trouble {
		if x.kind == "network" && tab.documents[x.url] || tab.permits(x.text+" "+x.url) {
			continue
		}
		tab.t.Errorf("the page's console says (%s): %s %s", x.kind, x.text, x.url)
	}
}

func (tab *Tab) permits(text string) bool {
	for _, part := range tab.allowed {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Allow permits console errors that contain part.
func (tab *Tab) Allow(part string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.allowed = append(tab.allowed, part)
}

func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.t.Fatalf("%s: %v%s", what, err, tab.where())
	}
}

// where says which page a step failed on.
func (tab *Tab) where() string {
	ctx, cancel := context.WithTimeout(tab.ctx, 2*time.Second)
	defer cancel()
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return ""
	}
	return "\non the page " + seen
}

// Go opens an address and waits until it is loaded and painted.
func (tab *Tab) Go(url string) {
	tab.t.Helper()
	tab.do("go to "+url, chromedp.Navigate(url))
	tab.WaitFor(painted)
}

// painted is true from the page's first paint on.
const painted = "performance.getEntriesByType('paint').length"

// Click clicks the first visible element that the CSS selector matches.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.centre(selector)
	tab.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// centre brings an element out from under what sticks to the window's edges. It waits
// for the page's first paint: Chromium drops clicks and keys that come before it.
func (tab *Tab) centre(selector string) {
	tab.t.Helper()
	tab.WaitFor(fmt.Sprintf("document.querySelector(%q) && "+painted, selector))
	Eval[bool](tab, fmt.Sprintf("(document.querySelector(%q).scrollIntoView({block: 'center', behavior: 'instant'}), true)", selector))
}

// Follow clicks and waits until the page that follows is loaded.
func (tab *Tab) Follow(selector string) {
	tab.t.Helper()
	Eval[bool](tab, "(window.almenaraLeft = true)")
	tab.Click(selector)
	tab.WaitFor("!window.almenaraLeft && document.readyState === 'complete' && " + painted)
}

// Fill replaces what stands in a field and sees that it stands there.
func (tab *Tab) Fill(selector, text string) {
	tab.t.Helper()
	tab.centre(selector)
	Eval[bool](tab, fmt.Sprintf("((e) => { e.value = ''; e.dispatchEvent(new Event('input', {bubbles: true})); return true; })(document.querySelector(%q))", selector))
	tab.do("fill "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
	tab.WaitFor(fmt.Sprintf("document.querySelector(%q).value === %q", selector, text))
}

// Upload puts files into a file field.
func (tab *Tab) Upload(selector string, paths ...string) {
	tab.t.Helper()
	tab.do("put files into "+selector, chromedp.SetUploadFiles(chromedp.CSS(selector), paths))
}

// Press types keys at whatever has the focus; use package chromedp/kb for special
// ones. A key goes down with its letter in one event, as from a real keyboard, so that
// a page which handles the key keeps the letter out of the field that it focuses.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	for _, key := range keys {
		var down *input.DispatchKeyEventParams
		for _, event := range kb.Encode(key) {
			switch event.Type {
			case input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyDown:
				down = event
			case input.DispatchKeyEventTypeChar:
				down.Type, down.Text, down.UnmodifiedText = input.DispatchKeyEventTypeKeyDown, event.Text, event.UnmodifiedText
			case input.DispatchKeyEventTypeKeyUp:
				tab.strike(down)
				tab.strike(event)
			}
		}
	}
}

// strike sends one key event. A page that goes away under the key answers nothing;
// what was expected to follow is for the next step to wait for.
func (tab *Tab) strike(event *input.DispatchKeyEventParams) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, 2*time.Second)
	defer cancel()
	_, err := chromedp.Call(ctx, input.DispatchKeyEvent, *event)
	if err != nil && tab.ctx.Err() != nil {
		tab.t.Fatalf("press %s: %v", event.Key, err)
	}
}

// Text is the visible text of the first element that matches.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		tab.t.Fatalf("read %s: %v%s", selector, err, tab.where())
	}
	return text
}

// Count is how many elements match now.
func (tab *Tab) Count(selector string) int {
	tab.t.Helper()
	return Eval[int](tab, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

// Eval evaluates an expression in the page; promises are waited for.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tab.t.Fatalf("evaluate %.200s: %v%s", expression, err, tab.where())
	}
	return v
}

// WaitFor waits until a JavaScript expression is true, across page loads.
func (tab *Tab) WaitFor(expression string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tab.t.Fatalf("waited in vain for %s (last error %v)%s", expression, err, tab.where())
		}
	}
}

// WaitText waits until an element that matches contains text.
func (tab *Tab) WaitText(selector, text string) {
	tab.t.Helper()
	tab.WaitFor(fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))", selector, text))
}

// WaitURL waits until the address contains part and the page is loaded.
func (tab *Tab) WaitURL(part string) {
	tab.t.Helper()
	tab.WaitFor(fmt.Sprintf("location.href.includes(%q) && document.readyState === 'complete'", part))
}

// Viewport sets the size of the window's inside in CSS pixels.
func (tab *Tab) Viewport(width, height int64) {
	tab.t.Helper()
	tab.width, tab.height = width, height
	tab.do("set the viewport", chromedp.EmulateViewport(width, height))
}

// Dark sets what the system prefers; pages that follow the system change at once.
func (tab *Tab) Dark(dark bool) {
	tab.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	tab.media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
}

func (tab *Tab) media(features ...*emulation.MediaFeature) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		tab.t.Fatalf("emulate media: %v", err)
	}
}

// Scripts switches the page's own scripts on or off, from the next page on.
func (tab *Tab) Scripts(on bool) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		tab.t.Fatalf("switch scripts: %v", err)
	}
}

// Cookie sets a cookie for the page's host.
func (tab *Tab) Cookie(url, name, value string) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url}); err != nil {
		tab.t.Fatalf("set cookie %s: %v", name, err)
	}
}

// Screenshot writes the whole page as <name>.png and returns the file's path. The
// window grows to the page for the moment, so that sticky parts stand where they end.
func (tab *Tab) Screenshot(name string) string {
	tab.t.Helper()
	width, height := tab.width, tab.height
	defer tab.Viewport(width, height)
	for range 2 { // what is as high as the window grows with it once
		tab.Viewport(width, max(height, min(12000, Eval[int64](tab, "document.documentElement.scrollHeight"))))
	}
	return tab.Shot(name)
}

// Paper shows the page as it is printed, in a window as wide as the inside of a sheet of
// A4, or as it is on a screen again. Colours of the system are those of Dark(false).
func (tab *Tab) Paper(on bool) {
	tab.t.Helper()
	kind := ""
	if on {
		kind = "print"
		tab.Viewport(sheet, 1000)
	}
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind}); err != nil {
		tab.t.Fatalf("emulate paper: %v", err)
	}
}

// sheet is the inside of an A4 page with margins of 16 mm, in CSS pixels.
const sheet = 672

// PDF prints the page on A4 as <name>.pdf, without the colours of backgrounds, and returns
// the file's path.
func (tab *Tab) PDF(name string) string {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	yes := true
	out, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69, PreferCSSPageSize: &yes})
	if err != nil {
		tab.t.Fatalf("print %s: %v", name, err)
	}
	return tab.keep(name+".pdf", out.Data)
}

// Shot writes what the window shows as <name>.png and returns the file's path.
func (tab *Tab) Shot(name string) string {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err != nil {
		tab.t.Fatalf("take a picture of %s: %v", name, err)
	}
	return tab.keep(name+".png", shot.Data)
}

// keep writes a file of the test's and returns its path.
func (tab *Tab) keep(name string, body []byte) string {
	tab.t.Helper()
	folder := os.Getenv("ALMENARA_ARTEFACTS")
	if folder == "" {
		folder = tab.t.TempDir()
	}
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		tab.t.Fatal(err)
	}
	return path
}
