package e2e

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/pgp/pgptest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/test/browser"
	"almenara.example/test/house"
)

const (
	faroRoom, faroChief = "watch@faro.example", "chief@faro.example"
	riberaNight         = "night@ribera.example"
	lumenDesk           = "desk@lumen.example"
)

// threeWaters are three water companies: one whose first contact is silent, one whose
// contact has an OpenPGP key, one that answers by the link.
func threeWaters(key []byte) fill {
	return func(ctx context.Context, s *stage, _ *clock.Wound) error {
		const file = "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_phone,contact_language,contact_position\n" +
			"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Control room," + faroRoom + ",+999 555 0101,fr,1\n" +
			"Aguas del Faro,operator,XA,drinking-water,,,Chief engineer," + faroChief + ",+999 555 0102,fr,2\n" +
			"Ribera Waterworks,operator,XA,drinking-water,cidr,192.0.2.16/28,Night desk," + riberaNight + ",+999 555 0103,en,1\n" +
			"Lumen Water,operator,XA,drinking-water,cidr,192.0.2.32/28,Desk," + lumenDesk + ",+999 555 0104,en,1\n"
		if err := importOrganisations(ctx, s, file); err != nil {
			return err
		}
		people, err := s.app.Guard().ByEmail(ctx, s.read(), riberaNight)
		if err != nil {
			return err
		}
		_, err = s.app.Guard().AddKey(ctx, house.Lead(), people[0].ID, key)
		return err
	}
}

// TestAFlashAtNight: one person on call writes a FLASH in two languages, releases it
// alone with a reason and watches who takes it: by the link, by a mail that gpg signed
// and, after silence and a second contact, by a call that is entered by hand. In the
// morning another person reviews the release.
func TestAFlashAtNight(t *testing.T) {
	gpg := pgptest.New(t)
	theirs := gpg.Make("Night desk <"+riberaNight+">", "ed25519", "0")
	box := mailtest.Dovecot(t)
	s := openWith(t, true, reads(t, box), threeWaters(gpg.Public(theirs)))
	chromium := browser.New(t)
	night := chromium.Tab(t)
	s.signIn(night, s.link(s.person("Bruno Salas", guard.RoleDutyLead)))
	board := s.writesFlash(night)

	s.lumenAnswers(chromium.Tab(t), night)
	s.gpgAnswers(gpg, theirs, box, night)
	s.faroIsCalled(night, board)

	s.wound.Set(s.wound.Now().Add(5 * time.Hour))
	morning := chromium.Tab(t)
	s.signIn(morning, s.link(s.person("Marta Ibarra", guard.RoleDutyLead)))
	morning.Go(s.url + "/")
	morning.WaitText("#needs", "Release by one person")
	s.look(morning, "flash/07-morning-board")
	morning.Go(s.url + board)
	morning.Follow(`main a[href$="/review"]`)
	morning.WaitText("main", "alone at night")
	s.look(morning, "flash/08-review")
	morning.Click(`input[name=verdict][value=approve]`)
	morning.Follow(".alm-form button[type=submit]")
	morning.WaitText(".alm-flash", "The review is recorded.")
	morning.WaitText("main", "The release on call was approved.")
	morning.WaitText(".alm-lead", "3 of 3")
	s.look(morning, "flash/09-all-have-taken-it")
}

// choose sets what a select says, as a person who picks it does.
func choose(tab *browser.Tab, selector, value string) {
	browser.Eval[bool](tab, `((e) => { e.value = "`+value+`"; e.dispatchEvent(new Event("change", {bubbles: true})); return e.value === "`+value+`"; })(document.querySelector('`+selector+`'))`)
}

// writesFlash composes and releases, and returns the address of the board.
func (s *stage) writesFlash(tab *browser.Tab) string {
	s.t.Helper()
	tab.Go(s.url + "/warn/warnings")
	s.look(tab, "flash/01-no-warnings")
	tab.Go(s.url + "/warn/warnings/new")
	tab.Click(`input[name=severity][value=flash]`)
	choose(tab, "#f-marking", "TLP:AMBER")
	choose(tab, "#f-answer_within", "30m0s")
	for name, text := range map[string]string{
		"en-title": "Remote access of water works is being abused", "en-what": "Somebody signs in at night and changes set points.", "en-do": "Close remote access now.",
	} {
		tab.Fill("#f-texts-"+name, text)
	}
	tab.Click("details:has(#f-texts-fr-title) > summary")
	for name, text := range map[string]string{
		"fr-title": "Des accès à distance sont détournés", "fr-what": "Quelqu’un se connecte la nuit et change des consignes.", "fr-do": "Fermez les accès à distance maintenant.",
	} {
		tab.Fill("#f-texts-"+name, text)
	}
	tab.Click(`details:has(input[name="choice.sectors"]) > summary`)
	tab.Click(`input[name="choice.sectors"][value="drinking-water"]`)
	s.look(tab, "flash/02-compose")
	tab.Viewport(360, 740)
	s.look(tab, "flash/02-compose-360")
	tab.Viewport(1280, 900)
	tab.Follow(`button[name=do][value=list]`)
	tab.WaitText("main", "3 organisations will see this")
	s.look(tab, "flash/03-list")
	tab.Viewport(360, 740)
	s.look(tab, "flash/03-list-360")
	tab.Viewport(1280, 900)
	if len(s.mail.Received()) != 0 {
		s.t.Fatal("something left before the release")
	}
	tab.Fill("#f-reason", "alone at night, water is at stake")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "The warning is on its way.")
	tab.WaitText(".alm-lead", "0 of 3")
	s.mail.Wait(s.t, 3, 20*time.Second)
	return browser.Eval[string](tab, "location.pathname")
}

