package constituencyweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

// claimsURL is the list of claims; claimURL is where one is decided.
const claimsURL = "/constituency/claims"

func claimURL(id int64) string { return claimsURL + "/" + strconv.FormatInt(id, 10) }

func (w *Web) claimRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: claimsURL, Permission: read, Handler: w.claims, Sample: "GET " + claimsURL + "?state=rejected"},
		{Method: "GET", Pattern: claimsURL + "/{id}", Permission: read, Handler: w.claim, Sample: "GET " + claimsURL + "/1"},
		{Method: "POST", Pattern: claimsURL + "/{id}", Permission: changeAsset, Handler: w.claimDecide, Sample: "POST " + claimsURL + "/1 decision=approve&reason=test"},
	}
}

func (w *Web) claims(rw http.ResponseWriter, r *http.Request) error {
	s, q := w.speak(r), r.URL.Query()
	state := constituency.ClaimState(q.Get("state"))
	if !known(state) {
		state = constituency.ClaimWaiting
	}
	claims, err := w.room.Claims(r.Context(), w.acts.Reader(), constituency.ClaimFilter{
		State: state, Org: number(q.Get("organisation")), After: number(q.Get("after")), Limit: pageRows,
	})
	if err != nil {
		return err
	}
	p := w.page(s.T("constituency.claims", nil))
	p.Lead = s.T("constituency.claims.lead", nil)
	list := web.List{
		ID: "claims", Caption: s.T("constituency.claims", nil), Live: true, Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: s.T("constituency.asset", nil)}, {Label: s.T("constituency.organisation", nil)},
			{Label: s.T("constituency.claim.by", nil), Narrow: true}, {Label: s.T("constituency.claim.since", nil)},
			{Label: s.T("constituency.state", nil)},
		},
		Empty: web.Empty{Title: s.T("constituency.claims.empty", nil), Why: s.T("constituency.claims.empty.why", nil)},
	}
	for _, one := range constituency.ClaimStates() {
		list.Views = append(list.Views, web.Link{
			Label: s.T("constituency.claim.state."+string(one), nil), URL: web.With(r.URL, "state", string(one)), Current: one == state,
		})
	}
	for _, k := range claims {
		badge := s.claimBadge(k.State)
		cell := web.Cell{Badge: &badge}
		if k.State == constituency.ClaimWaiting {
			clash, err := w.room.Conflicts(r.Context(), w.acts.Reader(), k)
			if err != nil {
				return err
			}
			if len(clash) > 0 {
				badge = web.Badge{Tone: "high", Icon: "warning", Word: s.T("constituency.claim.clash", map[string]any{"Org": s.org(clash[0].Org)})}
			}
		}
		list.Rows = append(list.Rows, web.Row{URL: claimURL(k.Asset.ID), Name: k.Asset.Value, Cells: []web.Cell{
			{Text: k.Asset.Value, URL: claimURL(k.Asset.ID), Mono: true, Sub: s.assetKind(k.Asset.Kind)},
			web.Anchor(s.org(k.Asset.Org), orgURL(k.Asset.Org)), web.Text(w.who(r.Context(), k.ClaimedBy)), web.Ago(k.ClaimedAt), cell,
		}})
	}
	if len(claims) == pageRows {
		list.Older = web.With(r.URL, "after", strconv.FormatInt(claims[len(claims)-1].Asset.ID, 10))
	}
	p.Data = list
	return w.show(rw, r, "list", p)
}

func known(s constituency.ClaimState) bool {
	for _, one := range constituency.ClaimStates() {
		if one == s {
			return true
		}
	}
	return false
}

func (s speaker) claimBadge(state constituency.ClaimState) web.Badge {
	b := map[constituency.ClaimState]web.Badge{
		constituency.ClaimWaiting: {Tone: "medium", Icon: "question"}, constituency.ClaimApproved: {Tone: "ok"},
		constituency.ClaimRejected: {Tone: "muted", Icon: "cross"},
	}[state]
	b.Word = s.T("constituency.claim.state."+string(state), nil)
	return b
}

