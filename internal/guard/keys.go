package guard

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// KeySource says how an OpenPGP key came here.
type KeySource string

// The sources of keys.
const (
	KeyFromDesk      KeySource = "desk"      // somebody of the desk added it
	KeyFromPortal    KeySource = "portal"    // the person itself added it
	KeyFromAutocrypt KeySource = "autocrypt" // it came in the head of a mail
)

// KeyState says whether a key is used.
type KeyState string

// The states of keys.
const (
	KeyOffered KeyState = "offered" // came with a mail; nothing is sealed to it until a person accepts it
	KeyCurrent KeyState = "current"
	KeyRetired KeyState = "retired"
)

// Key is an OpenPGP public key of a person or mailbox.
type Key struct {
	ID          int64
	Person      int64
	Fingerprint string // hexadecimal, lower case
	Data        []byte // the public key, without armour
	UserIDs     []string
	Encrypts    bool // has a part for encryption
	Made        time.Time
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: not revoked
	Source      KeySource
	State       KeyState
	AddedAt     time.Time
	AddedBy     string
}

// UsableAt tells whether mail may be sealed to the key at a time.
func (k *Key) UsableAt(at time.Time) bool {
	return k.State == KeyCurrent && k.Encrypts && k.holdsAt(at)
}

// holdsAt tells whether a key is neither revoked nor expired.
func (k *Key) holdsAt(at time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || at.Before(k.Expires))
}

// Names tells whether one of the key's user ids names a mail address.
func (k *Key) Names(address string) bool {
	address = strings.ToLower(strings.TrimSpace(address))
	return address != "" && slices.ContainsFunc(k.UserIDs, func(id string) bool {
		id = strings.ToLower(id)
		if at := strings.LastIndexByte(id, '<'); at >= 0 {
			id = strings.TrimSuffix(id[at+1:], ">")
		}
		return id == address
	})
}

// The bounds of keys.
const (
	MaxKeyBytes = 256 << 10 // of one key, without armour
	maxKeys     = 20        // of one person, retired ones among them
	maxOffered  = 5         // of one person, so that mails cannot fill the table
	maxUserIDs  = 10
)

const keyColumns = `k.id, k.person_id, k.fingerprint, k.data, k.user_ids, k.encrypts, k.made_at, k.expires_at, k.revoked_at,
	k.source, k.state, k.added_at, k.added_by`

func scanKey(r sqldb.Row) (k Key, err error) {
	var ids string
	var made, expires, revoked, added int64
	err = r.Scan(&k.ID, &k.Person, &k.Fingerprint, &k.Data, &ids, &k.Encrypts, &made, &expires, &revoked,
		&k.Source, &k.State, &added, &k.AddedBy)
	if ids != "" {
		k.UserIDs = strings.Split(ids, "\n")
	}
	k.Made, k.Expires = clock.FromMicros(made), clock.FromMicros(expires)
	k.Revoked, k.AddedAt = clock.FromMicros(revoked), clock.FromMicros(added)
	return k, err
}

// KeysOf lists the keys of a person: current ones first, then offered, then retired;
// within each the newest first.
func (g *Guard) KeysOf(ctx context.Context, r sqldb.Reader, person int64) ([]Key, error) {
	return sqldb.All(ctx, r, scanKey, `select `+keyColumns+` from guard_key k where k.person_id = $1
		order by case k.state when 'current' then 0 when 'offered' then 1 else 2 end, k.made_at desc, k.id desc`, person)
}

