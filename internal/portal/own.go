package portal

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// AssetLine is something that we hold as an organisation's.
type AssetLine struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// ClaimLine is what an organisation said is its own.
type ClaimLine struct {
	AssetLine
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"` // why not, in the desk's words
	At     time.Time `json:"at,omitzero"`
}

// AssetsDoc is what is theirs.
type AssetsDoc struct {
	Assets []AssetLine `json:"assets"`
	Claims []ClaimLine `json:"claims"`
	More   bool        `json:"more,omitempty"` // not all assets are listed
}

// maxAssets is how many assets a page lists.
const maxAssets = 1000

func (p *Portal) assetsParts(ctx context.Context, a ask) ([]guard.Part, error) {
	s, err := p.standingTo(ctx, a, a.thing.ID)
	if err != nil {
		return nil, err
	}
	return s.page(a, a.thing.ID, tlp.Amber), nil
}

func lineOf(a constituency.Asset) AssetLine {
	return AssetLine{a.Kind.String(), a.Value, a.From.String(), a.To.String()}
}

func (p *Portal) renderAssets(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	d := AssetsDoc{Assets: []AssetLine{}, Claims: []ClaimLine{}}
	today := constituency.DayOf(p.Acts.Clock().Now())
	as, err := p.Constituency.Assets(ctx, a.r, constituency.AssetFilter{Org: a.thing.ID, On: today, Limit: maxAssets + 1})
	if err != nil {
		return v, err
	}
	for i, one := range as {
		switch {
		case one.Waiting:
		case i >= maxAssets:
			d.More = true
		default:
			d.Assets = append(d.Assets, lineOf(one))
		}
	}
	claims, err := p.Constituency.Claims(ctx, a.r, constituency.ClaimFilter{Org: a.thing.ID, Limit: maxAssets})
	if err != nil {
		return v, err
	}
	for _, c := range claims {
		if c.State != constituency.ClaimApproved {
			d.Claims = append(d.Claims, ClaimLine{lineOf(c.Asset), string(c.State), c.Reason, c.ClaimedAt})
		}
	}
	return asJSON(d)
}

// Claim notes what a reader says is its organisation's; the desk decides.
func (p *Portal) Claim(ctx context.Context, w Who, kind, value, note string) error {
	_, err := p.Constituency.ClaimAsset(ctx, w.Actor, constituency.NewAsset{Org: w.Actor.Org, Kind: kind, Value: value, Note: note})
	return err
}

// KeyLine is an OpenPGP key.
type KeyLine struct {
	Fingerprint string    `json:"fingerprint"`
	Names       []string  `json:"names,omitempty"`
	State       string    `json:"state"` // current, offered, retired, expired, revoked
	Expires     time.Time `json:"expires,omitzero"`
	Revoked     time.Time `json:"revoked,omitzero"`
}

// ContactLine is somebody whom we reach.
type ContactLine struct {
	Name    string    `json:"name"`
	Role    string    `json:"role,omitempty"`
	Email   string    `json:"email,omitempty"`
	Phone   string    `json:"phone,omitempty"`
	Hours   string    `json:"hours,omitempty"`
	Mailbox bool      `json:"mailbox,omitempty"`
	Mine    bool      `json:"mine,omitempty"` // the reader
	Keys    []KeyLine `json:"keys,omitempty"`
}

// ContactsDoc is whom we reach, in order.
type ContactsDoc struct {
	Contacts []ContactLine `json:"contacts"`
}

func (p *Portal) renderContacts(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	cs, err := p.Constituency.Contacts(ctx, a.r, a.thing.ID)
	if err != nil {
		return v, err
	}
	d, found := ContactsDoc{Contacts: []ContactLine{}}, false
	for _, c := range cs {
		l := ContactLine{Name: c.Name, Role: c.Role, Email: c.Email, Phone: c.Phone, Hours: c.Hours, Mailbox: c.Mailbox, Mine: c.Person == a.to.Person}
		if l.Keys, err = p.keys(ctx, a, c.Person); err != nil {
			return v, err
		}
		found = found || l.Mine
		d.Contacts = append(d.Contacts, l)
	}
	if !found && a.to.Person != 0 {
		me, err := p.Guard.Person(ctx, a.r, a.to.Person)
		if err != nil {
			return v, err
		}
		l := ContactLine{Name: me.Name, Email: me.Email, Phone: me.Phone, Mailbox: me.Mailbox, Mine: true}
		if l.Keys, err = p.keys(ctx, a, me.ID); err != nil {
			return v, err
		}
		d.Contacts = append(d.Contacts, l)
	}
	return asJSON(d)
}