// who names an actor of a claim: a person by name, everything else not at all.
func (w *Web) who(ctx context.Context, actor string) string {
	digits, ok := strings.CutPrefix(actor, "person:")
	if !ok {
		return ""
	}
	p, err := w.guard.Person(ctx, w.acts.Reader(), number(digits))
	if err != nil {
		return ""
	}
	return p.Name
}

// claimData is the dot of a claim's page.
type claimData struct {
	Facts    web.Facts
	Near     web.List
	Examples []string
	Confirm  *web.Confirm
}

func (w *Web) claimNamed(r *http.Request) (constituency.Claim, error) {
	id, err := pathID(r, "constituency.claim.none")
	if err != nil {
		return constituency.Claim{}, err
	}
	return w.room.Claim(r.Context(), w.acts.Reader(), id)
}

func (w *Web) claim(rw http.ResponseWriter, r *http.Request) error {
	k, err := w.claimNamed(r)
	if err != nil {
		return err
	}
	return w.showClaim(rw, r, http.StatusOK, k, nil)
}

func (w *Web) showClaim(rw http.ResponseWriter, r *http.Request, status int, k constituency.Claim, problem error) error {
	s := w.speak(r)
	p := w.page(k.Asset.Value)
	p.Topics = nil
	p.Crumbs = []web.Link{crumb(r, "constituency.claims", claimsURL)}
	p.Badges = []web.Badge{s.claimBadge(k.State)}
	data := claimData{Facts: web.Facts{Title: s.T("constituency.facts", nil), Items: []web.Fact{
		{Label: s.T("constituency.asset", nil), Cell: web.Code(k.Asset.Value)},
		{Label: s.T("constituency.asset_kind", nil), Cell: web.Text(s.assetKind(k.Asset.Kind))},
		{Label: s.T("constituency.organisation", nil), Cell: web.Anchor(s.org(k.Asset.Org), orgURL(k.Asset.Org))},
		{Label: s.T("constituency.validity", nil), Cell: web.Text(s.validity(k.Asset.From, k.Asset.To))},
		{Label: s.T("constituency.claim.by", nil), Cell: web.Text(w.who(r.Context(), k.ClaimedBy))},
		{Label: s.T("constituency.claim.since", nil), Cell: web.Exactly(k.ClaimedAt)},
		{Label: s.T("constituency.claim.note", nil), Cell: web.Text(k.Note)},
	}}}
	if k.State != constituency.ClaimWaiting {
		data.Facts.Items = append(data.Facts.Items,
			web.Fact{Label: s.T("constituency.claim.decided_by", nil), Cell: web.Cell{Text: w.who(r.Context(), k.DecidedBy)}},
			web.Fact{Label: s.T("constituency.claim.decided_at", nil), Cell: web.Exactly(k.DecidedAt)},
			web.Fact{Label: s.T("constituency.claim.why", nil), Cell: web.Text(k.Reason)})
		p.Data = data
		return w.site.Page(rw, r, status, "constituency/claim", p)
	}
	preview, err := w.room.PreviewAssets(r.Context(), w.acts.Reader(), constituency.AssetChange{Approve: k.Asset.ID})
	if err != nil {
		return err
	}
	data.Near = w.assetList(r, s, preview.Near)
	data.Near.ID, data.Near.Caption, data.Near.Total.N = "near", s.T("constituency.near", nil), int64(len(preview.Near))
	data.Examples = s.examples(preview.Preview)
	if can(r, changeAsset) {
		data.Confirm = s.claimConfirm(r, k, preview.Preview)
		if problem != nil {
			p.Faults = web.FieldFaults(s.Printer, problem)
			p.Fault = web.Sentence(s.Printer, fault.Of(problem))
			data.Confirm.Reason = r.PostFormValue("reason")
			for _, f := range p.Faults {
				if f.Field == "reason" {
					data.Confirm.ReasonFault = f.Text
				}
			}
		}
	}
	p.Data = data
	return w.site.Page(rw, r, status, "constituency/claim", p)
}

