package watchweb

import (
	"net/http"
	"slices"

	"almenara.example/internal/foundation/web"
)

// Routes lists watch's pages.
func (p *Web) Routes() []web.Route {
	return slices.Concat(p.findingRoutes(), p.deliveryRoutes(), p.quarantineRoutes(), p.sourceRoutes())
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

func (p *Web) deliveryRoutes() []web.Route {
	return []web.Route{
		get("/watch/deliveries", "watch.read", "/watch/deliveries?state=folded", p.deliveries),
		get("/watch/deliveries/new", "watch.deliver", "/watch/deliveries/new", p.newDelivery),
		{
			Method: "POST", Pattern: "/watch/deliveries", Permission: "watch.deliver", Handler: p.upload, Stream: true,
			Sample: "POST /watch/deliveries source=scans",
		},
		get("/watch/deliveries/{delivery}", "watch.read", "/watch/deliveries/1", p.delivery),
		get("/watch/deliveries/{delivery}/findings", "watch.read", "/watch/deliveries/1/findings?change=opened", p.deliveryFindings),
		{
			Method: "GET", Pattern: "/watch/deliveries/{delivery}/received", Permission: "watch.read_raw", Handler: p.received, Stream: true,
			Sample: "GET /watch/deliveries/1/received",
		},
		get("/watch/deliveries/{delivery}/try", "watch.read_raw", "/watch/deliveries/1/try?mapping=shadowserver", p.try),
		post("/watch/deliveries/{delivery}/retry", "watch.deliver", "/watch/deliveries/1/retry", p.retry),
	}
}

func (p *Web) quarantineRoutes() []web.Route {
	return []web.Route{
		get("/watch/quarantine", "watch.read", "/watch/quarantine?state=open", p.quarantine),
		get("/watch/quarantine/decide", "watch.read", "/watch/quarantine/decide?verb=dismiss&delivery=1&why=bad_ip", p.askSetAside),
		post("/watch/quarantine/choose", "watch.read", "/watch/quarantine/choose verb=rerun&id=1.2", p.chooseRows),
		post("/watch/quarantine/decide", "watch.read", "/watch/quarantine/decide verb=rerun&id=1.2", p.decideSetAside),
		get("/watch/quarantine/{delivery}/{line}", "watch.read_raw", "/watch/quarantine/1/2", p.quarantined),
	}
}

// sourceRoutes are also for administrators, who set feeds up and read no findings:
// where two permissions open a page, its handler asks (see setUp).
func (p *Web) sourceRoutes() []web.Route {
	schema := post("/watch/mappings", "watch.load_mapping", "/watch/mappings sort=mapping&name=honeypot", p.loadMapping)
	schema.MaxBody = maxSchema
	return []web.Route{
		get("/watch/sources", web.SignedIn, "/watch/sources", p.sources),
		get("/watch/sources/new", "watch.add_source", "/watch/sources/new", p.newSource),
		post("/watch/sources", "watch.add_source", "/watch/sources name=honeypot&mode=shadow&mapping=shadowserver&rhythm=24", p.addSource),
		get("/watch/sources/{source}", web.SignedIn, "/watch/sources/1", p.source),
		get("/watch/sources/{source}/change", "watch.change_source", "/watch/sources/1/change", p.askChange),
		post("/watch/sources/{source}/change", "watch.change_source", "/watch/sources/1/change version=1&mapping=shadowserver&rhythm=24", p.changeSource),
		get("/watch/sources/{source}/mode", "watch.set_mode", "/watch/sources/1/mode?to=live", p.askMode),
		post("/watch/sources/{source}/mode", "watch.set_mode", "/watch/sources/1/mode to=shadow&version=1&reason=trial", p.setMode),
		get("/watch/shadow", "watch.read", "/watch/shadow", p.shadows),
		get("/watch/shadow/{source}", "watch.read", "/watch/shadow/1", p.shadow),
		get("/watch/shadow/{source}/findings", "watch.read", "/watch/shadow/1/findings?organisation=2&level=operator", p.shadowFindings),
		get("/watch/shadow/{source}/csv", "watch.read", "/watch/shadow/1/csv", p.shadowCSV),
		get("/watch/shadow/{source}/accept", "watch.accept_preview", "/watch/shadow/1/accept?upto=1", p.askAccept),
		post("/watch/shadow/{source}/accept", "watch.accept_preview", "/watch/shadow/1/accept upto=1&reason=looked", p.accept),
		get("/watch/mappings", web.SignedIn, "/watch/mappings", p.mappings),
		get("/watch/mappings/new", "watch.load_mapping", "/watch/mappings/new", p.newMapping),
		schema,
		get("/watch/unrouted", "watch.read", "/watch/unrouted", p.unrouted),
		get("/watch", "watch.read", "/watch", p.start),
	}
}

// start is GET /watch: the rail's entry leads to the findings.
func (p *Web) start(w http.ResponseWriter, r *http.Request) error {
	p.site.Redirect(w, r, "/watch/findings", web.Flash{})
	return nil
}
