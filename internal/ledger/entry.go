package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Migrations holds the ledger's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds the ledger's public sentences, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// MaxBody is the largest body of an entry in bytes. Larger things belong into a
// blob whose hash the entry names.
const MaxBody = 32 << 10

// Entry is what an act says of itself.
type Entry struct {
	Order   int64  // the act's own number, total and gapless from 1
	Time    int64  // microseconds since 1970, UTC
	Actor   string // opaque id of a person, "local-operator" or "machine:<instruction>"
	Verb    string // such as "watch.close_finding"
	Subject string // opaque id
	Mandate string // opaque id of the legal basis; empty when none was needed
	Purpose string
	Policy  string // id of the policy that permitted the act
	Reason  string // the actor's own words; any valid UTF-8
	// Parent is the order of the act that this one joined; 0 when it stands alone.
	Parent   int64
	Exercise bool
	// Detail is a small JSON object made by the verb from a struct; whole numbers
	// beyond 2^53 must be strings (RFC 8785 knows doubles only).
	Detail json.RawMessage
	// Erased is true for an entry whose body was destroyed; only Order and Time
	// are known then. It is never set on an entry that is appended.
	Erased bool
}

// body is the JSON form of an entry. Members are only ever added, with omitzero,
// so that old bodies keep their canonical form.
type body struct {
	Version  int            `json:"v"`
	Order    int64          `json:"order"`
	Time     int64          `json:"time"`
	Actor    string         `json:"actor"`
	Verb     string         `json:"verb"`
	Subject  string         `json:"subject"`
	Mandate  string         `json:"mandate,omitzero"`
	Purpose  string         `json:"purpose,omitzero"`
	Policy   string         `json:"policy,omitzero"`
	Reason   string         `json:"reason,omitzero"`
	Parent   int64          `json:"parent,omitzero"`
	Exercise bool           `json:"exercise,omitzero"`
	Detail   jsontext.Value `json:"detail,omitzero"`
}

// Execer is a write transaction; act.Tx and *sql.Tx are.
type Execer interface {
	sqldb.Reader
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Append writes e into the record inside the act's transaction. The salt must be
// fresh random bytes. It refuses a reason that is not UTF-8 (fault invalid, field
// "reason"); every other error is the caller's mistake or the database's trouble.
func Append(ctx context.Context, tx Execer, salt [32]byte, e Entry) error {
	b, err := encode(e)
	if err != nil {
		return err
	}
	c := Commit(salt, b)
	_, err = tx.ExecContext(ctx, `insert into ledger_entry
		(ord, time, actor, verb, subject, body, salt, commitment) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Order, e.Time, e.Actor, e.Verb, e.Subject, b, salt[:], c[:])
	if err != nil {
		return fmt.Errorf("append ledger entry %d: %w", e.Order, err)
	}
	return nil
}

// Commit returns the commitment to a body: SHA-256(0x00 ‖ salt ‖ body). It is the
// record whose RFC 6962 leaf hash stands in the tree.
func Commit(salt [32]byte, body []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(salt[:])
	h.Write(body)
	var c [32]byte
	h.Sum(c[:0])
	return c
}

// encode returns the canonical body of e.
func encode(e Entry) ([]byte, error) {
	if e.Order < 1 || e.Erased {
		return nil, fmt.Errorf("ledger entry %d of %s: not an entry to append", e.Order, e.Verb)
	}
	if e.Actor == "" || e.Verb == "" {
		return nil, fmt.Errorf("ledger entry %d: actor %q and verb %q must both be named", e.Order, e.Actor, e.Verb)
	}
	for _, s := range []string{e.Actor, e.Verb, e.Subject} {
		if !columnText(s) {
			return nil, fmt.Errorf("ledger entry %d: %q cannot be an id", e.Order, s)
		}
	}
	if !utf8.ValidString(e.Reason) {
		return nil, fault.OnField("reason", "ledger.reason.invalid", nil)
	}
	b, err := jsonv2.Marshal(body{
		Version: 1, Order: e.Order, Time: e.Time, Actor: e.Actor, Verb: e.Verb,
		Subject: e.Subject, Mandate: e.Mandate, Purpose: e.Purpose, Policy: e.Policy, Reason: e.Reason,
		Parent: e.Parent, Exercise: e.Exercise, Detail: jsontext.Value(e.Detail),
	})
	if err != nil {
		return nil, fmt.Errorf("ledger entry %d of %s: %w", e.Order, e.Verb, err)
	}
	v, exact := jsontext.Value(b), jsontext.Value(bytes.Clone(b))
	if err := errors.Join(v.Canonicalize(), exact.Canonicalize(jsontext.CanonicalizeRawInts(false))); err != nil {
		return nil, fmt.Errorf("ledger entry %d of %s: %w", e.Order, e.Verb, err)
	}
	if !bytes.Equal(v, exact) {
		return nil, fmt.Errorf("ledger entry %d of %s: a whole number beyond 2^53 must be a string", e.Order, e.Verb)
	}
	if len(v) > MaxBody {
		return nil, fmt.Errorf("ledger entry %d of %s: body of %d bytes, at most %d", e.Order, e.Verb, len(v), MaxBody)
	}
	return v, nil
}

// columnText tells whether s may stand in an indexed text column of both engines.
func columnText(s string) bool {
	if len(s) > 200 || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' {
			return false
		}
	}
	return true
}

// decode reads a body back.
func decode(b []byte) (Entry, error) {
	var v body
	if err := jsonv2.Unmarshal(b, &v); err != nil {
		return Entry{}, err
	}
	return Entry{
		Order: v.Order, Time: v.Time, Actor: v.Actor, Verb: v.Verb, Subject: v.Subject,
		Mandate: v.Mandate, Purpose: v.Purpose, Policy: v.Policy, Reason: v.Reason, Parent: v.Parent,
		Exercise: v.Exercise, Detail: json.RawMessage(v.Detail),
	}, nil
}

// Erase destroys the body and the salt of an entry and its look-up columns; the
// commitment stays, so the tree stays whole. It belongs inside an act whose own
// entry says why. An entry that does not exist is fault not_found.
func (l *Log) Erase(ctx context.Context, tx Execer, order int64) error {
	r, err := tx.ExecContext(ctx, `update ledger_entry
		set body = null, salt = null, actor = '', verb = '', subject = '' where ord = $1`, order)
	if err != nil {
		return fmt.Errorf("erase ledger entry %d: %w", order, err)
	}
	if n, err := r.RowsAffected(); err != nil {
		return fmt.Errorf("erase ledger entry %d: %w", order, err)
	} else if n == 0 {
		return fault.New(fault.NotFound, "ledger.entry.unknown", fault.Args{"Order": order})
	}
	return nil
}
