package constituencyweb

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// keyDays is how long before its end a key is marked.
const keyDays = 30

func contactURL(id int64) string { return "/constituency/contacts/" + strconv.FormatInt(id, 10) }

// contactRoutes are the pages of contacts and their keys.
func (w *Web) contactRoutes() []web.Route {
	base := "/constituency/contacts"
	return []web.Route{
		{Method: "GET", Pattern: base + "/{id}", Permission: read, Handler: w.contact, Sample: "GET " + base + "/1"},
		{Method: "GET", Pattern: base + "/{id}/edit", Permission: changeContact, Handler: w.contactForm, Sample: "GET " + base + "/1/edit"},
		{Method: "POST", Pattern: base + "/{id}", Permission: changeContact, Handler: w.contactSave, Sample: "POST " + base + "/1 version=1"},
		{Method: "POST", Pattern: base + "/{id}/end", Permission: changeContact, Handler: w.contactEnd, Sample: "POST " + base + "/1/end version=1"},
		{Method: "POST", Pattern: base + "/{id}/move", Permission: changeContact, Handler: w.contactMove, Sample: "POST " + base + "/1/move version=1&to=up"},
		{Method: "GET", Pattern: base + "/{id}/keys/new", Permission: changeKey, Handler: w.keyNew, Sample: "GET " + base + "/1/keys/new"},
		{
			Method: "POST", Pattern: base + "/{id}/keys", Permission: changeKey, Handler: w.keyAdd, MaxBody: 2 << 20,
			Sample: "POST " + base + "/1/keys key=none",
		},
		{Method: "POST", Pattern: base + "/{id}/keys/{key}", Permission: changeKey, Handler: w.keyTurn, Sample: "POST " + base + "/1/keys/1 verb=retire"},
		{Method: "GET", Pattern: "/constituency/keys", Permission: read, Handler: w.keysExpiring, Sample: "GET /constituency/keys"},
	}
}

// table is a list with buttons in its last column.
type table struct {
	ID, Caption string
	Columns     []string
	Add         *web.Action
	Rows        []tableRow
	Empty       web.Empty
}

type tableRow struct {
	Cells   []web.Cell
	Badges  []web.Badge // in a column before the buttons
	Actions []web.Action
}

