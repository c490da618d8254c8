package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// port is a nation with two water companies, a network and a provider that acts for one
// of them, and a notice to each company.
type port struct {
	*house.House
	t                   *testing.T
	faro, ribera, soc   int64
	atFaro, atRibera    string // numbers of notices
	faroHost, riberaHos string
}

func openPort(t *testing.T, marking tlp.Marking) *port {
	t.Helper()
	const soc = "Sentinela SOC,provider,XA,digital-infrastructure,domain,soc.example,SOC,soc@soc.example,es\n"
	p := &port{t: t, faroHost: "192.0.2.3", riberaHos: "192.0.2.17"}
	p.House = house.Start(t, house.Options{System: true, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, marking, house.Faro, house.Ribera, soc); err != nil {
			return err
		}
		if err := h.Deliver(ctx, time.Now().UTC().Format(time.DateOnly), "3", "17"); err != nil { //nolint:forbidigo // a house with the machine's clock
			return err
		}
		return h.Settle(ctx)
	}})
	for name, id := range map[string]*int64{"Aguas del Faro": &p.faro, "Ribera Waterworks": &p.ribera, "Sentinela SOC": &p.soc} {
		o, ok, err := p.App.Guard().OrganisationNamed(t.Context(), p.App.Acts().Reader(), name)
		if err != nil || !ok {
			t.Fatal(name, ok, err)
		}
		*id = o.ID
	}
	if err := p.App.Constituency().SetActsFor(t.Context(), house.Lead(), p.soc, []int64{p.faro}); err != nil {
		t.Fatal(err)
	}
	for org, number := range map[int64]*string{p.faro: &p.atFaro, p.ribera: &p.atRibera} {
		ns, err := p.App.Warn().Notices(t.Context(), p.App.Acts().Reader(), warn.Filter{Org: org})
		if err != nil || len(ns) != 1 {
			t.Fatalf("got %d notices (%v), want one", len(ns), err)
		}
		*number = p.App.Warn().Number(ns[0].ID)
	}
	return p
}

// contact returns how a new contact of an organisation asks.
func (p *port) contact(org int64) func(*http.Request) {
	return house.As(p.SignIn(p.Person(org, guard.RoleContact).ID))
}

func (p *port) get(who func(*http.Request), path string, status int, has, lack []string) house.Answer {
	p.t.Helper()
	a := p.Ask(http.MethodGet, path, nil, who, house.Outside)
	p.judge("GET "+path, a, status, has, lack)
	return a
}

func (p *port) post(who func(*http.Request), path, form string, status int, has, lack []string) house.Answer {
	p.t.Helper()
	a := p.Ask(http.MethodPost, path, strings.NewReader(form), who, house.Outside, house.Form)
	p.judge("POST "+path+" "+form, a, status, has, lack)
	return a
}

func (p *port) judge(what string, a house.Answer, status int, has, lack []string) {
	p.t.Helper()
	if a.Status != status {
		p.t.Errorf("%s: got %d to %s, want %d\n%s", what, a.Status, a.Header.Get("Location"), status, a.Body)
	}
	for _, want := range has {
		if !strings.Contains(a.Body, want) {
			p.t.Errorf("%s does not say %q:\n%s", what, want, a.Body)
		}
	}
	for _, no := range lack {
		if strings.Contains(a.Body, no) {
			p.t.Errorf("%s says %q", what, no)
		}
	}
}

func nobody(r *http.Request) { r.Header.Set("Accept-Language", "en") }

