package portalweb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/portal"
)

// handler answers a request of the portal.
type handler func(r *http.Request, w portal.Who) (portal.Reply, error)

// door lets a handler answer: the only place where the portal writes.
func (p *Pages) door(h handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		reply, err := h(r, whoOf(r))
		if err != nil {
			return err
		}
		return p.answer(w, r, reply)
	}
}

// whoOf is who asks.
func whoOf(r *http.Request) portal.Who {
	a, _ := web.ViewerOf(r.Context()).Actor.(act.Actor)
	w := portal.Who{Actor: a, Language: web.PrinterOf(r.Context()).Language().Tag}
	if id, ok := strings.CutPrefix(a.ID, "person:"); ok {
		w.Person, _ = strconv.ParseInt(id, 10, 64) // anything else is nobody's
	}
	return w
}

// answer writes a reply.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, reply portal.Reply) error {
	switch {
	case reply.Location != "":
		p.site.Redirect(w, r, reply.Location, web.Flash{Key: reply.Said})
		return nil
	case reply.Parcels != nil && reply.File != nil:
		return spool(w, r, reply)
	case !reply.Parcel.IsZero():
		if err := meant(r, reply.Parcel); err != nil {
			return err
		}
		if reply.File != nil {
			body := reply.Parcel.View().Body
			sum := sha256.Sum256(body)
			return sendFile(w, r, *reply.File, sum[:], bytes.NewReader(body), int64(len(body)))
		}
		name, page, err := p.shown(r, reply)
		if err != nil {
			return err
		}
		return p.site.Page(w, r, statusOf(reply), name, page)
	case slices.Contains(portal.Statics(), reply.Static):
		name, page := p.static(r, reply)
		if reply.Retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(reply.Retry.Seconds())))
		}
		return p.site.Page(w, r, statusOf(reply), name, page)
	}
	return errors.New("the portal was handed a reply without a parcel")
}

// meant refuses a parcel that was cleared for somebody else.
func meant(r *http.Request, parcel guard.Parcel) error {
	if parcel.IsZero() {
		return errors.New("the portal was handed a zero parcel")
	}
	to := parcel.To()
	if to.Channel == guard.ByLink || to.Channel == guard.SignedInPage && to.Org == whoOf(r).Actor.Org && to.Person == whoOf(r).Person {
		return nil
	}
	return fmt.Errorf("%s was cleared for organisation %d by %s", parcel.Thing(), to.Org, to.Channel)
}

func statusOf(r portal.Reply) int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// spool writes a stream of parcels to a temporary file, so that its ETag and length are
// known before the first byte leaves and memory stays flat.
func spool(w http.ResponseWriter, r *http.Request, reply portal.Reply) (err error) {
	f, err := os.CreateTemp("", "almenara-file-")
	if err != nil {
		return fmt.Errorf("spool a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return fmt.Errorf("spool a file: %w", err)
	}
	sum, size := sha256.New(), int64(0)
	for parcel, err := range reply.Parcels {
		if err == nil {
			err = meant(r, parcel)
		}
		if err != nil {
			return err
		}
		n, err := io.MultiWriter(f, sum).Write(parcel.View().Body)
		if size += int64(n); err != nil {
			return fmt.Errorf("spool a file: %w", err)
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("spool a file: %w", err)
	}
	return sendFile(w, r, *reply.File, sum.Sum(nil), f, size)
}

// sendFile answers with bytes and their ETag, or that they have not changed.
func sendFile(w http.ResponseWriter, r *http.Request, f portal.File, sum []byte, body io.Reader, size int64) error {
	h, tag := w.Header(), `"`+hex.EncodeToString(sum)+`"`
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if f.Name != "" {
		h.Set("Content-Disposition", web.Attachment(f.Name))
	}
	for _, have := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == tag || have == "*" {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.Copy(w, body) // the client may be gone
	return nil
}
