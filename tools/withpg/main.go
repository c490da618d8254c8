// Command withpg starts one PostgreSQL server for tests, runs a command that
// finds its address in ALMENARA_TEST_POSTGRES, stops the server, and ends with
// the command's exit code.
//
//	go run ./tools/withpg go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver with which the start is awaited

	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "error: no command given\nhint: go run ./tools/withpg go test ./...")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := sqldbtest.StartServer(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), sqldbtest.EnvPostgres+"="+s.DSN)
	err = cmd.Run()
	if e := s.Stop(); e != nil {
		fmt.Fprintln(os.Stderr, "error: stop PostgreSQL:", e)
	}
	if x := (*exec.ExitError)(nil); errors.As(err, &x) && x.ExitCode() > 0 {
		return x.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}
