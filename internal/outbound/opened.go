package outbound

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Signature is what is known of who signed a mail that came in.
type Signature string

// The verdicts. Only SignedGood may have effects by itself.
const (
	NotSigned     Signature = ""
	SignedGood    Signature = "good"    // by a current key of the very sender
	SignedBad     Signature = "bad"     // changed on the way, or damaged
	SignedUnknown Signature = "unknown" // by a key or certificate that nobody here knows
	SignedExpired Signature = "expired"
	SignedRevoked Signature = "revoked"
	SignedForeign Signature = "foreign" // intact, but by somebody else than the sender
)

// Opening is what a mail is opened and verified with.
type Opening struct {
	Sender  int64          // the person whose address the mail claims to come from, 0 nobody known
	Others  []int64        // whose keys are known besides, to tell a wrong signer from a stranger
	Roots   *x509.CertPool // authorities whose S/MIME certificates count; nil: none
	Options message.Options
}

// Opened is a mail that was decrypted, if it was sealed to the team, and verified.
type Opened struct {
	Message    *message.Message // the inside of a sealed one
	Sealed     bool             // it was encrypted
	Shut       bool             // and could not be decrypted
	Unreadable string           // key of the sentence: what was inside cannot be taken apart
	Signature  Signature
	Signer     string // fingerprint, key id, or subject of a certificate
}

