package mapping_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"almenara.example/idf"
	"almenara.example/mapping"
)

const events = `kind = "events"
version = "1"
format = "idf"
closes_by = "expiry"
expiry_days = 30
`

func TestEventsInTheirOwnFormatNeedNoColumns(t *testing.T) {
	p, err := mapping.Load(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(strings.NewReader(`{"__type":"Event","feed.name":"F","source.ip":"192.0.2.1","classification.type":"c2-server","extra.tag":"a","extra":{"n":5}}
{"source":{"fqdn":"host.example.org"},"classification.type":"phishing","new.key":"x"}
{"source.ip":"192.0.2.300"}
{"classification.type":"phishing"}
`), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	keys := map[string]bool{}
	for {
		var e idf.Event
		rec, reject, err := s.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec == nil {
			got = append(got, string(reject.Reason))
			continue
		}
		keys[string(s.AppendKey(nil, &e))] = true
		got = append(got, string(e.AppendCanonicalJSON(nil)))
	}
	want := []string{
		`{"classification.type":"c2-server","extra.n":"5","extra.tag":"a","feed.name":"F","source.ip":"192.0.2.1"}`,
		`{"classification.type":"phishing","extra.new.key":"x","source.fqdn":"host.example.org"}`,
		"bad_ip", "empty_required",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if len(keys) != 2 {
		t.Errorf("got %d keys, want 2", len(keys))
	}
	if fit := s.Fit(); len(fit.Lost) != 0 || strings.Join(fit.Added, " ") != "new.key" {
		t.Errorf("got lost %v, added %v", fit.Lost, fit.Added)
	}
	if _, err := mapping.Load(strings.NewReader(events + "[[column]]\nname = \"a\"\n")); err == nil {
		t.Error("a column is taken")
	}
}
