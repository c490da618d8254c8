package guard_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"testing"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

const deskURL = "https://desk.example"

// key is an authenticator with one passkey, and the browser around it: ES256,
// without attestation (W3C Web Authentication Level 2, §6).
type key struct {
	t       *testing.T
	private *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	origin  string
	flags   byte // user present 0x01, verified 0x04
	count   uint32
}

func newKey(t *testing.T) *key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id) // never fails
	return &key{t: t, private: private, id: id, origin: deskURL, flags: 0x05, count: 1}
}

// options is what both ceremonies ask, as far as a key needs it.
type options struct {
	PublicKey struct {
		Challenge        string
		RP               struct{ ID string }
		RPID             string `json:"rpId"`
		User             struct{ ID string }
		UserVerification string
	} `json:"publicKey"`
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (k *key) clientData(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

// data is the authenticator data without the credential.
func (k *key) data(flags byte) []byte {
	rp := sha256.Sum256([]byte("desk.example"))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), k.count)
}

// make answers what BeginAdding asks.
func (k *key) make(asked []byte) []byte {
	k.t.Helper()
	var o options
	if err := json.Unmarshal(asked, &o); err != nil {
		k.t.Fatal(err)
	}
	if o.PublicKey.RP.ID != "desk.example" {
		k.t.Errorf("got relying party %q, want the host of the public address", o.PublicKey.RP.ID)
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		k.t.Fatal(err)
	}
	k.handle = handle
	point, err := k.private.PublicKey.Bytes() // 0x04 ‖ x ‖ y
	if err != nil {
		k.t.Fatal(err)
	}
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	auth := append(k.data(k.flags|0x40), make([]byte, 16)...)
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(k.id)))
	auth = append(append(auth, k.id...), cose...)
	object := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58")
	object = append(append(object, byte(len(auth))), auth...)
	return k.answer(map[string]any{
		"clientDataJSON": b64(k.clientData("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

// sign answers what BeginSignIn asks.
func (k *key) sign(asked []byte) []byte {
	k.t.Helper()
	var o options
	if err := json.Unmarshal(asked, &o); err != nil {
		k.t.Fatal(err)
	}
	if o.PublicKey.UserVerification != "required" {
		k.t.Errorf("got user verification %q, want required", o.PublicKey.UserVerification)
	}
	k.count++
	client, auth := k.clientData("webauthn.get", o.PublicKey.Challenge), k.data(k.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": b64(k.handle),
	})
}

func (k *key) answer(response map[string]any) []byte {
	b, err := json.Marshal(map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func (h *house) ceremonies() *guard.Ceremonies {
	h.t.Helper()
	public, err := url.Parse(deskURL)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := guard.NewCeremonies(h.Guard, public, "Almenara")
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// register adds a key to a person.
func (h *house) register(c *guard.Ceremonies, p guard.Person, k *key, name string) error {
	h.t.Helper()
	asked, cookie, err := c.BeginAdding(h.t.Context(), guard.ActorOf(p), p.ID)
	if err != nil {
		return err
	}
	return c.FinishAdding(h.t.Context(), guard.ActorOf(p), cookie, name, k.make(asked))
}

// enter signs in with a key, after the answer was tampered with.
func (h *house) enter(c *guard.Ceremonies, k *key, tamper func(answer []byte) []byte) (guard.Person, error) {
	h.t.Helper()
	asked, cookie, err := c.BeginSignIn()
	if err != nil {
		h.t.Fatal(err)
	}
	answer := k.sign(asked)
	if tamper != nil {
		answer = tamper(answer)
	}
	session, p, err := c.SignInByPasskey(h.t.Context(), cookie, answer, guard.Browser{Agent: "B"})
	if err != nil {
		return p, err
	}
	s, err := h.BySession(h.t.Context(), session)
	if err != nil || s.Session.How != "passkey" || s.Person.ID != p.ID {
		h.t.Errorf("got session %+v and %v, want one by passkey", s, err)
	}
	return p, nil
}

func TestAPasskeySignsItsOwnerIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, ana, k := h.ceremonies(), h.add("Ana", guard.RoleReader), newKey(t)
		if err := h.register(c, ana, k, "telephone"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			p, err := h.enter(c, k, nil)
			if err != nil || p.ID != ana.ID {
				t.Fatalf("got %+v and %v, want Ana", p, err)
			}
		}
		keys, err := h.PasskeysOf(t.Context(), h.acts.Reader(), ana.ID)
		if err != nil || len(keys) != 1 || keys[0].Name != "telephone" || !keys[0].UsedAt.Equal(h.clock.Now()) {
			t.Errorf("got %+v and %v, want the one, used now", keys, err)
		}
		code(t, "the same key once more", h.register(c, ana, k, "again"), fault.Conflict)
		code(t, "another's hand on the page", func() error {
			_, _, err := c.BeginAdding(t.Context(), h.boss(), ana.ID)
			return err
		}(), fault.Denied)
	})
}

func TestAPasskeyWhoseCounterIsZeroForEverWorks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, ana, k := h.ceremonies(), h.add("Ana", guard.RoleReader), newKey(t)
		k.count = 0
		if err := h.register(c, ana, k, "cloud"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			k.count = ^uint32(0) // sign counts on to zero
			if _, err := h.enter(c, k, nil); err != nil {
				t.Errorf("a key without a counter: %v", err)
			}
		}
	})
}

