package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// blobs takes every blob with its key. What was erased meanwhile is erased here too.
func (b *backingUp) blobs(ctx context.Context) error {
	store, err := openBlobs(&b.o.Config, b.o.Clock)
	if err != nil {
		return err
	}
	there := map[[32]byte]bool{}
	dir := b.o.Config.path(blobsFolder)
	err = store.Each(ctx, func(ref blob.Ref) error {
		file, key, err := store.Files(ref)
		if err == nil {
			err = b.file(ctx, memberBlobs+file, filepath.Join(dir, filepath.FromSlash(file)))
		}
		if err == nil {
			err = b.file(ctx, memberBlobs+key, filepath.Join(dir, filepath.FromSlash(key)))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // erased, or a key that is lost: needed says
		}
		there[ref.SHA256] = true
		return err
	})
	if err != nil {
		return fmt.Errorf("back up the blobs: %w", err)
	}
	var needed strings.Builder
	for _, text := range b.needed {
		ref, err := blob.ParseRef(text)
		if err != nil {
			return err
		}
		if there[ref.SHA256] {
			needed.WriteString(text + "\n")
			continue
		}
		r, err := store.Open(ctx, ref)
		switch {
		case err == nil:
			return errors.Join(fmt.Errorf("blob %s came while the backup was made", text), r.Close())
		case fault.Of(err).Key != "blob.erased":
			b.made.Missing = append(b.made.Missing, text)
		}
	}
	if err := b.w.AddText(memberNeeded, needed.String()); err != nil {
		return err
	}
	erased, err := readErasures(dir)
	if err != nil {
		return err
	}
	return b.w.AddText(memberErasures, erased)
}

// readErasures reads the erasure list beside the folder of blobs.
func readErasures(blobs string) (string, error) {
	b, err := os.ReadFile(blobs + ".erased")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the erasure list: %w", err)
	}
	return string(b), nil
}

// keepErasures lays the newest erasure list beside the backups, sealed, so that an
// older backup that is restored from here does not bring back what was erased.
func (b *backingUp) keepErasures() error {
	text, err := readErasures(b.o.Config.path(blobsFolder))
	if err != nil || text == "" {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, b.recipients...)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = durable.WriteFile(durable.OS{}, filepath.Join(b.o.To, erasuresName(b.about.Installation)), sealed.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the erasure list beside the backups: %w", err)
	}
	return nil
}

func erasuresName(installation string) string { return "almenara-erasures-" + installation + ".age" }
