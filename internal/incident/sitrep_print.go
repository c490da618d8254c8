package incident

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the report's template and style
	"encoding/base64"
	"fmt"
	"html/template"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

//go:embed sitrep.tmpl
var sitrepTemplate string

//go:embed sitrep.css
var sitrepStyle string

// SitrepStyleHash is the source under which a content security policy lets the printed
// report's own style pass: 'sha256-…'.
func SitrepStyleHash() string {
	sum := sha256.Sum256([]byte(sitrepStyle))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// printed is the dot of the report's template.
type printed struct {
	Lang, Dir, Team, Number, Marking string
	Style                            template.CSS
	Sitrep                           Sitrep
	Sections                         []SitrepSection
	About                            []string
}

// PrintSitrep writes a version as one file without network or scripts, for A4 paper.
func (in *Incidents) PrintSitrep(ctx context.Context, r sqldb.Reader, s Sitrep) ([]byte, error) {
	words := in.speak(s.Language)
	own, err := in.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return nil, fmt.Errorf("print a situation report: %w", err)
	}
	d := printed{
		Lang: words.Lang(), Dir: words.Dir(), Team: own.Name, Marking: s.Marking.String(), Sitrep: s, Sections: in.SitrepSections(s),
		Style: template.CSS(sitrepStyle), //nolint:gosec // our own file, embedded
	}
	if s.Incident != 0 {
		d.Number = in.Number(s.Incident)
	}
	for _, id := range s.About {
		d.About = append(d.About, in.Number(id))
	}
	t, err := template.New("sitrep").Funcs(template.FuncMap{"T": words.Say, "time": words.Time}).Parse(sitrepTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, d)
	return b.Bytes(), err
}
