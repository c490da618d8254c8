package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
)

type doctorCmd struct {
	folder
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run examines; the exit code is 1 when something is not as it must be, and 0 when there are
// warnings alone.
func (d *doctorCmd) Run(c *console) error {
	conf, err := app.LoadConfig(d.Data, c.getenv)
	if err != nil {
		return err
	}
	h, err := app.Doctor(c.ctx, conf, clock.System{})
	if err != nil {
		return err
	}
	if d.JSON {
		if err := json.NewEncoder(c.out).Encode(h); err != nil {
			return err
		}
	}
	var wrong []string
	for _, x := range h.Checks {
		word := "ok  "
		switch {
		case !x.OK:
			word = "BAD "
			wrong = append(wrong, x.Name)
		case x.Warning:
			word = "warn"
		}
		if d.JSON {
			continue
		}
		c.sayf("%s %-13s %s\n", word, x.Name, printable(x.Detail))
		if x.Hint != "" {
			c.sayf("     %-13s -> %s\n", "", printable(x.Hint))
		}
	}
	if h.OK {
		return nil
	}
	return &failure{exitFailed, errors.New("not as it must be: " + strings.Join(wrong, ", ")), fmt.Sprintf("what to do stands beside each; again with: almenara doctor --data %s", d.Data)}
}
