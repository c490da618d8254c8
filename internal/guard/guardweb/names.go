package guardweb

import (
	"context"
	"strconv"
	"strings"
)

// Who is the name and inner id of the person behind an actor of the record
// ("person:17"); false for machines, visitors, the local operator and strangers.
func (p *Pages) Who(ctx context.Context, actor string) (name string, id int64, ok bool) {
	text, is := strings.CutPrefix(actor, "person:")
	if !is {
		return "", 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", 0, false
	}
	person, err := p.guard.Person(ctx, p.acts.Reader(), id)
	return person.Name, id, err == nil
}
