package guard

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// How long credentials last.
const (
	LinkLife    = 24 * time.Hour       // a one-time sign-in link
	SessionLife = 12 * time.Hour       // a session, from its last use
	SessionMax  = 7 * 24 * time.Hour   // a session, from its beginning
	TokenMax    = 366 * 24 * time.Hour // an API token at most
)

// secret makes 32 random bytes as text, and the hash under which they are kept.
func (g *Guard) secret(prefix string) (text string, hash []byte, err error) {
	var b [32]byte
	if err := g.acts.IDs().Read(b[:]); err != nil {
		return "", nil, err
	}
	text = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return text, hashSecret(text), nil
}

func hashSecret(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// refused is the one answer to every wrong, used or expired credential.
func refused() error { return fault.New(fault.Unauthenticated, "guard.credential.refused", nil) }

// IssueLink makes a one-time sign-in link for a person, good for LinkLife. Links
// made earlier for the person stop working.
func (g *Guard) IssueLink(ctx context.Context, actor act.Actor, person int64) (secret string, err error) {
	call := act.Call{Actor: actor, Verb: "guard.issue_link", Subject: personSubject(person)}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if !p.Active || p.Mailbox && !isOutside(p) {
			return fault.New(fault.Invalid, "guard.link.not_for", fault.Args{"Name": p.Name})
		}
		now := clock.Micros(tx.Now())
		if _, err := tx.ExecContext(ctx, `update guard_link set expires_at = $1
			where person_id = $2 and purpose = 'sign-in' and used_at = 0 and expires_at > $1`, now, person); err != nil {
			return err
		}
		var hash []byte
		if secret, hash, err = g.secret("al_"); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into guard_link (hash, purpose, person_id, subject, made_at, expires_at, used_at)
			values ($1, 'sign-in', $2, '', $3, $4, 0)`, hash, person, now, clock.Micros(tx.Now().Add(LinkLife)))
		return err
	})
	return secret, err
}

// LinkHolder tells whom a sign-in link is for, without using it; Unauthenticated
// when it is wrong, used or expired.
func (g *Guard) LinkHolder(ctx context.Context, secret string) (Person, error) {
	id, ok, err := sqldb.One(ctx, g.read, sqldb.Int64, `select person_id from guard_link
		where hash = $1 and purpose = 'sign-in' and used_at = 0 and expires_at > $2`,
		hashSecret(secret), clock.Micros(g.acts.Clock().Now()))
	if err != nil {
		return Person{}, err
	}
	if !ok {
		return Person{}, refused()
	}
	return g.Person(ctx, g.read, id)
}

// SignInByLink uses a one-time link up and begins a session. Of two browsers that
// use one link at once, one gets in.
func (g *Guard) SignInByLink(ctx context.Context, secret string, from Browser) (cookie string, p Person, err error) {
	if _, err := g.LinkHolder(ctx, secret); err != nil { // a guess does not make acts wait
		return "", p, err
	}
	call := act.Call{Actor: act.Actor{ID: "visitor", Kind: act.Visitor}, Verb: "guard.sign_in_by_link"}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		now := clock.Micros(tx.Now())
		id, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `update guard_link set used_at = $1
			where hash = $2 and purpose = 'sign-in' and used_at = 0 and expires_at > $1 returning person_id`,
			now, hashSecret(secret))
		if err != nil {
			return err
		}
		if !ok {
			return refused()
		}
		if p, err = g.Person(ctx, tx, id); err != nil {
			return err
		}
		if !p.Active {
			return refused()
		}
		tx.Subject(personSubject(id))
		cookie, err = g.beginSession(ctx, tx, id, "link", from)
		return err
	})
	return cookie, p, err
}

// Browser is what a session remembers of where it began.
type Browser struct{ Agent, Address string }

// Session is one sign-in that lasts.
type Session struct {
	UID       string
	Person    int64
	How       string // passkey | link
	Agent     string
	Address   string
	BeganAt   time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	EndedAt   time.Time
}

func (g *Guard) beginSession(ctx context.Context, tx *act.Tx, person int64, how string, from Browser) (cookie string, err error) {
	cookie, hash, err := g.secret("")
	if err != nil {
		return "", err
	}
	uid, err := g.acts.IDs().New()
	if err != nil {
		return "", err
	}
	now := tx.Now()
	_, err = tx.ExecContext(ctx, `insert into guard_session
		(hash, uid, person_id, how, agent, address, began_at, seen_at, expires_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $7, $8, 0)`, hash, uid, person, how, fault.Clip(from.Agent), fault.Clip(from.Address),
		clock.Micros(now), clock.Micros(now.Add(SessionLife)))
	return cookie, err
}

// SignedIn is who a request comes from.
type SignedIn struct {
	Person  Person
	Session Session // zero for a token
	Actor   act.Actor
}

// BySession returns who holds a session cookie; Unauthenticated when it is wrong,
// ended or expired. Being seen prolongs the session, at most once a minute.
func (g *Guard) BySession(ctx context.Context, cookie string) (s SignedIn, err error) {
	now := g.acts.Clock().Now()
	hash := hashSecret(cookie)
	sess, ok, err := sqldb.One(ctx, g.read, scanSession, `select `+sessionColumns+` from guard_session
		where hash = $1 and ended_at = 0 and expires_at > $2`, hash, clock.Micros(now))
	if err != nil {
		return s, err
	}
	if !ok {
		return s, refused()
	}
	p, err := g.Person(ctx, g.read, sess.Person)
	if err != nil {
		return s, err
	}
	if !p.Active {
		return s, refused()
	}
	if now.Sub(sess.SeenAt) > time.Minute {
		if err := g.prolong(ctx, hash, sess, now); err != nil {
			return s, err
		}
	}
	return SignedIn{Person: p, Session: sess, Actor: ActorOf(p)}, nil
}

func (g *Guard) prolong(ctx context.Context, hash []byte, s Session, now time.Time) error {
	until := now.Add(SessionLife)
	if last := s.BeganAt.Add(SessionMax); until.After(last) {
		until = last
	}
	return g.acts.Housekeep(ctx, "guard.session_seen", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `update guard_session set seen_at = $1, expires_at = $2
			where hash = $3 and ended_at = 0`, clock.Micros(now), clock.Micros(until), hash)
		return err
	})
}

const sessionColumns = `uid, person_id, how, agent, address, began_at, seen_at, expires_at, ended_at`

func scanSession(r sqldb.Row) (s Session, err error) {
	var began, seen, expires, ended int64
	err = r.Scan(&s.UID, &s.Person, &s.How, &s.Agent, &s.Address, &began, &seen, &expires, &ended)
	s.BeganAt, s.SeenAt = clock.FromMicros(began), clock.FromMicros(seen)
	s.ExpiresAt, s.EndedAt = clock.FromMicros(expires), clock.FromMicros(ended)
	return s, err
}

// Sessions lists the open sessions of a person, newest first.
func (g *Guard) Sessions(ctx context.Context, r sqldb.Reader, person int64) ([]Session, error) {
	return sqldb.All(ctx, r, scanSession, `select `+sessionColumns+` from guard_session
		where person_id = $1 and ended_at = 0 and expires_at > $2 order by began_at desc`,
		person, clock.Micros(g.acts.Clock().Now()))
}

// EndSession ends one session of a person: one's own, or with the permission
// guard.end_session anybody's.
func (g *Guard) EndSession(ctx context.Context, actor act.Actor, person int64, uid string) error {
	call := act.Call{Actor: actor, Verb: "guard.end_session", Subject: personSubject(person)}
	if actor.ID == personSubject(person) {
		call.Verb = "guard.sign_out"
	}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update guard_session set ended_at = $1
			where uid = $2 and person_id = $3 and ended_at = 0`, clock.Micros(tx.Now()), uid, person)
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		return ended(res, err, "guard.session.none")
	})
}

