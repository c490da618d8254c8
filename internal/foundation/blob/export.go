package blob

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"almenara.example/internal/foundation/blob/durable"
)

// Files names the file of a blob and that of its key, relative to the store's
// folder, for a backup; fs.ErrNotExist when the blob is not there.
func (s *Store) Files(ref Ref) (file, key string, err error) {
	id, err := s.readHeader(ref)
	if err != nil {
		return "", "", err
	}
	if _, err := s.fs.Stat(s.keyPath(ref, id)); err != nil {
		return "", "", err
	}
	if file, err = filepath.Rel(s.cfg.Dir, s.blobPath(ref)); err == nil {
		key, err = filepath.Rel(s.cfg.Dir, s.keyPath(ref, id))
	}
	return filepath.ToSlash(file), filepath.ToSlash(key), err
}

// MergeErasures adds to the erasure list in the file at path the lines of another
// one that it does not have, durably, and returns how many. [Open] replays them.
func MergeErasures(path string, other io.Reader) (n int, err error) {
	have := map[string]bool{}
	old, err := durable.ReadFile(durable.OS{}, path, maxErasureList)
	if err != nil && !isGone(err) {
		return 0, fmt.Errorf("read the erasure list: %w", err)
	}
	for line := range strings.Lines(string(old)) {
		have[strings.TrimSpace(line)] = true
	}
	var added strings.Builder
	in := bufio.NewScanner(io.LimitReader(other, maxErasureList))
	for in.Scan() {
		text := strings.TrimSpace(in.Text())
		f := strings.Fields(text)
		if len(f) != 3 || have[text] {
			continue
		}
		if _, ok := parseErasure(f[0], f[1]); !ok {
			return 0, fmt.Errorf("this is no erasure list: %w", errors.New("a line is not hash, key and time"))
		}
		have[text] = true
		added.WriteString(text + "\n")
		n++
	}
	if err := in.Err(); err != nil {
		return 0, fmt.Errorf("read the erasure list: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	text := string(old)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if err := durable.WriteFile(durable.OS{}, path, []byte(text+added.String()), 0o600); err != nil {
		return 0, fmt.Errorf("write the erasure list: %w", err)
	}
	return n, nil
}

func isGone(err error) bool { return ignoreGone(err) == nil }
