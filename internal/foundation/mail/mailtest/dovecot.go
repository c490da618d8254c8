package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// IMAP is a running Dovecot with one mailbox, on 127.0.0.1.
type IMAP struct {
	Host     string
	Port     int // plain text and STARTTLS
	PortTLS  int // TLS from the first byte
	User     string
	Password string
	CAFile   string

	t        testing.TB
	dir      string
	uid, gid int
	mu       sync.Mutex
	n        int
}

const dovecotConfig = `
protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
default_internal_user = %[2]s
default_internal_group = %[3]s
default_login_user = %[2]s
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = no
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
mail_location = maildir:~/Maildir
mailbox_list_index = no
passdb {
  driver = static
  args = password={PLAIN}%[4]s
}
userdb {
  driver = static
  args = uid=%[5]d gid=%[6]d home=%[1]s/home/%%u
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[7]d
  }
  inet_listener imaps {
    port = %[8]d
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// imapReaper ends Dovecot when the test process ends in whatever way.
const imapReaper = `cat >/dev/null; kill -TERM "$1" 2>/dev/null; n=0
while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.05; n=$((n+1)); done; kill -KILL "$1" 2>/dev/null; rm -rf "$2"`

// Dovecot starts a real Dovecot in a temporary folder that ends with the test. It
// never runs as root: a test that does gives it to the user nobody.
func Dovecot(t testing.TB) *IMAP {
	t.Helper()
	bin, err := exec.LookPath("dovecot")
	if err != nil {
		if bin = "/usr/sbin/dovecot"; !isFile(bin) {
			t.Fatalf("there is no dovecot here (run `make deps`): %v", err)
		}
	}
	dir, err := os.MkdirTemp(shortTemp(), "alm-imap-")
	if err != nil {
		t.Fatal(err)
	}
	s := &IMAP{
		Host: "127.0.0.1", Port: freePort(t), PortTLS: freePort(t), User: User, Password: "correct-horse",
		CAFile: filepath.Join(dir, "cert.pem"), t: t, dir: dir,
	}
	if err := s.start(bin); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // only to explain err
		t.Fatalf("start dovecot: %v\n%s", err, log)
	}
	return s
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && !st.IsDir()
}

// shortTemp keeps the paths of sockets short.
func shortTemp() string {
	if len(os.TempDir()) > 40 {
		return "/tmp"
	}
	return ""
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, _ := l.Addr().(*net.TCPAddr) // a TCP listener has a TCP address
	return tcp.Port
}

func (s *IMAP) start(bin string) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if who, err = user.Lookup("nobody"); err != nil {
			return err
		}
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return err
	}
	if s.uid, err = strconv.Atoi(who.Uid); err != nil {
		return err
	}
	if s.gid, err = strconv.Atoi(who.Gid); err != nil {
		return err
	}
	cert, err := certificate(s.CAFile)
	if err != nil {
		return err
	}
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the certificate's key is of another kind")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	conf := fmt.Sprintf(dovecotConfig, s.dir, who.Username, group.Name, s.Password, s.uid, s.gid, s.Port, s.PortTLS)
	for name, b := range map[string][]byte{
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "dovecot.conf": []byte(conf), "log": nil,
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), b, 0o600); err != nil {
			return err
		}
	}
	for _, d := range []string{"run", "state", "home/" + s.User + "/Maildir/new", "home/" + s.User + "/Maildir/cur", "home/" + s.User + "/Maildir/tmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := s.give(s.dir); err != nil {
		return err
	}
	return s.run(bin)
}

// give hands everything below a folder to Dovecot's user.
func (s *IMAP) give(dir string) error {
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(name, s.uid, s.gid)
	})
}

func (s *IMAP) run(bin string) error {
	cmd := exec.Command(bin, "-F", "-c", filepath.Join(s.dir, "dovecot.conf"))
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.gid)}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	reaper := exec.Command("/bin/sh", "-c", imapReaper, "reaper", strconv.Itoa(cmd.Process.Pid), s.dir)
	reaper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	leash, err := reaper.StdinPipe()
	if err == nil {
		err = reaper.Start()
	}
	if err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	s.t.Cleanup(func() {
		_ = leash.Close() // the reaper ends by it
		_ = reaper.Wait()
	})
	timeout := time.After(30 * time.Second)
	for {
		conn, err := net.Dial("tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
		if err == nil {
			greeting := make([]byte, 4)
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, err = io.ReadFull(conn, greeting)
			_ = conn.Close()
			if err == nil && string(greeting) == "* OK" {
				return nil
			}
		}
		select {
		case e := <-ended:
			return fmt.Errorf("dovecot ended while it started: %w\n%s", e, out.String())
		case <-timeout:
			return fmt.Errorf("dovecot does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *IMAP) maildir() string { return filepath.Join(s.dir, "home", s.User, "Maildir") }

// Deliver puts a mail into the mailbox, as a mail server does.
func (s *IMAP) Deliver(raw []byte) {
	s.t.Helper()
	s.mu.Lock()
	s.n++
	// The name's first number is the order in which Dovecot numbers new mails.
	name := fmt.Sprintf("%010d.M%dP1.test", 1_700_000_000+s.n, s.n)
	s.mu.Unlock()
	tmp := filepath.Join(s.maildir(), "tmp", name)
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chown(tmp, s.uid, s.gid); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(s.maildir(), "new", name)); err != nil {
		s.t.Fatal(err)
	}
}

// Count returns how many mails lie in a folder ("INBOX" or another), and how many of
// them are marked as seen.
func (s *IMAP) Count(folder string) (all, seen int) {
	s.t.Helper()
	dir := s.maildir()
	if folder != "INBOX" {
		dir = filepath.Join(dir, "."+folder)
	}
	for _, d := range []string{"new", "cur"} {
		list, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
		for _, e := range list {
			all++
			if _, flags, ok := strings.Cut(e.Name(), ":2,"); ok && strings.Contains(flags, "S") {
				seen++
			}
		}
	}
	return all, seen
}

// Renumber makes the server forget its numbers: UIDVALIDITY changes. No client may
// be connected.
func (s *IMAP) Renumber() {
	s.t.Helper()
	for _, pattern := range []string{"dovecot.index*", "dovecot-uidlist*"} {
		list, err := filepath.Glob(filepath.Join(s.maildir(), pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, name := range list {
			if err := os.Remove(name); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// Kick ends every session, as a restart of the server does.
func (s *IMAP) Kick() {
	s.t.Helper()
	cmd := exec.Command("doveadm", "-c", filepath.Join(s.dir, "dovecot.conf"), "kick", s.User)
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "no users kicked") {
		s.t.Fatalf("doveadm kick: %v\n%s", err, out)
	}
}
