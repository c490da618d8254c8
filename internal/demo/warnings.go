package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// lastQuarter is a warning of last quarter that everybody answered in the end, so that
// the board has something to compare with.
func (f *filler) lastQuarter(ctx context.Context) error {
	v, err := f.Warn.Compose(ctx, f.as(guard.RoleWatchOfficer), warn.Warning{
		Severity: warn.SeverityMedium, Marking: tlp.Green, AnswerWithin: 8 * time.Hour,
		Choice: warn.Choice{Sectors: []string{"drinking-water", "energy-electricity", "health", "banking"}},
		Texts: map[string]warn.Text{
			"en": {
				Title: "Update mail gateways before the end of the week", What: "A fault in mail gateways lets attachments pass unread.",
				Affected: "Whoever runs a mail gateway of his own.", Do: "Bring it up to date, and tell us when it is done.",
			},
			"fr": {
				Title: "Mettez à jour les passerelles de messagerie avant la fin de la semaine", What: "Un défaut des passerelles de messagerie laisse passer des pièces jointes sans les lire.",
				Affected: "Quiconque exploite sa propre passerelle.", Do: "Mettez-la à jour et dites-nous quand c’est fait.",
			},
			"es": {
				Title: "Actualice las pasarelas de correo antes del fin de semana", What: "Un fallo en pasarelas de correo deja pasar adjuntos sin leerlos.",
				Affected: "Quien tenga su propia pasarela de correo.", Do: "Actualícela y díganos cuándo está hecho.",
			},
		},
	})
	if err != nil {
		return err
	}
	if err := f.release(ctx, guard.RoleDutyLead, v, warn.Release{}); err != nil {
		return err
	}
	ns, err := f.Warn.Notices(ctx, f.Acts.Reader(), warn.Filter{Warning: v.ID})
	if err != nil {
		return err
	}
	for i, n := range ns {
		f.wind(27 * time.Minute)
		if i%3 == 1 {
			err = f.byLink(ctx, n, warn.Visitor{Name: "Mail team", Firm: "Own staff"}, warn.Answer{What: warn.Done})
		} else {
			err = f.Warn.RecordAnswer(ctx, f.as(guard.RoleWatchOfficer), n.ID, warn.Answer{What: warn.Done, Strength: warn.ByPhone, By: "Head of IT"})
		}
		if err != nil {
			return err
		}
	}
	if err := f.Settle(ctx); err != nil {
		return err
	}
	return f.Warn.CloseWarning(ctx, f.as(guard.RoleDutyLead), v.ID, "Everybody has answered.")
}

// lastWeek hands in a sinkhole's report of nine days ago, so that what still calls
// home is told again.
func (f *filler) lastWeek(ctx context.Context, day time.Time) error {
	f.Clock.Set(day.Add(6 * time.Hour))
	if _, err := f.Watch.Receive(ctx, f.as(guard.RoleWatchOfficer), watch.Arrival{
		Source: "sinkhole", FileName: day.Format("2006-01-02") + "-event4_sinkhole-atalaya.csv", Observed: day, Body: bytes.NewReader(sinkhole(day, 0)),
	}); err != nil {
		return err
	}
	return f.settled(ctx)
}

// settled does all waiting work, and what the clockwork would do.
func (f *filler) settled(ctx context.Context) error {
	if err := f.Settle(ctx); err != nil {
		return err
	}
	if err := f.Warn.LookAround(ctx); err != nil {
		return err
	}
	return f.Settle(ctx)
}

// again tells again what is still open, and lets leave what waited for its turn.
func (f *filler) again(ctx context.Context) error { return f.settled(ctx) }

