package constituency

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// FuzzImportFile reads anything as a file: it is read to its end or refused with a
// fault, and what a row says is canonical.
func FuzzImportFile(f *testing.F) {
	f.Add([]byte(twoCompanies))
	f.Add([]byte("organisation;asset_kind;asset\n\"a;cidr;::ffff:192.0.2.0/120\n'=x;domain;*.Wasser.example\n"))
	f.Add([]byte("\xef\xbb\xbforganisation\n\x00\n\xff\n,\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p := &importPlan{kind: OrganisationsFile, index: newIndex(), orgs: map[string]*plannedOrg{}, country: "XA"}
		rd, err := newImportReader(p.kind, bytes.NewReader(file))
		if err == nil {
			err = p.readAll(context.Background(), rd)
		}
		if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("got %v, want a fault that says what is wrong", err)
		}
		if err == nil && p.result.Rows < p.result.Refused {
			t.Fatalf("got %d rows and %d refused", p.result.Rows, p.result.Refused)
		}
		for _, a := range p.result.Examples {
			if kind, value, err := ParseAsset(a.Kind.String(), a.Value); err != nil || kind != a.Kind || value != a.Value {
				t.Fatalf("%q is not canonical: %q, %v", a.Value, value, err)
			}
		}
	})
}

func TestNoCellIsAFormulaAndNoneIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`['=+@\-a\t\r]{0,5}`).Draw(t, "cell")
		g := guardCell(s)
		if g != "" && strings.IndexByte(formula, g[0]) >= 0 {
			t.Fatalf("%q is written as %q", s, g)
		}
		if got := unguard(g); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
	})
}

func TestWhatPeopleWriteBecomesCanonical(t *testing.T) {
	for _, tc := range []struct{ kind, in, want, key string }{
		{"CIDR", " 192.0.2.7 ", "192.0.2.7/32", ""},
		{"cidr", "2001:DB8::/32", "2001:db8::/32", ""},
		{"cidr", "::ffff:192.0.2.0/120", "192.0.2.0/24", ""},
		{"cidr", "0.0.0.0/0", "", "constituency.asset.everything"},
		{"cidr", "192.0.2.0/33", "", "constituency.asset.cidr"},
		{"cidr", "fe80::1%eth0", "", "constituency.asset.cidr"},
		{"asn", "as64496", "64496", ""},
		{"asn", "0", "", "constituency.asset.asn"},
		{"asn", "4294967296", "", "constituency.asset.asn"},
		{"domain", "*.Eau.Example.", "eau.example", ""},
		{"domain", "forêt.example", "xn--fort-ipa.example", ""},
		{"domain", "github.io", "", "constituency.asset.public_suffix"},
		{"domain", "example", "", "constituency.asset.public_suffix"},
		{"domain", "192.0.2.1", "", "constituency.asset.domain"},
		{"maildomain", "@water.example", "water.example", ""},
		{"site", "Substation\nNorth", "", "constituency.asset.text"},
		{"planet", "Mars", "", "constituency.asset.kind"},
		{"cidr", "", "", "constituency.asset.empty"},
	} {
		_, got, err := ParseAsset(tc.kind, tc.in)
		if tc.key != "" {
			if f := fault.Of(err); err == nil || f.Key != tc.key {
				t.Errorf("%s %q: got %q, %v, want %s", tc.kind, tc.in, got, err, tc.key)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%s %q: got %q, %v, want %q", tc.kind, tc.in, got, err, tc.want)
		}
	}
}

// seen is an Effect that notes what it was asked.
type seen struct {
	before, after Match
	subject       Subject
	changed       []Asset
	fail          error
}

func (s *seen) OfAssets(_ context.Context, _ sqldb.Reader, before, after *Index, changed []Asset) (Preview, error) {
	s.before, s.after, s.changed = before.Match(&s.subject, 20_000), after.Match(&s.subject, 20_000), changed
	return Preview{Moved: 1}, s.fail
}

func TestAPreviewComparesBothIndexesAndChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		water, power := r.org("Water", guard.KindOperator), r.org("Power", guard.KindOperator)
		a := r.asset(NewAsset{Org: water, Kind: "cidr", Value: "192.0.2.0/24"})
		s, err := parseSubject("192.0.2.200")
		if err != nil {
			t.Fatal(err)
		}
		effect := &seen{subject: s}
		r.SetEffect(effect)
		generation := r.Index().Generation()
		p, err := r.PreviewAssets(t.Context(), r.acts.Reader(), AssetChange{Add: &NewAsset{Org: power, Kind: "cidr", Value: "192.0.2.128/25"}})
		if err != nil || p.Moved != 1 {
			t.Fatalf("got %+v, %v", p, err)
		}
		if effect.before.Org != water || effect.after.Org != power || r.Index().Generation() != generation {
			t.Errorf("before %+v, after %+v, want organisation %d and then %d", effect.before, effect.after, water, power)
		}
		if d := cmp.Diff([]Asset{a}, p.Near); d != "" {
			t.Errorf("neighbours (-want +got):\n%s", d)
		}
		res := r.imports(OrganisationsFile, false, "organisation,asset_kind,asset\nNew,cidr,192.0.2.192/26\n")
		if res.Effect == nil || effect.after.Level != Operator || effect.after.Org <= power {
			t.Errorf("import: got %+v, %+v, want the new organisation", res, effect.after)
		}
		effect.fail = errors.New("out of order")
		if _, err := r.PreviewAssets(t.Context(), r.acts.Reader(), AssetChange{End: &AssetEnd{ID: a.ID, Version: 1}}); !errors.Is(err, effect.fail) {
			t.Errorf("got %v, want the effect's error", err)
		}
	})
}
