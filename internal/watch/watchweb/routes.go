package watchweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
)

// Routes lists watch's pages.
func (p *Web) Routes() []web.Route {
	return p.findingRoutes()
}

// sampleNumber has the form of a number; whether there is such a finding depends on
// the installation.
const sampleNumber = "ALM-4K7Q-2M9X"

func get(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
	return web.Route{Method: "GET", Pattern: pattern, Permission: permission, Handler: h, Sample: "GET " + sample}
}

func post(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
	return web.Route{Method: "POST", Pattern: pattern, Permission: permission, Handler: h, Sample: "POST " + sample, MaxBody: 256 << 10}
}

func (p *Web) findingRoutes() []web.Route {
	return []web.Route{
		get("/watch/findings", "watch.read", "/watch/findings?state=open&severity=high", p.findings),
		get("/watch/findings.csv", "watch.read", "/watch/findings.csv?state=open", p.findingsCSV),
		get("/watch/findings/decide", "watch.read", "/watch/findings/decide?to=closed&id="+sampleNumber, p.askDecision),
		post("/watch/findings/choose", "watch.read", "/watch/findings/choose verb=closed&id="+sampleNumber, p.choose),
		post("/watch/findings/decide", "watch.read", "/watch/findings/decide to=closed&reason=mended&id="+sampleNumber, p.decide),
		get("/watch/findings/{number}", "watch.read", "/watch/findings/"+sampleNumber, p.finding),
		get("/watch/findings/{number}/raw", "watch.read_raw", "/watch/findings/"+sampleNumber+"/raw?delivery=1&at=0", p.raw),
		get("/watch/findings/{number}/verify", "watch.verify_finding", "/watch/findings/"+sampleNumber+"/verify", p.askVerify),
		post("/watch/findings/{number}/verify", "watch.verify_finding", "/watch/findings/"+sampleNumber+"/verify reason=checked", p.verify),
	}
}