var numberInText = regexp.MustCompile(`(?i)\bALM-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// NumbersIn lists the numbers of things that a text names, each once, in capitals.
func NumbersIn(text string) []string {
	all := numberInText.FindAllString(text, 50)
	for i := range all {
		all[i] = strings.ToUpper(all[i])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ReadOptions is how mails that come in are read: by the numbers of things, and by what
// is our own. Domain is the right-hand side of our Message-IDs.
func (o *Outbound) ReadOptions(domain string) message.Options {
	own := "@" + strings.ToLower(domain)
	return message.Options{
		Numbers:      NumbersIn,
		OwnID:        func(id string) bool { return strings.HasSuffix(strings.ToLower(id), own) },
		OwnAddresses: []string{o.From()},
	}
}

// Open decrypts what was sealed to the team and verifies what was signed.
func (o *Outbound) Open(ctx context.Context, r sqldb.Reader, g *guard.Guard, m *message.Message, at time.Time, x Opening) (Opened, error) {
	out := Opened{Message: m}
	if m.Encrypted == nil && m.Signed == nil {
		return out, nil
	}
	held, err := g.KeysOf(ctx, r, x.Sender)
	if err != nil {
		return out, fmt.Errorf("read keys: %w", err)
	}
	senders := parsed(held)
	for _, p := range x.Others {
		more, err := g.KeysOf(ctx, r, p)
		if err != nil {
			return out, fmt.Errorf("read keys: %w", err)
		}
		senders = append(senders, parsed(more)...)
	}
	if m.Encrypted != nil {
		if err := o.decrypt(&out, held, senders, at, x.Options); err != nil || out.Shut || out.Unreadable != "" {
			return out, err
		}
	}
	out.verify(held, senders, at, x.Roots)
	return out, nil
}

func parsed(ks []guard.Key) (out []pgp.Key) {
	for _, k := range ks {
		if one, err := pgp.ParsePublic(k.Data); err == nil {
			out = append(out, one)
		}
	}
	return out
}

func (o *Outbound) decrypt(out *Opened, held []guard.Key, senders []pgp.Key, at time.Time, opt message.Options) error {
	e := out.Message.Encrypted
	out.Sealed = true
	if e.SMIME || o.team == nil {
		out.Shut = true
		return nil
	}
	opened, err := pgp.Open(e.Data, []*pgp.Team{o.team}, senders, at, message.DefaultLimits().Decoded)
	if fault.CodeOf(err) == fault.Invalid {
		out.Shut = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("open mail: %w", err)
	}
	inside, err := out.Message.Inside(opened.Plain, opt)
	if fault.CodeOf(err) == fault.Invalid {
		out.Unreadable = fault.Of(err).Key
		return nil
	}
	if err != nil {
		return fmt.Errorf("read sealed mail: %w", err)
	}
	out.Message = inside
	out.verdict(opened.Verdict, held)
	return nil
}

func (out *Opened) verify(held []guard.Key, senders []pgp.Key, at time.Time, roots *x509.CertPool) {
	s := out.Message.Signed
	if s == nil {
		return
	}
	switch {
	case s.SMIME:
		out.certificate(s.VerifySMIME(roots, at))
	case s.Clear:
		_, v := pgp.VerifyClear(s.Signature, senders, at)
		out.verdict(v, held)
	default:
		out.verdict(pgp.Verify(s.Content, s.Signature, senders, at), held)
	}
	if out.Signature == SignedGood && !s.Whole { // words stand beside what was signed
		out.Signature = SignedBad
	}
}

// verdict: only a current key of the very sender counts. An offered key proves nothing:
// anybody can offer one.
func (out *Opened) verdict(v pgp.Verdict, held []guard.Key) {
	if v.State == pgp.None {
		return
	}
	out.Signer = cmp.Or(v.Fingerprint, v.KeyID)
	switch v.State {
	case pgp.Good:
		out.Signature = SignedForeign
		if slices.ContainsFunc(held, func(k guard.Key) bool {
			return k.State == guard.KeyCurrent && strings.EqualFold(k.Fingerprint, v.Fingerprint)
		}) {
			out.Signature = SignedGood
		}
	case pgp.Expired:
		out.Signature = SignedExpired
	case pgp.Revoked:
		out.Signature = SignedRevoked
	case pgp.UnknownKey:
		out.Signature = SignedUnknown
	default:
		out.Signature = SignedBad
	}
}

func (out *Opened) certificate(v message.SMIME) {
	out.Signer = cmp.Or(v.Subject, v.Fingerprint)
	switch v.State {
	case message.SMIMEGood:
		out.Signature = SignedForeign
		if slices.ContainsFunc(v.Emails, func(e string) bool { return strings.EqualFold(e, out.Message.From.Email) }) {
			out.Signature = SignedGood
		}
	case message.SMIMEExpired:
		out.Signature = SignedExpired
	case message.SMIMEUntrusted:
		out.Signature = SignedUnknown
	default:
		out.Signature = SignedBad
	}
}

// OfferKey notes a key from the Autocrypt header of a person's mail as an offer, which a
// person accepts.
func OfferKey(ctx context.Context, g *guard.Guard, m *message.Message, person int64) error {
	if m == nil || m.Autocrypt == nil || person == 0 || !strings.EqualFold(m.Autocrypt.Email, m.From.Email) {
		return nil
	}
	k, err := pgp.ParsePublic(m.Autocrypt.Key)
	if err != nil || !k.Has(m.From.Email) {
		return nil // no offer that could be taken up
	}
	_, _, err = g.OfferKey(ctx, person, m.Autocrypt.Key)
	if fault.CodeOf(err) == fault.Invalid || fault.CodeOf(err) == fault.Conflict {
		return nil
	}
	return err
}

// Inside takes a mail apart, opened when it was sealed to the team.
func (o *Outbound) Inside(raw []byte, at time.Time, opt message.Options) (*message.Message, error) {
	m, err := message.Parse(raw, opt)
	if err != nil || m.Encrypted == nil || m.Encrypted.SMIME || o.team == nil {
		return m, err
	}
	opened, err := pgp.Open(m.Encrypted.Data, []*pgp.Team{o.team}, nil, at, message.DefaultLimits().Decoded)
	if err != nil {
		return m, err
	}
	return m.Inside(opened.Plain, opt)
}

// FileOf decodes the n-th file (from 0) of a mail; NotFound when there is none.
func FileOf(m *message.Message, n int) (f message.File, body []byte, err error) {
	if n < 0 || n >= len(m.Files) {
		return f, nil, fault.New(fault.NotFound, "outbound.no_file", nil)
	}
	if body, err = io.ReadAll(m.Files[n].Open()); err != nil {
		return f, nil, fmt.Errorf("decode an attachment: %w", err)
	}
	return m.Files[n], body, nil
}

// Sealed has a recipient's mail sealed when a current key of the person is known and the
// team has one to sign with.
func (o *Outbound) Sealed(ctx context.Context, r sqldb.Reader, g *guard.Guard, to *guard.Recipient) (bool, error) {
	key, ok, err := g.EncryptionKey(ctx, r, to.Person, o.acts.Clock().Now())
	if err != nil {
		return false, fmt.Errorf("read keys of person %d: %w", to.Person, err)
	}
	if !ok || !o.Seals() {
		return false, nil
	}
	to.Channel, to.Key = guard.BySealedMail, string(key.Data)
	return true, nil
}