// contactTable lists whom to reach, in order, with keys and the buttons that change
// the order.
func (w *Web) contactTable(r *http.Request, s speaker, org int64) (t table, err error) {
	ctx, db := r.Context(), w.acts.Reader()
	contacts, err := w.room.Contacts(ctx, db, org)
	t = table{
		ID: "contacts", Caption: s.T("constituency.contacts", nil),
		Columns: []string{
			s.T("constituency.contact.position", nil), s.T("constituency.name", nil), s.T("constituency.contact.reach", nil),
			s.T("constituency.contact.hours", nil), s.T("constituency.key.column", nil),
		},
		Empty: web.Empty{Title: s.T("constituency.contacts.empty", nil), Why: s.T("constituency.contacts.empty.why", nil)},
	}
	if can(r, changeContact) {
		t.Add = &web.Action{Label: s.T("constituency.contact.add", nil), URL: orgURL(org) + "/contacts/new", Icon: "plus"}
		t.Empty.Do = t.Add
	}
	for i, k := range contacts {
		reach := web.Cell{Text: k.Phone, Sub: k.Email}
		if k.Phone == "" {
			reach = web.Text(k.Email)
		}
		row := tableRow{Cells: []web.Cell{
			web.Number(int64(i+1), ""), {Text: k.Name, Sub: k.Role, URL: contactURL(k.ID)}, reach, {Text: k.Hours, Sub: k.Language},
		}}
		keys, err := w.guard.KeysOf(ctx, db, k.Person)
		if err != nil {
			return t, err
		}
		row.Badges = s.keyBadges(keys, w.acts.Clock().Now())
		if can(r, changeContact) {
			move := func(to, icon string) web.Action {
				return web.Action{
					Label: s.T("constituency.contact."+to, nil), URL: contactURL(k.ID) + "/move", Icon: icon, Post: true,
					Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(k.Version, 10)}, {Name: "to", Value: to}},
				}
			}
			if i > 0 {
				row.Actions = append(row.Actions, move("up", "up"))
			}
			if i < len(contacts)-1 {
				row.Actions = append(row.Actions, move("down", "down"))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, err
}

// keyBadges says in a word and a shape what keys somebody has: the one that is used,
// why none is, and what is offered.
func (s speaker) keyBadges(keys []guard.Key, now time.Time) (out []web.Badge) {
	var best *guard.Key
	offered := false
	for i := range keys {
		k := &keys[i]
		offered = offered || k.State == guard.KeyOffered
		if k.State == guard.KeyCurrent && (best == nil || !best.UsableAt(now) && k.UsableAt(now)) {
			best = k
		}
	}
	switch {
	case best != nil:
		out = append(out, s.keyBadge(best, now))
	case !offered:
		out = append(out, web.Badge{Tone: "muted", Icon: "state-other", Word: s.T("constituency.key.none", nil)})
	}
	if offered {
		out = append(out, web.Badge{Tone: "info", Icon: "question", Word: s.T("constituency.key.offered", nil)})
	}
	return out
}

// keyBadge is the state of one key in words: an end that is near says how near.
func (s speaker) keyBadge(k *guard.Key, now time.Time) web.Badge {
	days := int(k.Expires.Sub(now) / (24 * time.Hour))
	switch {
	case !k.Revoked.IsZero():
		return web.Badge{Tone: "high", Icon: "cross", Word: s.T("constituency.key.revoked", nil)}
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return web.Badge{Tone: "high", Icon: "state-expired", Word: s.T("constituency.key.expired", map[string]any{"Count": int(now.Sub(k.Expires) / (24 * time.Hour))})}
	case k.State == guard.KeyRetired:
		return web.Badge{Tone: "muted", Icon: "state-closed", Word: s.T("constituency.key.retired", nil)}
	case k.State == guard.KeyOffered:
		return web.Badge{Tone: "info", Icon: "question", Word: s.T("constituency.key.offered", nil)}
	case !k.Expires.IsZero() && days <= keyDays:
		return web.Badge{Tone: "medium", Icon: "state-expired", Word: s.T("constituency.key.expires", map[string]any{"Count": days})}
	}
	return web.Badge{Tone: "ok", Icon: "key", Word: s.T("constituency.key.good", nil)}
}

// contactData is the dot of a contact's page.
type contactData struct {
	Facts web.Facts
	Keys  table
	Links []web.Link
}

func (w *Web) contact(rw http.ResponseWriter, r *http.Request) error {
	k, err := w.contactNamed(r)
	if err != nil {
		return err
	}
	s := w.speak(r)
	p := w.page(k.Name)
	p.Lead = k.Role
	p.Crumbs = []web.Link{crumb(r, "constituency.organisations", "/constituency/organisations"), {Label: s.org(k.Org), URL: orgURL(k.Org)}}
	what := s.T("constituency.contact.person", nil)
	if k.Mailbox {
		what = s.T("constituency.contact.mailbox", nil)
	}
	data := contactData{Facts: web.Facts{Title: s.T("constituency.facts", nil), Items: []web.Fact{
		{Label: s.T("constituency.organisation", nil), Cell: web.Anchor(s.org(k.Org), orgURL(k.Org))},
		{Label: s.T("constituency.contact.what", nil), Cell: web.Text(what)},
		{Label: s.T("constituency.contact.phone", nil), Cell: web.Cell{Text: k.Phone, Mono: true}},
		{Label: s.T("constituency.contact.email", nil), Cell: web.Text(k.Email)},
		{Label: s.T("constituency.contact.language", nil), Cell: web.Text(k.Language)},
		{Label: s.T("constituency.contact.hours", nil), Cell: web.Text(k.Hours)},
		{Label: s.T("constituency.contact.position", nil), Cell: web.Number(k.Position, "")},
	}}}
	if can(r, changeContact) {
		p.Primary = &web.Action{Label: s.T("constituency.contact.edit", nil), URL: contactURL(k.ID) + "/edit", Icon: "edit", Tone: "primary"}
		p.Actions = []web.Action{{
			Label: s.T("constituency.contact.end", nil), URL: contactURL(k.ID) + "/end", Post: true, Tone: "danger", Icon: "trash",
			Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(k.Version, 10)}},
		}}
	}
	if can(r, readLedger) {
		data.Links = []web.Link{s.record("person:" + strconv.FormatInt(k.Person, 10))}
	}
	if data.Keys, err = w.keyTable(r, s, k); err != nil {
		return err
	}
	p.Data = data
	return w.show(rw, r, "contact", p)
}