// high warns the grid of something grave: one writes, another releases.
func (f *filler) high(ctx context.Context) error {
	v, err := f.Warn.Compose(ctx, f.as(guard.RoleWatchOfficer), warn.Warning{
		Severity: warn.SeverityHigh, Marking: tlp.Green, AnswerWithin: 4 * time.Hour, Choice: warn.Choice{Sectors: []string{"energy-electricity"}},
		Until: f.Clock.Now().AddDate(0, 0, 14).Truncate(time.Hour),
		Texts: map[string]warn.Text{
			"en": {
				Title: "Remote access gateways are being tried with old passwords", What: "Since yesterday somebody signs in to remote access gateways of several operators with passwords from older leaks.",
				Affected: "Operators whose staff or suppliers reach control systems from outside.", Do: "Ask for a second factor, end sessions that nobody knows, and look at the sign-ins of the last three days.",
			},
			"fr": {
				Title: "Des passerelles d’accès à distance sont essayées avec d’anciens mots de passe", What: "Depuis hier, quelqu’un se connecte aux passerelles d’accès à distance de plusieurs opérateurs avec des mots de passe issus d’anciennes fuites.",
				Affected: "Les opérateurs dont le personnel ou les fournisseurs accèdent de l’extérieur aux systèmes de conduite.", Do: "Exigez un second facteur, fermez les sessions inconnues et regardez les connexions des trois derniers jours.",
			},
			"es": {
				Title: "Se prueban pasarelas de acceso remoto con contraseñas antiguas", What: "Desde ayer alguien entra en pasarelas de acceso remoto de varios operadores con contraseñas de filtraciones antiguas.",
				Affected: "Operadores cuyo personal o proveedores acceden desde fuera a los sistemas de control.", Do: "Pida un segundo factor, cierre las sesiones desconocidas y revise los accesos de los últimos tres días.",
			},
		},
	})
	if err != nil {
		return err
	}
	f.wind(4 * time.Minute)
	if err := f.release(ctx, guard.RoleDutyLead, v, warn.Release{}); err != nil {
		return err
	}
	ns, err := f.Warn.Notices(ctx, f.Acts.Reader(), warn.Filter{Warning: v.ID})
	if err != nil {
		return err
	}
	for i, n := range ns {
		f.wind(time.Minute)
		switch i % 3 {
		case 0:
			err = f.byLink(ctx, n, warn.Visitor{Name: "Control room", Firm: "Control centre"}, warn.Answer{What: warn.Acknowledge})
		case 1:
			err = f.Warn.RecordAnswer(ctx, f.as(guard.RoleWatchOfficer), n.ID, warn.Answer{
				What: warn.Done, Strength: warn.ByPhone, By: "Shift leader", Reason: "Second factor is on since this morning.",
			})
		}
		if err != nil {
			return err
		}
	}
	return f.settled(ctx)
}

func (f *filler) wind(by time.Duration) { f.Clock.Set(f.Clock.Now().Add(by)) }

// release looks at the list and releases it.
func (f *filler) release(ctx context.Context, role string, v warn.Warning, rel warn.Release) error {
	_, seen, err := f.Warn.Choose(ctx, f.Acts.Reader(), v)
	if err != nil {
		return err
	}
	rel.Version, rel.Seen = v.Version, seen
	if err := f.Warn.Release(ctx, f.as(role), v.ID, rel); err != nil {
		return err
	}
	return f.settled(ctx)
}

// flash is a FLASH that one person released alone an hour ago: five answered, each in
// another way, one stays silent: its next contact was asked, now somebody has to call.
func (f *filler) flash(ctx context.Context) error {
	f.Clock.Set(clock.System{}.Now().Add(-75 * time.Minute))
	v, err := f.Warn.Compose(ctx, f.as(guard.RoleDutyLead), warn.Warning{
		Severity: warn.SeverityFlash, Marking: tlp.Amber, AnswerWithin: 30 * time.Minute, Choice: warn.Choice{Sectors: []string{"drinking-water"}},
		Texts: map[string]warn.Text{
			"en": {
				Title: "Pump controllers are being switched from outside", What: "At two operators somebody switches pump controllers that answer on port 502/tcp from the Internet.",
				Affected: "Waterworks with controllers that can be reached from outside, also through a supplier's modem.", Do: "Take them off the Internet now. Switch by hand where you can. Tell us what you saw.",
			},
			"fr": {
				Title: "Des automates de pompage sont commandés de l’extérieur", What: "Chez deux opérateurs, quelqu’un commande depuis Internet des automates de pompage qui répondent sur le port 502/tcp.",
				Affected: "Les services d’eau dont les automates sont joignables de l’extérieur, y compris par le modem d’un fournisseur.", Do: "Déconnectez-les d’Internet maintenant. Passez en conduite manuelle où c’est possible. Dites-nous ce que vous avez vu.",
			},
			"es": {
				Title: "Se manejan controladores de bombas desde fuera", What: "En dos operadores alguien maneja desde Internet controladores de bombas que responden en el puerto 502/tcp.",
				Affected: "Servicios de agua con controladores accesibles desde fuera, también por el módem de un proveedor.", Do: "Desconéctelos de Internet ahora. Pase a mando manual donde pueda. Díganos lo que ha visto.",
			},
		},
	})
	if err != nil {
		return err
	}
	f.wind(2 * time.Minute)
	if err := f.release(ctx, guard.RoleDutyLead, v, warn.Release{OnCall: true, Reason: "Alone on duty, and pumps are being switched now."}); err != nil {
		return err
	}
	if err := f.answerFlash(ctx, v.ID); err != nil {
		return err
	}
	for range 2 { // first the next contact is asked, then somebody has to call
		f.wind(31 * time.Minute)
		if err := f.settled(ctx); err != nil {
			return err
		}
	}
	return nil
}