// lumenAnswers takes the warning by its link; the board of the night moves by itself.
func (s *stage) lumenAnswers(visitor, board *browser.Tab) {
	s.t.Helper()
	board.WaitFor("document.getElementById('live').dataset.state === 'on'")
	browser.Eval[bool](board, "(window.stayed = true)")
	visitor.Viewport(360, 740)
	visitor.Go(s.linkIn(s.mailTo(lumenDesk, 1)).String())
	visitor.Fill("#f-by", "Ada Lumen")
	visitor.Fill("#f-firm", "Lumen Water")
	visitor.Follow(".alm-form button[type=submit]")
	visitor.WaitText("main", "Remote access of water works is being abused")
	s.look(visitor, "flash/04-visitor-360")
	visitor.Follow(".alm-portal-take button[type=submit]")
	visitor.WaitText("h1", "Thank you")
	board.WaitText("#organisations", "Ada Lumen")
	board.WaitText(".alm-lead", "1 of 3")
	if !browser.Eval[bool](board, "window.stayed === true") {
		s.t.Error("the board was loaded again instead of moving")
	}
}

var armored = regexp.MustCompile(`(?s)-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----`)

// gpgAnswers opens the mail with GnuPG and answers with a mail that it signs: an
// answer by itself.
func (s *stage) gpgAnswers(gpg *pgptest.GPG, theirs string, box *mailtest.IMAP, board *browser.Tab) {
	s.t.Helper()
	team, err := pgp.Load(filepath.Join(s.conf.Dir, "keys", "openpgp.key"))
	s.check(err)
	public, err := team.Public().Armor()
	s.check(err)
	gpg.Import(public)
	m := s.mailTo(riberaNight, 1)
	if strings.Contains(string(m.Data), "Remote access") {
		s.t.Errorf("the sealed mail says in clear what it is about:\n%s", m.Data)
	}
	clear, messages := gpg.Run([]byte(armored.FindString(string(m.Data))), "--decrypt")
	if !strings.Contains(string(clear), "Close remote access now.") || !strings.Contains(messages, "Good signature") {
		s.t.Errorf("gpg opens the mail as\n%s\n%s", clear, messages)
	}
	n := s.noticeTo(riberaNight)
	content := "Content-Type: text/plain; charset=utf-8\r\n\r\nWe have taken this warning and close remote access.\r\n"
	signature, _ := gpg.Run([]byte(content), "--armor", "--digest-algo", "SHA256", "--detach-sign", "-u", theirs)
	box.Deliver([]byte("From: Night desk <" + riberaNight + ">\r\nTo: csirt@csirt.example\r\nSubject: Re: [" + s.app.Warn().Number(n.ID) + "]\r\n" +
		"Message-ID: <signed-1@ribera.example>\r\nIn-Reply-To: <" + strings.Trim(m.MessageID, "<>") + ">\r\nDate: " + s.wound.Now().Format(time.RFC1123Z) +
		"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"b\"\r\n\r\n" +
		"--b\r\n" + content + "\r\n--b\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n" + strings.ReplaceAll(string(signature), "\n", "\r\n") + "\r\n--b--\r\n"))
	s.until("the signed mail is an answer by itself", func() bool {
		all, err := s.app.Warn().Answers(s.t.Context(), s.read(), n.ID)
		s.check(err)
		return len(all) == 1 && all[0].Strength == warn.Signed
	})
	board.WaitText("#organisations", "Signed")
	s.look(board, "flash/05-board-live")
	board.Viewport(360, 740)
	s.look(board, "flash/05-board-live-360")
	board.Viewport(1280, 900)
}

// faroIsCalled lets the silence grow: the next contact gets a mail, then the duty
// officer calls and enters by hand what came of it.
func (s *stage) faroIsCalled(tab *browser.Tab, board string) {
	s.t.Helper()
	silence := func() {
		s.wound.Set(s.wound.Now().Add(31 * time.Minute))
		s.check(s.app.Warn().LookAround(s.t.Context()))
	}
	before := len(s.mail.Received())
	silence()
	s.mailTo(faroChief, 1)
	if got := len(s.mail.Received()); got != before+1 {
		s.t.Errorf("got %d more mails on silence, want one to the next contact", got-before)
	}
	silence()
	tab.Go(s.url + "/")
	tab.WaitText("#needs", "Organisation to call")
	tab.Go(s.url + "/warn/calls")
	tab.WaitText("#calls", "Aguas del Faro")
	s.look(tab, "flash/06-call-list")
	tab.Viewport(360, 740)
	s.look(tab, "flash/06-call-list-360")
	tab.Viewport(1280, 900)
	tab.Click("#calls details > summary")
	tab.Fill("#calls input[name=note]", "engaged")
	tab.Follow(`#calls button[name=outcome][value=busy]`)
	tab.WaitText("#calls", "Busy")
	tab.Click("#calls details > summary")
	tab.Fill("#calls input[name=spoke]", "Inés Prieto")
	tab.Follow(`#calls button[name=outcome][value=reached]`)
	tab.WaitText(".alm-flash", "The call is entered.")
	tab.Go(s.url + board)
	tab.WaitText("#organisations", "Inés Prieto")
	tab.WaitText(".alm-lead", "3 of 3")
	silence()
	if got := len(s.mail.Received()); got != before+1 {
		s.t.Errorf("got %d more mails after everybody has answered, want none", got-before-1)
	}
}
