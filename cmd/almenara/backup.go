package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
	"almenara.example/wire"
)

type backupCmd struct {
	Create backupCreateCmd `cmd:"" help:"Make a sealed backup, beside a running server or without one."`
	List   backupListCmd   `cmd:"" help:"List the backups in a folder, newest first."`
	Verify backupVerifyCmd `cmd:"" help:"Read a backup to its end and check all of it."`
	Key    backupKeyCmd    `cmd:"" help:"Make a pair of keys; prints the recipient, writes the identity."`
}

type backupCreateCmd struct {
	folder
	To            string   `required:"" type:"path" placeholder:"DIR" help:"Folder for backups, outside the installation's."`
	Recipient     []string `placeholder:"age1…" help:"For whom it is sealed, instead of [backup] recipients; repeat for more."`
	RecipientFile string   `type:"path" placeholder:"FILE" help:"File with recipients, one a line."`
	JSON          bool     `name:"json" help:"Print one JSON object."`
}

// Run makes the backup.
func (b *backupCreateCmd) Run(c *console) error {
	conf, err := app.LoadConfig(b.Data, c.getenv)
	if err != nil {
		return err
	}
	recipients := b.Recipient
	if b.RecipientFile != "" {
		more, err := app.RecipientsIn(b.RecipientFile)
		if err != nil {
			return err
		}
		recipients = append(recipients, more...)
	}
	p := c.byteProgress()
	made, err := app.CreateBackup(c.ctx, app.BackupOptions{
		Config: conf, Version: version(), To: b.To, Recipients: recipients, Clock: clock.System{}, Progress: p.show,
	})
	p.end()
	if err != nil {
		return err
	}
	for _, ref := range made.Missing {
		c.noteln("missing:", ref)
	}
	if b.JSON {
		err = json.NewEncoder(c.out).Encode(made)
	} else {
		c.sayf("%s\n%d entries, %d blobs; %s sealed in %.1f s\n", made.Name, made.Entries, made.Blobs, bytesOf(made.Bytes), made.Took)
	}
	if err == nil && len(made.Missing) > 0 {
		err = &failure{exitFailed, fmt.Errorf("%d blobs that rows refer to were lost before this backup; the rest is in it", len(made.Missing)), "bring them from an older backup; almenara ledger verify --blobs lists them"}
	}
	return err
}

func bytesOf(n int64) string { return app.Size(n).Rough() }

