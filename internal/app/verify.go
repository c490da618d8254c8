package app

import (
	"context"
	"errors"
	"fmt"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/incident"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
)

// VerifyLedger checks the record of actions of the installation that c describes,
// and with blobs every blob, without a server and beside a running one. Progress
// may be nil.
func VerifyLedger(ctx context.Context, c Config, blobs bool, progress func(what string, done, total int64)) (rep ledger.Report, err error) {
	if _, _, err := ledger.ReadKey(c.path(ledgerKeyFile)); err != nil {
		return rep, &Refusal{Err: err, Hint: "bring keys/ back from its backup, or name the installation's folder with --data"}
	}
	db, err := openDatabase(ctx, &c, false)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, verifier, err := ledger.KeyInForce(ctx, db.Reader(), c.path(ledgerKeyFile))
	if err != nil {
		return rep, err
	}
	var store *blob.Store
	var needed []string
	if blobs {
		if needed, err = usedBlobs(ctx, db.Reader()); err != nil {
			return rep, err
		}
		if store, err = openBlobs(&c, clock.System{}); err != nil {
			return rep, fmt.Errorf("open the blobs: %w", err)
		}
	}
	return ledger.Verify(ctx, ledger.VerifyOptions{
		DB: db, Dir: c.path(ledgerFolder), VerifierKey: verifier, Blobs: store, Needed: needed, Progress: progress,
	})
}

// usedBlobs lists every blob that a row of any room refers to.
func usedBlobs(ctx context.Context, r sqldb.Reader) ([]string, error) {
	refs, err := watch.UsedBlobs(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, list := range []watch.BlobList{outbound.UsedBlobs, incident.UsedBlobs} {
		more, err := list(ctx, r)
		if err != nil {
			return nil, err
		}
		refs = append(refs, more...)
	}
	return refs, nil
}
