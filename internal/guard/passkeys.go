package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Bounds of passkeys.
const (
	CeremonyLife      = 5 * time.Minute // from asking the browser to its answer
	PasskeysPerPerson = 20
	ceremoniesAtOnce  = 4096
)

// Passkey is one WebAuthn credential of a person, as it is listed.
type Passkey struct {
	ID      []byte // the credential's id
	Person  int64
	Name    string
	AddedAt time.Time
	UsedAt  time.Time // zero when never
}

// Ceremonies runs the two ceremonies of WebAuthn (W3C Web Authentication Level 2,
// §7): adding a passkey and signing in by one. A challenge is kept here, bound to
// one browser by a cookie, for CeremonyLife, and used once; a restart forgets all.
type Ceremonies struct {
	guard *Guard
	rp    *webauthn.WebAuthn

	mu      sync.Mutex
	waiting map[string]ceremony // hash of the cookie → what was asked
}

type ceremony struct {
	adding  bool
	person  int64
	session webauthn.SessionData
	until   time.Time
}

// NewCeremonies returns the ceremonies for the site at public, whose host is where
// passkeys belong: moving the site to another host makes every passkey useless.
func NewCeremonies(g *Guard, public *url.URL, product string) (*Ceremonies, error) {
	required := true
	rp, err := webauthn.New(&webauthn.Config{
		RPID: public.Hostname(), RPDisplayName: product, RPOrigins: []string{public.Scheme + "://" + public.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare passkeys for %s: %w", public, err)
	}
	return &Ceremonies{guard: g, rp: rp, waiting: map[string]ceremony{}}, nil
}

// holder is a person as the library wants it. The user handle is the opaque uid.
type holder struct {
	Person
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.UID) }
func (h holder) WebAuthnName() string                       { return or(h.Email, h.Name) }
func (h holder) WebAuthnDisplayName() string                { return h.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// remember keeps a challenge and returns the cookie that it is bound to.
func (k *Ceremonies) remember(c ceremony) (cookie string, err error) {
	cookie, hash, err := k.guard.secret("")
	if err != nil {
		return "", err
	}
	now := k.guard.acts.Clock().Now()
	c.until = now.Add(CeremonyLife)
	k.mu.Lock()
	defer k.mu.Unlock()
	oldest, first := "", time.Time{}
	for key, w := range k.waiting {
		switch {
		case !w.until.After(now):
			delete(k.waiting, key)
		case oldest == "" || w.until.Before(first):
			oldest, first = key, w.until
		}
	}
	if len(k.waiting) >= ceremoniesAtOnce {
		delete(k.waiting, oldest)
	}
	k.waiting[string(hash)] = c
	return cookie, nil
}

// take gives a challenge out, once.
func (k *Ceremonies) take(cookie string, adding bool) (ceremony, error) {
	key := string(hashSecret(cookie))
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.waiting[key]
	delete(k.waiting, key)
	if !ok || c.adding != adding || !c.until.After(k.guard.acts.Clock().Now()) {
		return c, refused()
	}
	return c, nil
}

// BeginAdding returns what the browser must be asked to make a passkey for a person
// (PublicKeyCredentialCreationOptionsJSON below "publicKey") and the cookie for the
// answer. Only the person's own actor may.
func (k *Ceremonies) BeginAdding(ctx context.Context, actor act.Actor, person int64) (options []byte, cookie string, err error) {
	if actor.ID != personSubject(person) {
		return nil, "", fault.New(fault.Denied, "guard.passkey.own", nil)
	}
	h, err := k.guard.holder(ctx, k.guard.read, person)
	if err != nil {
		return nil, "", err
	}
	if len(h.credentials) >= PasskeysPerPerson {
		return nil, "", fault.New(fault.Conflict, "guard.passkey.many", fault.Args{"Max": PasskeysPerPerson})
	}
	var have []protocol.CredentialDescriptor
	for i := range h.credentials {
		have = append(have, h.credentials[i].Descriptor())
	}
	creation, session, err := k.rp.BeginRegistration(h, webauthn.WithExclusions(have))
	if err != nil {
		return nil, "", fmt.Errorf("begin adding a passkey: %w", err)
	}
	if cookie, err = k.remember(ceremony{adding: true, person: person, session: *session}); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(creation)
	return options, cookie, err
}

// FinishAdding keeps the passkey that the browser made (RegistrationResponseJSON)
// under a name that its owner knows it by.
func (k *Ceremonies) FinishAdding(ctx context.Context, actor act.Actor, cookie, name string, response []byte) error {
	if err := CheckName("name", name); err != nil {
		return err
	}
	c, err := k.take(cookie, true)
	if err != nil {
		return err
	}
	if actor.ID != personSubject(c.person) {
		return refused()
	}
	h, err := k.guard.holder(ctx, k.guard.read, c.person)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return notMade(err)
	}
	cred, err := k.rp.CreateCredential(h, c.session, parsed)
	if err != nil {
		return notMade(err)
	}
	return k.guard.keepPasskey(ctx, actor, c.person, name, cred)
}

// notMade is the answer to an answer of a browser that does not hold.
func notMade(err error) error {
	return fault.Wrap(fault.Invalid, "guard.passkey.not_made", nil, detailed(err))
}

// detailed keeps what the library says for developers in the operator's detail.
func detailed(err error) error {
	var p *protocol.Error
	if errors.As(err, &p) {
		return fmt.Errorf("%w: %s", err, p.DevInfo)
	}
	return err
}

func (g *Guard) keepPasskey(ctx context.Context, actor act.Actor, person int64, name string, cred *webauthn.Credential) error {
	data, err := json.Marshal(cred)
	if err != nil {
		return fmt.Errorf("write passkey: %w", err)
	}
	call := act.Call{Actor: actor, Verb: "guard.add_passkey", Subject: personSubject(person)}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `insert into guard_passkey
			(credential, person_id, name, data, sign_count, added_at, used_at) values ($1, $2, $3, $4, $5, $6, 0)
			on conflict (credential) do nothing`,
			cred.ID, person, name, data, int64(cred.Authenticator.SignCount), clock.Micros(tx.Now()))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "guard.passkey.exists", nil))
		}
		return nil
	})
}

