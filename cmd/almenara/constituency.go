package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"almenara.example/internal/constituency"
)

type constituencyCmd struct {
	Import        constituencyImportCmd `cmd:"" help:"Import organisations, contacts and assets from CSV; without --apply, say what would happen."`
	Networks      networksCmd           `cmd:"" help:"Who owns which network."`
	Export        constituencyExportCmd `cmd:"" help:"Write everything as CSV; importing it changes nothing."`
	Lookup        lookupCmd             `cmd:"" help:"Say whose an address or name is."`
	Sectors       sectorsCmd            `cmd:"" help:"List the sectors and their codes; needs no server."`
	Organisations organisationsCmd      `cmd:"" help:"List organisations."`
	Assets        constituencyAssetsCmd `cmd:"" help:"List assets, add one, end one."`
	Claims        claimsCmd             `cmd:"" help:"List what organisations say is theirs."`
	Approve       claimApproveCmd       `cmd:"" help:"Approve a claim."`
	Reject        claimRejectCmd        `cmd:"" help:"Reject a claim."`
}

const constituencyAPI = "/api/v1/constituency"

type constituencyImportCmd struct {
	reach
	Apply bool   `help:"Apply the file; it is applied whole or not at all."`
	From  string `enum:",certbund,n6" default:"" placeholder:"SYSTEM" help:"The file is another system's: certbund (SQL dump of its contact database) or n6 (JSON of its organisations)."`
	File  string `arg:"" type:"existingfile" help:"CSV with the columns organisation, kind, sector, service, asset_kind, asset, valid_from, valid_to, contact_name, contact_email, contact_language, in any order."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run imports.
func (i *constituencyImportCmd) Run(c *console) error {
	if i.From != "" {
		return c.importFile(&i.reach, "/import-from/"+i.From, "application/octet-stream", i.File, i.Apply, i.JSON)
	}
	return c.importFile(&i.reach, "/import", "text/csv", i.File, i.Apply, i.JSON)
}

type networksCmd struct {
	Import networksImportCmd `cmd:"" help:"Import network owners from CSV: prefix, asn, organisation, abuse_email, country, language."`
}

type networksImportCmd struct {
	reach
	Apply bool   `help:"Apply the file; it is applied whole or not at all."`
	File  string `arg:"" type:"existingfile"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run imports.
func (i *networksImportCmd) Run(c *console) error {
	return c.importFile(&i.reach, "/networks/import", "text/csv", i.File, i.Apply, i.JSON)
}

// tally counts what an import does to one sort of thing.
type tally struct {
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// importAnswer says what an import did or would do.
type importAnswer struct {
	Applied       bool  `json:"applied"`
	Rows          int   `json:"rows"`
	Refused       int   `json:"refused"`
	Organisations tally `json:"organisations"`
	Assets        tally `json:"assets"`
	Contacts      tally `json:"contacts"`
	Errors        []struct {
		Line   int    `json:"line"`
		Column string `json:"column"`
		Value  string `json:"value"`
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	} `json:"errors"`
	Notes []struct { // what of another system's file is not carried over
		Line   int    `json:"line"`
		Detail string `json:"detail"`
	} `json:"notes"`
}

// importFile streams a file; refused rows are named and the exit code is 3.
func (c *console) importFile(r *reach, path, media, file string, apply, asJSON bool) (err error) {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	p := c.progress()
	body := &counted{r: f, total: st.Size(), show: func(done, total int64) { p.show(filepath.Base(file)+", bytes sent", done, total) }}
	resp, err := api.answer(request{
		method: http.MethodPost, path: constituencyAPI + path, query: url.Values{"apply": {strconv.FormatBool(apply)}},
		body: body, size: st.Size(), media: media,
	})
	p.end()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	isAnswer := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
	if resp.StatusCode >= 300 && (resp.StatusCode != http.StatusUnprocessableEntity || !isAnswer) {
		return problemOf(resp)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return api.unreachable(err)
	}
	var out importAnswer
	if err := json.Unmarshal(raw, &out); err != nil {
		return api.unreachable(fmt.Errorf("read the answer: %w", err))
	}
	return c.imported(out, raw, apply, asJSON)
}

// imported writes what came of an import.
func (c *console) imported(out importAnswer, raw json.RawMessage, apply, asJSON bool) error {
	if asJSON {
		l := c.list(true)
		if err := errors.Join(l.add(raw), l.end()); err != nil {
			return err
		}
	} else {
		l := c.list(false, "", "ADDED", "CHANGED", "UNCHANGED")
		for _, row := range []struct {
			what string
			t    tally
		}{{"organisations", out.Organisations}, {"assets", out.Assets}, {"contacts", out.Contacts}} {
			if err := l.add(nil, row.what, row.t.Added, row.t.Changed, row.t.Unchanged); err != nil {
				return err
			}
		}
		if err := l.end(); err != nil {
			return err
		}
	}
	if !asJSON {
		for _, n := range out.Notes {
			c.notef("line %d: %s\n", n.Line, printable(n.Detail))
		}
	}
	if out.Refused == 0 {
		if !apply && !asJSON {
			c.noteln("Nothing was changed. Apply it with --apply.")
		}
		return nil
	}
	for _, e := range out.Errors {
		c.notef("line %d, %s: %s\n", e.Line, e.Column, printable(e.Detail))
	}
	return &failure{exitRefused, fmt.Errorf("%d of %d rows are refused; nothing was applied", out.Refused, out.Rows), "mend the lines named above and import the file again"}
}

type constituencyExportCmd struct{ reach }

// Run streams the file to standard output.
func (e *constituencyExportCmd) Run(c *console) (err error) {
	api, err := e.client(c)
	if err != nil {
		return err
	}
	resp, err := api.do(request{method: http.MethodGet, path: constituencyAPI + "/export"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if _, err := io.Copy(c.out, resp.Body); err != nil {
		return api.unreachable(fmt.Errorf("the file is not complete: %w", err))
	}
	return nil
}

type lookupCmd struct {
	reach
	Address string `arg:"" name:"addr" help:"Address, AS number, domain or mail address."`
	At      string `placeholder:"DATE" help:"As of that day (default: today)."`
	JSON    bool   `name:"json" help:"Print one JSON object."`
}

// Run looks up; nobody's is exit code 4.
func (l *lookupCmd) Run(c *console) error {
	api, err := l.client(c)
	if err != nil {
		return err
	}
	q := url.Values{"subject": {l.Address}}
	if l.At != "" {
		q.Set("at", l.At)
	}
	var raw json.RawMessage
	if err := api.get(constituencyAPI+"/lookup", q, &raw); err != nil {
		return err
	}
	var out struct {
		Organisation string `json:"organisation"`
		Kind         string `json:"kind"`
		Asset        string `json:"asset"`
		Rule         string `json:"rule"`
		Why          string `json:"why"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	list := c.list(l.JSON, "ORGANISATION", "KIND", "ASSET", "RULE", "WHY")
	return errors.Join(list.add(raw, out.Organisation, out.Kind, out.Asset, out.Rule, out.Why), list.end())
}

type sectorsCmd struct {
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists the codes.
func (s *sectorsCmd) Run(c *console) error {
	l := c.list(s.JSON, "CODE", "ANNEX", "NUMBER")
	for _, v := range constituency.Sectors() {
		if err := l.add(v, v.Code, v.Annex, v.Number); err != nil {
			return err
		}
	}
	return l.end()
}

type organisationsCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"kind= sector= critical= text="`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (o *organisationsCmd) Run(c *console) error {
	q, err := filters(o.Filter, "kind", "sector", "critical", "text")
	if err != nil {
		return err
	}
	type organisation struct {
		ID       int64    `json:"id"`
		Name     string   `json:"name"`
		Kind     string   `json:"kind"`
		Country  string   `json:"country"`
		Sectors  []string `json:"sectors"`
		Critical bool     `json:"critical"`
	}
	return c.pages(&o.reach, constituencyAPI+"/organisations", q, "after", rows(func(v organisation, raw json.RawMessage, l *listing) (int64, error) {
		return v.ID, l.add(raw, v.ID, v.Name, v.Kind, v.Country, strings.Join(v.Sectors, ","), v.Critical)
	}), o.JSON, "ID", "NAME", "KIND", "COUNTRY", "SECTORS", "CRITICAL")
}

// asset is an asset as the server writes it.
type asset struct {
	ID           int64  `json:"id"`
	Organisation int64  `json:"organisation"`
	Kind         string `json:"asset_kind"`
	Value        string `json:"asset"`
	From         string `json:"valid_from"`
	To           string `json:"valid_to"`
	Source       string `json:"source"`
	Waiting      bool   `json:"waiting"`
	Version      int64  `json:"version"`
}

func addAsset(v asset, raw json.RawMessage, l *listing) (int64, error) {
	return v.ID, l.add(raw, v.ID, v.Organisation, v.Kind, v.Value, v.From, v.To, v.Source, v.Version)
}

type constituencyAssetsCmd struct {
	List assetListCmd `cmd:"" default:"withargs" help:"List assets."`
	Add  assetAddCmd  `cmd:"" help:"Add an asset."`
	End  assetEndCmd  `cmd:"" help:"End an asset."`
}

type assetListCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"organisation= (id) kind= value="`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (a *assetListCmd) Run(c *console) error {
	q, err := filters(a.Filter, "organisation", "kind", "value")
	if err != nil {
		return err
	}
	return c.pages(&a.reach, constituencyAPI+"/assets", q, "after", rows(addAsset), a.JSON,
		"ID", "ORGANISATION", "KIND", "ASSET", "FROM", "TO", "SOURCE", "VERSION")
}

type assetAddCmd struct {
	reach
	Organisation int64  `required:"" placeholder:"ID" help:"The organisation; organisations lists ids."`
	Kind         string `required:"" enum:"cidr,asn,domain,maildomain,product,site"`
	Asset        string `arg:"" help:"192.0.2.0/24, AS64496, water.example, …"`
	From         string `placeholder:"DATE" help:"First day (default: none, since ever)."`
	To           string `placeholder:"DATE" help:"Last day (default: none)."`
	Reason       string `help:"Why; it stands in the record of actions."`
	JSON         bool   `name:"json" help:"Print JSON."`
}

// Run adds.
func (a *assetAddCmd) Run(c *console) error {
	return c.changeAsset(&a.reach, "/assets", a.JSON, struct {
		Organisation int64  `json:"organisation"`
		Kind         string `json:"asset_kind"`
		Value        string `json:"asset"`
		From         string `json:"valid_from,omitempty"`
		To           string `json:"valid_to,omitempty"`
		Reason       string `json:"reason,omitempty"`
	}{a.Organisation, a.Kind, a.Asset, a.From, a.To, a.Reason})
}

type assetEndCmd struct {
	reach
	ID      int64  `arg:""`
	Version int64  `required:"" help:"The version that you saw."`
	On      string `placeholder:"DATE" help:"Last day (default: yesterday, so that it ends at once)."`
	Reason  string `help:"Why; it stands in the record of actions."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Run ends.
func (a *assetEndCmd) Run(c *console) error {
	return c.changeAsset(&a.reach, fmt.Sprintf("/assets/%d/end", a.ID), a.JSON, struct {
		Version int64  `json:"version"`
		On      string `json:"on,omitempty"`
		Reason  string `json:"reason,omitempty"`
	}{a.Version, a.On, a.Reason})
}

func (c *console) changeAsset(r *reach, path string, asJSON bool, body any) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := api.post(constituencyAPI+path, body, &raw); err != nil {
		return err
	}
	var v asset
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	l := c.list(asJSON, "ID", "ORGANISATION", "KIND", "ASSET", "FROM", "TO", "SOURCE", "VERSION")
	_, err = addAsset(v, raw, l)
	return errors.Join(err, l.end())
}

// rows reads pages that are plain arrays; add writes one thing and returns its id,
// after which the next page begins.
func rows[T any](add func(v T, raw json.RawMessage, l *listing) (int64, error)) func(json.RawMessage, *listing) (string, error) {
	return func(page json.RawMessage, l *listing) (string, error) {
		var list []json.RawMessage
		if err := json.Unmarshal(page, &list); err != nil {
			return "", err
		}
		last := int64(0)
		for _, raw := range list {
			var v T
			err := json.Unmarshal(raw, &v)
			if err == nil {
				last, err = add(v, raw, l)
			}
			if err != nil {
				return "", err
			}
		}
		if len(list) < pageSize {
			return "", nil
		}
		return strconv.FormatInt(last, 10), nil
	}
}
