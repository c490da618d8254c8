package constituency

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/sqldb"
)

// Export writes everything as CSV with Columns: importing it changes nothing. Claims
// that nobody approved and assets that ended before they began are left out. A cell
// that a spreadsheet would compute gets a mark in front (see guardCell).
func (c *Constituency) Export(ctx context.Context, r sqldb.Reader, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(Columns()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var failed error
	x := c.Index()
	x.EachOrg(func(o OrgInfo) bool {
		if !o.Ended {
			failed = c.exportOrg(ctx, r, x, o, out)
		}
		return failed == nil
	})
	if failed != nil {
		return fmt.Errorf("export: %w", failed)
	}
	out.Flush()
	return out.Error()
}

// exportOrg writes an organisation's rows: one for itself, one per service, contact
// and asset.
func (c *Constituency) exportOrg(ctx context.Context, r sqldb.Reader, x *Index, o OrgInfo, out *csv.Writer) error {
	s, err := getStanding(ctx, r, o.ID)
	if err != nil {
		return err
	}
	actsFor, err := c.ActsFor(ctx, r, o.ID)
	if err != nil {
		return err
	}
	names := make([]string, len(actsFor))
	for i, id := range actsFor {
		info, _ := x.Org(id)
		names[i] = info.Name
	}
	write := func(cells map[string]string) error {
		row := make([]string, len(Columns()))
		cells["organisation"] = o.Name
		for i, name := range Columns() {
			row[i] = guardCell(cells[name])
		}
		return out.Write(row)
	}
	if err := write(map[string]string{
		"kind": string(o.Kind), "country": o.Country, "sector": strings.Join(s.Sectors, ";"), "population": count(s.Population),
		"designation": s.Designation, "designation_until": s.Until.String(), "acts_for": strings.Join(names, ";"),
	}); err != nil {
		return err
	}
	for _, v := range s.Services {
		if err := write(map[string]string{"service": v.Name, "sector": v.Sector, "population": count(v.Population)}); err != nil {
			return err
		}
	}
	if err := c.exportContacts(ctx, r, o.ID, write); err != nil {
		return err
	}
	return c.exportAssets(ctx, r, o.ID, write)
}

func (c *Constituency) exportContacts(ctx context.Context, r sqldb.Reader, org int64, write func(map[string]string) error) error {
	contacts, err := c.Contacts(ctx, r, org)
	for _, k := range contacts {
		cells := map[string]string{
			"contact_name": k.Name, "contact_email": k.Email, "contact_language": k.Language, "contact_phone": k.Phone,
			"contact_hours": k.Hours, "contact_role": k.Role, "contact_position": count(k.Position),
		}
		if k.Mailbox && k.Email != "" { // a mailbox is what has no name of its own
			cells["contact_name"] = ""
		}
		if err := write(cells); err != nil {
			return err
		}
	}
	return err
}

func (c *Constituency) exportAssets(ctx context.Context, r sqldb.Reader, org int64, write func(map[string]string) error) error {
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		a, err := scanAsset(row)
		if err != nil || a.Waiting || a.To < a.From {
			return err
		}
		return write(map[string]string{
			"asset_kind": a.Kind.String(), "asset": a.Value, "valid_from": a.From.String(), "valid_to": a.To.String(), "source": a.Source.String(),
		})
	}, `select `+assetColumns+` from constituency_asset where org_id = $1 and `+visible+` order by id`, org)
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// formula are the characters with which a cell begins that spreadsheets compute.
const formula = "=+-@\t\r"

// guardCell puts an apostrophe before what a spreadsheet would compute (CWE-1236),
// and before one that already looks so guarded; unguard takes it off again.
func guardCell(s string) string {
	if s != "" && (strings.IndexByte(formula, s[0]) >= 0 || s != unguard(s)) {
		return "'" + s
	}
	return s
}

func unguard(s string) string {
	rest := strings.TrimLeft(s, "'")
	if len(rest) < len(s) && rest != "" && strings.IndexByte(formula, rest[0]) >= 0 {
		return s[1:]
	}
	return s
}