// BeginSignIn returns what the browser must be asked to find any passkey for this
// site (PublicKeyCredentialRequestOptionsJSON below "publicKey") and the cookie for
// the answer. It tells nothing about who has one.
func (k *Ceremonies) BeginSignIn() (options []byte, cookie string, err error) {
	assertion, session, err := k.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("begin signing in: %w", err)
	}
	if cookie, err = k.remember(ceremony{session: *session}); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(assertion)
	return options, cookie, err
}

// SignInByPasskey checks the browser's answer (AuthenticationResponseJSON) and begins
// a session. Every answer that does not hold is refused alike.
func (k *Ceremonies) SignInByPasskey(ctx context.Context, cookie string, response []byte, from Browser) (session string, p Person, err error) {
	c, err := k.take(cookie, false)
	if err != nil {
		return "", p, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return "", p, refusedFor(detailed(err))
	}
	var trouble error // of the database, which the library would swallow
	find := func(id, handle []byte) (webauthn.User, error) {
		h, err := k.guard.holderOf(ctx, id, handle)
		if fault.CodeOf(err) == fault.Internal {
			trouble = err
		}
		return h, err
	}
	user, cred, err := k.rp.ValidatePasskeyLogin(find, c.session, parsed)
	if trouble != nil {
		return "", p, trouble
	}
	if err != nil {
		return "", p, refusedFor(detailed(err))
	}
	if cred.Authenticator.CloneWarning {
		return "", p, refusedFor(errors.New("the signature counter went back: there may be a copy of the passkey"))
	}
	h, ok := user.(holder)
	if !ok {
		return "", p, fmt.Errorf("sign in by passkey: got a %T", user)
	}
	session, err = k.guard.enterByPasskey(ctx, h.ID, cred, from)
	return session, h.Person, err
}

