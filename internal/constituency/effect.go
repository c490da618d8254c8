package constituency

import (
	"context"

	"almenara.example/internal/foundation/sqldb"
)

// Effect tells what a change of assets would do to what is open. A room upstairs
// implements it; app joins the two with SetEffect.
type Effect interface {
	// OfAssets compares the matches of before and after for whatever the changed
	// assets touch. It writes nothing.
	OfAssets(ctx context.Context, r sqldb.Reader, before, after *Index, changed []Asset) (Preview, error)
}

// Preview is the effect of a proposed change on open findings.
type Preview struct {
	Gained   int // had no operator, have one now
	Lost     int // had an operator, fall to a network owner or a national CSIRT
	Moved    int // go from one organisation to another of the same level
	Unrouted int // nobody's afterwards
	Examples []PreviewLine
}

// PreviewLine is one finding that a change moves.
type PreviewLine struct {
	Number   string // as people see it
	What     string // address or name
	From, To int64  // organisations, 0 when unrouted
}

// AssetChange is a proposed change. Exactly one of its parts is set.
type AssetChange struct {
	Add    *NewAsset
	Change *AssetEdit
	End    *AssetEnd
	// Approve is the id of a claim that the desk takes for true.
	Approve int64
}

// NewAsset is an asset to add.
type NewAsset struct {
	Org   int64
	Kind  string // see AssetKinds
	Value string // as typed
	From  string // 2026-11-21, the first day; empty means no beginning
	To    string // 2026-11-21, the last day; empty means no end
	Note  string // of a claim: the claimant's own words
}

// AssetEdit is a change of an asset's organisation or time.
type AssetEdit struct {
	ID       int64
	Org      int64
	From, To string
	Version  int64 // the one that the editor saw
}

// AssetEnd ends an asset: On is its last day.
type AssetEnd struct {
	ID      int64
	On      string // 2026-11-21; empty means yesterday, so that it ends at once
	Version int64
}
