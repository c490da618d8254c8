package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/ledger"
)

// Names within the folder of an installation.
const (
	configFile      = "almenara.toml"
	databaseFile    = "almenara.db"
	overlayFile     = "overlay.toml"
	databaseURLFile = "keys/database-url"
	ledgerKeyFile   = "keys/ledger.key"
	blobsKeyFile    = "keys/blobs.key"
	numbersKeyFile  = "keys/numbers.key"
	cursorsKeyFile  = "keys/cursors.key"
	linksKeyFile    = "keys/links.key"
	ledgerFolder    = "ledger/log"
	blobsFolder     = "blobs"
	runFolder       = "run"
	socketFile      = "run/almenara.sock"
	lockFile        = "run/lock"
)

// keys are what an installation must neither lose nor show.
type keys struct {
	numbers []byte // of the permutation behind the numbers that people see
	cursors []byte // of the cursors of lists
	links   []byte // from which answering links are derived
}

// makeKeys makes the key files that are missing; one that is there is never
// replaced. The ledger's name is the host of the public address.
func makeKeys(dir, host string, random io.Reader) error {
	for _, d := range []string{"keys", runFolder, "ledger", "drop", "locales", regimesFolder} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("make the folder %s: %w", d, err)
		}
	}
	name := strings.ReplaceAll(host, "+", "-") + "/ledger"
	if _, err := ledger.GenerateKey(name, filepath.Join(dir, ledgerKeyFile)); err != nil && fault.CodeOf(err) != fault.Conflict {
		return fmt.Errorf("make the ledger's key: %w", err)
	}
	master := filepath.Join(dir, blobsKeyFile)
	if _, err := os.Stat(master); errors.Is(err, fs.ErrNotExist) {
		if err := blob.GenerateMaster(master); err != nil {
			return fmt.Errorf("make the key of blobs: %w", err)
		}
	}
	for _, f := range []string{numbersKeyFile, cursorsKeyFile, linksKeyFile} {
		if err := makeKey(filepath.Join(dir, f), random); err != nil {
			return err
		}
	}
	return nil
}

func makeKey(name string, random io.Reader) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if random == nil {
		random = rand.Reader
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	if err := durable.WriteFile(durable.OS{}, name, key, 0o600); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	return nil
}

func readKeys(dir string) (k keys, err error) {
	for _, f := range []struct {
		name string
		into *[]byte
	}{{numbersKeyFile, &k.numbers}, {cursorsKeyFile, &k.cursors}, {linksKeyFile, &k.links}} {
		name := filepath.Join(dir, f.name)
		b, err := os.ReadFile(name)
		if err == nil && len(b) != 32 {
			err = fmt.Errorf("%s is not a key of 32 bytes", name)
		}
		if err != nil {
			return k, &Refusal{
				Err:  fmt.Errorf("read key: %w", err),
				Hint: "bring keys/ back from its backup; without it numbers and links that people hold mean nothing",
			}
		}
		*f.into = b
	}
	return k, nil
}

// lockFolder keeps a second server off the folder.
func lockFolder(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Join(dir, runFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", runFolder, err)
	}
	unlock, err = durable.Lock(filepath.Join(dir, lockFile))
	if errors.Is(err, durable.ErrLocked) {
		return nil, &Refusal{
			Err:  fmt.Errorf("another server works on %s", dir),
			Hint: "stop it first, or give this one a folder of its own with --data",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return unlock, nil
}

// freeSpace is the part of the folder's disk that is free, and its bytes.
func freeSpace(dir string) (share float64, bytes int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("read the disk of %s: %w", dir, err)
	}
	return float64(st.Bavail) / float64(max(st.Blocks, 1)), int64(st.Bavail) * st.Bsize, nil
}
