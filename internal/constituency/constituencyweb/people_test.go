package constituencyweb

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/constituency"
	"almenara.example/internal/guard"
)

func newKey(t *testing.T, life time.Duration) string {
	t.Helper()
	k, err := crypto.PGP().KeyGeneration().AddUserId("Watch & Ward", "watch@water.example").Lifetime(int32(life / time.Second)).
		GenerationTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Unix()).New().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.GetArmoredPublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wants(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, want := range words {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
}

func TestAContactsKeyIsAddedShownAndRetired(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	at := "/constituency/contacts/1"
	wants(t, h.get("/constituency/organisations/2"), "no key")
	wants(t, h.post(at+"/keys", url.Values{"key": {"hello"}}, http.StatusUnprocessableEntity).Body.String(), ">hello</textarea>", "not an OpenPGP public key")
	h.post(at+"/keys", url.Values{"key": {newKey(t, 33*24*time.Hour)}}, http.StatusSeeOther)
	wants(t, h.get(at), "expires in 12 days", "Watch &amp; Ward", "the desk", "Retire")
	wants(t, h.get("/constituency/organisations/2"), "expires in 12 days")
	wants(t, h.get("/constituency/keys"), "expires in 12 days", at)
	h.post(at+"/keys/1", url.Values{"verb": {"burn"}}, http.StatusUnprocessableEntity)
	h.post(at+"/keys/9", url.Values{"verb": {"retire"}}, http.StatusNotFound)
	h.post(at+"/keys/1", url.Values{"verb": {"retire"}}, http.StatusSeeOther)
	h.post(at+"/keys/1", url.Values{"verb": {"retire"}}, http.StatusConflict)
	wants(t, h.get(at), "retired", "Accept")
	if w := h.do(guard.RoleReader, "GET", at, "", nil); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "Accept") {
		t.Errorf("a reader: got %d and a button, want the page without", w.Code)
	}
}

func TestContactsChangePlaces(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	h.post("/constituency/organisations/2/contacts", url.Values{"contact_name": {"Ana"}, "contact_phone": {"+33 1"}}, http.StatusSeeOther)
	h.post("/constituency/contacts/2/move", url.Values{"version": {"1"}, "to": {"up"}}, http.StatusSeeOther)
	h.post("/constituency/contacts/2/move", url.Values{"version": {"1"}, "to": {"up"}}, http.StatusConflict)
	h.post("/constituency/contacts/2/move", url.Values{"version": {"2"}, "to": {"left"}}, http.StatusUnprocessableEntity)
	page := h.get("/constituency/organisations/2")
	if strings.Index(page, "/contacts/2") > strings.Index(page, "/contacts/1") {
		t.Error("Ana is not first")
	}
}

func TestAClaimIsDecidedOnItsPageAndByTheAPI(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	h.post("/constituency/organisations", url.Values{"name": {"Power"}, "kind": {"operator"}, "country": {"xa"}}, http.StatusSeeOther)
	claim := func(value string) {
		h.post("/constituency/organisations/3/claim", url.Values{"asset_kind": {"cidr"}, "asset": {value}, "note": {"our <b> site"}}, http.StatusSeeOther)
	}
	h.post("/constituency/organisations/3/claim", url.Values{"asset_kind": {"cidr"}, "asset": {"192.0.2.1/24"}}, http.StatusUnprocessableEntity)
	claim("192.0.2.64/26")
	wants(t, h.get("/constituency/claims"), "192.0.2.64/26", "Water &lt;b&gt; has it", "Power")
	at := "/constituency/claims/3"
	wants(t, h.get(at), "our &lt;b&gt; site", "Decide about this claim", "192.0.2.0/24")
	h.post(at, url.Values{"reason": {"x"}}, http.StatusUnprocessableEntity)
	wants(t, h.post(at, url.Values{"decision": {"reject"}}, http.StatusUnprocessableEntity).Body.String(), "A rejection needs a reason")
	h.post(at, url.Values{"decision": {"approve"}, "reason": {"in the register"}}, http.StatusSeeOther)
	h.post(at, url.Values{"decision": {"approve"}, "reason": {"again"}}, http.StatusConflict)
	wants(t, h.get(at), "approved", "in the register")

	claim("198.51.100.0/24")
	var list []Claim
	if err := json.Unmarshal([]byte(h.get("/api/v1/constituency/claims?state=waiting")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].ID != 4 || list[0].Name != "Power" || len(list[0].Conflicts) != 0 {
		t.Errorf("got %+v", list)
	}
	send := func(role, path, body string, want int) {
		t.Helper()
		if w := h.do(role, "POST", "/api/v1/constituency/claims"+path, "application/json", strings.NewReader(body)); w.Code != want {
			t.Errorf("POST %s as %s: got %d, want %d: %s", path, role, w.Code, want, w.Body)
		}
	}
	send(guard.RoleReader, "/4/reject", `{"reason":"x"}`, http.StatusForbidden)
	send(guard.RoleContact, "", `{"organisation":3,"asset_kind":"cidr","asset":"203.0.113.0/24"}`, http.StatusForbidden)
	send(guard.RoleDutyLead, "/4/reject", `{}`, http.StatusUnprocessableEntity)
	send(guard.RoleDutyLead, "/4/reject", `{"reason":"not theirs"}`, http.StatusOK)
	send(guard.RoleDutyLead, "/4/approve", `{}`, http.StatusNotFound)
	wants(t, h.get("/constituency/claims?state=rejected"), "198.51.100.0/24")
}

func TestAnOrganisationsTiesNameAndEnd(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	h.post("/constituency/organisations", url.Values{"name": {"Help"}, "kind": {"provider"}, "country": {"xa"}}, http.StatusSeeOther)
	ties := "/constituency/organisations/3/acts-for"
	wants(t, h.post(ties, url.Values{"add": {"Nobody"}}, http.StatusUnprocessableEntity).Body.String(), "called “Nobody”")
	h.post(ties, url.Values{"add": {"water <B>\n"}}, http.StatusSeeOther)
	wants(t, h.get("/constituency/organisations/3"), "Acts for", "Water &lt;b&gt;")
	h.post(ties, url.Values{"was": {"2"}}, http.StatusSeeOther)
	if ids, err := h.room.ActsFor(t.Context(), h.door.acts.Reader(), 3); err != nil || len(ids) != 0 {
		t.Errorf("got %v, %v, want nobody", ids, err)
	}
	h.post("/constituency/organisations/2/rename", url.Values{"name": {"Help"}}, http.StatusConflict)
	h.post("/constituency/organisations/2/rename", url.Values{"name": {"Blue Water"}}, http.StatusSeeOther)
	wants(t, h.get("/constituency/organisations"), "Blue Water")
	h.post("/constituency/organisations/2/end", url.Values{}, http.StatusUnprocessableEntity)
	h.post("/constituency/organisations/2/end", url.Values{"reason": {"merged"}}, http.StatusSeeOther)
	wants(t, h.get("/constituency/organisations/2"), "ended 21 Nov 2026")
	if as, err := h.room.Assets(t.Context(), h.door.acts.Reader(), constituency.AssetFilter{Org: 2, On: h.door.today()}); err != nil || len(as) != 0 {
		t.Errorf("got %v, %v, want no asset any more", as, err)
	}
}
