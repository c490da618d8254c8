package sqldbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// startWithin bounds initdb and the start of the server.
const startWithin = 60 * time.Second

// reaper waits until its standard input closes, which happens when the process
// that started the server ends in whatever way; then it stops the server by its
// id, waits until the server has taken its lock file away (ten seconds at most)
// and removes the folder.
const reaper = `cat >/dev/null; kill -QUIT "$1" 2>/dev/null; n=0
while [ -e "$2/data/postmaster.pid" ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; rm -rf "$2"`

// Server is a PostgreSQL server for tests: empty, without fsync, reachable
// through a Unix socket in its own folder only.
type Server struct {
	// DSN is the address of its database "postgres"; the user may do everything.
	DSN   string
	leash io.Closer // the reaper's standard input
	done  chan error
}

// StartServer makes a fresh server in a temporary folder and waits until it
// answers. It ends with Stop, and at the latest with this process. Started by
// root, it runs as the user postgres.
func StartServer(ctx context.Context) (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	dir, err := os.MkdirTemp(shortTemp(), "alm-pg-")
	if err != nil {
		return nil, err
	}
	s, err := startIn(ctx, bin, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	if err := s.leash.Close(); err != nil {
		return err
	}
	return <-s.done
}

func startIn(ctx context.Context, bin, dir string) (*Server, error) {
	attr, err := serverUser(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "almenara",
		"--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	logPath := filepath.Join(dir, "log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// Not CommandContext: the server outlives ctx, which bounds its start only.
	pg := exec.Command(filepath.Join(bin, "postgres"), serverArgs(data, dir)...)
	pg.SysProcAttr, pg.Dir = attr, dir
	pg.Stdout, pg.Stderr = log, log
	if err := pg.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pg.Wait() }()
	s, err := leash(pg.Process.Pid, dir)
	if err != nil {
		return nil, errors.Join(err, pg.Process.Kill())
	}
	if err := s.waitReady(ctx, ended); err != nil {
		text, _ := os.ReadFile(logPath) // only to explain err
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, text), s.Stop())
	}
	return s, nil
}

func serverArgs(data, dir string) []string {
	args := []string{"-D", data, "-k", dir}
	for _, o := range []string{
		"listen_addresses=", "unix_socket_permissions=0777", "max_connections=500",
		"fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"shared_buffers=128MB", "wal_level=minimal", "max_wal_senders=0",
		"autovacuum_naptime=10s", "timezone=UTC", "log_min_messages=fatal",
	} {
		args = append(args, "-c", o)
	}
	return args
}

// leash starts the reaper.
func leash(pid int, dir string) (*Server, error) {
	cmd := exec.Command("/bin/sh", "-c", reaper, "reaper", strconv.Itoa(pid), dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the reaper: %w", err)
	}
	s := &Server{leash: in, done: make(chan error, 1)}
	go func() { s.done <- cmd.Wait() }()
	q := url.Values{"host": {dir}, "sslmode": {"disable"}}
	s.DSN = "postgres://almenara@/postgres?" + q.Encode()
	return s, nil
}

func (s *Server) waitReady(ctx context.Context, ended <-chan error) error {
	db, err := sql.Open("pgx", s.DSN)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case e := <-ended:
			return fmt.Errorf("postgres ended while it started: %w", e)
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// serverUser says as whom the server runs: as ourselves, or, because PostgreSQL
// refuses to run as root, as the user postgres, who is given dir.
func serverUser(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and there is no user postgres (run `make deps`): %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the id of user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the group of user postgres: %w", err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

// findBin returns the folder of the newest PostgreSQL server programs.
func findBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		version := func(p string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p)))) // no number sorts first
			return n
		}
		slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p), nil
		}
	}
	return "", errors.New("no PostgreSQL server programs found: run `make deps`, or install the package postgresql, " +
		"or name a running server in " + EnvPostgres)
}

// shortTemp is a folder with a short name that the user postgres can reach: a
// socket's path holds about a hundred bytes.
func shortTemp() string {
	if os.Geteuid() == 0 || len(os.TempDir()) > 60 {
		return "/tmp"
	}
	return ""
}
