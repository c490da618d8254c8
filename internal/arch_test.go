package internal_test

import (
	"context"
	"os"
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

func TestTheDrawnStairsAreCurrent(t *testing.T) {
	tree, err := archtest.Load(context.Background(), "..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	now, err := archtest.PutMap(string(text), archtest.Map(tree))
	if err != nil {
		t.Fatal(err)
	}
	if now != string(text) {
		t.Error("the stairs drawn in ARCHITECTURE.md are not current; run `make map`")
	}
}
