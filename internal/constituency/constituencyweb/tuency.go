package constituencyweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
)

// lookUp is what a token of an IntelMQ needs, and nothing more.
const lookUp = "constituency.lookup"

// Rules decide, for an organisation and a class of event, whether it is told and how
// often. The room that warns has them; app joins them.
type Rules interface {
	// OnLookup is asked once per organisation found. An interval of zero is at once;
	// else it is how long what was told is not told again.
	OnLookup(ctx context.Context, org int64, asked Asked) (suppress bool, interval time.Duration, err error)
}

// Asked is what somebody says of an event when he asks who is to be told. All of it
// comes from outside.
type Asked struct {
	Taxonomy, Type, Identifier       string // of the classification
	Provider, Feed, FeedCode, Status string // of the feed; status is "production" or "beta"
}

// SetRules joins the rules; to be called before the first request. Without any,
// everybody is told at once.
func (w *Web) SetRules(r Rules) { w.rules = r }

// tuency registers the look-up that IntelMQ's tuency expert makes, at the address
// where it asks (the expert's url and "intelmq/lookup") and below the API.
func (w *Web) tuency(api huma.API) {
	const sample = "intelmq/lookup?classification_taxonomy=vulnerable&classification_type=vulnerable-system&feed_provider=a&feed_name=b&feed_status=production&ip=192.0.2.1"
	op := operation("intelmq-lookup", http.MethodGet, "intelmq/lookup", lookUp,
		"Who is to be told of an event, as IntelMQ's tuency expert asks (its url is this address without intelmq/lookup, or the server's own)", sample)
	huma.Register(api, op, w.apiTuency)
	root := operation("intelmq-lookup-root", http.MethodGet, "", lookUp, op.Summary, "")
	root.Path, root.Hidden = "/intelmq/lookup", true
	root.Metadata["sample"] = "GET /" + sample
	huma.Register(api, root, w.apiTuency)
}

type tuencyIn struct {
	Taxonomy   string `query:"classification_taxonomy" maxLength:"100"`
	Type       string `query:"classification_type" maxLength:"100"`
	Identifier string `query:"classification_identifier" maxLength:"200"`
	Provider   string `query:"feed_provider" maxLength:"200"`
	Feed       string `query:"feed_name" maxLength:"200"`
	FeedCode   string `query:"feed_code" maxLength:"100"`
	Status     string `query:"feed_status" maxLength:"50"`
	IP         string `query:"ip" maxLength:"100" doc:"address; ip, domain or both" example:"192.0.2.7"`
	Domain     string `query:"domain" maxLength:"300" example:"www.water.example"`
}

// Destinations are who is found for the address, or for the name.
type Destinations struct {
	Destinations []Destination `json:"destinations"`
}

// Destination is an organisation that is told.
type Destination struct {
	Source   string          `json:"source" doc:"portal for an operator, else network or national-csirt"`
	Name     string          `json:"name"`
	Contacts []TuencyContact `json:"contacts"`
}

// TuencyContact is the address that is written to first.
type TuencyContact struct {
	Email string `json:"email"`
}

// TuencyInterval is how long what was told is not told again.
type TuencyInterval struct {
	Unit   string `json:"unit" enum:"immediate,hours,days,weeks"`
	Length int64  `json:"length"`
}

// TuencyAnswer is the answer. Without anybody to tell it has no interval, which the
// expert takes for "nothing known".
type TuencyAnswer struct {
	IP       *Destinations   `json:"ip,omitempty"`
	Domain   *Destinations   `json:"domain,omitempty"`
	Suppress bool            `json:"suppress" doc:"nobody of those found is to be told"`
	Interval *TuencyInterval `json:"interval,omitempty" doc:"the shortest of those found"`
}

type tuencyOut struct{ Body TuencyAnswer }

func (w *Web) apiTuency(ctx context.Context, in *tuencyIn) (*tuencyOut, error) {
	if in.IP == "" && in.Domain == "" {
		return nil, fault.OnField("ip", "constituency.from.no_subject", nil)
	}
	asked := Asked{in.Taxonomy, in.Type, in.Identifier, in.Provider, in.Feed, in.FeedCode, in.Status}
	byIP, err := w.whoIsTold(ctx, in.IP, asked)
	if err != nil {
		return nil, err
	}
	byName, err := w.whoIsTold(ctx, in.Domain, asked)
	if err != nil {
		return nil, err
	}
	return &tuencyOut{answerOf(byIP, byName)}, nil
}

// found is who is found for a subject, and what the rules say of them.
type found struct {
	destination Destination
	suppress    bool
	interval    time.Duration
}

// whoIsTold is who is found for a subject; nil when nobody is.
func (w *Web) whoIsTold(ctx context.Context, subject string, asked Asked) (*found, error) {
	if subject == "" {
		return nil, nil //nolint:nilnil // nobody asked
	}
	l, err := w.room.Lookup(ctx, w.acts.Reader(), subject, w.today())
	if err != nil || l.Match.Level == constituency.Unrouted {
		return nil, err
	}
	contacts, err := w.room.Contacts(ctx, w.acts.Reader(), l.Org.ID)
	if err != nil {
		return nil, err
	}
	f := &found{destination: Destination{Source: l.Match.Level.String(), Name: l.Org.Name, Contacts: []TuencyContact{}}}
	if l.Match.Level == constituency.Operator {
		f.destination.Source = "portal"
	}
	for _, c := range contacts {
		if c.Email != "" {
			f.destination.Contacts = append(f.destination.Contacts, TuencyContact{c.Email})
			break
		}
	}
	if w.rules != nil {
		f.suppress, f.interval, err = w.rules.OnLookup(ctx, l.Org.ID, asked)
	}
	return f, err
}

// answerOf puts both into the form of the answer, which has one word for all: who is
// not to be told is named only when nobody else is, and the shortest interval counts.
func answerOf(byIP, byName *found) (out TuencyAnswer) {
	var shortest time.Duration
	told, suppressed := 0, 0
	for _, f := range []*found{byIP, byName} {
		switch {
		case f == nil:
		case f.suppress:
			suppressed++
		default:
			if told == 0 || f.interval < shortest {
				shortest = f.interval
			}
			told++
		}
	}
	if told+suppressed == 0 {
		return out
	}
	out.Suppress, out.Interval = told == 0, intervalOf(shortest)
	named := func(f *found) *Destinations {
		if f == nil || f.suppress && told > 0 {
			return nil
		}
		return &Destinations{Destinations: []Destination{f.destination}}
	}
	out.IP, out.Domain = named(byIP), named(byName)
	return out
}

// intervalOf writes a time in the units of the expert: the largest that is exact,
// hours rounded up.
func intervalOf(d time.Duration) *TuencyInterval {
	const day = 24 * time.Hour
	switch {
	case d <= 0:
		return &TuencyInterval{"immediate", 1}
	case d%(7*day) == 0:
		return &TuencyInterval{"weeks", int64(d / (7 * day))}
	case d%day == 0:
		return &TuencyInterval{"days", int64(d / day)}
	}
	return &TuencyInterval{"hours", int64((d + time.Hour - 1) / time.Hour)}
}
