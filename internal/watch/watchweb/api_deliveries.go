package watchweb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/wire"
)

func (o *Operations) deliveryOperations(api huma.API) {
	deliver := apiOperation(http.MethodPost, "/deliveries", "add-delivery", "watch.deliver",
		"Deliver a file: CSV, JSON lines, gzip or zip, as the body", "/deliveries?source=none&file=a.csv")
	deliver.Description = "The answer comes when the bytes are on disk; with wait, when they are taken in. The same content for the same day is a duplicate."
	huma.Register(api, streaming(taking(deliver, "application/octet-stream", "the file as it is")), o.deliver)
	huma.Register(api, apiOperation(http.MethodGet, "/deliveries", "deliveries", "watch.read",
		"List deliveries, newest first", "/deliveries"), o.deliveries)
	huma.Register(api, streaming(apiOperation(http.MethodGet, "/deliveries/{delivery}", "delivery", "watch.follow_delivery",
		"Read one delivery; with wait, when it is taken in", "/deliveries/1")), o.delivery)
	huma.Register(api, apiOperation(http.MethodPost, "/deliveries/{delivery}/retry", "retry-delivery", "watch.deliver",
		"Read a delivery again that was set aside", "/deliveries/1/retry"), o.retry)
	huma.Register(api, streaming(apiOperation(http.MethodPost, "/deliveries/{delivery}/dry-run", "dry-run", "watch.read",
		"Say what would come of a delivery read with a mapping", `/deliveries/1/dry-run {"mapping":"none"}`)), o.dryRun)
}

type deliverInput struct {
	Source   string `query:"source" required:"true" doc:"name of the feed"`
	File     string `query:"file" doc:"name of the file; its kind and day may be read from it"`
	Observed string `query:"observed" doc:"day that it speaks of, 2026-11-21; else from the name, else the newest row's"`
	Mapping  string `query:"mapping" doc:"name of a mapping, instead of the feed's own"`
	Wait     bool   `query:"wait" doc:"answer when everything is taken in"`
	Upload
}

func (o *Operations) deliver(ctx context.Context, in *deliverInput) (*apiAnswer[wire.Deliveries], error) {
	observed, err := apiDayOf("observed", in.Observed)
	if err != nil {
		return nil, err
	}
	receipts, err := o.watch.Receive(ctx, apiActor(ctx), watch.Arrival{
		Source: in.Source, FileName: in.File, Observed: observed, Mapping: in.Mapping, Body: in.body,
	})
	if err != nil {
		return nil, err
	}
	out := wire.Deliveries{Deliveries: make([]wire.Delivery, 0, len(receipts))}
	for _, r := range receipts {
		d := r.Delivery
		if in.Wait && d.State == watch.Received {
			if d, err = o.watch.Wait(ctx, d.ID); err != nil {
				return nil, fmt.Errorf("wait for delivery %d: %w", d.ID, err)
			}
		}
		line := wireDelivery(ctx, d, in.Source)
		line.Duplicate = r.Duplicate
		out.Deliveries = append(out.Deliveries, line)
	}
	return &apiAnswer[wire.Deliveries]{Body: out}, nil
}

// apiDayOf reads a day of a request; empty is the zero time.
func apiDayOf(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fault.OnField(field, "watch.api.day", fault.Args{"Value": apiShort(s)})
	}
	return t, nil
}