// answerFlash answers in the portal, by signed mail, by link, by phone and by plain
// mail; one organisation says nothing.
func (f *filler) answerFlash(ctx context.Context, warning int64) error {
	ns, err := f.Warn.Notices(ctx, f.Acts.Reader(), warn.Filter{Warning: warning})
	if err != nil {
		return err
	}
	slices.Reverse(ns)
	ways := []func(n warn.Notice) error{
		func(n warn.Notice) error {
			return f.byLink(ctx, n, warn.Visitor{Name: "Night desk", Firm: "Guardia Managed Services"}, warn.Answer{What: warn.Acknowledge})
		},
		func(n warn.Notice) error {
			return f.Warn.RecordAnswer(ctx, f.as(guard.RoleWatchOfficer), n.ID, warn.Answer{What: warn.Acknowledge, Strength: warn.ByPhone, By: "Head of operations"})
		},
		func(n warn.Notice) error { return f.plainMail(ctx, n, "We have taken this warning.", true) },
	}
	next := 0
	for _, n := range ns {
		f.wind(2 * time.Minute)
		name := f.nameOf(n.Org)
		switch name {
		case silentOrg:
			continue
		case Outsiders()[0].Organisation:
			g := f.outside["contact"]
			err = f.Warn.AnswerSignedIn(ctx, g.actor(), g.person.ID, n.ID, warn.Answer{What: warn.Done, Reason: "The controllers are off the Internet."})
		case signerOrg:
			err = f.signedMail(ctx, n, f.outside["signer"], "This is fixed: the modem is unplugged.")
		default:
			err = ways[next%len(ways)](n)
			next++
		}
		if err != nil {
			return fmt.Errorf("answer of %s: %w", name, err)
		}
	}
	return f.Settle(ctx)
}

func (f *filler) nameOf(org int64) string {
	o, _ := f.Constituency.Index().Org(org)
	return o.Name
}

var linkIn = regexp.MustCompile(`/n/([A-Za-z0-9._-]+)`)

// byLink answers as somebody does to whom the mail was passed on: with the link that
// stands in it.
func (f *filler) byLink(ctx context.Context, n warn.Notice, v warn.Visitor, a warn.Answer) error {
	m, ok, err := f.Warn.Outbound.Of(ctx, f.Acts.Reader(), guard.Thing{Kind: warn.KindNotice, ID: n.ID}.String())
	if err != nil {
		return err
	}
	found := linkIn.FindSubmatch(m.Body)
	if !ok || found == nil {
		return errors.New("its mail has no link")
	}
	secret := string(found[1])
	if _, _, err := f.Warn.OpenByLink(ctx, secret, "en", v); err != nil {
		return err
	}
	return f.Warn.AnswerByLink(ctx, secret, v, a)
}

// answers are what came back to notices about findings: by phone, by link, in the
// portal; most say nothing.
func (f *filler) answers(ctx context.Context, officer act.Actor) error {
	ns, err := f.Warn.Notices(ctx, f.Acts.Reader(), warn.Filter{State: warn.Sent, Unanswered: true, Limit: 400})
	if err != nil {
		return err
	}
	ns = slices.DeleteFunc(ns, func(n warn.Notice) bool { return n.Warning != 0 })
	if len(ns) < 20 {
		return fmt.Errorf("only %d notices wait for an answer", len(ns))
	}
	said := []warn.Answer{
		{What: warn.Acknowledge, By: "Control room", Strength: warn.ByPhone},
		{What: warn.Done, By: "Head of IT", Reason: "Port closed this morning.", Strength: warn.ByPhone},
		{What: warn.Dispute, By: "Head of IT", Reason: "The address belongs to our landlord.", Strength: warn.ByMail},
	}
	now := f.Clock.Now()
	for i, n := range ns {
		switch {
		case n.Org == f.outside["contact"].org.ID:
			g := f.outside["contact"]
			err = f.Warn.AnswerSignedIn(ctx, g.actor(), g.person.ID, n.ID, warn.Answer{What: warn.Ask, Reason: "Which of our two sites is meant?"})
		case i%4 == 0:
			a := said[i/4%len(said)]
			a.At = later(n.SentAt.Add(time.Duration(20+i*3)*time.Minute), now)
			err = f.Warn.RecordAnswer(ctx, officer, n.ID, a)
		case i%8 == 3 && len(n.Findings) > 0:
			err = f.byLink(ctx, n, warn.Visitor{Name: "Service desk", Firm: "Cumbre Systems"}, warn.Answer{What: warn.PassOn, Reason: "The tenant of the rack looks into it."})
		}
		if err != nil {
			return fmt.Errorf("answer to %s: %w", f.Warn.Number(n.ID), err)
		}
		if i == 60 {
			break
		}
	}
	return f.Settle(ctx)
}

// later is t, or the end when t is behind it.
func later(t, end time.Time) time.Time {
	if t.After(end) {
		return end
	}
	return t
}

// claim is an asset that an operator says is its own; somebody of the desk decides.
func (f *filler) claim(ctx context.Context) error {
	g := f.outside["contact"]
	_, err := f.Constituency.ClaimAsset(ctx, g.actor(), constituency.NewAsset{
		Org: g.org.ID, Kind: "domain", Value: "pumps." + strings.TrimPrefix(hostName(g.org.Name), "www."), Note: "Our new telemetry, run by a supplier since this spring.",
	})
	return err
}
