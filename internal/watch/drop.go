package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
)

// dropRest is how long a file in the drop folder must have been left alone before
// it is taken: a file that is still being copied is not. Who can rename into place
// should: names that begin with a dot or end in .part are left alone for ever.
const dropRest = 3 * time.Second

// scanDrop takes in the files of DROP/<source>/. A file that was received is
// removed, for its bytes are kept; one that is refused moves to
// DROP/<source>/refused/ beside a text that says why.
func (w *Watch) scanDrop(ctx context.Context) error {
	if w.drop == "" {
		return nil
	}
	srcs, err := w.Sources(ctx, w.read)
	if err != nil {
		return err
	}
	for _, s := range srcs {
		if err := w.scanDropOf(ctx, s); err != nil {
			return fmt.Errorf("drop folder of %s: %w", s.Name, err)
		}
	}
	return nil
}

func (w *Watch) scanDropOf(ctx context.Context, s Source) error {
	root, err := os.OpenRoot(filepath.Join(w.drop, s.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || skipDropped(e.Name()) || w.stillWritten(info) {
			continue
		}
		if err := w.takeDropped(ctx, root, s, e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func skipDropped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".part")
}

func (w *Watch) stillWritten(info fs.FileInfo) bool {
	return w.acts.Clock().Now().Sub(info.ModTime()).Abs() < dropRest
}

func (w *Watch) takeDropped(ctx context.Context, root *os.Root, s Source, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	_, err = w.Receive(ctx, act.MachineActor("watch.drop"), Arrival{Source: s.Name, FileName: name, Body: f})
	if cerr := f.Close(); cerr != nil {
		return errors.Join(err, cerr)
	}
	if err == nil {
		return root.Remove(name)
	}
	if c := fault.CodeOf(err); c == fault.Internal || c == fault.Unavailable || c == fault.Denied {
		return err
	}
	w.log.WarnContext(ctx, "watch: dropped file refused", "source", s.Name, "error", err)
	if err := root.Mkdir("refused", 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	why := fault.Of(err).Error() + "\n"
	if err := root.WriteFile("refused/"+name+".why.txt", []byte(why), 0o640); err != nil {
		return err
	}
	return root.Rename(name, "refused/"+name)
}
