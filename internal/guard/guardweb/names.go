package guardweb

import (
	"context"
	"strconv"
	"strings"
)

// organisationURL is the page about an organisation; constituency has it.
func organisationURL(id int64) string { return "/constituency/organisations/" + number(id) }

// Who is the name behind an opaque id of the record ("person:17", "organisation:4")
// and the page about it; false for machines, visitors, the local operator and
// things of other kinds.
func (p *Pages) Who(ctx context.Context, of string) (name, url string, ok bool) {
	kind, text, _ := strings.Cut(of, ":")
	if kind != "person" && kind != "organisation" {
		return "", "", false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", "", false
	}
	if kind == "organisation" {
		o, err := p.guard.Organisation(ctx, p.acts.Reader(), id)
		return o.Name, organisationURL(id), err == nil
	}
	person, err := p.guard.Person(ctx, p.acts.Reader(), id)
	return person.Name, personURL(id), err == nil
}
