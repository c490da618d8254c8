package guardweb

import (
	"context"
	"strconv"
	"strings"
)

// Who is the name of the person behind an actor of the record ("person:17") and the
// page about it; false for machines, visitors, the local operator and strangers.
func (p *Pages) Who(ctx context.Context, actor string) (name, url string, ok bool) {
	text, is := strings.CutPrefix(actor, "person:")
	if !is {
		return "", "", false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", "", false
	}
	person, err := p.guard.Person(ctx, p.acts.Reader(), id)
	return person.Name, personURL(id), err == nil
}