func (w *Web) contactNamed(r *http.Request) (constituency.Contact, error) {
	id, err := pathID(r, "constituency.contact.none")
	if err != nil {
		return constituency.Contact{}, err
	}
	return w.room.Contact(r.Context(), w.acts.Reader(), id)
}

func (w *Web) keyTable(r *http.Request, s speaker, k constituency.Contact) (table, error) {
	keys, err := w.guard.KeysOf(r.Context(), w.acts.Reader(), k.Person)
	now := w.acts.Clock().Now()
	t := table{
		ID: "keys", Caption: s.T("constituency.keys", nil),
		Columns: []string{
			s.T("constituency.key.fingerprint", nil), s.T("constituency.key.valid", nil), s.T("constituency.key.source", nil), s.T("constituency.state", nil),
		},
		Empty: web.Empty{Title: s.T("constituency.keys.empty", nil), Why: s.T("constituency.keys.empty.why", nil)},
	}
	if can(r, changeKey) {
		t.Add = &web.Action{Label: s.T("constituency.key.add", nil), URL: contactURL(k.ID) + "/keys/new", Icon: "plus"}
	}
	for i := range keys {
		key := &keys[i]
		until := s.T("constituency.key.forever", nil)
		if !key.Expires.IsZero() {
			until = s.T("constituency.key.until", map[string]any{"Day": s.In(time.UTC).Date(key.Expires)})
		}
		row := tableRow{
			Cells: []web.Cell{
				{Text: pgp.Grouped(key.Fingerprint), Mono: true, Sub: strings.Join(key.UserIDs, " · ")},
				{Text: until, Sub: s.T("constituency.key.made", map[string]any{"Day": s.In(time.UTC).Date(key.Made)})},
				{Text: s.T("constituency.key.source."+string(key.Source), nil), Sub: s.In(time.UTC).Date(key.AddedAt)},
			},
			Badges: []web.Badge{s.keyBadge(key, now)},
		}
		if !key.Names(k.Email) && k.Email != "" {
			row.Badges = append(row.Badges, web.Badge{Tone: "medium", Icon: "warning", Word: s.T("constituency.key.other_address", nil)})
		}
		if can(r, changeKey) {
			row.Actions = s.keyActions(k, key, now)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, err
}

// keyActions are the turns that a key can take.
func (s speaker) keyActions(k constituency.Contact, key *guard.Key, now time.Time) (out []web.Action) {
	turn := func(verb, icon string) {
		out = append(out, web.Action{
			Label: s.T("constituency.key."+verb, nil), URL: contactURL(k.ID) + "/keys/" + strconv.FormatInt(key.ID, 10), Icon: icon, Post: true,
			Hidden: []web.Hidden{{Name: "verb", Value: verb}},
		})
	}
	usable := key.Revoked.IsZero() && (key.Expires.IsZero() || now.Before(key.Expires))
	if key.State != guard.KeyCurrent && usable {
		turn("accept", "check")
	}
	if key.State != guard.KeyRetired {
		turn("retire", "cross")
	}
	return out
}

func (w *Web) contactMove(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, err := w.contactNamed(r)
	if err != nil {
		return err
	}
	to := r.PostFormValue("to")
	if to != "up" && to != "down" {
		return fault.OnField("to", "fault.form", nil)
	}
	if err := w.room.MoveContact(r.Context(), actorOf(r), k.ID, number(r.PostFormValue("version")), to == "up"); err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(k.Org), web.Flash{Key: "constituency.contact.moved", Args: map[string]any{"Name": k.Name}})
	return nil
}

func (w *Web) keyForm(r *http.Request, k constituency.Contact) web.Form {
	s := w.speak(r)
	return web.Form{
		Action: contactURL(k.ID) + "/keys", Cancel: contactURL(k.ID), Submit: s.T("constituency.key.add", nil), Files: true,
		Fields: []web.Field{
			{
				Name: "key", Label: s.T("constituency.key.text", nil), Type: "textarea", Rows: 8, Mono: true, Autofocus: true,
				Why: s.T("constituency.key.text.why", nil), Example: "-----BEGIN PGP PUBLIC KEY BLOCK-----",
			},
			{Name: "file", Label: s.T("constituency.key.file", nil), Type: "file", Accept: ".asc,.gpg,.pgp,.key,.txt"},
		},
	}
}

func (w *Web) keyNew(rw http.ResponseWriter, r *http.Request) error {
	k, err := w.contactNamed(r)
	if err != nil {
		return err
	}
	return w.keyPage(rw, r, http.StatusOK, k, w.keyForm(r, k), nil)
}

func (w *Web) keyPage(rw http.ResponseWriter, r *http.Request, status int, k constituency.Contact, f web.Form, err error) error {
	return w.form(rw, r, status, web.Say(r, "constituency.key.add_for", "Name", k.Name), f, err)
}

func (w *Web) keyAdd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, err := w.contactNamed(r)
	if err != nil {
		return err
	}
	data := []byte(r.PostFormValue("key"))
	if file, _, ferr := r.FormFile("file"); ferr == nil {
		sent, rerr := io.ReadAll(io.LimitReader(file, 1<<20))
		if cerr := file.Close(); rerr != nil || cerr != nil {
			return fault.OnField("file", "fault.form", nil)
		}
		if len(sent) > 0 {
			data = sent
		}
	}
	key, err := w.guard.AddKey(r.Context(), actorOf(r), k.Person, data)
	if correctable(err) {
		f := w.keyForm(r, k)
		fill(&f, r)
		return w.keyPage(rw, r, web.Status(fault.CodeOf(err)), k, f, err)
	}
	if err != nil {
		return err
	}
	done := web.Flash{Key: "constituency.key.added"}
	if !key.Revoked.IsZero() {
		done = web.Flash{Key: "constituency.key.now_revoked", Tone: "warning"}
	}
	w.site.Redirect(rw, r, contactURL(k.ID), done)
	return nil
}

