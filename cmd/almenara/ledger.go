package main

import (
	"encoding/json"
	"errors"

	"almenara.example/internal/app"
)

type ledgerCmd struct {
	Verify ledgerVerifyCmd `cmd:"" help:"Check the record of actions against its signed checkpoint; works with and without a server."`
	Resume ledgerResumeCmd `cmd:"" help:"After a restore: state what is missing and let signing go on."`
}

type ledgerVerifyCmd struct {
	folder
	Blobs bool `help:"Read every blob again and hash it."`
	JSON  bool `name:"json" help:"Print one JSON object."`
}

// Run verifies; what is wrong is named, and the exit code is 1.
func (v *ledgerVerifyCmd) Run(c *console) error {
	conf, err := app.LoadConfig(v.Data, c.getenv)
	if err != nil {
		return err
	}
	p := c.progress()
	rep, err := app.VerifyLedger(c.ctx, conf, v.Blobs, func(what string, done, total int64) { p.show(what, done, total) })
	p.end()
	if err != nil {
		return err
	}
	if v.JSON {
		if err := json.NewEncoder(c.out).Encode(rep); err != nil {
			return err
		}
	} else if rep.OK {
		if rep.Held {
			c.noteln("This installation was restored; nothing is signed before: almenara ledger resume")
		}
		c.sayf("ok: %d of %d entries under the checkpoint, %d blobs read\nroot %s\n", rep.Size, rep.Entries, rep.Blobs, rep.Root)
	}
	if rep.OK {
		return nil
	}
	for _, problem := range rep.Problems[1:] {
		c.noteln("also:", problem)
	}
	return &failure{exitFailed, errors.New(rep.Problems[0].String()), "keep the folder as it is and compare with a backup or a cosigned checkpoint"}
}
