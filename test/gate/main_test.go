package gate

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets memory grow between two collections: answers are made by the hundred
// thousand here, and each is thrown away.
func TestMain(m *testing.M) {
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}
