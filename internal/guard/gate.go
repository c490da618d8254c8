package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/tlp"
)

// Thing is what somebody wants to release: a kind that a room has registered, and
// its id.
type Thing struct {
	Kind string
	ID   int64
	// Query narrows what of the thing is asked for (a filter, a place in a list), in the
	// room's own form. It is no part of the subject.
	Query string
}

// String writes it as an opaque subject, "notice:17".
func (t Thing) String() string { return fmt.Sprintf("%s:%d", t.Kind, t.ID) }

// Recipient is who shall get it, and how.
type Recipient struct {
	Org      int64  // 0: nobody in particular, the public
	Person   int64  // the person or mailbox, 0 when none
	Address  string // mail address for the mail channels
	Key      string // OpenPGP key to which BySealedMail encrypts, binary
	Language string
	Channel  Channel
}

// Channel is a way out. What a channel may carry depends on how sure it is who
// reads it.
type Channel string

// The channels.
const (
	// ByMail carries the whole view, in clear, to an address: up to TLP:GREEN.
	ByMail Channel = "mail"
	// BySealedMail carries the whole view, signed and encrypted to a key of the
	// recipient: up to TLP:AMBER+STRICT about the own asset.
	BySealedMail Channel = "sealed-mail"
	// ByMinimalMail carries, in clear, only that there is something and a link to it:
	// the view must show nothing of the parts. Its parcel is marked TLP:GREEN.
	ByMinimalMail Channel = "minimal-mail"
	// ByLink is a page behind an unguessable link: up to TLP:AMBER about the own asset.
	ByLink Channel = "link"
	// ByWebhook is a request to an address that the recipient's organisation named:
	// the same limits as a link.
	ByWebhook Channel = "webhook"
	// SignedInPage is a page, file or feed for a person who signed in or holds a token
	// of the own organisation: up to TLP:AMBER+STRICT about the own asset.
	SignedInPage Channel = "signed-in"
)

// identified tells whether the channel reaches somebody who has proved who he is.
func (c Channel) identified() bool {
	return c == SignedInPage || c == BySealedMail || c == ByMinimalMail
}

// Part is one thing that the released thing shows or refers to.
type Part struct {
	Ref      string      // names the part within the thing; Render gets the cleared ones
	Owner    int64       // organisation whose own asset or notice it is; 0 none
	Owned    bool        // the asset still belongs to Owner now
	ActedFor bool        // the recipient acts for Owner, as its provider: up to TLP:AMBER
	Held     bool        // the recipient holds the secret of this very thing, or its address was given with it
	Marking  tlp.Marking // as marked, or by its source's default; Unmarked when neither
	Approved bool        // a person has cleared an unmarked part for others than the owner
	Chosen   bool        // the audience was chosen for this very part by whoever owns it
	Audience Audience    // who may see it
	Exercise bool
}

// View is what leaves: rendered after clearing, from the cleared parts only.
type View struct {
	Subject     string
	ContentType string // "text/plain; charset=utf-8"
	Body        []byte
	MessageID   string // fixed by the room, so that a repetition is the same message
	Files       []File
	References  []string // Message-IDs of the thread, oldest first, without brackets
}

// File is an attachment.
type File struct {
	Name        string
	ContentType string
	Body        []byte
}

// Closure is what a room tells the gate about its things. Guard owns it; rooms
// implement it.
type Closure interface {
	// Parts lists everything that the thing shows and refers to for this
	// recipient, read from r at this moment.
	Parts(ctx context.Context, r sqldb.Reader, t Thing, to Recipient) ([]Part, error)
	// Render makes the view from the cleared parts; refs that were not cleared
	// must leave no trace, not even a count.
	Render(ctx context.Context, r sqldb.Reader, t Thing, to Recipient, cleared []Part) (View, error)
}

// Parcel is a frozen, marked view that was cleared to leave for one recipient.
// Only the release gate makes one; the zero Parcel is refused at every door.
type Parcel struct {
	thing    Thing
	to       Recipient
	view     View
	marking  tlp.Marking
	exercise bool
	digest   string
}

// IsZero tells whether the gate did not make this parcel.
func (p Parcel) IsZero() bool { return p.digest == "" }

// Thing is what was released.
func (p Parcel) Thing() Thing { return p.thing }

// To is whom it was cleared for.
func (p Parcel) To() Recipient { return p.to }

// View is what leaves. The caller must not change it.
func (p Parcel) View() View { return p.view }

// Marking is the strictest marking of what is shown.
func (p Parcel) Marking() tlp.Marking { return p.marking }

// Exercise tells whether it is exercise traffic.
func (p Parcel) Exercise() bool { return p.exercise }

// Digest is the SHA-256 of the view in hex; it goes into the ledger.
func (p Parcel) Digest() string { return p.digest }

// Gate is the release gate.
type Gate struct {
	guard    *Guard
	closures map[string]Closure
}

// NewGate returns the gate; closures says, per kind of thing, which room answers.
func NewGate(g *Guard, closures map[string]Closure) *Gate { return &Gate{guard: g, closures: closures} }

