package watchweb

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// newDelivery is GET /watch/deliveries/new.
func (p *Web) newDelivery(w http.ResponseWriter, r *http.Request) error {
	name, err := query(r, "source")
	if err != nil {
		return err
	}
	return p.showUpload(w, r, map[string]string{"source": name}, nil)
}

func (p *Web) showUpload(w http.ResponseWriter, r *http.Request, typed map[string]string, failed error) error {
	a := askerOf(r)
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	form := web.Form{
		Action: "/watch/deliveries", Files: true, Submit: a.say("watch.upload.do"), Cancel: "/watch/deliveries",
		Fields: []web.Field{
			{Name: "source", Label: a.say("watch.label.source"), Type: "select", Required: true, Why: a.say("watch.upload.source.why")},
			{Name: "observed", Label: a.say("watch.label.day"), Type: "date", Why: a.say("watch.upload.observed.why"), Example: "2026-11-20"},
			{Name: "mapping", Label: a.say("watch.label.mapping"), Why: a.say("watch.upload.mapping.why"), Mono: true},
			{Name: "file", Label: a.say("watch.label.file"), Type: "file", Required: true, Why: a.say("watch.upload.file.why"), Example: "2026-11-20-scan_telnet.csv.gz"},
		},
	}
	for _, s := range srcs {
		form.Fields[0].Options = append(form.Fields[0].Options, web.Option{Value: s.Name, Label: s.Name + " · " + a.mode(s.Mode).Word, Selected: s.Name == typed["source"]})
	}
	form.Fill(func(name string) string { return typed[name] })
	return p.form(w, r, web.Page{
		Title: a.say("watch.upload.title"), Room: room, Crumbs: []web.Link{a.crumb("watch.deliveries.title", "/watch/deliveries")},
	}, form, failed)
}

// form shows a form, with the faults of a try that failed beside the fields.
func (p *Web) form(w http.ResponseWriter, r *http.Request, page web.Page, form web.Form, failed error) error {
	status := http.StatusOK
	if failed != nil {
		words, f := web.PrinterOf(r.Context()), fault.Of(failed)
		status = web.Status(f.Code)
		page.Faults = web.FieldFaults(words, f)
		form.Fail(page.Faults)
		if len(page.Faults) == 0 {
			page.Fault = web.Sentence(words, f)
		}
	}
	page.Data = form
	return p.site.Page(w, r, status, "watch/form", page)
}

// shownAgain tells the errors after which a form is shown again with what was typed.
func shownAgain(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.Conflict, fault.NotFound:
		return true
	}
	return false
}

// upload is POST /watch/deliveries. The file comes last in the form and is kept as
// it streams in, whatever its size.
func (p *Web) upload(w http.ResponseWriter, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Invalid, "fault.form", nil, err)
	}
	typed := map[string]string{}
	receipts, err := p.takeUpload(r.Context(), askerOf(r), parts, typed)
	if err != nil && shownAgain(err) {
		return p.showUpload(w, r, typed, err)
	}
	if err != nil {
		return err
	}
	to, flash := "/watch/deliveries", web.Flash{Key: "watch.upload.done", Args: map[string]any{"Count": len(receipts)}}
	if len(receipts) == 1 {
		to = deliveryURL(receipts[0].Delivery.ID)
		if receipts[0].Duplicate {
			flash = web.Flash{Key: "watch.upload.duplicate", Tone: "info"}
		}
	}
	p.site.Redirect(w, r, to, flash)
	return nil
}

// maxTyped is the longest value of the upload form, in bytes.
const maxTyped = 1000

// takeUpload reads the parts of the form into typed and hands the file to watch.
func (p *Web) takeUpload(ctx context.Context, a asker, parts *multipart.Reader, typed map[string]string) ([]watch.Receipt, error) {
	for range 20 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "fault.form", nil, err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			return p.takeFile(ctx, a, part, typed)
		}
		value, err := io.ReadAll(io.LimitReader(part, maxTyped))
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "fault.form", nil, err)
		}
		typed[part.FormName()] = strings.TrimSpace(string(value))
	}
	return nil, fault.OnField("file", "watch.upload.no_file", nil)
}

func (p *Web) takeFile(ctx context.Context, a asker, part *multipart.Part, typed map[string]string) ([]watch.Receipt, error) {
	arrival := watch.Arrival{Source: typed["source"], Mapping: typed["mapping"], FileName: part.FileName(), Body: part}
	for _, name := range []string{"source", "mapping"} {
		if _, err := clean(name, typed[name]); err != nil {
			return nil, err
		}
	}
	if s := typed["observed"]; s != "" {
		day, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return nil, fault.OnField("observed", "watch.page.day", fault.Args{"Value": s})
		}
		arrival.Observed = day
	}
	receipts, err := p.watch.Receive(ctx, a.actor, arrival)
	if f := fault.Of(err); err != nil && f.Field == "" && shownAgain(err) { // what refuses bytes speaks of the file
		on := *f
		on.Field = "file"
		err = &on
	}
	return receipts, err
}
