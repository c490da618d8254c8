package atom_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/atom"
)

func at(h int) time.Time { return time.Date(2026, 11, 21, h, 0, 0, 0, time.UTC) }

func sample() *atom.Feed {
	return &atom.Feed{
		ID: "urn:uuid:5f0e3c52-63a5-4d8e-8c4f-1f0d2a7b9c11", Title: atom.Plain("Warnings & advisories"), Language: "en",
		Authors: []atom.Person{{Name: "CSIRT Atalaya", URI: "https://csirt.example/", Email: "desk@csirt.example"}},
		Links:   []atom.Link{{Href: "https://csirt.example/feed", Rel: "self", Type: "application/atom+xml"}},
		Entries: []atom.Entry{
			{
				ID: "https://csirt.example/w/2", Title: atom.Plain("Two <b>"), Updated: at(9), Published: at(8),
				Links:      []atom.Link{{Href: "https://csirt.example/w/2?a=1&b=2"}, {Href: "https://csirt.example/w/2.json", Rel: "enclosure", Type: "application/json", Length: 12}},
				Categories: []atom.Category{{Term: "TLP:CLEAR", Scheme: "https://www.first.org/tlp/", Label: "TLP:CLEAR"}},
				Summary:    atom.Text{Value: "<p>x</p>", HTML: true},
			},
			{ID: "https://csirt.example/w/1", Title: atom.Plain("Un"), Updated: at(10), Language: "fr", Content: atom.Plain("texte\tici")},
		},
	}
}

func TestAFeedIsTheseBytes(t *testing.T) {
	got, err := sample().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
  <id>urn:uuid:5f0e3c52-63a5-4d8e-8c4f-1f0d2a7b9c11</id>
  <title>Warnings &amp; advisories</title>
  <updated>2026-11-21T10:00:00Z</updated>
  <author>
    <name>CSIRT Atalaya</name>
    <uri>https://csirt.example/</uri>
    <email>desk@csirt.example</email>
  </author>
  <link rel="self" type="application/atom+xml" href="https://csirt.example/feed"/>
  <entry>
    <id>https://csirt.example/w/2</id>
    <title>Two &lt;b&gt;</title>
    <updated>2026-11-21T09:00:00Z</updated>
    <published>2026-11-21T08:00:00Z</published>
    <link rel="alternate" href="https://csirt.example/w/2?a=1&amp;b=2"/>
    <link rel="enclosure" type="application/json" href="https://csirt.example/w/2.json" length="12"/>
    <category term="TLP:CLEAR" scheme="https://www.first.org/tlp/" label="TLP:CLEAR"/>
    <summary type="html">&lt;p&gt;x&lt;/p&gt;</summary>
  </entry>
  <entry xml:lang="fr">
    <id>https://csirt.example/w/1</id>
    <title>Un</title>
    <updated>2026-11-21T10:00:00Z</updated>
    <content>texte&#x9;ici</content>
  </entry>
</feed>
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatTheFormatForbidsIsRefusedWithThePlace(t *testing.T) {
	for _, c := range []struct {
		spoil func(*atom.Feed)
		want  string
	}{
		{func(f *atom.Feed) { f.ID = "" }, "feed: id: is missing"},
		{func(f *atom.Feed) { f.ID = "/feed" }, "feed: id: is not an absolute"},
		{func(f *atom.Feed) { f.Title = atom.Plain(" ") }, "feed: title: is missing"},
		{func(f *atom.Feed) { f.Entries = nil }, "feed: updated: is missing"},
		{func(f *atom.Feed) { f.Language = "a b" }, "feed: language"},
		{func(f *atom.Feed) { f.Authors = nil }, "entry 1: author: is missing"},
		{func(f *atom.Feed) { f.Authors[0].Email = "nobody" }, "email: is not a mail address"},
		{func(f *atom.Feed) { f.Entries[1].ID = f.Entries[0].ID }, "entry 2: id: comes twice"},
		{func(f *atom.Feed) { f.Entries[1].Content = atom.Text{} }, "entry 2: link: is missing"},
		{func(f *atom.Feed) { f.Entries[1].Updated = time.Time{} }, "entry 2: updated"},
		{func(f *atom.Feed) { f.Entries[1].Updated = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "impossible year"},
		{func(f *atom.Feed) { f.Entries[1].Title = atom.Plain("a\x01") }, "XML lacks"},
		{func(f *atom.Feed) { f.Entries[1].Content = atom.Plain("a\xff") }, "XML lacks"},
		{func(f *atom.Feed) { f.Entries[0].Links[0].Href = "https://a b" }, "entry 1: link"},
		{func(f *atom.Feed) { f.Entries[0].Links[1].Rel = "Not a rel" }, "link's rel"},
		{func(f *atom.Feed) { f.Entries[0].Links[1] = f.Entries[0].Links[0] }, "second alternate"},
		{func(f *atom.Feed) { f.Entries[0].Links[1].Type = "json" }, "media type"},
		{func(f *atom.Feed) { f.Entries[0].Categories[0].Term = "" }, "category's term"},
	} {
		f := sample()
		c.spoil(f)
		if b, err := f.Append([]byte("x")); err == nil || !strings.Contains(err.Error(), c.want) || string(b) != "x" {
			t.Errorf("got %v and %q, want %q", err, b, c.want)
		}
	}
}

func FuzzFeed(f *testing.F) {
	f.Add("Title", "https://csirt.example/1", "text", "en")
	f.Fuzz(func(t *testing.T, title, id, text, lang string) {
		feed := sample()
		feed.Language = lang
		feed.Entries = append(feed.Entries, atom.Entry{
			ID: id, Title: atom.Plain(title), Updated: at(11), Content: atom.Text{Value: text, HTML: true},
			Links: []atom.Link{{Href: id, Title: title}},
		})
		b, err := feed.Append(nil)
		if err != nil {
			return
		}
		var back struct {
			Entry []struct {
				ID      string `xml:"id"`
				Title   string `xml:"title"`
				Content string `xml:"content"`
			} `xml:"entry"`
		}
		if err := xml.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		last := back.Entry[len(back.Entry)-1]
		if last.ID != id || last.Title != title || last.Content != text {
			t.Fatalf("got %q, want %q %q %q", last, id, title, text)
		}
	})
}