func TestAContactSeesItsOwnAndNothingOfAnybodyElse(t *testing.T) {
	p := openPort(t, tlp.Amber)
	faro := p.contact(p.faro)
	others := []string{p.atRibera, p.riberaHos, "Ribera", "ribera", "Sentinela", "parcel", "audience"}
	p.get(faro, "/", 303, nil, nil)
	p.get(faro, "/portal", 200, []string{p.atFaro, "We have taken this warning", "One weakness or infection is still seen"}, others)
	p.get(faro, "/portal/notices", 200, []string{p.atFaro, "TLP:AMBER"}, others)
	p.get(faro, "/portal/notices/"+p.atFaro, 200, []string{p.faroHost, "Why it matters", "What to do", "Not ours", "Already fixed", "Ask a question", "Passed on"}, others)
	p.get(faro, "/portal/notices/"+p.atFaro+"/rows.csv", 200, []string{p.faroHost}, []string{p.riberaHos})
	p.get(faro, "/portal/findings", 200, []string{p.faroHost, "still seen"}, []string{p.riberaHos, p.atRibera, "Ribera"})
	p.get(faro, "/portal/findings?state=gone", 200, []string{"Nothing is seen here."}, []string{p.faroHost})
	p.get(faro, "/portal/findings.csv", 200, []string{p.faroHost}, []string{p.riberaHos})
	p.get(faro, "/portal/assets", 200, []string{"192.0.2.0/28"}, []string{"192.0.2.16/28"})
	p.get(faro, "/portal/contacts", 200, []string{"watch@faro.example", "Control room"}, []string{"ribera"})
	p.get(faro, "/portal/feeds", 200, []string{"/api/v1/portal/feed.atom"}, nil)
	missing := p.get(faro, "/portal/notices/ALM-0000-0000", 404, nil, nil)
	foreign := p.get(faro, "/portal/notices/"+p.atRibera, 404, nil, nil)
	if a, b := plain(missing.Body, map[string]string{}), plain(foreign.Body, map[string]string{}); a != b {
		t.Errorf("somebody else's number is told from none:\n%s\n%s", a, b)
	}
	p.post(faro, "/portal/notices/"+p.atRibera+"/answer", "what=done", 404, nil, nil)
	p.post(faro, "/portal/notices/"+p.atFaro+"/answer", "what=dispute", 422, []string{"Say in a few words"}, nil)
	p.post(faro, "/portal/notices/"+p.atFaro+"/answer", "what=acknowledge", 303, nil, nil)
	p.get(faro, "/portal/notices/"+p.atFaro, 200, []string{"Has taken the warning", "signed in"}, nil)
	p.get(faro, "/portal", 200, []string{"Nothing waits for you"}, nil)

	uid := func(org int64) string {
		o, err := p.App.Guard().Organisation(t.Context(), p.App.Acts().Reader(), org)
		if err != nil {
			t.Fatal(err)
		}
		return o.UID
	}
	for _, path := range []string{"/portal", "/portal/notices", "/portal/findings", "/portal/assets", "/portal/findings.csv", "/api/v1/portal/feed.atom"} {
		p.get(faro, path+"?for="+uid(p.ribera), 404, nil, others[:4])
		p.get(faro, path+"?for=nonsense", 404, nil, nil)
	}
	soc := p.contact(p.soc)
	p.get(soc, "/portal", 200, []string{"Aguas del Faro", uid(p.faro)}, []string{p.atFaro, "Ribera", p.faroHost})
	for _, path := range []string{"/portal", "/portal/notices"} {
		p.get(soc, path+"?for="+uid(p.faro), 200, []string{p.atFaro}, []string{p.atRibera})
	}
	p.get(soc, "/portal/findings?for="+uid(p.faro), 200, []string{p.faroHost}, []string{p.riberaHos})
	p.get(soc, "/portal/notices/"+p.atFaro, 200, []string{p.faroHost}, []string{p.riberaHos})
	p.get(soc, "/portal/notices/"+p.atRibera, 404, nil, nil)
	p.get(soc, "/portal/findings?for="+uid(p.ribera), 404, nil, nil)
	p.post(soc, "/portal/notices/"+p.atFaro+"/answer", "what=done", 303, nil, nil)
	for _, role := range []string{guard.RoleReader, guard.RoleDutyLead, guard.RoleAdministrator} {
		p.get(house.As(p.SignIn(p.Person(guard.OwnOrg, role).ID)), "/portal", 403, nil, []string{"Aguas"})
	}
}

func TestAProviderSeesNothingAboveAmber(t *testing.T) {
	p := openPort(t, tlp.AmberStrict)
	o, err := p.App.Guard().Organisation(t.Context(), p.App.Acts().Reader(), p.faro)
	if err != nil {
		t.Fatal(err)
	}
	faro, soc := p.contact(p.faro), p.contact(p.soc)
	p.get(faro, "/portal/notices/"+p.atFaro, 200, []string{p.faroHost, "TLP:AMBER&#43;STRICT"}, nil)
	p.get(faro, "/portal/findings", 200, []string{p.faroHost}, nil)
	p.get(soc, "/portal/notices/"+p.atFaro, 404, nil, nil)
	p.post(soc, "/portal/notices/"+p.atFaro+"/answer", "what=done", 404, nil, nil)
	for _, path := range []string{"/portal", "/portal/notices", "/portal/findings", "/api/v1/portal/notices", "/api/v1/portal/findings.csv"} {
		p.get(soc, path+"?for="+o.UID, 200, nil, []string{p.atFaro, p.faroHost})
	}
	link := p.linkTo("watch@faro.example")
	p.post(nobody, link, "by=Ana&firm=Soc", 200, []string{"Sign in to read it"}, []string{p.faroHost})
}

