package main

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"almenara.example/internal/app"
)

// folder is the flag of commands that work on the folder itself.
type folder struct {
	Data string `required:"" type:"path" env:"ALMENARA_DATA" placeholder:"DIR" help:"Folder of the installation."`
}

type initCmd struct {
	folder
	Name      string `required:"" placeholder:"NAME" help:"Who keeps the installation, such as \"CSIRT Atalaya\"."`
	Country   string `required:"" placeholder:"CC" help:"Country, two capital letters."`
	PublicURL string `required:"" name:"public-url" placeholder:"URL" help:"How browsers reach it. Passkeys belong to its host name."`
	Listen    string `placeholder:"ADDR" help:"Address to serve on (default 127.0.0.1:8440)."`
	Database  string `env:"ALMENARA_DATABASE_URL" placeholder:"URL" help:"postgres://… instead of SQLite in the folder."`
}

// Run makes the installation and prints the administrator's link.
func (i *initCmd) Run(c *console) error {
	link, err := app.Found(c.ctx, app.Founding{
		Dir: i.Data, Name: i.Name, Country: i.Country, PublicURL: i.PublicURL, Listen: i.Listen, Database: i.Database,
		Version: version(), Log: c.logger(slog.LevelWarn),
	})
	if err != nil {
		return err
	}
	c.sayln(link)
	c.noteln("The administrator signs in with this link, once, within 24 hours. Now: almenara serve --data", i.Data)
	return nil
}

type serveCmd struct {
	folder
	Listen   string `placeholder:"ADDR" help:"Address to serve on; \"none\" for the local socket alone."`
	Database string `placeholder:"URL" help:"postgres://… instead of SQLite; kept in the folder for the other commands."`
}

// Run serves until the process is told to end.
func (s *serveCmd) Run(c *console) error {
	if err := app.RememberDatabase(s.Data, s.Database); err != nil {
		return err
	}
	getenv := func(name string) string {
		if name == "ALMENARA_LISTEN" && s.Listen != "" {
			return s.Listen
		}
		return c.getenv(name)
	}
	conf, err := app.LoadConfig(s.Data, getenv)
	if err != nil {
		return err
	}
	o := app.Options{Config: conf, Version: version(), Log: serverLog(conf.Log, c.err)}
	o.Founded = func(link string) { c.sayln(link) }
	return c.serve(o, func(a *app.App) {
		where := a.Address()
		if where == "" {
			where = "the local socket"
		}
		o.Log.Info("serving", "address", where, "public_url", conf.PublicURL, "version", o.Version)
	})
}

// serve runs the server; SIGHUP makes it read the TLS files again.
func (c *console) serve(o app.Options, ready func(*app.App)) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	reload := make(chan struct{})
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-hup:
				select {
				case reload <- struct{}{}:
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	return app.Run(c.ctx, o, ready, reload)
}

// serverLog is the server's log as configured.
func serverLog(l app.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

type migrateCmd struct {
	folder
	Database string `placeholder:"URL" help:"postgres://… instead of SQLite; kept in the folder for the other commands."`
}

// Run brings the database to this program's schema.
func (m *migrateCmd) Run(c *console) error {
	if err := app.RememberDatabase(m.Data, m.Database); err != nil {
		return err
	}
	conf, err := app.LoadConfig(m.Data, c.getenv)
	if err != nil {
		return err
	}
	did, err := app.Migrate(c.ctx, conf, version(), c.logger(slog.LevelInfo))
	if err != nil {
		return err
	}
	if !did {
		c.sayln("nothing to do")
		return nil
	}
	c.sayln("done")
	return nil
}
