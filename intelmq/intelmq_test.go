package intelmq_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/intelmq"
)

const runtime = `global:
  logging_level: INFO
scans-collector:
  group: Collector
  module: intelmq.bots.collectors.mail.collector_mail_attach
  name: Scans by mail
  parameters:
    name: Open scans
    provider: Example Foundation
    code: scans
    mail_host: mail.csirt.example
    mail_password: geheim
    rate_limit: 86400
    destination_queues:
      _default: [dedup-expert-queue]
dedup-expert:
  module: intelmq.bots.experts.deduplicator.expert
  parameters:
    destination_queues:
      _default: scans-parser-queue
      _other: [scans-collector-queue, nobody-queue]
scans-parser:
  module: intelmq.bots.parsers.shadowserver.parser
  enabled: false
  parameters: {destination_queues: {_default: [out-queue]}}
web-collector:
  module: intelmq.bots.collectors.http.collector_http
  parameters: {http_url: "https://me:geheim@feeds.example/list.csv?key=geheim#x"}
out:
  group: Output
  module: intelmq.bots.outputs.file.output
  parameters: null
`

func TestFeedsAreCollectorsWithTheParsersThatTheyReach(t *testing.T) {
	c, err := intelmq.Read(strings.NewReader(runtime))
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Collector, Parser, Name, Provider, Code, URL string
		Every, Line                                  int
		Enabled                                      bool
	}
	var got []line
	for _, f := range c.Feeds() {
		l := line{f.Collector.ID, "", f.Name, f.Provider, f.Code, f.URL, f.Every, f.Collector.Line, f.Enabled}
		if f.Parser != nil {
			l.Parser = f.Parser.ID
		}
		got = append(got, l)
	}
	want := []line{
		{"scans-collector", "scans-parser", "Open scans", "Example Foundation", "scans", "mail.csirt.example", 86400, 3, false},
		{"web-collector", "", "web-collector", "", "", "https://feeds.example/list.csv", 0, 26, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.Global["logging_level"] != "INFO" || len(c.Bots) != 5 || c.Bots[1].Group != intelmq.Expert {
		t.Errorf("got %+v", c)
	}
}

func TestTheOlderJSONIsReadToo(t *testing.T) {
	c, err := intelmq.Read(strings.NewReader(`{"a-collector": {"group": "Collector", "module": "intelmq.bots.collectors.file.collector_file", "parameters": {"feed": "F", "path": "/tmp/in"}}}`))
	if err != nil || len(c.Feeds()) != 1 || c.Feeds()[0].Name != "F" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestABrokenFileNamesTheLineAndTheBot(t *testing.T) {
	for in, want := range map[string]intelmq.Error{
		"":                               {Line: 1},
		"[]":                             {Line: 1},
		"a: [":                           {Line: 1},
		"a:\n  b: c\n d: e":              {Line: 2},
		"a:\n  module: m\na:\n  b: c":    {Line: 3, Bot: "a"},
		"a: 1":                           {Line: 1, Bot: "a"},
		"a:\n  name: x":                  {Line: 2, Bot: "a"},
		"a:\n  module: {x: 1}":           {Line: 2, Bot: "a"},
		"global: 5":                      {Line: 1, Bot: "global"},
		strings.Repeat(" ", 8<<20) + "a": {},
	} {
		_, err := intelmq.Read(strings.NewReader(in))
		var bad *intelmq.Error
		if !errors.As(err, &bad) || bad.Line != want.Line || bad.Bot != want.Bot {
			t.Errorf("%.30q: got %v, want line %d, bot %q", in, err, want.Line, want.Bot)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(runtime)
	f.Add("a: &a {module: m, parameters: {destination_queues: [*a]}}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := intelmq.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, feed := range c.Feeds() {
			if feed.Collector == nil || feed.Name == "" {
				t.Fatalf("%q: a feed without a collector or name", text)
			}
		}
	})
}
