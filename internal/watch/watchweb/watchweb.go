package watchweb

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// Templates are this package's pages; the site knows them as "watch/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Stories adds what other rooms know about a finding to its page, such as notices
// and answers. Moments come newest first and in the reader's language.
type Stories interface {
	OfFinding(ctx context.Context, r sqldb.Reader, finding int64, v web.Viewer, words *i18n.Printer) ([]web.Moment, error)
}

// Config is what the pages need.
type Config struct {
	Site         *web.Site
	Watch        *watch.Watch
	Constituency *constituency.Constituency
	Acts         *act.Acts
	Stories      Stories // nil: none
	Elsewhere    []Elsewhere
}

// Elsewhere is what another room does with findings: a page that gets their numbers as
// ?id=…&id=….
type Elsewhere struct {
	Name, Key, Icon string // Name: of the choice in a form; Key: its word in the catalogue
	Permission      string
	URL             string
}

// Web are watch's pages. Make them with New.
type Web struct {
	site         *web.Site
	watch        *watch.Watch
	constituency *constituency.Constituency
	acts         *act.Acts
	stories      Stories
	elsewhere    []Elsewhere
	read         sqldb.Reader
}

// New returns the pages.
func New(c Config) *Web {
	return &Web{
		site: c.Site, watch: c.Watch, constituency: c.Constituency, acts: c.Acts, stories: c.Stories, elsewhere: c.Elsewhere,
		read: c.Acts.Reader(),
	}
}

// room marks this room in the rail.
const room = "watch"

// asker is who asks, in which words.
type asker struct {
	web.Viewer
	actor act.Actor
	words *i18n.Printer
}

func askerOf(r *http.Request) asker {
	v := web.ViewerOf(r.Context())
	a, _ := v.Actor.(act.Actor)
	return asker{Viewer: v, actor: a, words: web.PrinterOf(r.Context())}
}

// say is a sentence in the reader's language; pairs are names and values.
func (a asker) say(key string, pairs ...any) string { return a.words.Say(key, pairs...) }

// crumb is a step on the way to a page.
func (a asker) crumb(key, to string) web.Link { return web.Link{Label: a.say(key), URL: to} }

// query reads a value of the address; control characters and broken text are
// refused, as no name or number has any.
func query(r *http.Request, name string) (string, error) {
	return clean(name, r.URL.Query().Get(name))
}

func clean(name, value string) (string, error) {
	value = strings.TrimSpace(value)
	bad := func(c rune) bool { return c < 0x20 || c == 0x7f || c == utf8.RuneError }
	if len(value) > 500 || strings.ContainsFunc(value, bad) {
		return "", fault.OnField(name, "watch.page.bad_value", fault.Args{"Name": name})
	}
	return value, nil
}

// checkQuery refuses an address with values that nothing of ours could be.
func checkQuery(r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Wrap(fault.Invalid, "watch.page.bad_address", nil, err)
	}
	for name, vs := range values {
		for _, v := range vs {
			if _, err := clean("value", name+v); err != nil {
				return fault.New(fault.Invalid, "watch.page.bad_address", nil)
			}
		}
	}
	return nil
}

// number64 reads an inner number of an address; what is no number is not there.
func number64(s, missing string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.NotFound, missing, nil)
	}
	return n, nil
}

// queryNumber reads an optional whole number of the address.
func queryNumber(r *http.Request, name string) (int64, error) {
	s, err := query(r, name)
	if err != nil || s == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.OnField(name, "watch.page.no_number", fault.Args{"Value": s})
	}
	return n, nil
}

// address builds a path with a query from pairs of names and values; empty values
// are left out.
func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// turn is the address of the next or the previous page of a list.
func turn(u *url.URL, cursor, at string) string {
	q := u.Query()
	q.Del("before")
	q.Del("after")
	q.Set(cursor, at)
	return u.Path + "?" + q.Encode()
}

func findingURL(number string) string { return "/watch/findings/" + url.PathEscape(number) }

func deliveryURL(id int64) string { return "/watch/deliveries/" + strconv.FormatInt(id, 10) }

func organisationURL(id int64) string {
	return "/constituency/organisations/" + strconv.FormatInt(id, 10)
}