func TestAnAnswerThatDoesNotHoldIsRefusedAlike(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, ana, k := h.ceremonies(), h.add("Ana", guard.RoleReader), newKey(t)
		if err := h.register(c, ana, k, "telephone"); err != nil {
			t.Fatal(err)
		}
		refused := func(what string, change func(*key), tamper func([]byte) []byte) {
			t.Helper()
			bad := *k
			if change != nil {
				change(&bad)
			}
			_, err := h.enter(c, &bad, tamper)
			code(t, what, err, fault.Unauthenticated)
			if f := fault.Of(err); f.Key != "guard.credential.refused" || len(f.Args) != 0 || f.Field != "" {
				t.Errorf("%s: got the public answer %q %v, want the one for all", what, f.Key, f.Args)
			}
		}
		refused("another site's page", func(k *key) { k.origin = "https://desk.example.evil" }, nil)
		refused("plain http", func(k *key) { k.origin = "http://desk.example" }, nil)
		refused("the user not verified", func(k *key) { k.flags = 0x01 }, nil)
		refused("the user not present", func(k *key) { k.flags = 0x04 }, nil)
		refused("another key's signature", func(k *key) { k.private = newKey(t).private }, nil)
		refused("an unknown key", func(k *key) { k.id = newKey(t).id }, nil)
		refused("another person's handle", func(k *key) { k.handle = []byte(h.admin.UID) }, nil)
		refused("no handle", func(k *key) { k.handle = nil }, nil)
		refused("no JSON", nil, func([]byte) []byte { return []byte("{") })
		refused("nothing", nil, func([]byte) []byte { return nil })
		refused("a counter that went back", func(k *key) { k.count = 0 }, nil)
		if _, err := h.enter(c, k, nil); err != nil {
			t.Errorf("the true key after all that: %v", err)
		}
		end := guard.PersonChange{Name: "Ana", Version: 1}
		if err := h.ChangePerson(t.Context(), h.boss(), ana.ID, end); err != nil {
			t.Fatal(err)
		}
		refused("a person whose access has ended", nil, nil)
	})
}

func TestAChallengeIsUsedOnceInTimeAndForItsOwnCeremony(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, c, ana, k := t.Context(), h.ceremonies(), h.add("Ana", guard.RoleReader), newKey(t)
		asked, cookie, err := c.BeginAdding(ctx, guard.ActorOf(ana), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		answer := k.make(asked)
		code(t, "without a name", c.FinishAdding(ctx, guard.ActorOf(ana), cookie, " ", answer), fault.Invalid)
		code(t, "from another browser", c.FinishAdding(ctx, guard.ActorOf(ana), "guess", "a", answer), fault.Unauthenticated)
		code(t, "the first time", c.FinishAdding(ctx, guard.ActorOf(ana), cookie, "a", answer), "")
		code(t, "the second time", c.FinishAdding(ctx, guard.ActorOf(ana), cookie, "a", answer), fault.Unauthenticated)

		asked, cookie, err = c.BeginAdding(ctx, guard.ActorOf(ana), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		code(t, "by another person", c.FinishAdding(ctx, h.boss(), cookie, "a", newKey(t).make(asked)), fault.Unauthenticated)

		asked, cookie, err = c.BeginSignIn()
		if err != nil {
			t.Fatal(err)
		}
		signed := k.sign(asked)
		h.clock.Advance(guard.CeremonyLife)
		_, _, err = c.SignInByPasskey(ctx, cookie, signed, guard.Browser{})
		code(t, "too late", err, fault.Unauthenticated)
		_, cookie, err = c.BeginAdding(ctx, guard.ActorOf(ana), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.SignInByPasskey(ctx, cookie, signed, guard.Browser{})
		code(t, "with the cookie of the other ceremony", err, fault.Unauthenticated)
	})
}

func TestTheLastPasskeyGoesOnlyWhenItIsMeant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, c, ana := t.Context(), h.ceremonies(), h.add("Ana", guard.RoleReader)
		one, two := newKey(t), newKey(t)
		for name, k := range map[string]*key{"one": one, "two": two} {
			if err := h.register(c, ana, k, name); err != nil {
				t.Fatal(err)
			}
		}
		me, rui := guard.ActorOf(ana), guard.ActorOf(h.add("Rui", guard.RoleReader))
		code(t, "by a stranger", h.RemovePasskey(ctx, rui, ana.ID, one.id, true), fault.Denied)
		code(t, "by a stranger as their own", h.RemovePasskey(ctx, rui, h.admin.ID+2, one.id, true), fault.NotFound)
		code(t, "the first of two", h.RemovePasskey(ctx, me, ana.ID, one.id, false), "")
		code(t, "the last", h.RemovePasskey(ctx, me, ana.ID, two.id, false), fault.Conflict)
		if _, err := h.enter(c, two, nil); err != nil {
			t.Errorf("the last after it was kept: %v", err)
		}
		if _, err := h.IssueLink(ctx, h.boss(), ana.ID); err != nil {
			t.Fatal(err)
		}
		code(t, "the last while a link is open", h.RemovePasskey(ctx, me, ana.ID, two.id, false), "")
		_, err := h.enter(c, two, nil)
		code(t, "a removed one", err, fault.Unauthenticated)
		if err := h.register(c, ana, one, "again"); err != nil {
			t.Fatal(err)
		}
		code(t, "by the administrator, meant", h.RemovePasskey(ctx, h.boss(), ana.ID, one.id, true), "")
	})
}

func TestNobodyCollectsPasskeysWithoutEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, ana := h.ceremonies(), h.add("Ana", guard.RoleReader)
		for range guard.PasskeysPerPerson {
			if err := h.register(c, ana, newKey(t), "key"); err != nil {
				t.Fatal(err)
			}
		}
		code(t, "one too many", h.register(c, ana, newKey(t), "key"), fault.Conflict)
	})
}
