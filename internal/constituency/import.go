package constituency

import (
	"context"
	"errors"
	"fmt"
	"io"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
)

// ImportKind says which of the two files it is.
type ImportKind string

// The files that can be imported.
const (
	// OrganisationsFile has the columns organisation, kind, sector, service,
	// asset_kind, asset, valid_from, valid_to, contact_name, contact_email,
	// contact_language, and those of KnownColumns.
	OrganisationsFile ImportKind = "organisations"
	// NetworksFile has prefix or asn (or both), organisation, abuse_email, country,
	// language: who owns which network, as registries publish it.
	NetworksFile ImportKind = "networks"
)

func (k ImportKind) verb() string {
	if k == NetworksFile {
		return "constituency.import_networks"
	}
	return "constituency.import"
}

// Tally counts what an import does to one sort of thing.
type Tally struct {
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// ImportResult says what an import did, or would do. With Refused above zero it did
// nothing.
type ImportResult struct {
	Applied       bool
	Rows          int
	Refused       int           // rows refused
	Errors        []fault.Error // the first MaxImportErrors of them; Args hold Line and, mostly, Value
	Organisations Tally
	Assets        Tally
	Contacts      Tally
	Effect        *Preview // on what is open; nil when nobody can tell
	Examples      []Asset  // the first assets that are added or changed
}

// MaxImportErrors is how many refused rows a result names.
const MaxImportErrors = 200

// maxImportOrgs bounds the memory of an import.
const maxImportOrgs = 200_000

// Import reads a CSV file twice: to check it whole, and, when apply is set and no row
// was refused, to apply it whole. A small import is one act; a large one is prepared
// in steps, invisible until a last act. Without apply it only says what would
// happen. Refused rows are in the result; the error is about the file or the act.
func (c *Constituency) Import(ctx context.Context, actor act.Actor, kind ImportKind, src io.ReadSeeker, apply bool) (ImportResult, error) {
	call := act.Call{Actor: actor, Verb: kind.verb(), Resource: act.Resource{Kind: "import"}}
	if err := c.acts.Decide(ctx, call); err != nil {
		return ImportResult{}, err
	}
	p, err := c.plan(ctx, kind, src)
	if err != nil || p.result.Refused > 0 {
		return p.result, err
	}
	if !apply {
		return p.result, c.previewImport(ctx, p, src)
	}
	if p.small() {
		err = c.applySmall(ctx, call, p, src)
	} else {
		err = c.applyLarge(ctx, call, p, src)
	}
	p.result.Applied = err == nil
	return p.result, err
}

// Bounds of what one act does: above them the writer would be held for too long.
const (
	actAssets  = 10_000
	actRecords = 1_000
)

func (p *importPlan) small() bool {
	return p.result.Assets.Added+p.result.Assets.Changed <= actAssets && len(p.touched) <= actRecords
}

// previewImport asks what the import would do to what is open.
func (c *Constituency) previewImport(ctx context.Context, p *importPlan, src io.ReadSeeker) error {
	n := p.result.Assets.Added + p.result.Assets.Changed
	if c.effect == nil || n == 0 || n > MaxListed {
		return nil
	}
	x := c.Index().withOrgs(p.imagined())
	var out, in []Asset
	err := c.eachChange(ctx, p, src, func(was, will *Asset) error {
		if was.ID != 0 {
			out = append(out, *was)
		}
		in = append(in, *will)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range in { // ids that no asset has, so that the index can hold them
		if in[i].ID == 0 {
			in[i].ID = -int64(i) - 1
		}
	}
	e, err := c.effect.OfAssets(ctx, c.read, x, x.withAssets(out, in), append(out, in...))
	if err != nil {
		return fmt.Errorf("preview import: %w", err)
	}
	p.result.Effect = &e
	return nil
}

// imagined are the organisations that the import would add, under ids that follow
// the last one.
func (p *importPlan) imagined() (infos []OrgInfo) {
	next := int64(len(p.index.orgs)) + 1
	for _, o := range p.order {
		if o.id == 0 {
			o.imagined = next
			infos = append(infos, OrgInfo{ID: next, Kind: o.kind, Name: o.name, Country: o.country})
			next++
		}
	}
	return infos
}

// eachChange reads the file again and calls f for every asset that is added (was is
// zero) or changed. New organisations must have their ids by then.
func (c *Constituency) eachChange(ctx context.Context, p *importPlan, src io.ReadSeeker, f func(was, will *Asset) error) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the file again: %w", err)
	}
	rd, err := newImportReader(p.kind, src)
	if err != nil {
		return err
	}
	m := p.newMatcher()
	for n := 0; ; n++ {
		row, bad, err := rd.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bad) > 0 { // it was good the first time: the file changed below us
			return fault.New(fault.Conflict, "constituency.import.file_changed", nil)
		}
		for i := range row.assets {
			a := &row.assets[i]
			a.Org = p.orgs[row.org].anyID()
			was, todo := m.weigh(a)
			if todo == unchangedAsset {
				continue
			}
			if err := f(&was, a); err != nil {
				return err
			}
		}
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
