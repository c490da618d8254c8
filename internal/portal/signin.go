package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/tlp"
)

// linkArgs ask for a sign-in link to one contact.
type linkArgs struct {
	Person int64 `json:"person"`
}

// How many sign-in links one contact gets by mail, whoever asks.
const (
	linksWithin = time.Hour
	linksAtMost = 5
	atOnce      = 5 // contacts with one address
)

// AskLink has a one-time sign-in link sent to every contact with a mail address. It
// answers the same, and does the same until it answers, whether there is one or not.
func (p *Portal) AskLink(ctx context.Context, address string) error {
	address = strings.TrimSpace(address)
	if err := guard.CheckEmail("email", address); err != nil {
		return err
	}
	persons, err := p.entitled(ctx, address)
	if err != nil {
		return err
	}
	call := act.Call{Actor: act.MachineActor("portal.ask_link"), Verb: "portal.ask_link", Subject: "sign-in", Purpose: Purpose}
	return p.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		for _, id := range persons {
			if err := tx.Enqueue(ctx, p.link.With(linkArgs{id})); err != nil {
				return err
			}
		}
		return nil
	})
}

// entitled are the contacts with an address: those with the role, and contacts of
// before there was a portal.
func (p *Portal) entitled(ctx context.Context, address string) (out []int64, err error) {
	persons, err := p.Guard.ContactsAt(ctx, p.read, address)
	if err != nil {
		return nil, err
	}
	for _, one := range persons {
		full, err := p.Guard.Person(ctx, p.read, one.ID)
		if err != nil {
			return nil, err
		}
		if ok, err := p.isContact(ctx, full); err != nil {
			return nil, err
		} else if ok && len(out) < atOnce {
			out = append(out, one.ID)
		}
	}
	return out, nil
}

func (p *Portal) isContact(ctx context.Context, one guard.Person) (bool, error) {
	if slices.Contains(one.Roles, guard.RoleContact) {
		return true, nil
	}
	cs, err := p.Constituency.Contacts(ctx, p.read, one.Org)
	if err != nil {
		return false, err
	}
	for _, c := range cs {
		if c.Person == one.ID {
			return true, nil
		}
	}
	return false, nil
}

// workLink makes a link and sends it. A try that does not get through makes a new
// link the next time: the secret is kept nowhere.
func (p *Portal) workLink(ctx context.Context, a linkArgs, t jobs.Try) error {
	if stopped, err := p.Warn.Stopped(ctx, p.read); err != nil {
		return err
	} else if stopped {
		return jobs.Later(time.Minute)
	}
	n, err := p.Guard.LinksSince(ctx, p.read, a.Person, p.Acts.Clock().Now().Add(-linksWithin))
	if err != nil || n >= linksAtMost+int64(t.Number) {
		return err
	}
	parcel, message, secret, err := p.makeLink(ctx, a.Person)
	if code := fault.CodeOf(err); code == fault.Invalid || code == fault.NotFound {
		return jobs.Permanent(err) // no longer a contact
	}
	if err != nil {
		return err
	}
	result := p.Outbound.DeliverAll(ctx, []outbound.Sending{{Parcel: parcel, Message: message}})[0]
	call := act.Call{Actor: act.MachineActor("portal.send_link"), Verb: "portal.note_link", Subject: parcel.Thing().String()}
	err = p.Acts.Do(context.WithoutCancel(ctx), call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(struct {
			State string `json:"state"`
		}{string(result.State)})
		settled := result
		if settled.State == outbound.Deferred { // what is tried next is another link
			settled.State = outbound.Refused
		}
		if err := p.Outbound.Settle(ctx, tx, message, settled); err != nil {
			return err
		}
		return p.Outbound.Mask(ctx, tx, message, secret)
	})
	if err == nil && result.State == outbound.Deferred {
		return jobs.Later(30 * time.Second)
	}
	return err
}

// makeLink makes a link, has it cleared and begins the message, in one act.
func (p *Portal) makeLink(ctx context.Context, person int64) (parcel guard.Parcel, m outbound.Message, secret string, err error) {
	machine := act.MachineActor("portal.send_link")
	one, err := p.Guard.Person(ctx, p.read, person)
	if err != nil {
		return parcel, m, "", err
	}
	to := guard.Recipient{Org: one.Org, Person: one.ID, Address: one.Email, Language: one.Language, Channel: guard.ByMail}
	if _, err := p.Outbound.Sealed(ctx, p.read, p.Guard, &to); err != nil {
		return parcel, m, "", err
	}
	call := act.Call{Actor: machine, Verb: "portal.send_link", Subject: fmt.Sprintf("%s:%d", KindSignIn, person), Purpose: Purpose}
	err = p.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := p.Guard.AdmitContact(ctx, machine, person); err != nil {
			return err
		}
		if secret, err = p.Guard.IssueLink(ctx, machine, person); err != nil {
			return err
		}
		if parcel, err = p.gate.Release(ctx, tx, machine, guard.Thing{Kind: KindSignIn, ID: person, Query: "secret=" + secret}, to, Purpose); err != nil {
			return err
		}
		m, err = p.Outbound.Begin(ctx, tx, parcel)
		return err
	})
	return parcel, m, secret, err
}

// linkParts: the link is its holder's own.
func (p *Portal) linkParts(ctx context.Context, a ask) ([]guard.Part, error) {
	one, err := p.Guard.Person(ctx, a.r, a.thing.ID)
	if err != nil {
		return nil, err
	}
	if !one.Active || one.ID != a.to.Person || one.Org != a.to.Org || one.Email != a.to.Address {
		return nil, nil
	}
	org, err := p.Guard.Organisation(ctx, a.r, one.Org)
	return []guard.Part{{Ref: pageRef, Owner: one.Org, Owned: org.EndedAt.IsZero(), Marking: tlp.Green}}, err
}

// renderLink writes the mail with the link.
func (p *Portal) renderLink(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	org, err := p.Guard.Organisation(ctx, a.r, a.to.Org)
	if err != nil {
		return v, err
	}
	own, err := p.Guard.Organisation(ctx, a.r, guard.OwnOrg)
	if err != nil {
		return v, err
	}
	uid, err := p.Acts.IDs().New()
	if err != nil {
		return v, err
	}
	words := p.Catalogue.Printer(a.to.Language)
	text := words.Say("portal.link.mail", "Team", own.Name, "Organisation", org.Name, "Hours", int(guard.LinkLife.Hours()),
		"URL", p.PublicURL+p.SignInPath+a.query.Get("secret"))
	return guard.View{
		Subject: words.Say("portal.link.subject", "Team", own.Name), ContentType: "text/plain; charset=utf-8", Body: []byte(text + "\n\n" + own.Name + "\n"),
		MessageID: uid + "@" + p.MailDomain,
	}, nil
}