func (w *Web) keyTurn(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, err := w.contactNamed(r)
	if err != nil {
		return err
	}
	key, err := w.guard.Key(r.Context(), w.acts.Reader(), number(r.PathValue("key")))
	if err != nil {
		return err
	}
	if key.Person != k.Person {
		return fault.New(fault.NotFound, "guard.key.none", nil)
	}
	done := ""
	switch r.PostFormValue("verb") {
	case "accept":
		done = "constituency.key.accepted_now"
		_, err = w.guard.AcceptKey(r.Context(), actorOf(r), key.ID)
	case "retire":
		done = "constituency.key.retired_now"
		_, err = w.guard.RetireKey(r.Context(), actorOf(r), key.ID)
	default:
		err = fault.OnField("verb", "fault.form", nil)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, contactURL(k.ID), web.Flash{Key: done})
	return nil
}

// keysExpiring lists the contacts to whom nothing can be sealed any more soon.
func (w *Web) keysExpiring(rw http.ResponseWriter, r *http.Request) error {
	s, now := w.speak(r), w.acts.Clock().Now()
	keys, err := w.room.ExpiringKeys(r.Context(), w.acts.Reader(), keyDays)
	if err != nil {
		return err
	}
	p := w.page(s.T("constituency.keys.expiring", nil))
	p.Lead = s.T("constituency.keys.expiring.why", map[string]any{"Days": keyDays})
	p.Crumbs = []web.Link{crumb(r, "constituency.organisations", "/constituency/organisations")}
	list := web.List{
		ID: "keys", Caption: s.T("constituency.keys", nil), Live: true, Total: web.Total{N: int64(len(keys))},
		Columns: []web.Column{
			{Label: s.T("constituency.name", nil)}, {Label: s.T("constituency.organisation", nil)}, {Label: s.T("constituency.state", nil)},
			{Label: s.T("constituency.contact.reach", nil)},
		},
		Empty: web.Empty{Title: s.T("constituency.keys.expiring.empty", nil), Why: s.T("constituency.keys.expiring.empty.why", nil)},
	}
	for i := range keys {
		k := &keys[i]
		badge := s.keyBadge(&k.Key, now)
		name, org := web.Text(strings.Join(k.Key.UserIDs, " · ")), web.Cell{}
		if k.Contact.ID != 0 {
			name, org = web.Anchor(k.Contact.Name, contactURL(k.Contact.ID)), web.Anchor(s.org(k.Contact.Org), orgURL(k.Contact.Org))
		}
		list.Rows = append(list.Rows, web.Row{Name: k.Contact.Name, URL: name.URL, Cells: []web.Cell{
			name, org, {Badge: &badge, Sub: s.In(time.UTC).Date(k.Key.Expires)}, {Text: k.Contact.Email, Sub: k.Contact.Phone},
		}})
	}
	p.Data = list
	return w.show(rw, r, "list", p)
}
