package main

import (
	"almenara.example/internal/app"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check the configuration and the files that it names."`
	Show  configShowCmd  `cmd:"" help:"Print the effective configuration, secrets masked."`
}

type configCheckCmd struct{ folder }

// Run checks.
func (k *configCheckCmd) Run(c *console) error {
	conf, err := app.LoadConfig(k.Data, c.getenv)
	if err != nil {
		return err
	}
	if err := conf.CheckFiles(); err != nil {
		return err
	}
	c.sayln("ok")
	return nil
}

type configShowCmd struct{ folder }

// Run prints.
func (k *configShowCmd) Run(c *console) error {
	conf, err := app.LoadConfig(k.Data, c.getenv)
	if err != nil {
		return err
	}
	text, err := conf.Show()
	if err != nil {
		return err
	}
	c.sayf("%s", text)
	return nil
}
