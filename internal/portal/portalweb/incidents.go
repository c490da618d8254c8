package portalweb

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
)

const incidentsURL = "/portal/incidents"

// incidentRoutes are the pages of incidents, and what is done on them.
func (p *Pages) incidentRoutes() []web.Route {
	get := func(pattern, sample string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: "GET " + sample}
	}
	post := func(pattern, sample, body string, h handler) web.Route {
		return web.Route{Method: "POST", Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: "POST " + sample + " " + body}
	}
	call := func(pattern, sample string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayFetch, Handler: p.door(h), Sample: "GET " + sample, API: true, Stream: true}
	}
	one, entry := incidentsURL+"/ALM-0000-0000", "/portal/entries/E-0000-0000"
	write, answer := post(incidentsURL+"/{number}/write", one+"/write", "kind=note&text=a&marking=TLP:AMBER", p.writeEntry),
		post("/portal/entries/{entry}/answer", entry+"/answer", "text=a", p.answerQuestion)
	write.MaxBody, answer.MaxBody = 4*incident.MaxFile, 4*incident.MaxFile
	return []web.Route{
		get(incidentsURL, incidentsURL, p.incidents),
		get(incidentsURL+"/{number}", one, p.incident),
		get(incidentsURL+"/{number}/write", one+"/write", p.write), write,
		post(incidentsURL+"/{number}/lead", one+"/lead", "accept=yes", p.answerLead),
		get("/portal/entries/{entry}", entry, p.entry), answer,
		post("/portal/entries/{entry}/task", entry+"/task", "state=done&version=1", p.setTask),
		post("/portal/entries/{entry}/edit", entry+"/edit", "text=a&version=1", p.editEntry),
		post("/portal/entries/{entry}/retract", entry+"/retract", "reason=a&version=1", p.retract),
		post("/portal/entries/{entry}/share", entry+"/share", "marking=TLP:AMBER&reason=a&version=1", p.share),
		get("/portal/incident-files/{file}", "/portal/incident-files/F-0000-0000", p.incidentFile),
		call("/api/v1/portal/incidents", "/api/v1/portal/incidents", p.incidentsJSON),
		call("/api/v1/portal/incidents/{number}", "/api/v1/portal/incidents/ALM-0000-0000", p.incidentJSON),
		call("/api/v1/portal/entries/{entry}", "/api/v1/portal/entries/E-0000-0000", p.entryJSON),
		call("/api/v1/portal/incident-files/{file}", "/api/v1/portal/incident-files/F-0000-0000", p.incidentFile),
	}
}

func incidentPath(number string) string { return incidentsURL + "/" + url.PathEscape(number) }
func entryPath(ref string) string       { return "/portal/entries/" + url.PathEscape(ref) }

func (p *Pages) incidents(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncidents, w.Actor.Org, asked(r, "before"))
	return portal.Show(parcel), err
}

