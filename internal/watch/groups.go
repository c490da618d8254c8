package watch

import (
	"context"
	"fmt"

	"almenara.example/internal/foundation/sqldb"
)

// Group counts open findings of one sort at one organisation.
type Group struct {
	Stream   int64
	Class    Class
	Severity Severity
	Org      int64
	Findings int64
}

// OpenGroups counts what is open at live sources, by stream, class, severity and
// organisation; findings that concern nobody are left out. It reads the rows: a
// delivery that is being folded counts as before or after it.
func (w *Watch) OpenGroups(ctx context.Context, r sqldb.Reader) ([]Group, error) {
	live := map[int64]bool{}
	sources, err := w.Sources(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		live[s.ID] = s.Mode == Live
	}
	groups, err := sqldb.All(ctx, r, func(row sqldb.Row) (g Group, err error) {
		return g, row.Scan(&g.Stream, &g.Class.ID, &g.Class.Taxonomy, &g.Class.Type, &g.Class.Identifier, &g.Severity, &g.Org, &g.Findings)
	}, `select f.stream_id, c.id, c.taxonomy, c.type, c.identifier, f.severity, f.org_id, f.findings
		from (select stream_id, class_id, severity, org_id, count(*) as findings from watch_finding
			where state = $1 and org_id <> 0 group by stream_id, class_id, severity, org_id) f
		join watch_class c on c.id = f.class_id order by f.org_id, f.stream_id, c.id, f.severity`, int64(Open))
	if err != nil {
		return nil, fmt.Errorf("count open findings: %w", err)
	}
	out := groups[:0]
	for _, g := range groups {
		if s, ok := w.StreamOf(g.Stream); ok && live[s.Source] {
			out = append(out, g)
		}
	}
	return out, nil
}
