package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"almenara.example/wire"
)

type importCmd struct {
	reach
	Source   string   `required:"" placeholder:"NAME" help:"The feed that delivers."`
	Mapping  string   `placeholder:"NAME" help:"Mapping that reads it, instead of the feed's own."`
	Observed string   `placeholder:"DATE" help:"Day that the files speak of; else from the name, else the newest row's."`
	Wait     bool     `help:"Wait until everything is taken in."`
	JSON     bool     `name:"json" help:"Print one JSON object per delivery."`
	Files    []string `arg:"" type:"existingfile" name:"file" help:"CSV, JSON lines, gzip or zip."`
}

// Run delivers the files one after the other. One that is refused does not keep
// the others; the exit code is that of the first trouble.
func (i *importCmd) Run(c *console) error {
	api, err := i.client(c)
	if err != nil {
		return err
	}
	l := c.list(i.JSON, "FILE", "DELIVERY", "KIND", "OBSERVED", "ROWS", "EVENTS", "QUARANTINED", "OPENED", "KEPT", "NO LONGER SEEN", "REOPENED", "SECONDS")
	var first error
	for _, file := range i.Files {
		if err := i.one(c, api, l, file); err != nil {
			var f *failure
			if errors.As(err, &f) && f.code == exitNoServer || c.ctx.Err() != nil {
				return errors.Join(err, l.flush())
			}
			if first == nil {
				first = err
			} else {
				c.report(err)
			}
		}
	}
	if first != nil {
		return errors.Join(first, l.flush())
	}
	return l.end()
}

// one delivers a file and writes a line for each delivery in it.
func (i *importCmd) one(c *console, api *client, l *listing, file string) error {
	p := c.progress()
	defer p.end()
	out, err := i.deliver(api, p, file)
	if err != nil {
		return named(filepath.Base(file), err)
	}
	var bad error
	for _, d := range out.Deliveries {
		if i.Wait {
			if d, err = api.wait(p, d); err != nil {
				return named(filepath.Base(file), err)
			}
		}
		p.end()
		if err := l.add(d, d.File, d.Delivery, d.Kind, d.Observed, d.Rows, d.Events, d.Quarantined, d.Opened, d.Kept,
			d.NoLongerSeen, d.Reopened, fmt.Sprintf("%.1f", d.Seconds)); err != nil {
			return err
		}
		if err := l.out.Flush(); err != nil {
			return err
		}
		if !d.TakenIn() && (i.Wait || !d.Waits()) && bad == nil {
			bad = &failure{exitFailed, fmt.Errorf("%s was not taken in: %s", printable(d.File), printable(d.Failure)), "it is kept whole; then: almenara watch retry " + strconv.FormatInt(d.Delivery, 10)}
		}
	}
	return bad
}

// named says which file an error is about.
func named(file string, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return &failure{f.code, fmt.Errorf("%s: %w", file, f.err), f.hint}
	}
	return fmt.Errorf("%s: %w", file, err)
}

// deliver streams the file.
func (i *importCmd) deliver(api *client, p *progress, file string) (out wire.Deliveries, err error) {
	f, err := os.Open(file)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return out, err
	}
	q := url.Values{"source": {i.Source}, "file": {filepath.Base(file)}}
	for k, v := range map[string]string{"mapping": i.Mapping, "observed": i.Observed} {
		if v != "" {
			q.Set(k, v)
		}
	}
	body := &counted{r: f, total: st.Size(), show: func(done, total int64) { p.show(filepath.Base(file)+", bytes sent", done, total) }}
	return out, api.call(request{
		method: http.MethodPost, path: watchAPI + "/deliveries", query: q, body: body, size: st.Size(), media: "application/octet-stream",
	}, &out)
}

// counted tells how much of a stream has been read.
type counted struct {
	r           io.Reader
	done, total int64
	show        func(done, total int64)
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.show(c.done, c.total)
	return n, err
}

// wait asks until a delivery is taken in or set aside.
func (c *client) wait(p *progress, d wire.Delivery) (wire.Delivery, error) {
	duplicate := d.Duplicate
	for rounds := int64(1); d.Waits(); rounds++ {
		p.show(d.File+" is being taken in", rounds, 0)
		if err := c.get(fmt.Sprintf("%s/deliveries/%d", watchAPI, d.Delivery), url.Values{"wait": {"true"}}, &d); err != nil {
			return d, err
		}
	}
	d.Duplicate = duplicate
	return d, nil
}

type deliveriesCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"source= state= kind="`
	Limit  int      `placeholder:"N" help:"At most so many (default: all)."`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (d *deliveriesCmd) Run(c *console) error {
	q, err := filters(d.Filter, "source", "state", "kind")
	if err != nil {
		return err
	}
	api, err := d.client(c)
	if err != nil {
		return err
	}
	q.Set("limit", "500")
	l := c.list(d.JSON, "DELIVERY", "SOURCE", "FILE", "KIND", "OBSERVED", "STATE", "ROWS", "EVENTS", "QUARANTINED", "OPENED", "KEPT", "NO LONGER SEEN")
	for n := 0; ; {
		var out wire.Deliveries
		if err := api.get(watchAPI+"/deliveries", q, &out); err != nil {
			return err
		}
		for _, v := range out.Deliveries {
			if d.Limit > 0 && n == d.Limit {
				return l.end()
			}
			n++
			if err := l.add(v, v.Delivery, v.Source, v.File, v.Kind, v.Observed, v.State, v.Rows, v.Events, v.Quarantined,
				v.Opened, v.Kept, v.NoLongerSeen); err != nil {
				return err
			}
		}
		if out.Next == 0 {
			return l.end()
		}
		q.Set("before", strconv.FormatInt(out.Next, 10))
	}
}

type retryCmd struct {
	reach
	Delivery int64 `arg:""`
	Wait     bool  `help:"Wait until it is taken in."`
	JSON     bool  `name:"json" help:"Print JSON."`
}

// Run reads the delivery again.
func (r *retryCmd) Run(c *console) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	var d wire.Delivery
	if err := api.post(fmt.Sprintf("%s/deliveries/%d/retry", watchAPI, r.Delivery), struct{}{}, &d); err != nil {
		return err
	}
	if r.Wait {
		p := c.progress()
		d, err = api.wait(p, d)
		p.end()
		if err != nil {
			return err
		}
	}
	l := c.list(r.JSON, "DELIVERY", "FILE", "STATE", "ROWS", "EVENTS", "QUARANTINED")
	return errors.Join(l.add(d, d.Delivery, d.File, d.State, d.Rows, d.Events, d.Quarantined), l.end())
}

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" default:"withargs" help:"List rows that were set aside."`
	Dismiss quarantineDismissCmd `cmd:"" help:"Let waiting rows be, with a reason."`
	Rerun   quarantineRerunCmd   `cmd:"" help:"Read waiting rows again with the mapping as it is now."`
}

type quarantineListCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"delivery= reason= state="`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (q *quarantineListCmd) Run(c *console) error {
	query, err := filters(q.Filter, "delivery", "reason", "state")
	if err != nil {
		return err
	}
	api, err := q.client(c)
	if err != nil {
		return err
	}
	query.Set("limit", "1000")
	l := c.list(q.JSON, "DELIVERY", "LINE", "COLUMN", "REASON", "STATE")
	for {
		var out wire.Quarantine
		if err := api.get(watchAPI+"/quarantine", query, &out); err != nil {
			return err
		}
		for _, v := range out.Rows {
			if err := l.add(v, v.Delivery, v.Line, v.Column, v.Reason, v.State); err != nil {
				return err
			}
		}
		if out.Next == "" {
			return l.end()
		}
		query.Set("after", out.Next)
	}
}

// choice says which waiting rows are meant.
type choice struct {
	Delivery  int64  `required:"" help:"Number of the delivery."`
	Line      int64  `help:"One line alone."`
	RowReason string `name:"row-reason" placeholder:"REASON" help:"Only rows set aside for this reason, such as bad_ip."`
}

type quarantineDismissCmd struct {
	reach
	choice
	Reason string `required:"" help:"Why; it stands in the record of actions."`
}

// Run dismisses.
func (q *quarantineDismissCmd) Run(c *console) error {
	return c.chosen(&q.reach, "dismiss", wire.QuarantineChoice{
		Delivery: q.Delivery, Line: q.Line, RowReason: q.RowReason, WhyDismiss: q.Reason,
	})
}

type quarantineRerunCmd struct {
	reach
	choice
}

// Run asks for the rows to be read again.
func (q *quarantineRerunCmd) Run(c *console) error {
	return c.chosen(&q.reach, "rerun", wire.QuarantineChoice{Delivery: q.Delivery, Line: q.Line, RowReason: q.RowReason})
}

func (c *console) chosen(r *reach, verb string, choice wire.QuarantineChoice) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	var out wire.Affected
	if err := api.post(watchAPI+"/quarantine/"+verb, choice, &out); err != nil {
		return err
	}
	c.sayln(out.Count, "rows")
	return nil
}
