package house

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// program is built once in a test process.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "almenara-test")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "almenara")
	out, err := exec.Command("go", "build", "-o", bin, "almenara.example/cmd/almenara").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

// Program is the built command line. Remove goes into TestMain, after the tests.
func Program(t testing.TB) string {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Remove takes the built program away, if there is one.
func Remove() {
	if bin, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin)) // a leftover harms nobody
	}
}

// Run runs a command of the program and returns its exit code and what it wrote.
func Run(t testing.TB, args ...string) (code int, out, problems string) {
	t.Helper()
	var o, p bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Program(t), args...)
	cmd.Stdout, cmd.Stderr = &o, &p
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("almenara %v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), p.String()
}
