package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"almenara.example/idf"
	"almenara.example/wire"
)

type sourceImportCmd struct {
	reach
	From  string `required:"" enum:"intelmq" placeholder:"SYSTEM" help:"Whose configuration it is: intelmq (its runtime.yaml)."`
	Apply bool   `help:"Add the feeds, in shadow."`
	File  string `arg:"" type:"existingfile"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run imports.
func (s *sourceImportCmd) Run(c *console) (err error) {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	f, err := os.Open(s.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var raw json.RawMessage
	err = api.call(request{
		method: http.MethodPost, path: watchAPI + "/import-sources/" + s.From, query: url.Values{"apply": {strconv.FormatBool(s.Apply)}},
		body: io.NopCloser(f), media: "application/yaml",
	}, &raw)
	if err != nil {
		return err
	}
	var out wire.SourcesImport
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	if s.JSON {
		l := c.list(true)
		return errors.Join(l.add(raw), l.end())
	}
	l := c.list(false, "NAME", "MAPPING", "RHYTHM", "COLLECTOR", "PARSER", "HERE")
	for _, v := range out.Sources {
		if err := l.add(v, v.Name, v.Mapping, v.Rhythm, v.Collector, v.Parser, v.Here); err != nil {
			return err
		}
	}
	if err := l.end(); err != nil {
		return err
	}
	for _, n := range out.Notes {
		c.notef("line %d: %s\n", n.Line, printable(n.Detail))
	}
	if !s.Apply {
		c.noteln("Nothing was changed. Apply it with --apply.")
	}
	return nil
}

// eventOf writes a finding as an event: its last sight is the event's time, and what
// the format has no key for is below "extra.almenara.".
func eventOf(f *wire.Finding) *idf.Event {
	e := &idf.Event{}
	class, typ, _ := strings.Cut(f.Class, "/")
	for _, v := range []struct {
		field idf.Field
		text  string
	}{
		{idf.TimeSource, f.Last},
		{idf.SourceIP, f.IP},
		{idf.SourceFQDN, f.Host},
		{idf.ProtocolTransport, f.Transport},
		{idf.ClassificationTaxonomy, class},
		{idf.ClassificationType, typ},
		{idf.ClassificationIdentifier, f.Identifier},
		{idf.FeedName, f.Source},
		{idf.FeedCode, f.Kind},
		{idf.Status, f.State},
	} {
		e.Set(v.field, []byte(v.text)) // what the format does not take is left out
	}
	if f.Severity != "none" {
		e.Set(idf.EventSeverity, []byte(f.Severity))
	}
	if f.Port > 0 {
		e.Set(idf.SourcePort, []byte(strconv.Itoa(f.Port)))
	}
	for _, x := range []struct{ name, text string }{
		{"number", f.Number}, {"organisation", f.Organisation}, {"level", f.Level}, {"asset", f.Asset}, {"first", f.First},
	} {
		e.SetExtra("almenara."+x.name, idf.KindText, []byte(x.text))
	}
	e.SetExtraInt("almenara.seen", []byte(strconv.Itoa(f.Seen)))
	if f.Exercise {
		e.SetExtra("almenara.exercise", idf.KindBool, []byte("true"))
	}
	return e
}
