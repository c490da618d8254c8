package guard

import (
	"context"
	"strings"

	"almenara.example/internal/foundation/sqldb"
)

// ByEmail lists the active persons and mailboxes with a mail address, by id, without
// their roles: who may have written a mail. An address proves nothing.
func (g *Guard) ByEmail(ctx context.Context, r sqldb.Reader, address string) ([]Person, error) {
	return sqldb.All(ctx, r, scanPerson, `select `+personColumns+` from guard_person p
		where p.email = $1 and p.active order by p.id limit 50`, strings.ToLower(strings.TrimSpace(address)))
}
