package guardweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
)

// agent is what a browser says of itself in words: "Firefox on Windows". What is not
// recognised is shown as it is.
func agent(r *http.Request, said string) web.Cell {
	browser, system := recognise(said)
	if browser == "" || system == "" {
		return web.Text(said)
	}
	return web.Text(web.Say(r, "guard.browser", "Browser", browser, "System", system))
}

// essential leaves out what every browser says, so that what tells them apart is not
// what is cut off when the session is kept.
func essential(said string) string {
	out, _, more := strings.Cut(said, " AppleWebKit/")
	if _, rest, ok := strings.Cut(said, "(KHTML, like Gecko)"); more && ok {
		out += rest
	}
	return strings.TrimPrefix(out, "Mozilla/5.0 ")
}

// recognise finds browser and system. Browsers also name others to be let in: the
// more particular names therefore stand first.
func recognise(said string) (browser, system string) {
	browser = named(said, "Edg/", "Edge", "EdgA/", "Edge", "OPR/", "Opera", "SamsungBrowser/", "Samsung Internet", "Firefox/", "Firefox",
		"FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari")
	system = named(said, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "CrOS", "ChromeOS", "Windows", "Windows",
		"Mac OS X", "macOS", "Linux", "Linux")
	return browser, system
}

// named is the name behind the first mark that text holds; marks and names alternate.
func named(text string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if strings.Contains(text, pairs[i]) {
			return pairs[i+1]
		}
	}
	return ""
}
