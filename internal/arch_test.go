package internal_test

import (
	"context"
	"testing"

	"almenara.example/internal/archtest"
)

// exceptions are the places that may break a rule, each with its reason.
func exceptions() []archtest.Exception {
	return []archtest.Exception{
		{Rule: "write", Where: "internal/ledger/head.go", Reason: "the signer stands below act and speaks only of acts that have committed: its lease and its checkpoint"},
	}
}

func TestTheWallsStand(t *testing.T) {
	tree, err := archtest.Load(context.Background(), "..")
	if err != nil {
		t.Fatal(err)
	}
	violations, warnings := archtest.Check(tree)
	for _, w := range warnings {
		t.Logf("warning: %s", w)
	}
	for _, v := range archtest.Except(violations, exceptions()) {
		t.Errorf("%s", v)
	}
}