// refusedFor is the one answer to a wrong credential, with a detail for operators.
func refusedFor(err error) error {
	return fault.Wrap(fault.Unauthenticated, "guard.credential.refused", nil, err)
}

func (g *Guard) enterByPasskey(ctx context.Context, person int64, cred *webauthn.Credential, from Browser) (session string, err error) {
	data, err := json.Marshal(cred)
	if err != nil {
		return "", fmt.Errorf("write passkey: %w", err)
	}
	call := act.Call{
		Actor: act.Actor{ID: "visitor", Kind: act.Visitor}, Verb: "guard.sign_in_by_passkey", Subject: personSubject(person),
	}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		// The counter is checked again here: two answers of one passkey at once.
		res, err := tx.ExecContext(ctx, `update guard_passkey set sign_count = $1, data = $2, used_at = $3
			where credential = $4 and (sign_count < $1 or (sign_count = 0 and $1 = 0))`,
			int64(cred.Authenticator.SignCount), data, clock.Micros(tx.Now()), cred.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, refused())
		}
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if !p.Active {
			return refused()
		}
		session, err = g.beginSession(ctx, tx, person, "passkey", from)
		return err
	})
	return session, err
}

func scanCredential(r sqldb.Row) (c webauthn.Credential, err error) {
	var data []byte
	var count int64
	if err := r.Scan(&data, &count); err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("read passkey: %w", err)
	}
	c.Authenticator.SignCount = uint32(count)
	return c, nil
}

func (g *Guard) holder(ctx context.Context, r sqldb.Reader, person int64) (h holder, err error) {
	if h.Person, err = g.Person(ctx, r, person); err != nil {
		return h, err
	}
	h.credentials, err = sqldb.All(ctx, r, scanCredential,
		`select data, sign_count from guard_passkey where person_id = $1 order by added_at`, person)
	return h, err
}

// holderOf is the person who owns a credential and is the one that the
// authenticator says.
func (g *Guard) holderOf(ctx context.Context, credential, handle []byte) (h holder, err error) {
	id, ok, err := sqldb.One(ctx, g.read, sqldb.Int64, `select person_id from guard_passkey where credential = $1`, credential)
	if err != nil {
		return h, err
	}
	if !ok {
		return h, refused()
	}
	if h, err = g.holder(ctx, g.read, id); err != nil {
		return h, err
	}
	if !h.Active || !bytes.Equal(handle, h.WebAuthnID()) {
		return h, refused()
	}
	return h, nil
}

// PasskeysOf lists a person's passkeys, oldest first.
func (g *Guard) PasskeysOf(ctx context.Context, r sqldb.Reader, person int64) ([]Passkey, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (k Passkey, err error) {
		var added, used int64
		err = row.Scan(&k.ID, &k.Person, &k.Name, &added, &used)
		k.AddedAt, k.UsedAt = clock.FromMicros(added), clock.FromMicros(used)
		return k, err
	}, `select credential, person_id, name, added_at, used_at from guard_passkey where person_id = $1 order by added_at, name`, person)
}

// RemovePasskey removes a passkey: one's own, or with the permission
// guard.remove_passkey_of anybody's. The last one stays, as a Conflict, while no
// sign-in link is open for the person, unless evenLast says that it is meant.
func (g *Guard) RemovePasskey(ctx context.Context, actor act.Actor, person int64, id []byte, evenLast bool) error {
	call := act.Call{Actor: actor, Verb: "guard.remove_passkey_of", Subject: personSubject(person)}
	if actor.ID == personSubject(person) {
		call.Verb = "guard.remove_passkey"
	}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `delete from guard_passkey where credential = $1 and person_id = $2`, id, person)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "guard.passkey.none", nil))
		}
		if evenLast {
			return nil
		}
		ways, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select
			(select count(*) from guard_passkey where person_id = $1) +
			(select count(*) from guard_link where person_id = $1 and purpose = 'sign-in' and used_at = 0 and expires_at > $2)`,
			person, clock.Micros(tx.Now()))
		if err == nil && ways == 0 {
			err = fault.New(fault.Conflict, "guard.passkey.last", nil)
		}
		return err
	})
}
