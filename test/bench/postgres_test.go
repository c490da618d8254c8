package bench

import (
	"testing"

	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// postgres gives an empty database of a real server. It is the tests' server, which
// does not wait for the disk (fsync off): its figures are of the work, not of the
// disk.
func postgres(b *testing.B) string {
	b.Helper()
	return sqldbtest.Postgres(b).DSN
}