// Key returns one key; NotFound when there is none.
func (g *Guard) Key(ctx context.Context, r sqldb.Reader, id int64) (Key, error) {
	k, ok, err := sqldb.One(ctx, r, scanKey, `select `+keyColumns+` from guard_key k where k.id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "guard.key.none", nil)
	}
	return k, err
}

// EncryptionKey returns the key to which mail for a person is sealed at a time: the
// newest current one that is neither expired nor revoked. ok is false when there is
// none.
func (g *Guard) EncryptionKey(ctx context.Context, r sqldb.Reader, person int64, at time.Time) (k Key, ok bool, err error) {
	// All keys of the person, the newest current one first: an index leads there, while
	// a planner may take that of all current keys for the narrower condition.
	all, err := g.KeysOf(ctx, r, person)
	if err != nil {
		return k, false, err
	}
	for _, k := range all {
		if k.UsableAt(at) {
			return k, true, nil
		}
	}
	return k, false, nil
}

// Sealable returns the persons to whom mail can be sealed at a time: for those who ask
// for many.
func (g *Guard) Sealable(ctx context.Context, r sqldb.Reader, at time.Time) (map[int64]bool, error) {
	out := map[int64]bool{}
	return out, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var person int64
		if err := row.Scan(&person); err != nil {
			return err
		}
		out[person] = true
		return nil
	}, `select person_id from guard_key where state = 'current' and encrypts and revoked_at = 0
		and (expires_at = 0 or expires_at > $1)`, clock.Micros(at))
}

// Expiring lists the keys after which nothing can be sealed to an active person any
// more: they expire before a time, or have already, and no other key stays. The
// first to expire comes first.
func (g *Guard) Expiring(ctx context.Context, r sqldb.Reader, before time.Time) ([]Key, error) {
	return sqldb.All(ctx, r, scanKey, `select `+keyColumns+` from guard_key k
		join guard_person p on p.id = k.person_id and p.active
		where k.state = 'current' and k.encrypts and k.revoked_at = 0 and k.expires_at > 0 and k.expires_at < $1
		and not exists (select 1 from guard_key o where o.person_id = k.person_id and o.id <> k.id
			and o.state = 'current' and o.encrypts and o.revoked_at = 0
			and (o.expires_at = 0 or o.expires_at > k.expires_at or o.expires_at = k.expires_at and o.id > k.id))
		order by k.expires_at, k.id limit 1000`, clock.Micros(before))
}

// KeysChanged tells that keys of persons were added, changed or retired.
type KeysChanged struct {
	Persons []int64 `json:"persons"`
}

// FactKind returns "guard.KeysChanged".
func (KeysChanged) FactKind() string { return "guard.KeysChanged" }

// FactVersion returns 1.
func (KeysChanged) FactVersion() int { return 1 }

type keyDetail struct {
	What        string `json:"what"`
	Fingerprint string `json:"fingerprint"`
}

// callToKeep picks the verb for a change of somebody's keys, as callToChange does for
// the person: one's own, a contact's, anybody's.
func (g *Guard) callToKeep(ctx context.Context, actor act.Actor, person int64) (act.Call, error) {
	call := act.Call{Actor: actor, Verb: "guard.change_key", Subject: personSubject(person)}
	if actor.ID == personSubject(person) {
		call.Verb = "guard.change_own_key"
		return call, nil
	}
	p, err := g.Person(ctx, g.read, person)
	if fault.CodeOf(err) == fault.NotFound {
		return call, nil // the verb says so, to whom may know
	}
	if err == nil && isContact(p) {
		call.Verb = "guard.change_contact_key"
		call.Resource = act.Resource{Kind: "person", ID: personSubject(person), Org: p.Org}
	}
	return call, err
}

// changeKeys is the frame of what changes somebody's keys.
func (g *Guard) changeKeys(ctx context.Context, actor act.Actor, person int64, what string, f func(context.Context, *act.Tx) (Key, error)) (k Key, err error) {
	call, err := g.callToKeep(ctx, actor, person)
	if err != nil {
		return k, err
	}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if tx.Call().Verb == "guard.change_contact_key" && !isContact(p) {
			return changedMeanwhile(nil)
		}
		if k, err = f(ctx, tx); err != nil {
			return err
		}
		tx.Detail(keyDetail{What: what, Fingerprint: k.Fingerprint})
		tx.Fact(KeysChanged{Persons: []int64{person}})
		return nil
	})
	return k, err
}

// AddKey adds a person's OpenPGP public key, armoured or not, and makes it current.
// The same key again brings it up to date: a new expiry, new names, a revocation,
// which is never taken back. A key that can no longer be used is refused unless it is
// known already. A person adds its own keys; the desk adds those of contacts.
func (g *Guard) AddKey(ctx context.Context, actor act.Actor, person int64, data []byte) (Key, error) {
	k, err := readKey(data, g.acts.Clock().Now())
	if err != nil {
		return k, err
	}
	k.Person, k.State, k.Source = person, KeyCurrent, KeyFromDesk
	if actor.ID == personSubject(person) {
		k.Source = KeyFromPortal
	}
	return g.changeKeys(ctx, actor, person, "add", func(ctx context.Context, tx *act.Tx) (Key, error) {
		was, known, err := keyWith(ctx, tx, person, k.Fingerprint)
		if err != nil {
			return k, err
		}
		if known {
			return renewKey(ctx, tx, was, k)
		}
		switch {
		case !k.Revoked.IsZero():
			return k, fault.OnField("key", "guard.key.revoked", nil)
		case !k.holdsAt(tx.Now()):
			return k, fault.OnField("key", "guard.key.expired", nil)
		case !k.Encrypts:
			return k, fault.OnField("key", "guard.key.signs_only", nil)
		}
		return insertKey(ctx, tx, k, maxKeys, "")
	})
}

// OfferKey notes a key that came in the Autocrypt header of a person's mail. Nothing
// is sealed to it before a person accepts it. A known key keeps its state; its
// revocation and a later expiry are taken over. It is the machine's own act and may
// stand inside another. What is no usable key, or one too many, is left alone without
// an error: a mail must not fail for it.
func (g *Guard) OfferKey(ctx context.Context, person int64, data []byte) (k Key, taken bool, err error) {
	k, err = readKey(data, g.acts.Clock().Now())
	if fault.CodeOf(err) == fault.Invalid {
		return k, false, nil
	}
	if err != nil {
		return k, false, err
	}
	k.Person, k.State, k.Source = person, KeyOffered, KeyFromAutocrypt
	was, known, err := keyWith(ctx, g.read, person, k.Fingerprint)
	if err != nil || known && !tellsMore(was, k) {
		return was, known, err
	}
	call := act.Call{Actor: act.MachineActor("guard.offer_key"), Verb: "guard.offer_key", Subject: personSubject(person)}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := g.Person(ctx, tx, person); err != nil {
			return err
		}
		if was, known, err = keyWith(ctx, tx, person, k.Fingerprint); err != nil {
			return err
		}
		switch {
		case known && tellsMore(was, k):
			k.State = was.State
			k, err = renewKey(ctx, tx, was, k)
		case known:
			k = was
		case !k.Encrypts || !k.holdsAt(tx.Now()):
			return nil
		default:
			k, err = insertKey(ctx, tx, k, maxOffered, KeyOffered)
			if fault.CodeOf(err) == fault.Conflict {
				return nil
			}
		}
		if err != nil {
			return err
		}
		taken = true
		tx.Detail(keyDetail{What: "offer", Fingerprint: k.Fingerprint})
		tx.Fact(KeysChanged{Persons: []int64{person}})
		return nil
	})
	return k, taken, err
}

// tellsMore tells whether a copy of a known key says something new that is taken over
// without a person: a revocation, or that it lasts longer. An older copy, which
// anybody may send again, says neither.
func tellsMore(was, k Key) bool {
	if !was.Revoked.IsZero() {
		return false
	}
	return !k.Revoked.IsZero() || !was.Expires.IsZero() && (k.Expires.IsZero() || k.Expires.After(was.Expires))
}

// AcceptKey makes an offered or retired key current. A revoked or expired one is a
// Conflict.
func (g *Guard) AcceptKey(ctx context.Context, actor act.Actor, id int64) (Key, error) {
	return g.turnKey(ctx, actor, id, "accept", KeyCurrent)
}

// RetireKey takes a key out of use; signatures by it from before can still be told.
// An offered key is refused that way, too.
func (g *Guard) RetireKey(ctx context.Context, actor act.Actor, id int64) (Key, error) {
	return g.turnKey(ctx, actor, id, "retire", KeyRetired)
}

func (g *Guard) turnKey(ctx context.Context, actor act.Actor, id int64, what string, to KeyState) (Key, error) {
	was, err := g.Key(ctx, g.read, id)
	if err != nil {
		return was, err
	}
	return g.changeKeys(ctx, actor, was.Person, what, func(ctx context.Context, tx *act.Tx) (Key, error) {
		k, err := g.Key(ctx, tx, id)
		switch {
		case err != nil:
			return k, err
		case k.State == to:
			return k, fault.New(fault.Conflict, "guard.key.already", nil)
		case to == KeyCurrent && !k.holdsAt(tx.Now()):
			return k, fault.New(fault.Conflict, "guard.key.unusable", nil)
		}
		k.State = to
		_, err = tx.ExecContext(ctx, `update guard_key set state = $1 where id = $2`, string(to), id)
		return k, err
	})
}

func keyWith(ctx context.Context, r sqldb.Reader, person int64, fingerprint string) (Key, bool, error) {
	return sqldb.One(ctx, r, scanKey,
		`select `+keyColumns+` from guard_key k where k.person_id = $1 and k.fingerprint = $2`, person, fingerprint)
}

// insertKey adds a key unless there are most already, of one state when it is given.
func insertKey(ctx context.Context, tx *act.Tx, k Key, most int64, of KeyState) (Key, error) {
	n, _, err := sqldb.One(ctx, tx, sqldb.Int64,
		`select count(*) from guard_key where person_id = $1 and ($2 = '' or state = $2)`, k.Person, string(of))
	if err != nil {
		return k, err
	}
	if n >= most {
		return k, fault.New(fault.Conflict, "guard.key.many", fault.Args{"Max": most})
	}
	if k.ID, err = tx.Next(ctx, "guard.key"); err != nil {
		return k, err
	}
	k.AddedAt, k.AddedBy = tx.Now(), tx.Actor().ID
	_, err = tx.ExecContext(ctx, `insert into guard_key (id, person_id, fingerprint, data, user_ids, encrypts, made_at, expires_at,
		revoked_at, source, state, added_at, added_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		k.ID, k.Person, k.Fingerprint, k.Data, strings.Join(k.UserIDs, "\n"), k.Encrypts, clock.Micros(k.Made), microsOrNone(k.Expires),
		microsOrNone(k.Revoked), string(k.Source), string(k.State), clock.Micros(k.AddedAt), k.AddedBy)
	return k, err
}

// renewKey brings a known key up to date. What was revoked stays revoked, with the
// bytes that say so.
func renewKey(ctx context.Context, tx *act.Tx, was, k Key) (Key, error) {
	k.ID, k.AddedAt, k.AddedBy = was.ID, tx.Now(), tx.Actor().ID
	if !was.Revoked.IsZero() {
		if k.Revoked.IsZero() {
			return was, fault.OnField("key", "guard.key.revoked", nil)
		}
		k.Revoked = was.Revoked
	}
	_, err := tx.ExecContext(ctx, `update guard_key set data = $1, user_ids = $2, encrypts = $3, expires_at = $4, revoked_at = $5,
		source = $6, state = $7, added_at = $8, added_by = $9 where id = $10`,
		k.Data, strings.Join(k.UserIDs, "\n"), k.Encrypts, microsOrNone(k.Expires), microsOrNone(k.Revoked),
		string(k.Source), string(k.State), clock.Micros(k.AddedAt), k.AddedBy, k.ID)
	return k, err
}

// microsOrNone writes the zero time as 0.
func microsOrNone(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}

// cleanUserIDs makes what a key says of its holder fit for a page and a column: valid
// text on one line each, bounded in length and number.
func cleanUserIDs(ids []string) (out []string) {
	for _, id := range ids {
		id = strings.Map(func(r rune) rune {
			if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, id)
		if r := []rune(strings.TrimSpace(id)); len(r) > 0 && len(out) < maxUserIDs {
			out = append(out, string(r[:min(len(r), 200)]))
		}
	}
	return out
}