func (s speaker) claimConfirm(r *http.Request, k constituency.Claim, preview constituency.Preview) *web.Confirm {
	chosen := r.PostFormValue("decision")
	return &web.Confirm{
		Title: s.T("constituency.claim.decide", nil), Text: s.T("constituency.claim.decide.why", nil), Action: claimURL(k.Asset.ID),
		Verb: s.T("constituency.claim.decide.do", nil), NeedReason: true, Cancel: claimsURL,
		Effects: s.effects(preview), NoEffect: s.T("constituency.effect.none", nil),
		Fields: []web.Field{{
			Name: "decision", Label: s.T("constituency.claim.decision", nil), Type: "radio", Required: true,
			Options: []web.Option{
				{Value: "approve", Label: s.T("constituency.claim.approve", nil), Hint: s.T("constituency.claim.approve.hint", nil), Selected: chosen == "approve"},
				{Value: "reject", Label: s.T("constituency.claim.reject", nil), Hint: s.T("constituency.claim.reject.hint", nil), Selected: chosen == "reject"},
			},
		}},
	}
}

// examples are findings that a change moves, in words.
func (s speaker) examples(preview constituency.Preview) (out []string) {
	name := func(org int64) string {
		if org == 0 {
			return s.T("constituency.nobody", nil)
		}
		return s.org(org)
	}
	for _, e := range preview.Examples {
		out = append(out, s.T("constituency.effect.example", map[string]any{"Number": e.Number, "What": e.What, "From": name(e.From), "To": name(e.To)}))
	}
	return out
}

func (w *Web) claimDecide(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, err := w.claimNamed(r)
	if err != nil {
		return err
	}
	decision := r.PostFormValue("decision")
	err = w.decide(r.Context(), actorOf(r), k.Asset.ID, decision, r.PostFormValue("reason"))
	if correctable(err) {
		if k, kerr := w.claimNamed(r); kerr == nil {
			return w.showClaim(rw, r, web.Status(fault.CodeOf(err)), k, err)
		}
	}
	if err != nil {
		return err
	}
	done := map[string]string{"approve": "constituency.claim.approved", "reject": "constituency.claim.rejected"}[decision]
	w.site.Redirect(rw, r, claimsURL, web.Flash{Key: done, Args: map[string]any{"Value": k.Asset.Value}})
	return nil
}

// Claim is a claim as the API shows it.
type Claim struct {
	ID           int64  `json:"id" doc:"also the asset's, once approved"`
	Organisation int64  `json:"organisation"`
	Name         string `json:"organisation_name"`
	Kind         string `json:"asset_kind"`
	Value        string `json:"asset"`
	From         string `json:"valid_from" doc:"first day; empty: no beginning"`
	To           string `json:"valid_to" doc:"last day; empty: no end"`
	By           string `json:"claimed_by"`
	At           string `json:"claimed_at"`
	Note         string `json:"note"`
	State        string `json:"state" enum:"waiting,approved,rejected"`
	Reason       string `json:"reason" doc:"of the decision"`
	Conflicts    []Near `json:"conflicts" doc:"assets of others with this value, above or below it; only while it waits"`
}

// Near is somebody else's asset beside a claim.
type Near struct {
	Asset        string `json:"asset"`
	Organisation string `json:"organisation"`
}

func (w *Web) claimOf(ctx context.Context, k constituency.Claim) (Claim, error) {
	x := w.room.Index()
	name := func(id int64) string {
		o, _ := x.Org(id)
		return o.Name
	}
	out := Claim{
		ID: k.Asset.ID, Organisation: k.Asset.Org, Name: name(k.Asset.Org), Kind: k.Asset.Kind.String(), Value: k.Asset.Value,
		From: k.Asset.From.String(), To: k.Asset.To.String(), By: k.ClaimedBy, Note: k.Note, State: string(k.State), Reason: k.Reason, Conflicts: []Near{},
	}
	if !k.ClaimedAt.IsZero() {
		out.At = k.ClaimedAt.Format("2006-01-02T15:04:05Z")
	}
	if k.State != constituency.ClaimWaiting {
		return out, nil
	}
	clash, err := w.room.Conflicts(ctx, w.acts.Reader(), k)
	for _, a := range clash {
		out.Conflicts = append(out.Conflicts, Near{Asset: a.Value, Organisation: name(a.Org)})
	}
	return out, err
}

