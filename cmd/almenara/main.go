// Command almenara is the whole program: the server of an installation and the
// commands that speak to it.
//
// A command is `almenara <room> <verb>`. Commands that need the server find it by
// --data DIR (the local socket in the folder) or by --server URL --token FILE, and
// speak the HTTP API. With --json they write one JSON object per line to standard
// output; progress and errors go to standard error, errors in two lines: what is
// wrong, and what to do.
//
// Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused, 4 not found, 6 no server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run()) }

// cli is the tree of commands.
type cli struct {
	Demo         demoCmd         `cmd:"" help:"Build and serve the demo nation, the Republic of Atalaya."`
	Init         initCmd         `cmd:"" help:"Make an installation; prints the administrator's one-time link."`
	Serve        serveCmd        `cmd:"" help:"Serve an installation."`
	Migrate      migrateCmd      `cmd:"" help:"Bring the database to this program's schema."`
	Constituency constituencyCmd `cmd:"" help:"Who is who, and what is whose."`
	Duty         dutyCmd         `cmd:"" help:"Who is on duty, whom to call, and the pack for the night."`
	Watch        watchCmd        `cmd:"" help:"Deliveries and findings."`
	Warn         warnCmd         `cmd:"" help:"Notices, warnings to many, and who has taken them."`
	Incident     incidentCmd     `cmd:"" help:"The response to incidents: their clocks and the laws behind them."`
	Ledger       ledgerCmd       `cmd:"" help:"The record of actions."`
	Backup       backupCmd       `cmd:"" help:"Make, list and verify backups."`
	Restore      restoreCmd      `cmd:"" help:"Bring a backup back into a new folder."`
	Doctor       doctorCmd       `cmd:"" help:"Look whether everything is as it must be."`
	Guard        guardCmd        `cmd:"" help:"Who may; and the way back in."`
	Config       configCmd       `cmd:"" help:"Check and show the configuration."`
	Version      versionCmd      `cmd:"" help:"Print the version."`
}

// console is what commands speak through.
type console struct {
	ctx    context.Context
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

// sayln and sayf write what was asked for to standard output; noteln and notef what
// a person may want to know besides to standard error. A closed pipe ends the
// program by its signal, so their errors tell nothing.
func (c *console) sayln(a ...any)                { _, _ = fmt.Fprintln(c.out, a...) }
func (c *console) sayf(format string, a ...any)  { _, _ = fmt.Fprintf(c.out, format, a...) }
func (c *console) noteln(a ...any)               { _, _ = fmt.Fprintln(c.err, a...) }
func (c *console) notef(format string, a ...any) { _, _ = fmt.Fprintf(c.err, format, a...) }

// logger writes for the operator of a command that works on an installation itself.
func (c *console) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
}

// run parses, does the command and returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &console{ctx: ctx, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	return c.run(os.Args[1:])
}

func (c *console) run(args []string) (code int) {
	ended := -1
	parser, err := kong.New(&cli{}, kong.Name("almenara"), kong.Writers(c.out, c.err),
		kong.Description("Watch, warn and keep the record, for a national CSIRT and the people around it."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(n int) { ended = n; panic(errExit) }), kong.Bind(c))
	if err != nil {
		return c.report(err)
	}
	defer func() {
		if p := recover(); p != nil {
			if p != any(errExit) {
				panic(p)
			}
			code = ended
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		return c.report(misuse(err))
	}
	return c.report(k.Run())
}

// errExit ends the parser when it has printed help.
var errExit = errors.New("exit")

// version is the program's, from the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && info.Main.Version == "(devel)" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

type versionCmd struct{}

// Run prints the version.
func (*versionCmd) Run(c *console) error { //nolint:unparam // the parser asks for an error
	c.sayln("almenara", version())
	return nil
}