func (p *Portal) keys(ctx context.Context, a ask, person int64) (out []KeyLine, err error) {
	ks, err := p.Guard.KeysOf(ctx, a.r, person)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	now := p.Acts.Clock().Now()
	for _, k := range ks {
		l := KeyLine{Fingerprint: k.Fingerprint, Names: k.UserIDs, State: string(k.State), Expires: k.Expires, Revoked: k.Revoked}
		switch {
		case !k.Revoked.IsZero():
			l.State = "revoked"
		case !k.Expires.IsZero() && !now.Before(k.Expires):
			l.State = "expired"
		}
		out = append(out, l)
	}
	return out, nil
}

// AddKey adds the reader's own OpenPGP key.
func (p *Portal) AddKey(ctx context.Context, w Who, key string) error {
	_, err := p.Guard.AddKey(ctx, w.Actor, w.Person, []byte(key))
	return err
}

// RetireKey takes a key of the reader's own out of use; NotFound for any other.
func (p *Portal) RetireKey(ctx context.Context, w Who, fingerprint string) error {
	ks, err := p.Guard.KeysOf(ctx, p.read, w.Person)
	if err != nil {
		return err
	}
	for _, k := range ks {
		if k.Fingerprint == fingerprint {
			_, err := p.Guard.RetireKey(ctx, w.Actor, k.ID)
			return err
		}
	}
	return notFound()
}

// HookLine is an address to which notices are posted.
type HookLine struct {
	URL  string    `json:"url"`
	Key  string    `json:"key"` // by which messages are checked
	Made time.Time `json:"made,omitzero"`
}

// TokenLine is a token of the reader's own.
type TokenLine struct {
	UID     string    `json:"uid"`
	Name    string    `json:"name"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
}

// FeedsDoc is what machines of an organisation get.
type FeedsDoc struct {
	Hooks  []HookLine  `json:"hooks"`
	Tokens []TokenLine `json:"tokens"`
	Base   string      `json:"base"` // address of the calls, without a final slash
}

func (p *Portal) renderFeeds(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	d := FeedsDoc{Hooks: []HookLine{}, Tokens: []TokenLine{}, Base: p.PublicURL + "/api/v1/portal"}
	hooks, err := p.Warn.Hooks(ctx, a.r, a.thing.ID)
	if err != nil {
		return v, err
	}
	for _, h := range hooks {
		d.Hooks = append(d.Hooks, HookLine{h.URL, p.Warn.PublicKey(h.ID), h.MadeAt})
	}
	if a.to.Person != 0 {
		tokens, err := p.Guard.Tokens(ctx, a.r, a.to.Person)
		if err != nil {
			return v, err
		}
		for _, t := range tokens {
			d.Tokens = append(d.Tokens, TokenLine{t.UID, t.Name, t.MadeAt, t.ExpiresAt})
		}
	}
	return asJSON(d)
}

// AddHook has the notices of the reader's organisation posted to an address.
func (p *Portal) AddHook(ctx context.Context, w Who, address string) error {
	_, err := p.Warn.AddHook(ctx, w.Actor, w.Actor.Org, address)
	return err
}

// EndHook ends the one of the organisation's webhooks that has a key.
func (p *Portal) EndHook(ctx context.Context, w Who, key string) error {
	hooks, err := p.Warn.Hooks(ctx, p.read, w.Actor.Org)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if p.Warn.PublicKey(h.ID) == key {
			return p.Warn.EndHook(ctx, w.Actor, w.Actor.Org, h.ID)
		}
	}
	return notFound()
}

// MakeToken makes a token that fetches files and feeds, and nothing else.
func (p *Portal) MakeToken(ctx context.Context, w Who, name, days string) (secret string, t guard.Token, err error) {
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > 1000 {
		n = 0 // guard says what a life is
	}
	return p.Guard.IssueFetchToken(ctx, w.Actor, w.Person, name, time.Duration(n)*24*time.Hour)
}

// EndToken ends a token of the reader's own.
func (p *Portal) EndToken(ctx context.Context, w Who, uid string) error {
	err := p.Guard.EndToken(ctx, w.Actor, w.Person, uid)
	if fault.CodeOf(err) == fault.NotFound {
		err = notFound()
	}
	return err
}