// linkTo is the path of the answering link in the mail to an address.
func (p *port) linkTo(address string) string {
	p.t.Helper()
	for _, m := range p.Mail.Received() {
		if found := link.FindString(folded.ReplaceAllString(string(m.Data), "")); m.To == address && found != "" {
			return found
		}
	}
	p.t.Fatalf("no link reached %s", address)
	return ""
}

func TestALinkShowsOneNoticeToWhoeverSaysWhoHeIs(t *testing.T) {
	p := openPort(t, tlp.Green)
	path, other := p.linkTo("watch@faro.example"), p.linkTo("duty@ribera.example")
	form := func(a house.Answer) string { return plain(a.Body, nil) }
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		p.judge(method+" by a scanner", p.Ask(method, path, nil, nobody, house.Outside), 200, nil, []string{p.faroHost, "Aguas", p.atFaro})
	}
	a, b := p.get(nobody, path, 200, nil, nil), p.get(nobody, other, 200, nil, nil)
	if strings.ReplaceAll(form(a), path, "") != strings.ReplaceAll(form(b), other, "") {
		t.Error("the page behind a link differs from notice to notice")
	}
	p.post(nobody, path, "by=Ana", 422, []string{"A name is needed."}, []string{p.faroHost})
	p.post(nobody, path, "by=Ana&firm=Soc+Sur", 200, []string{p.faroHost, `value="Soc Sur"`, "We have taken this warning"}, []string{p.riberaHos})
	p.post(nobody, path, "by=Ana&firm=Soc+Sur&what=ask", 422, []string{p.faroHost, "Say in a few words"}, nil)
	p.post(nobody, path, "by=Ana&firm=Soc+Sur&what=acknowledge", 200, []string{"Thank you"}, nil)
	p.post(nobody, path, "by=Ana&firm=Soc+Sur&what=acknowledge", 409, []string{"This was said already"}, nil)
	p.post(nobody, path+"x", "by=Ana&firm=Soc+Sur", 404, []string{"does not work"}, nil)
	faro := p.contact(p.faro)
	p.get(faro, "/portal/notices/"+p.atFaro, 200, []string{"Ana", "Soc Sur", "by link"}, nil)
	if a := p.get(faro, path, 303, nil, nil); a.Header.Get("Location") != "/portal/notices/"+p.atFaro {
		t.Errorf("the own session is sent to %s", a.Header.Get("Location"))
	}
	for _, who := range []func(*http.Request){p.contact(p.ribera), house.As(p.SignIn(p.Person(guard.OwnOrg, guard.RoleDutyLead).ID))} {
		p.get(who, path, 403, []string{"Sign out"}, []string{p.faroHost, "Aguas"})
		p.post(who, path, "by=Ana&firm=Soc+Sur", 403, []string{"Sign out"}, []string{p.faroHost})
	}
	n, err := p.App.Warn().NoticeNumbered(t.Context(), p.App.Acts().Reader(), p.atFaro)
	if err != nil {
		t.Fatal(err)
	}
	visits, err := p.App.Warn().Visits(t.Context(), p.App.Acts().Reader(), n.ID)
	if err != nil || len(visits) != 1 || visits[0].Firm != "Soc Sur" {
		t.Errorf("got the visits %+v (%v), want the one", visits, err)
	}
}

var signInLink = regexp.MustCompile(`/sign-in/link/(al_[\w-]+)`)

