package constituency

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"almenara.example/internal/foundation/sqldb"
)

// Holders returns the organisations that hold an asset of a kind whose value
// contains some words (case does not count), valid on a day: who runs a product, who
// has a site somewhere.
func (c *Constituency) Holders(ctx context.Context, r sqldb.Reader, kind AssetKind, words string, on Day) (map[int64]bool, error) {
	words = strings.ToLower(strings.TrimSpace(words))
	out := map[int64]bool{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		var value string
		if err := row.Scan(&org, &value); err != nil {
			return err
		}
		if !out[org] && strings.Contains(strings.ToLower(value), words) {
			out[org] = true
		}
		return nil
	}, `select org_id, value from constituency_asset where kind = $1 and `+visible+` and not waiting
		and valid_from <= $2 and valid_to >= $2`, int64(kind), int64(on))
	if err != nil {
		return nil, fmt.Errorf("read who holds %s: %w", kind, err)
	}
	return out, nil
}

// Serving returns the organisations with a service whose name contains some words.
func (c *Constituency) Serving(ctx context.Context, r sqldb.Reader, words string) (map[int64]bool, error) {
	words = strings.ToLower(strings.TrimSpace(words))
	out := map[int64]bool{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		var name string
		if err := row.Scan(&org, &name); err != nil {
			return err
		}
		if strings.Contains(strings.ToLower(name), words) {
			out[org] = true
		}
		return nil
	}, `select org_id, name from constituency_service`)
	if err != nil {
		return nil, fmt.Errorf("read services: %w", err)
	}
	return out, nil
}

// Within returns the organisations that hold, on a day, a prefix that overlaps one,
// an AS number, or a domain at or below one: whom an address, network or name
// concerns. text is one of these; anything else is Invalid, as for an asset.
func (c *Constituency) Within(ctx context.Context, r sqldb.Reader, text string, on Day) (map[int64]bool, error) {
	kind, value, err := ParseAsset(kindOfText(text), text)
	if err != nil {
		return nil, err
	}
	prefix, _ := netip.ParsePrefix(value)
	out := map[int64]bool{}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		var have string
		if err := row.Scan(&org, &have); err != nil {
			return err
		}
		same := have == value
		switch kind {
		case CIDR:
			p, err := netip.ParsePrefix(have)
			same = err == nil && p.Overlaps(prefix)
		case Domain:
			same = same || strings.HasSuffix(have, "."+value) || strings.HasSuffix(value, "."+have)
		}
		if same {
			out[org] = true
		}
		return nil
	}, `select org_id, value from constituency_asset where kind = $1 and `+visible+` and not waiting
		and valid_from <= $2 and valid_to >= $2`, int64(kind), int64(on))
	if err != nil {
		return nil, fmt.Errorf("read whom %s concerns: %w", kind, err)
	}
	return out, nil
}

// kindOfText guesses what an address, network or name is.
func kindOfText(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(text, ":/") || isAddress(text):
		return CIDR.String()
	case len(text) > 2 && strings.EqualFold(text[:2], "as") && strings.Trim(text[2:], "0123456789") == "":
		return ASN.String()
	}
	return Domain.String()
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