type backupListCmd struct {
	To   string `required:"" type:"path" placeholder:"DIR" help:"Folder with backups."`
	JSON bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists.
func (b *backupListCmd) Run(c *console) error {
	all, err := app.ListBackups(b.To)
	if err != nil {
		return err
	}
	l := c.list(b.JSON, "MADE", "INSTALLATION", "BYTES", "NAME")
	for _, f := range all {
		if err := l.add(f, f.Made.Format(time.RFC3339), f.Installation, f.Bytes, f.Name); err != nil {
			return err
		}
	}
	return l.end()
}

type backupVerifyCmd struct {
	To       string `required:"" type:"path" placeholder:"DIR" help:"Folder with backups."`
	Name     string `arg:"" optional:"" help:"One of them; the newest when left out."`
	Identity string `type:"path" env:"ALMENARA_BACKUP_IDENTITY" placeholder:"FILE" help:"File that opens it."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// Run verifies; the exit code is 1 when something is missing or damaged.
func (b *backupVerifyCmd) Run(c *console) error {
	p := c.byteProgress()
	rep, err := app.VerifyBackup(c.ctx, b.To, b.Name, b.Identity, p.show)
	p.end()
	if err != nil {
		return err
	}
	if b.JSON {
		err = json.NewEncoder(c.out).Encode(rep)
	} else if rep.OK {
		c.sayf("ok: %s\nmade %s by %s on %s; %d entries, %d signed; %d members, %s\n", rep.Name, rep.About.Made.Format(time.RFC3339),
			printable(rep.About.Program), rep.About.Engine, rep.About.Entries, rep.About.Signed, rep.Members, bytesOf(rep.Bytes))
	}
	if err != nil || rep.OK {
		return err
	}
	for _, ref := range rep.Missing {
		c.noteln("missing:", ref)
	}
	return &failure{exitFailed, fmt.Errorf("%s lacks %d blobs that its rows refer to", rep.Name, len(rep.Missing)), "make another backup, and look with: almenara ledger verify --blobs"}
}

type backupKeyCmd struct {
	Out string `required:"" type:"path" placeholder:"FILE" help:"New file for the identity. Keep it away from the installation."`
}

// Run makes the pair.
func (b *backupKeyCmd) Run(c *console) error {
	recipient, err := app.BackupKey(b.Out)
	if err != nil {
		return err
	}
	c.sayln(recipient)
	c.noteln("Put this line into almenara.toml below [backup] as recipients = [\"…\"]. Who has", b.Out, "can read every backup; who loses it, none.")
	return nil
}

type restoreCmd struct {
	From     string `required:"" type:"path" placeholder:"DIR" help:"Folder with backups."`
	Backup   string `placeholder:"NAME" help:"One of them; the newest when left out."`
	Data     string `required:"" type:"path" placeholder:"DIR" help:"New folder of the installation; it may hold ledger/high and blobs.erased of the one that was."`
	Identity string `type:"path" env:"ALMENARA_BACKUP_IDENTITY" placeholder:"FILE" help:"File that opens the backup."`
	Database string `placeholder:"URL" help:"postgres://… of an empty database, for a backup of PostgreSQL."`
	Erasures string `type:"path" placeholder:"FILE" help:"File blobs.erased of the installation that was: what was erased stays erased."`
	High     string `type:"path" placeholder:"FILE" help:"File ledger/high of the installation that was: with it the record may go on under its name."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// Run restores.
func (r *restoreCmd) Run(c *console) error {
	p := c.byteProgress()
	rep, err := app.Restore(c.ctx, app.RestoreOptions{
		From: r.From, Backup: r.Backup, Dir: r.Data, Identity: r.Identity, Database: r.Database, Erasures: r.Erasures, High: r.High,
		Clock: clock.System{}, Progress: p.show,
	})
	p.end()
	if err != nil {
		return err
	}
	if r.JSON {
		return json.NewEncoder(c.out).Encode(rep)
	}
	c.sayf("restored %s: %d entries, %d blobs in use, %d erasures replayed\n", rep.Backup, rep.About.Entries, rep.About.Blobs, rep.Erasures)
	c.noteln("Nothing is signed and nothing is sent until somebody states what is missing:")
	c.noteln("  almenara serve --data", r.Data)
	c.noteln("  almenara ledger resume --data", r.Data, "--checkpoint FILE|--none --missing TEXT")
	return nil
}

type ledgerResumeCmd struct {
	folder
	Checkpoint string `type:"path" placeholder:"FILE" help:"The last signed checkpoint that anybody has."`
	None       bool   `help:"No checkpoint is known."`
	Missing    string `required:"" placeholder:"TEXT" help:"What is missing since the backup, or that nothing is; it stands in the record."`
	JSON       bool   `name:"json" help:"Print one JSON object."`
}

// Run asks the server over its local socket.
func (l *ledgerResumeCmd) Run(c *console) error {
	in := wire.LedgerResume{None: l.None, Missing: l.Missing}
	if l.None == (l.Checkpoint != "") {
		return &failure{exitMisuse, errors.New("give the last known checkpoint, or say that there is none"), "--checkpoint FILE, or --none"}
	}
	if l.Checkpoint != "" {
		b, err := os.ReadFile(l.Checkpoint)
		if err != nil {
			return &failure{exitMisuse, fmt.Errorf("read the checkpoint: %w", err), "--checkpoint names a signed checkpoint, such as ledger/log/checkpoint"}
		}
		in.Checkpoint = string(b)
	}
	api, err := (&reach{Data: l.Data}).client(c)
	if err != nil {
		return err
	}
	var out wire.LedgerResumed
	if err := api.post("/api/v1/ledger/resume", in, &out); err != nil {
		return err
	}
	if l.JSON {
		return json.NewEncoder(c.out).Encode(out)
	}
	if out.Continues {
		c.sayf("stated in entry %d; the record goes on as %s\n", out.Order, out.Origin)
	} else {
		c.sayf("stated in entry %d; the record goes on under a new name\n%s\n", out.Order, out.Verifier)
		c.noteln("Why:", out.Why+". Give the new public key to everybody who verifies or cosigns this record.")
	}
	c.noteln("Sending is still stopped; a duty lead resumes it on /warn/notices when the board is as it should be.")
	return nil
}