// apiShort cuts what a caller sent to what may be shown back.
func apiShort(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// wireDelivery is a delivery for programs.
func wireDelivery(ctx context.Context, d watch.Delivery, source string) wire.Delivery {
	out := wire.Delivery{
		File: d.FileName, Delivery: d.ID, SHA256: apiHash(d.Received), ContentSHA256: apiHash(d.Content), Source: source,
		Kind: d.Kind, Observed: apiDay(d.Observed), Received: apiStamp(d.ReceivedAt), State: string(d.State),
		Rows: d.Rows, Events: d.Events, Quarantined: d.Quarantined, Opened: d.Opened, Kept: d.Kept, Worse: d.Worse,
		NoLongerSeen: d.NoLongerSeen, Reopened: d.Reopened, Unrouted: d.Unrouted,
		Proves: d.Proves, LostColumns: d.LostColumns, Mapping: d.Plan, Seconds: d.Took.Seconds(),
	}
	if d.Failure != "" {
		out.Failure = web.PrinterOf(ctx).T(d.Failure, nil)
	}
	return out
}

type deliveriesInput struct {
	Source string `query:"source" doc:"name of a feed"`
	State  string `query:"state" enum:"received,taken,folded,unknown-kind,failed"`
	Kind   string `query:"kind"`
	Before int64  `query:"before" minimum:"0" doc:"continue a list: its next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (o *Operations) deliveries(ctx context.Context, in *deliveriesInput) (*apiAnswer[wire.Deliveries], error) {
	f := watch.DeliveryFilter{State: watch.DeliveryState(in.State), Kind: in.Kind, Before: in.Before, Limit: in.Limit}
	names, err := o.sourceNames(ctx)
	if err != nil {
		return nil, err
	}
	if in.Source != "" {
		src, err := o.watch.SourceNamed(ctx, o.read, in.Source)
		if err != nil {
			return nil, err
		}
		f.Source = src.ID
	}
	ds, err := o.watch.Deliveries(ctx, o.read, f)
	if err != nil {
		return nil, err
	}
	out := wire.Deliveries{Deliveries: make([]wire.Delivery, len(ds))}
	for i, d := range ds {
		out.Deliveries[i] = wireDelivery(ctx, d, names[d.Source])
	}
	if len(ds) == in.Limit {
		out.Next = ds[len(ds)-1].ID
	}
	return &apiAnswer[wire.Deliveries]{Body: out}, nil
}

// sourceNames are the names of all feeds by id.
func (o *Operations) sourceNames(ctx context.Context) (map[int64]string, error) {
	srcs, err := o.watch.Sources(ctx, o.read)
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(srcs))
	for _, s := range srcs {
		names[s.ID] = s.Name
	}
	return names, nil
}

type deliveryInput struct {
	Delivery int64 `path:"delivery"`
	Wait     bool  `query:"wait" doc:"answer when it is taken in or set aside, at the latest in 20 seconds"`
}

// waitAtMost bounds one waiting answer; who still wants to know asks again.
const waitAtMost = 20 * time.Second

func (o *Operations) delivery(ctx context.Context, in *deliveryInput) (*apiAnswer[wire.Delivery], error) {
	d, err := o.watch.Delivery(ctx, o.read, in.Delivery)
	if err == nil && in.Wait {
		waiting, cancel := context.WithTimeout(ctx, waitAtMost)
		d, err = o.watch.Wait(waiting, in.Delivery)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			d, err = o.watch.Delivery(ctx, o.read, in.Delivery)
		}
	}
	if err != nil {
		return nil, err
	}
	src, err := o.watch.Source(ctx, o.read, d.Source)
	return apiAnswered(wireDelivery(ctx, d, src.Name), err)
}

type oneDelivery struct {
	Delivery int64 `path:"delivery"`
}

func (o *Operations) retry(ctx context.Context, in *oneDelivery) (*apiAnswer[wire.Delivery], error) {
	if err := o.watch.RetryDelivery(ctx, apiActor(ctx), in.Delivery); err != nil {
		return nil, err
	}
	return o.delivery(ctx, &deliveryInput{Delivery: in.Delivery})
}

type dryRunInput struct {
	Delivery int64 `path:"delivery"`
	Body     wire.DryRunOf
}

func (o *Operations) dryRun(ctx context.Context, in *dryRunInput) (*apiAnswer[wire.DryRun], error) {
	if strings.ContainsRune(in.Body.Mapping, 0) { // no name of ours, and not every database takes it
		return nil, fault.OnField("mapping", "fault.text", nil)
	}
	d, err := o.watch.Try(ctx, in.Delivery, in.Body.Mapping)
	return apiAnswered(wire.DryRun{
		Rows: d.Rows, Events: d.Events, Quarantined: d.Quarantined, Lost: d.Lost, Added: d.Added, LostKey: d.LostKey,
		Reasons: d.Reasons, Examples: d.Examples,
	}, err)
}