// ended is NotFound with the key none when a change ended nothing.
func ended(res sql.Result, err error, none string) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.NotFound, none, nil))
	}
	return nil
}

// endAccess ends every session, token and open link of a person.
func endAccess(ctx context.Context, tx *act.Tx, person int64) error {
	now := clock.Micros(tx.Now())
	for _, q := range []string{
		`update guard_session set ended_at = $1 where person_id = $2 and ended_at = 0`,
		`update guard_token set ended_at = $1 where person_id = $2 and ended_at = 0`,
		`update guard_link set expires_at = $1 where person_id = $2 and used_at = 0 and expires_at > $1`,
	} {
		if _, err := tx.ExecContext(ctx, q, now, person); err != nil {
			return err
		}
	}
	return nil
}

// Token is an API token as it is listed; its secret is shown once, when made.
type Token struct {
	UID       string
	Person    int64
	Name      string
	Scope     []string
	MadeAt    time.Time
	ExpiresAt time.Time
	EndedAt   time.Time
}

// IssueToken makes an API token for a person. Scope lists verbs ("watch.deliver")
// or rooms ("watch"); empty means all that the person may. Life is at most TokenMax.
func (g *Guard) IssueToken(ctx context.Context, actor act.Actor, person int64, name string, scope []string, life time.Duration) (secret string, t Token, err error) {
	if err := CheckName("name", name); err != nil {
		return "", t, err
	}
	if life <= 0 || life > TokenMax {
		return "", t, fault.OnField("expires", "guard.token.life", fault.Args{"Days": int(TokenMax.Hours() / 24)})
	}
	if err := checkScope(scope); err != nil {
		return "", t, err
	}
	call := act.Call{Actor: actor, Verb: "guard.issue_token", Subject: personSubject(person)}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if p.Mailbox || !p.Active {
			return fault.New(fault.Invalid, "guard.link.not_for", fault.Args{"Name": p.Name})
		}
		var hash []byte
		if secret, hash, err = g.secret("alt_"); err != nil {
			return err
		}
		uid, err := g.acts.IDs().New()
		if err != nil {
			return err
		}
		t = Token{UID: uid, Person: person, Name: name, Scope: scope, MadeAt: tx.Now(), ExpiresAt: tx.Now().Add(life)}
		_, err = tx.ExecContext(ctx, `insert into guard_token (uid, hash, person_id, name, scope, made_at, expires_at, ended_at)
			values ($1, $2, $3, $4, $5, $6, $7, 0)`, t.UID, hash, person, name, strings.Join(scope, " "),
			clock.Micros(t.MadeAt), clock.Micros(t.ExpiresAt))
		return err
	})
	return secret, t, err
}

