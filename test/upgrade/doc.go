// Package upgrade starts the program on what earlier releases left behind: data
// folders and PostgreSQL dumps of every release, in testdata/<version>. Each must be
// migrated, show what it showed, and keep its record of actions whole.
//
// A release is kept by
//
//	ALMENARA_KEEP_RELEASE=0.1.0 go test ./test/upgrade -run TestKeepThisRelease
//
// Its keys are of that test installation alone.
package upgrade