func TestAContactSignsInByALinkInTheMail(t *testing.T) {
	p := openPort(t, tlp.Green)
	before := len(p.Mail.Received())
	known := p.post(nobody, "/portal/sign-in", "email=Watch@faro.example", 200, []string{"Look into your mail"}, nil)
	unknown := p.post(nobody, "/portal/sign-in", "email=nobody@nowhere.example", 200, []string{"Look into your mail"}, nil)
	if plain(known.Body, nil) != plain(unknown.Body, nil) {
		t.Error("the answer tells a contact from nobody")
	}
	p.post(nobody, "/portal/sign-in", "email=nonsense", 422, []string{"is not a mail address"}, nil)
	all := p.Mail.Wait(t, before+1, 20*time.Second)
	m := string(all[len(all)-1].Data)
	found := signInLink.FindStringSubmatch(strings.ReplaceAll(folded.ReplaceAllString(m, ""), "=3D", "="))
	if all[len(all)-1].To != "watch@faro.example" || found == nil || !strings.Contains(m, "Aguas del Faro") {
		t.Fatalf("got no link in\n%s", m)
	}
	a := p.post(nobody, "/sign-in/link/"+found[1], "", 303, nil, nil)
	cookie := (&http.Response{Header: a.Header}).Cookies()
	var session *http.Cookie
	for _, c := range cookie {
		if strings.HasSuffix(c.Name, "-session") {
			session = c
		}
	}
	if session == nil {
		t.Fatal("no session")
	}
	p.get(house.As(session), "/portal", 200, []string{p.atFaro}, nil)
	p.post(nobody, "/sign-in/link/"+found[1], "", 401, nil, nil)
	person, err := p.App.Guard().ContactsAt(t.Context(), p.App.Acts().Reader(), "watch@faro.example")
	if err != nil || len(person) != 1 {
		t.Fatal(len(person), err)
	}
	kept, ok, err := p.App.Warn().Outbound.Of(t.Context(), p.App.Acts().Reader(), fmt.Sprintf("sign-in:%d", person[0].ID))
	if err != nil || !ok || strings.Contains(string(kept.Body), found[1]) {
		t.Errorf("the secret of the link is kept (%v, %v)", ok, err)
	}
	for i := range 14 {
		a := p.Ask(http.MethodPost, "/portal/sign-in", strings.NewReader("email=a@b.example"), house.Form, house.Header("X-Forwarded-For", "2001:db8:7::1"))
		if want := map[bool]int{true: 200, false: 429}[i < 12]; a.Status != want {
			t.Fatalf("try %d: got %d, want %d", i, a.Status, want)
		}
	}
}

func TestAContactKeepsItsOwnThings(t *testing.T) {
	p := openPort(t, tlp.Green)
	faro := p.contact(p.faro)
	p.post(faro, "/portal/assets", "asset_kind=cidr&asset=nonsense&note=x", 422, []string{"nonsense"}, nil)
	p.post(faro, "/portal/assets", "asset_kind=cidr&asset=203.0.113.0/28&note=ours", 303, nil, nil)
	p.get(faro, "/portal/assets", 200, []string{"203.0.113.0/28", "we are checking it"}, nil)
	p.get(faro, "/portal", 200, []string{"waits for our check"}, nil)
	p.get(p.contact(p.ribera), "/portal/assets", 200, nil, []string{"203.0.113.0"})
	p.post(faro, "/portal/contacts/keys", "key=nonsense", 422, nil, nil)
	p.post(faro, "/portal/feeds/hooks", "url=http://127.0.0.1/x", 422, nil, nil)
	p.post(faro, "/portal/feeds/hooks", "url=https://soc.faro.example/in", 303, nil, nil)
	page := p.get(faro, "/portal/feeds", 200, []string{"https://soc.faro.example/in", "whpk_"}, nil)
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page.Body)
	if key == nil {
		t.Fatal("no key")
	}
	p.post(p.contact(p.ribera), "/portal/feeds/hooks/end", url.Values{"key": {strings.ReplaceAll(key[1], "&#43;", "+")}}.Encode(), 404, nil, nil)
	p.post(faro, "/portal/feeds/hooks/end", url.Values{"key": {strings.ReplaceAll(key[1], "&#43;", "+")}}.Encode(), 303, nil, nil)
	p.get(faro, "/portal/feeds", 200, nil, []string{"soc.faro.example"})
}

