package app

import (
	"context"
	"fmt"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/guard/guardweb"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
)

// The channels on which the desk hears of incidents; whatever is for named persons has a
// channel for each of them (ofPerson).
const (
	channelOfIncidents    = "incident"
	channelOfCrossings    = "incident.crossings"
	channelOfIncidentMail = "incident.mail"
)

// channels are what the desk hears news on, each with the permission to read what they are
// about.
func channels() []struct{ name, permission string } {
	return []struct{ name, permission string }{
		{"watch", "watch.read"}, {"warn", "warn.read"}, {"constituency", "constituency.read"}, {"duty", "duty.read"},
		{channelOfIncidents, permissionOfIncidents}, {channelOfCrossings, "incident.read_crossings"}, {channelOfIncidentMail, "incident.file_mail"},
	}
}

// ofPerson is the part of a channel that is for one person.
func ofPerson(channel string, person int64) string {
	return fmt.Sprintf("%s.person-%d", channel, person)
}

// channelsOf names what a viewer hears news on: at the desk, of what he may read; outside,
// of the own organisation, of oneself, and of what concerns those who act for an
// organisation too. That anything else happens is not told.
func (a *App) channelsOf(ctx context.Context, v web.Viewer) (out []string, err error) {
	who, ok := guardweb.ActorOf(v)
	if !ok {
		return nil, nil
	}
	me := incident.ViewerOf(who)
	for _, c := range channels() {
		if v.Can(c.permission) {
			out = append(out, c.name, ofPerson(c.name, me.Person))
		}
	}
	if !v.Can("portal.read") {
		return out, nil
	}
	clients, err := a.constituency.ActsFor(ctx, a.acts.Reader(), who.Org)
	out = append(out, channelOfOrg(who.Org), channelOfMembers(who.Org), channelOfOutsider(me.Person))
	for _, org := range clients {
		out = append(out, channelOfOrg(org))
	}
	return out, err
}

// newsworthy are the facts that open pages of all who read a room are told of.
func newsworthy() []string {
	return []string{
		duty.RosterChanged{}.FactKind(), constituency.AssetsChanged{}.FactKind(), constituency.OperatorsChanged{}.FactKind(),
		watch.DeliveryTaken{}.FactKind(), watch.DeliveriesReleased{}.FactKind(), watch.FindingsChanged{}.FactKind(),
		warn.NoticeAnswered{}.FactKind(), warn.NoticesMoved{}.FactKind(), warn.WarningChanged{}.FactKind(), warn.MailArrived{}.FactKind(),
	}
}

// renewing are the facts after which somebody may hear more or less than before.
func renewing() []string {
	return []string{guard.PersonsChanged{}.FactKind(), guard.OrganisationsChanged{}.FactKind(), constituency.OperatorsChanged{}.FactKind()}
}

// spreadNews tells open pages of facts, right after the commit: on the channel of the
// room, of the room ("watch") and of the fact itself ("watch.delivery-taken").
func (a *App) spreadNews() {
	for _, kind := range renewing() {
		a.acts.Follow(act.Follower{Kind: kind, Tell: func(act.Envelope) { a.site.Hub().Renew() }})
	}
	a.tellPortal()
	a.tellIncidents()
	for _, kind := range newsworthy() {
		room, _, _ := strings.Cut(kind, ".")
		a.acts.Follow(act.Follower{Kind: kind, Tell: func(act.Envelope) { a.site.Hub().Publish(room, room, topic(kind)) }})
	}
}

// topic writes a fact's kind as a topic: watch.DeliveryTaken, watch.delivery-taken.
func topic(kind string) string {
	var b strings.Builder
	room, name, _ := strings.Cut(kind, ".")
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return room + "." + strings.ToLower(b.String())
}
