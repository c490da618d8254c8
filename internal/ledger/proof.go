package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// proofMagic is the first line of a C2SP tlog-proof.
const proofMagic = "c2sp.org/tlog-proof@v1"

// Proof is what somebody else needs to check one entry without this installation.
type Proof struct {
	Order      int64
	Commitment [32]byte
	Salt, Body []byte // nil when the entry was erased
	// Text is a C2SP tlog-proof of the commitment; files end in .tlog-proof.
	Text []byte
}

// Inclusion proves that entry order is in the tree of the last checkpoint. An
// entry that is not signed yet is fault unavailable ledger.entry.unsigned.
func (l *Log) Inclusion(ctx context.Context, order int64) (Proof, error) {
	p, ok, err := sqldb.One(ctx, l.cfg.DB.Reader(), scanProof,
		`select ord, body, salt, commitment from ledger_entry where ord = $1`, order)
	if err != nil {
		return Proof{}, fmt.Errorf("read ledger entry %d: %w", order, err)
	}
	if !ok {
		return Proof{}, fault.New(fault.NotFound, "ledger.entry.unknown", fault.Args{"Order": order})
	}
	cp, err := l.Checkpoint()
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return Proof{}, err
	}
	if order > cp.Size {
		return Proof{}, fault.New(fault.Unavailable, "ledger.entry.unsigned", fault.Args{"Order": order})
	}
	path, err := tlog.ProveRecord(cp.Size, order-1, l.files.hashes(cp.Size, cp.Root))
	if err != nil {
		return Proof{}, fmt.Errorf("prove ledger entry %d: %w", order, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nindex %d\n", proofMagic, order-1)
	for _, h := range path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteByte('\n')
	b.Write(cp.Note)
	p.Text = b.Bytes()
	return p, nil
}

func scanProof(r sqldb.Row) (p Proof, err error) {
	var c []byte
	if err = r.Scan(&p.Order, &p.Body, &p.Salt, &c); err == nil && len(c) != recordSize {
		err = errors.New("its commitment is damaged")
	}
	if err != nil {
		return p, err
	}
	p.Commitment = [32]byte(c)
	return p, nil
}

// CheckProof checks a tlog-proof of a commitment under the log's verifier key,
// without database or files, and returns the index and the checkpoint.
func CheckProof(text []byte, commitment [32]byte, verifierKey string) (index int64, cp Checkpoint, err error) {
	top, signed, ok := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	if !ok || len(lines) < 2 || lines[0] != proofMagic {
		return 0, cp, errors.New("it is not a tlog-proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	number, ok := strings.CutPrefix(strings.Join(lines[:min(1, len(lines))], ""), "index ")
	if index, err = strconv.ParseInt(number, 10, 64); !ok || err != nil || index < 0 {
		return 0, cp, errors.New("the tlog-proof has no index")
	}
	var path tlog.RecordProof
	for _, s := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(h) != tlog.HashSize {
			return 0, cp, errors.New("the tlog-proof has a line that is not a hash")
		}
		path = append(path, tlog.Hash(h))
	}
	if cp, err = ParseCheckpoint(signed, verifierKey); err != nil {
		return 0, cp, fmt.Errorf("checkpoint of the tlog-proof: %w", err)
	}
	if index >= cp.Size {
		return 0, cp, errors.New("the index lies beyond the checkpoint")
	}
	if err := tlog.CheckRecord(path, cp.Size, cp.Root, index, tlog.RecordHash(commitment[:])); err != nil {
		return 0, cp, fmt.Errorf("the entry is not in the checkpoint's tree: %w", err)
	}
	return index, cp, nil
}

// Extension proves that the tree of Old entries is the beginning of the
// checkpoint's tree (RFC 6962 §2.1.2).
type Extension struct {
	Old        int64
	Hashes     tlog.TreeProof
	Checkpoint Checkpoint
}

// Consistency proves that the last checkpoint extends the tree of size old. A
// size that was never signed is fault not_found ledger.size.unknown.
func (l *Log) Consistency(ctx context.Context, old int64) (Extension, error) {
	if err := ctx.Err(); err != nil {
		return Extension{}, err
	}
	cp, err := l.Checkpoint()
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return Extension{}, err
	}
	if old < 1 || old > cp.Size {
		return Extension{}, fault.New(fault.NotFound, "ledger.size.unknown", fault.Args{"Size": old})
	}
	p, err := tlog.ProveTree(cp.Size, old, l.files.hashes(cp.Size, cp.Root))
	if err != nil {
		return Extension{}, fmt.Errorf("prove that %d extends %d: %w", cp.Size, old, err)
	}
	return Extension{Old: old, Hashes: p, Checkpoint: cp}, nil
}