// claimAPI registers the operations of claims.
func (w *Web) claimAPI(api huma.API) {
	huma.Register(api, operation("claims", http.MethodGet, "claims", read, "Claims of assets, the oldest first", "claims?state=waiting"), w.apiClaims)
	add := operation("claim", http.MethodPost, "claims", claimAsset, "Claim an asset for an organisation; it waits for the desk",
		`claims {"organisation":1,"asset_kind":"cidr","asset":"192.0.2.0/24"}`)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, w.apiClaim)
	for _, verb := range []string{"approve", "reject"} {
		op := operation(verb+"-claim", http.MethodPost, "claims/{id}/"+verb, changeAsset, strings.ToUpper(verb[:1])+verb[1:]+" a claim",
			`claims/1/`+verb+` {"reason":"test"}`)
		huma.Register(api, op, func(ctx context.Context, in *decideIn) (*claimOut, error) {
			if err := w.decide(ctx, apiActor(ctx), in.ID, verb, in.Body.Reason); err != nil {
				return nil, err
			}
			return w.claimAnswer(ctx, in.ID)
		})
	}
}

type claimsIn struct {
	State        string `query:"state" enum:"waiting,approved,rejected"`
	Organisation int64  `query:"organisation" minimum:"0"`
	After        int64  `query:"after" minimum:"0"`
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type claimsOut struct{ Body []Claim }

func (w *Web) apiClaims(ctx context.Context, in *claimsIn) (*claimsOut, error) {
	claims, err := w.room.Claims(ctx, w.acts.Reader(), constituency.ClaimFilter{
		State: constituency.ClaimState(in.State), Org: in.Organisation, After: in.After, Limit: in.Limit,
	})
	out := &claimsOut{Body: make([]Claim, len(claims))}
	for i := 0; i < len(claims) && err == nil; i++ {
		out.Body[i], err = w.claimOf(ctx, claims[i])
	}
	return out, err
}

type claimIn struct {
	Body struct {
		Organisation int64  `json:"organisation"`
		Kind         string `json:"asset_kind" example:"cidr"`
		Value        string `json:"asset" example:"192.0.2.0/24"`
		From         string `json:"valid_from,omitempty" example:"2026-11-21"`
		To           string `json:"valid_to,omitempty"`
		Note         string `json:"note,omitempty" doc:"why it is the organisation's"`
	}
}

type claimOut struct{ Body Claim }

func (w *Web) apiClaim(ctx context.Context, in *claimIn) (*claimOut, error) {
	b := in.Body
	a, err := w.room.ClaimAsset(ctx, apiActor(ctx), constituency.NewAsset{
		Org: b.Organisation, Kind: b.Kind, Value: b.Value, From: b.From, To: b.To, Note: b.Note,
	})
	if err != nil {
		return nil, err
	}
	return w.claimAnswer(ctx, a.ID)
}

func (w *Web) claimAnswer(ctx context.Context, id int64) (*claimOut, error) {
	k, err := w.room.Claim(ctx, w.acts.Reader(), id)
	if err != nil {
		return nil, err
	}
	out, err := w.claimOf(ctx, k)
	return &claimOut{out}, err
}

type decideIn struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Reason string `json:"reason,omitempty" doc:"needed to reject"`
	}
}

// decide approves or rejects a claim.
func (w *Web) decide(ctx context.Context, by act.Actor, id int64, decision, reason string) (err error) {
	switch decision {
	case "approve":
		_, err = w.room.ApproveClaim(ctx, by, id, reason)
	case "reject":
		_, err = w.room.RejectClaim(ctx, by, id, reason)
	default:
		err = fault.OnField("decision", "constituency.claim.choose", nil)
	}
	return err
}