// Release clears a thing for a recipient and freezes the view, or refuses with
// every reason (a Denied fault whose detail lists them; the caller who may not
// know the thing must not be shown them). It reads from r, which is the act's
// transaction when the sending act asks.
func (g *Gate) Release(ctx context.Context, r sqldb.Reader, actor act.Actor, t Thing, to Recipient, purpose string) (Parcel, error) {
	c, ok := g.closures[t.Kind]
	if !ok {
		return Parcel{}, fmt.Errorf("release %s: no room answers for this kind", t)
	}
	call := act.Call{Actor: actor, Verb: "guard.release", Subject: t.String(), Purpose: purpose}
	if err := g.guard.acts.Decide(ctx, call); err != nil {
		return Parcel{}, err
	}
	org, err := g.recipientOrg(ctx, r, to)
	if err != nil {
		return Parcel{}, err
	}
	parts, err := c.Parts(ctx, r, t, to)
	if err != nil {
		return Parcel{}, fmt.Errorf("release %s: %w", t, err)
	}
	cleared, reasons, err := g.clear(ctx, r, parts, to, org)
	if err != nil {
		return Parcel{}, err
	}
	if len(cleared) == 0 {
		return Parcel{}, refusal(t, reasons)
	}
	view, err := c.Render(ctx, r, t, to, cleared)
	if err != nil {
		return Parcel{}, fmt.Errorf("release %s: %w", t, err)
	}
	return freeze(t, to, view, cleared), nil
}

func (g *Gate) recipientOrg(ctx context.Context, r sqldb.Reader, to Recipient) (Organisation, error) {
	if to.Org == 0 {
		return Organisation{}, nil
	}
	return g.guard.Organisation(ctx, r, to.Org)
}

// clear keeps the parts that may go to the recipient and gives a reason for
// each of the others. Exercise and real parts never leave together.
func (g *Gate) clear(ctx context.Context, r sqldb.Reader, parts []Part, to Recipient, org Organisation) (cleared []Part, reasons []string, err error) {
	seen := map[Audience]membership{}
	for _, p := range parts {
		in, known := seen[p.Audience]
		if !known && p.Audience != 0 {
			if in, err = g.inAudience(ctx, r, p.Audience, to); err != nil {
				return nil, nil, err
			}
			seen[p.Audience] = in
		}
		if why := refuse(p, to, org, in); why != "" {
			reasons = append(reasons, why)
			continue
		}
		if len(cleared) > 0 && cleared[0].Exercise != p.Exercise {
			reasons = append(reasons, "exercise and real parts do not leave together")
			continue
		}
		cleared = append(cleared, p)
	}
	return cleared, reasons, nil
}

// membership is how a recipient belongs to an audience.
type membership struct{ org, person bool }

func (g *Gate) inAudience(ctx context.Context, r sqldb.Reader, a Audience, to Recipient) (in membership, err error) {
	err = r.QueryRowContext(ctx, `select exists (select 1 from guard_audience_org where audience_id = $1 and org_id = $2),
		exists (select 1 from guard_audience_person where audience_id = $1 and person_id = $3)`, int64(a), to.Org, to.Person).Scan(&in.org, &in.person)
	return in, err
}

// refuse says why a part may not go to the recipient, or "".
func refuse(p Part, to Recipient, org Organisation, in membership) string {
	own := p.Owner != 0 && p.Owner == to.Org || p.Held && (to.Channel == ByLink || to.Channel == ByMinimalMail)
	switch {
	case !org.EndedAt.IsZero():
		return "the recipient has no standing any more"
	case (own || p.ActedFor) && !p.Owned:
		return "the asset does not belong to the recipient any more"
	case p.Exercise && !org.Exercise:
		return "exercise traffic reaches only organisations listed for exercises"
	case !own && !in.org && !in.person && !p.ActedFor, p.Chosen && !in.org && !in.person:
		return "the recipient is not in the audience"
	}
	return refuseMarking(p, to.Channel, own, in)
}

// refuseMarking holds the rules of TLP in practice: what may travel how, to whom.
func refuseMarking(p Part, ch Channel, own bool, in membership) string {
	switch p.Marking {
	case tlp.Clear, tlp.Green:
		return ""
	case tlp.Amber:
		switch {
		case ch == ByMail:
			return "above TLP:GREEN a mail in clear carries only a link"
		case own || ch.identified():
			return ""
		}
		return "TLP:AMBER goes to others only after sign-in"
	case tlp.AmberStrict:
		if (own || p.Chosen) && ch.identified() {
			return ""
		}
		return "TLP:AMBER+STRICT goes only to the asset's own organisation, sealed or after sign-in"
	case tlp.Unmarked:
		if (own || p.Approved) && ch.identified() {
			return ""
		}
		return "unmarked material is treated as TLP:AMBER+STRICT and waits for a person"
	case tlp.Red:
		if p.Chosen && in.person && ch.identified() {
			return ""
		}
	}
	return "TLP:RED goes to named persons only"
}

func refusal(t Thing, reasons []string) error {
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	if len(reasons) == 0 {
		reasons = []string{"there is nothing to show"}
	}
	return &fault.Error{
		Code: fault.Denied, Key: "guard.release.refused",
		Err: errors.New(t.String() + ": " + strings.Join(reasons, "; ")),
	}
}

func freeze(t Thing, to Recipient, v View, cleared []Part) Parcel {
	p := Parcel{thing: t, to: to, view: v, exercise: cleared[0].Exercise, marking: tlp.Clear}
	for _, part := range cleared {
		m := part.Marking
		if m == tlp.Unmarked {
			m = tlp.AmberStrict
		}
		p.marking = tlp.Strictest(p.marking, m)
	}
	if to.Channel == ByMinimalMail { // it shows none of them
		p.marking = tlp.Green
	}
	h := sha256.New()
	// A hash takes what it is given: its Write never fails.
	_, _ = fmt.Fprintf(h, "%s\n%s\n%d\n", v.Subject, v.ContentType, len(v.Body))
	_, _ = h.Write(v.Body)
	for _, f := range v.Files {
		_, _ = fmt.Fprintf(h, "\n%s\n%s\n%d\n", f.Name, f.ContentType, len(f.Body))
		_, _ = h.Write(f.Body)
	}
	p.digest = hex.EncodeToString(h.Sum(nil))
	return p
}
