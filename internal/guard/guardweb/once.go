package guardweb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// maxOnce is how large a request with an Idempotency-Key may be.
const maxOnce = 1 << 20

// Once makes a creating POST of the API happen once per Idempotency-Key and caller:
// a repetition gets the first answer again, with the header Idempotency-Replayed.
// Requests without the header, and other methods, pass as they are. After an answer
// of 4xx or 503 nothing was done, and the key is free again; after another 5xx, or a
// crash, the key tells whether something was done. It must not stand before operations
// that answer with a secret.
func (p *Pages) Once(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if key == "" || r.Method != http.MethodPost {
			next(w, r)
			return
		}
		if err := p.once(w, r, key, next); err != nil {
			p.site.Error(w, r, err)
		}
	}
}

func (p *Pages) once(w http.ResponseWriter, r *http.Request, key string, next http.HandlerFunc) error {
	who := web.ViewerOf(r.Context()).ID
	if who == "" {
		return fault.New(fault.Unauthenticated, "fault.unauthenticated", nil)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxOnce+1))
	if err != nil {
		return err
	}
	if len(body) > maxOnce {
		return fault.OnField("Idempotency-Key", "guard.once.large", fault.Args{"Bytes": maxOnce})
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n%s\n", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"))
	h.Write(body)
	before, replay, err := p.guard.BeginOnce(r.Context(), who, key, [32]byte(h.Sum(nil)))
	if err != nil {
		return err
	}
	if replay {
		w.Header().Set("Content-Type", before.Type)
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(before.Status)
		_, _ = w.Write(before.Body) // the client may be gone
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	kept := &keeping{ResponseWriter: w}
	next(kept, r.WithContext(p.guard.WithOnce(r.Context(), who, key)))
	return p.kept(r, who, key, kept)
}

// kept notes the answer. The client may be gone by now; the outcome is kept anyway.
func (p *Pages) kept(r *http.Request, who, key string, k *keeping) error {
	ctx := context.WithoutCancel(r.Context())
	var err error
	switch {
	case k.status == http.StatusServiceUnavailable, k.status >= 400 && k.status < 500:
		err = p.guard.ForgetOnce(ctx, who, key)
	case k.status >= 500: // what was done is not known
	default:
		err = p.guard.FinishOnce(ctx, who, key, guard.Answer{Status: max(k.status, 200), Type: k.Header().Get("Content-Type"), Body: k.body.Bytes()})
	}
	if err != nil { // the answer is sent: the operator hears of it, the caller keeps it
		p.site.LogError(r, err)
	}
	return nil
}

// keeping remembers what is answered.
type keeping struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (k *keeping) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
	k.ResponseWriter.WriteHeader(status)
}

// Write notes what is written.
func (k *keeping) Write(p []byte) (int, error) {
	if k.status == 0 {
		k.status = http.StatusOK
	}
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (k *keeping) Unwrap() http.ResponseWriter { return k.ResponseWriter }