func (p *Pages) incidentsJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.incidents(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

// oneIncident is an incident as far as the reader sees it.
func (p *Pages) oneIncident(r *http.Request, w portal.Who) (portal.Reply, error) {
	i, err := p.portal.IncidentOf(r.Context(), w, r.PathValue("number"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncident, i.ID, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) incident(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.oneIncident(r, w)
	if err != nil {
		return reply, err
	}
	var d portal.IncidentDoc
	if err := json.Unmarshal(reply.Parcel.View().Body, &d); err != nil {
		return reply, fmt.Errorf("read view of %s: %w", reply.Parcel.Thing(), err)
	}
	return reply, p.portal.Seen(r.Context(), w, d.Number, d.Story)
}

// incidentJSON leaves no sight: a program is no reader.
func (p *Pages) incidentJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.oneIncident(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

func (p *Pages) entry(r *http.Request, w portal.Who) (portal.Reply, error) {
	e, err := p.portal.EntryOf(r.Context(), w, r.PathValue("entry"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindEntry, e.ID, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) entryJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.entry(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

// incidentFile hands a file out to be saved: nothing from outside is shown in our origin.
func (p *Pages) incidentFile(r *http.Request, w portal.Who) (portal.Reply, error) {
	id, err := p.portal.Incidents.ByFileRef(r.PathValue("file"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncidentFile, id, url.Values{})
	return portal.Send(parcel, portal.File{Name: parcel.View().Subject, ContentType: "application/octet-stream"}), err
}

func (p *Pages) write(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.ShowWrite(r.Context(), w, r.PathValue("number"), portal.Writing{}, false)
	return portal.Show(parcel), err
}

// writeFields are what the form to write has, besides files.
func writeFields() []string {
	return []string{"text", "kind", "marking", "asked", "due", "observables", "version", "reason", "result", "state"}
}

// typedEntry is what was typed into the form to write.
func typedEntry(r *http.Request) portal.Typed {
	t := typed(r, writeFields()...)
	t["org"], t["person"] = strings.Join(r.PostForm["org"], " "), strings.Join(r.PostForm["person"], " ")
	return t
}

// writing reads what was written.
func writing(r *http.Request) (x portal.Writing, err error) {
	f := r.PostForm
	x = portal.Writing{
		Kind: incident.Kind(f.Get("kind")), Text: f.Get("text"), Marking: f.Get("marking"), Orgs: f["org"], People: f["person"], Asked: f.Get("asked"),
	}
	if x.Kind == "" {
		x.Kind = incident.Note
	}
	if x.Due, err = dueOf(r); err != nil {
		return x, err
	}
	for _, v := range strings.FieldsFunc(f.Get("observables"), func(c rune) bool { return c == '\n' || c == ',' || c == ';' }) {
		if v = strings.TrimSpace(v); v != "" {
			x.Observables = append(x.Observables, incident.NewObservable{Value: v})
		}
	}
	x.Files, err = readFiles(r)
	return x, err
}

func dueOf(r *http.Request) (time.Time, error) { return timeIn(r, "due") }

// timeIn reads a time of a form; zero for none.
func timeIn(r *http.Request, name string) (time.Time, error) {
	t, ok := web.FormTime(r, name)
	if !ok {
		return t, fault.OnField(name, "portal.incident.time", nil)
	}
	return t, nil
}

func readFiles(r *http.Request) (out []incident.NewFile, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for _, h := range r.MultipartForm.File["files"] {
		if h.Size == 0 && h.Filename == "" {
			continue
		}
		body, err := readFile(h)
		if err != nil {
			return nil, err
		}
		out = append(out, incident.NewFile{Name: h.Filename, Body: body})
	}
	return out, nil
}

func readFile(h *multipart.FileHeader) ([]byte, error) {
	if h.Size > incident.MaxFile {
		return nil, fault.OnField("files", "incident.file.large", fault.Args{"Name": fault.Clip(h.Filename), "Max": incident.MaxFile >> 20})
	}
	f, err := h.Open()
	if err != nil {
		return nil, fmt.Errorf("read a file of a form: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}

// writeEntry keeps what was written, or shows who would see it.
func (p *Pages) writeEntry(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	number, t := r.PathValue("number"), typedEntry(r)
	x, err := writing(r)
	if err == nil && r.PostForm.Get("do") == "look" {
		parcel, err := p.portal.ShowWrite(r.Context(), w, number, x, true)
		if err == nil {
			return portal.Show(parcel).With(0, t, nil), nil
		}
		return after(err, "", "", t, func() (portal.Reply, error) { return p.write(r, w) })
	}
	if err == nil {
		err = p.portal.Write(r.Context(), w, number, x)
	}
	return after(err, incidentPath(number), "portal.incident.written", t, func() (portal.Reply, error) { return p.write(r, w) })
}

func (p *Pages) answerLead(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.AnswerLead(r.Context(), w, r.PathValue("number"), r.PostForm.Get("accept") == "yes")
	return after(err, incidentPath(r.PathValue("number")), "portal.incident.saved", nil, func() (portal.Reply, error) { return p.oneIncident(r, w) })
}

// changed answers a change of an entry.
func (p *Pages) changed(r *http.Request, w portal.Who, said string, do func(ref string, version int64) error) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	ref := r.PathValue("entry")
	return after(do(ref, whole(r, "version")), entryPath(ref), said, typedEntry(r), func() (portal.Reply, error) { return p.entry(r, w) })
}

func (p *Pages) answerQuestion(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.written", func(ref string, _ int64) error {
		files, err := readFiles(r)
		if err != nil {
			return err
		}
		return p.portal.AnswerQuestion(r.Context(), w, ref, r.PostForm.Get("text"), files)
	})
}

func (p *Pages) setTask(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.SetTask(r.Context(), w, ref, incident.TaskState(r.PostForm.Get("state")), r.PostForm.Get("result"), version)
	})
}

func (p *Pages) editEntry(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.EditEntry(r.Context(), w, ref, r.PostForm.Get("text"), version)
	})
}

func (p *Pages) retract(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.Retract(r.Context(), w, ref, r.PostForm.Get("reason"), version)
	})
}

func (p *Pages) share(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		x := portal.Writing{Marking: r.PostForm.Get("marking"), Orgs: r.PostForm["org"], People: r.PostForm["person"]}
		return p.portal.Share(r.Context(), w, ref, x, r.PostForm.Get("reason"), version)
	})
}