// EndToken makes a token stop working at once: one's own, or with the permission
// guard.end_token anybody's.
func (g *Guard) EndToken(ctx context.Context, actor act.Actor, person int64, uid string) error {
	call := act.Call{Actor: actor, Verb: "guard.end_token", Subject: personSubject(person)}
	if actor.ID == personSubject(person) {
		call.Verb = "guard.end_own_token"
	}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update guard_token set ended_at = $1
			where uid = $2 and person_id = $3 and ended_at = 0`, clock.Micros(tx.Now()), uid, person)
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		return ended(res, err, "guard.token.none")
	})
}

// Tokens lists a person's tokens that still work, newest first.
func (g *Guard) Tokens(ctx context.Context, r sqldb.Reader, person int64) ([]Token, error) {
	return sqldb.All(ctx, r, scanToken, `select `+tokenColumns+` from guard_token
		where person_id = $1 and ended_at = 0 and expires_at > $2 order by made_at desc`,
		person, clock.Micros(g.acts.Clock().Now()))
}

// AllTokens lists everybody's tokens that still work, those that end soonest first.
func (g *Guard) AllTokens(ctx context.Context, r sqldb.Reader) ([]Token, error) {
	return sqldb.All(ctx, r, scanToken, `select `+tokenColumns+` from guard_token
		where ended_at = 0 and expires_at > $1 order by expires_at, uid limit 1000`,
		clock.Micros(g.acts.Clock().Now()))
}

const tokenColumns = `uid, person_id, name, scope, made_at, expires_at, ended_at` //nolint:gosec // names of columns

func scanToken(r sqldb.Row) (t Token, err error) {
	var scope string
	var made, expires, ended int64
	err = r.Scan(&t.UID, &t.Person, &t.Name, &scope, &made, &expires, &ended)
	t.Scope = strings.Fields(scope)
	t.MadeAt, t.ExpiresAt, t.EndedAt = clock.FromMicros(made), clock.FromMicros(expires), clock.FromMicros(ended)
	return t, err
}

// ByToken returns who holds an API token; Unauthenticated when it is wrong, ended
// or expired.
func (g *Guard) ByToken(ctx context.Context, secret string) (s SignedIn, err error) {
	t, ok, err := sqldb.One(ctx, g.read, scanToken, `select `+tokenColumns+` from guard_token
		where hash = $1 and ended_at = 0 and expires_at > $2`,
		hashSecret(secret), clock.Micros(g.acts.Clock().Now()))
	if err != nil {
		return s, err
	}
	if !ok {
		return s, refused()
	}
	p, err := g.Person(ctx, g.read, t.Person)
	if err != nil {
		return s, err
	}
	if !p.Active {
		return s, refused()
	}
	s = SignedIn{Person: p, Actor: ActorOf(p)}
	if len(t.Scope) > 0 {
		s.Actor.Scope = t.Scope
	}
	return s, nil
}
