// Command stairs draws the stairs of the house from `go list` into
// ARCHITECTURE.md, between two markers, so that the drawing cannot lie.
//
//	go run ./tools/stairs          rewrite the drawing (make map)
//	go run ./tools/stairs -check   fail when it is not current
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"almenara.example/internal/archtest"
)

const file = "ARCHITECTURE.md"

func main() {
	check := flag.Bool("check", false, "fail when the drawing is not current")
	flag.Parse()
	if err := run(context.Background(), *check); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool) error {
	tree, err := archtest.Load(ctx, ".")
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	now, err := archtest.PutMap(string(old), archtest.Map(tree))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if now == string(old) {
		return nil
	}
	if check {
		return fmt.Errorf("the stairs in %s are not current; run `make map`", file)
	}
	return os.WriteFile(file, []byte(now), 0o644)
}