func TestAnOutsidersTokenReachesThePortalsCallsOnly(t *testing.T) {
	p := openPort(t, tlp.Green)
	person := p.Person(p.faro, guard.RoleContact)
	session := house.As(p.SignIn(person.ID))
	p.post(session, "/portal/feeds/tokens", "name=siem&days=0", 422, nil, nil)
	made := p.post(session, "/portal/feeds/tokens", "name=siem&days=30", 200, nil, nil)
	secret := regexp.MustCompile(`alt_[\w-]+`).FindString(made.Body)
	if secret == "" {
		t.Fatal("no token")
	}
	wide, _, err := p.App.Guard().IssueToken(t.Context(), guard.LocalOperator(), person.ID, "wide", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{secret, wide} {
		for _, path := range []string{"/api/v1/portal/notices", "/api/v1/portal/findings.csv", "/api/v1/portal/findings.xarf", "/api/v1/portal/feed.atom"} {
			a := p.get(house.With(token), path, 200, nil, []string{p.riberaHos, p.atRibera})
			again := p.get(house.With(token), path, 200, nil, nil)
			tag := a.Header.Get("ETag")
			if a.Body != again.Body || tag == "" || tag != again.Header.Get("ETag") {
				t.Errorf("%s: not the same bytes twice", path)
			}
			c := p.Ask(http.MethodGet, path, nil, house.With(token), house.Header("If-None-Match", tag))
			if c.Status != http.StatusNotModified || c.Body != "" {
				t.Errorf("%s with its ETag: got %d", path, c.Status)
			}
			q := p.Ask(http.MethodGet, path+"?token="+token, nil, nobody)
			if q.Status == 200 {
				t.Errorf("%s: a token in the address lets in", path)
			}
		}
		for _, r := range p.App.Site().Routes() {
			if strings.HasPrefix(r.Pattern, "/api/v1/portal/") {
				continue
			}
			method, path, body, kind, err := sample(r)
			if err != nil {
				t.Fatal(err)
			}
			if a := p.Ask(method, path, body, house.With(token), house.Header("Content-Type", kind)); a.Status != http.StatusForbidden {
				t.Errorf("%s %s with an outsider's token: got %d, want 403", method, path, a.Status)
			}
		}
	}
	p.get(house.With(p.Token(guard.OwnOrg, guard.RoleFeed)), "/api/v1/portal/notices", 403, nil, []string{"ALM-"})
}

func TestWhatWaitsToBeReleasedIsNotInThePortal(t *testing.T) {
	p := openPort(t, tlp.Green)
	ctx := t.Context()
	if _, err := p.App.Watch().AddSource(ctx, house.Lead(), "quiet", watch.SourceSettings{Mode: watch.Shadow, Marking: tlp.Green}); err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC().Format(time.DateOnly) //nolint:forbidigo // a house with the machine's clock
	if _, err := p.App.Watch().Receive(ctx, house.Lead(), watch.Arrival{
		Source: "quiet", FileName: day + "-scan_telnet.csv", Body: strings.NewReader("timestamp,ip,protocol,port\n" + day + " 00:00:01,192.0.2.9,tcp,2323\n"),
	}); err != nil {
		t.Fatal(err)
	}
	reader := p.App.Acts().Reader()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		l, err := p.App.Watch().List(ctx, reader, watch.Filter{Sources: []string{"quiet"}}, watch.Page{Reader: watch.AllOrgs})
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Findings) == 1 {
			tick.Stop()
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the shadow delivery was not taken in")
		}
	}
	faro := p.contact(p.faro)
	for _, path := range []string{"/portal/findings", "/portal/findings?state=all", "/portal/findings.csv", "/portal"} {
		p.get(faro, path, 200, nil, []string{"192.0.2.9"})
	}
	if err := p.App.Warn().Stop(ctx, house.Lead(), "test"); err != nil {
		t.Fatal(err)
	}
	v, err := p.App.Warn().Compose(ctx, officer(1), warn.Warning{
		Severity: warn.SeverityHigh, Marking: tlp.Green, Choice: warn.Choice{Everyone: true}, AnswerWithin: time.Hour,
		Texts: map[string]warn.Text{"en": {Title: "Remote access is being abused", What: "Somebody signs in.", Do: "Close it."}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, seen, err := p.App.Warn().Choose(ctx, reader, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.App.Warn().Release(ctx, officer(2), v.ID, warn.Release{Version: v.Version, Seen: seen}); err != nil {
		t.Fatal(err)
	}
	p.get(faro, "/portal", 200, nil, []string{"Remote access"})
}

func officer(n int) act.Actor {
	return act.Actor{ID: fmt.Sprintf("person:%d", 900+n), Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
}
