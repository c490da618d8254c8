package incidentweb

import (
	"bytes"
	"image"
	_ "image/gif"  // files from outside are decoded,
	_ "image/jpeg" // never shown as they came
	"image/png"
	"net/http"
	"strings"
	"unicode/utf8"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// The bounds of what is shown of a file.
const (
	maxShown  = 200 << 10  // bytes of text
	maxPixels = 25_000_000 // of an image
)

// viewingRoutes show files safely: text as text, images made anew from their pixels.
// Everything else is only downloaded.
func (p *Pages) viewingRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: "/incident/files/{file}/view", Permission: read, Handler: p.viewFile, Sample: "GET /incident/files/1/view"},
		{Method: "GET", Pattern: "/incident/files/{file}/image", Permission: read, Handler: p.imageOfFile, Sample: "GET /incident/files/1/image"},
	}
}

// filePage is the dot of the page that shows a file.
type filePage struct {
	Text     string
	Cut      bool
	Image    string // address of the image made anew
	Download web.Action
	Facts    web.Facts
}

func (p *Pages) fileNamed(r *http.Request) (f incident.File, body []byte, err error) {
	id, err := pathID(r, "file")
	if err != nil {
		return f, nil, err
	}
	return p.in.File(r.Context(), p.in.Acts.Reader(), viewer(r), id)
}

func (p *Pages) viewFile(w http.ResponseWriter, r *http.Request) error {
	f, body, err := p.fileNamed(r)
	if err != nil {
		return err
	}
	e, err := p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), f.Entry)
	if err != nil {
		return err
	}
	i, err := p.in.Incident(r.Context(), p.in.Acts.Reader(), viewer(r), e.Incident)
	if err != nil {
		return err
	}
	u := "/incident/files/" + number(f.ID)
	data := fileView(r, u, f.Name, f.Type, body)
	data.Facts.Items = append(data.Facts.Items,
		web.Fact{Label: web.Say(r, "incident.desk.entry"), Cell: web.Anchor(web.Say(r, "incident.desk.entry.open"), "/incident/entries/"+number(e.ID))})
	page := p.about(r, &i, web.Say(r, "incident.desk.file.title"))
	page.Marking, page.Data = e.Marking.String(), data
	return p.site.Page(w, r, http.StatusOK, "incident/file", page)
}

// fileView shows as much of a file as is safe; u is where it is saved from.
func fileView(r *http.Request, u, name, kind string, body []byte) filePage {
	data := filePage{Download: web.Action{Label: web.Say(r, "incident.desk.file.download"), URL: u, Icon: "download"}}
	switch {
	case isImage(body):
		data.Image = u + "/image"
	case isPlain(kind, body):
		data.Text, data.Cut = shownText(body)
	}
	data.Facts = web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: []web.Fact{
		{Label: web.Say(r, "incident.desk.file.name"), Cell: web.Code(name)}, {Label: web.Say(r, "incident.desk.file.type"), Cell: web.Code(kind)},
		{Label: web.Say(r, "incident.desk.file.size"), Cell: web.Text(web.PrinterOf(r.Context()).Bytes(int64(len(body))))},
	}}
	return data
}

// file hands a file out to be saved: nothing from outside is shown in our origin.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) error {
	f, body, err := p.fileNamed(r)
	if err != nil {
		return err
	}
	return web.SaveFile(w, f.Name, body)
}

// isPlain tells whether bytes may be read as text by a person.
func isPlain(kind string, body []byte) bool {
	return strings.HasPrefix(kind, "text/") && utf8.Valid(body[:min(len(body), maxShown)-trailing(body)]) && !bytes.ContainsRune(body[:min(len(body), maxShown)], 0)
}

// trailing is how many bytes at the cut belong to a letter that goes on behind it.
func trailing(body []byte) int {
	cut := body[:min(len(body), maxShown)]
	for n := range min(utf8.UTFMax, len(cut)) {
		if utf8.RuneStart(cut[len(cut)-1-n]) {
			if utf8.FullRune(cut[len(cut)-1-n:]) {
				return 0
			}
			return n + 1
		}
	}
	return 0
}

func shownText(body []byte) (text string, cut bool) {
	cut = len(body) > maxShown
	text = string(body[:min(len(body), maxShown)-trailing(body)])
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || c >= ' ' && c != 0x7f && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) {
			return c
		}
		return '·' // controls, and marks that turn the direction of what follows
	}, strings.ReplaceAll(text, "\r\n", "\n")), cut
}

// isImage tells whether bytes are an image that is small enough to be made anew.
func isImage(body []byte) bool {
	c, _, err := image.DecodeConfig(bytes.NewReader(body))
	return err == nil && c.Width > 0 && c.Height > 0 && c.Width <= maxPixels/c.Height
}

// imageOfFile answers with a new image of the same pixels: whatever else the file
// carried (scripts, places, a second file behind) is not in it.
func (p *Pages) imageOfFile(w http.ResponseWriter, r *http.Request) error {
	_, body, err := p.fileNamed(r)
	if err != nil {
		return err
	}
	return sendImage(w, body)
}

func sendImage(w http.ResponseWriter, body []byte) error {
	if !isImage(body) {
		return fault.New(fault.NotFound, "incident.none", nil)
	}
	seen, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		return fault.Wrap(fault.Invalid, "incident.desk.file.damaged", nil, err)
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "private, no-store")
	return png.Encode(w, seen)
}

// mailPart is the mail as it arrived, or one of its files, for whoever may read it; that
// he took it is recorded.
func (p *Pages) mailPart(r *http.Request, file int64) (incident.PostPart, error) {
	id, err := pathID(r, "mail")
	if err != nil {
		return incident.PostPart{}, err
	}
	return p.in.TakePost(r.Context(), actor(r), id, int(min(file, 1000)))
}

func (p *Pages) mailFilePart(r *http.Request) (incident.PostPart, error) {
	n, err := pathID(r, "file")
	if err != nil {
		return incident.PostPart{}, err
	}
	return p.mailPart(r, n)
}

// rawMail hands out a mail as it arrived, to be saved.
func (p *Pages) rawMail(w http.ResponseWriter, r *http.Request) error {
	part, err := p.mailPart(r, 0)
	if err != nil {
		return err
	}
	return web.SaveFile(w, part.Name, part.Body)
}

func (p *Pages) mailFile(w http.ResponseWriter, r *http.Request) error {
	part, err := p.mailFilePart(r)
	if err != nil {
		return err
	}
	return web.SaveFile(w, part.Name, part.Body)
}

func (p *Pages) viewMailFile(w http.ResponseWriter, r *http.Request) error {
	part, err := p.mailFilePart(r)
	if err != nil {
		return err
	}
	m, err := p.postOf(r)
	if err != nil {
		return err
	}
	u := mailURL + "/" + number(m.ID)
	page := web.Page{
		Title: web.Say(r, "incident.desk.file.title"), Room: "incident", Data: fileView(r, u+"/files/"+r.PathValue("file"), part.Name, part.Type, part.Body),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.mail"), URL: mailURL}, {Label: mailTitle(r, &m), URL: u}},
	}
	if page.Marking, err = p.mailMarking(r, &m); err != nil {
		return err
	}
	return p.site.Page(w, r, http.StatusOK, "incident/file", page)
}

func (p *Pages) imageOfMailFile(w http.ResponseWriter, r *http.Request) error {
	part, err := p.mailFilePart(r)
	if err != nil {
		return err
	}
	return sendImage(w, part.Body)
}
