package webhook_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"almenara.example/webhook"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// keyOf makes a key that is nobody's secret.
func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), ed25519.SeedSize)))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func TestASignedMessageIsGoodForItsKeyAndNoOther(t *testing.T) {
	s, err := webhook.NewSigner(keyOf('a'))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"type":"warning.published"}`)
	h, err := s.Sign("msg_1", now(), body)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-timestamp"); got != "1795262400" {
		t.Errorf("got the time %s", got)
	}
	good := webhook.Verifier{Keys: []ed25519.PublicKey{public(keyOf('b')), public(keyOf('a'))}}
	id, at, err := good.Verify(h, body, now().Add(4*time.Minute))
	if err != nil || id != "msg_1" || !at.Equal(now()) {
		t.Errorf("got %s, %v, %v", id, at, err)
	}
	spoil := func(name, value string) http.Header {
		c := h.Clone()
		c.Set(name, value)
		return c
	}
	twice := h.Clone()
	twice.Add(webhook.HeaderID, "msg_1")
	sig := h.Get(webhook.HeaderSignature)
	for _, c := range []struct {
		name string
		v    webhook.Verifier
		h    http.Header
		body string
		now  time.Time
		want error
	}{
		{"another key", webhook.Verifier{Keys: []ed25519.PublicKey{public(keyOf('b'))}}, h, string(body), now(), webhook.ErrSignature},
		{"no key", webhook.Verifier{}, h, string(body), now(), webhook.ErrSignature},
		{"a key of no length", webhook.Verifier{Keys: []ed25519.PublicKey{{1}}}, h, string(body), now(), webhook.ErrSignature},
		{"another body", good, h, string(body) + " ", now(), webhook.ErrSignature},
		{"another id", good, spoil(webhook.HeaderID, "msg_2"), string(body), now(), webhook.ErrSignature},
		{"another time", good, spoil(webhook.HeaderTime, "1795262401"), string(body), now(), webhook.ErrSignature},
		{"too old", good, h, string(body), now().Add(6 * time.Minute), webhook.ErrTime},
		{"from the future", good, h, string(body), now().Add(-6 * time.Minute), webhook.ErrTime},
		{"no headers", good, http.Header{}, string(body), now(), webhook.ErrHeaders},
		{"an id twice", good, twice, string(body), now(), webhook.ErrHeaders},
		{"an odd time", good, spoil(webhook.HeaderTime, "+1795262400"), string(body), now(), webhook.ErrHeaders},
		{"an id with a full stop", good, spoil(webhook.HeaderID, "a.b"), string(body), now(), webhook.ErrHeaders},
		{"another scheme", good, spoil(webhook.HeaderSignature, strings.Replace(sig, "v1a", "v9", 1)), string(body), now(), webhook.ErrSignature},
		{"the wrong scheme", good, spoil(webhook.HeaderSignature, strings.Replace(sig, "v1a", "v1", 1)), string(body), now(), webhook.ErrSignature},
		{"too many", good, spoil(webhook.HeaderSignature, strings.Repeat("v1a,AA== ", 16)+sig), string(body), now(), webhook.ErrSignature},
		{"not Base64", good, spoil(webhook.HeaderSignature, "v1a,%"), string(body), now(), webhook.ErrSignature},
	} {
		if id, _, err := c.v.Verify(c.h, []byte(c.body), c.now); !errors.Is(err, c.want) || id != "" {
			t.Errorf("%s: got %q, %v, want %v", c.name, id, err, c.want)
		}
	}
	several := spoil(webhook.HeaderSignature, "v1,AAAA v9,x "+sig)
	if _, _, err := good.Verify(several, body, now()); err != nil {
		t.Errorf("one good among several: %v", err)
	}
}

func TestASharedSecretIsChecked(t *testing.T) {
	secret, err := webhook.ParseSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32))))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("msg_1.1795262400.{}"))
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", "1795262400")
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	v := webhook.Verifier{Secrets: [][]byte{[]byte("another"), secret}}
	if id, _, err := v.Verify(h, []byte("{}"), now()); err != nil || id != "msg_1" {
		t.Errorf("got %s, %v", id, err)
	}
	v.Secrets = [][]byte{[]byte("another"), nil}
	if _, _, err := v.Verify(h, []byte("{}"), now()); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	key := keyOf('k')
	s, err := webhook.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := webhook.ParsePublic(s.Public()); err != nil || !got.Equal(public(key)) {
		t.Errorf("public: %v", err)
	}
	for _, text := range []string{webhook.FormatPrivate(key), "whsk_" + base64.StdEncoding.EncodeToString(key.Seed())} {
		if got, err := webhook.ParsePrivate(text); err != nil || !got.Equal(key) {
			t.Errorf("private: %v", err)
		}
	}
	mixed := append(append(ed25519.PrivateKey{}, key[:32]...), keyOf('x')[32:]...)
	for _, bad := range []string{"", "whsk_", "whpk_AAAA", webhook.FormatPrivate(mixed)} {
		if _, err := webhook.ParsePrivate(bad); err == nil {
			t.Errorf("private %q is taken", bad)
		}
		if _, err := webhook.ParsePublic(bad); err == nil {
			t.Errorf("public %q is taken", bad)
		}
	}
	if _, err := webhook.ParseSecret("whsec_AAAA"); err == nil {
		t.Error("a secret of three bytes is taken")
	}
	if _, err := webhook.NewSigner(nil); err == nil {
		t.Error("no key is taken")
	}
	for _, id := range []string{"", "a.b", "a b", strings.Repeat("a", 257), "é"} {
		if _, err := s.Sign(id, now(), nil); err == nil {
			t.Errorf("the id %q is taken", id)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1795262400", "v1a,AAAA", []byte("{}"))
	v := webhook.Verifier{Keys: []ed25519.PublicKey{public(keyOf('a'))}, Secrets: [][]byte{[]byte("secret")}}
	f.Fuzz(func(t *testing.T, id, stamp, sig string, body []byte) {
		h := http.Header{}
		h.Set(webhook.HeaderID, id)
		h.Set(webhook.HeaderTime, stamp)
		h.Set(webhook.HeaderSignature, sig)
		if _, _, err := v.Verify(h, body, now()); err == nil {
			t.Fatal("a forged message is taken")
		}
	})
}
