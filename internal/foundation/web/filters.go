package web

import (
	"net/http"
	"net/url"
)

// Sift makes the filter form and the chips of a list from the request's address. A
// field is a filter when the address has a value for its name; a select's chip shows
// the option's label. Values that are no field (sort order) are kept; cursors are not.
func Sift(r *http.Request, fields ...Field) *Filters {
	f := &Filters{Action: r.URL.Path, Fields: fields}
	query, mine := r.URL.Query(), map[string]bool{}
	bare := &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	for i := range f.Fields {
		field := &f.Fields[i]
		mine[field.Name] = true
		value := query.Get(field.Name)
		field.Value = value
		shown := value
		for j := range field.Options {
			o := &field.Options[j]
			o.Selected = o.Value == value
			if o.Selected {
				shown = o.Label
			}
		}
		if value == "" {
			continue
		}
		f.Chips = append(f.Chips, Chip{Label: field.Label, Value: shown, Remove: With(r.URL, field.Name, "")})
		bare = &url.URL{Path: bare.Path, RawQuery: without(bare, field.Name)}
	}
	for name, values := range query {
		if !mine[name] && name != "after" && name != "before" && len(values) == 1 {
			f.Keep = append(f.Keep, Hidden{Name: name, Value: values[0]})
		}
	}
	f.Clear = With(bare, "after", "")
	return f
}

func without(u *url.URL, name string) string {
	q := u.Query()
	q.Del(name)
	q.Del("after")
	q.Del("before")
	return q.Encode()
}

// Sorts makes a column's sort address and mark from ?sort=name or ?sort=-name.
func Sorts(r *http.Request, label, name string) Column {
	c := Column{Label: label, Sort: With(r.URL, "sort", name)}
	switch r.URL.Query().Get("sort") {
	case name:
		c.Sorted, c.Sort = "ascending", With(r.URL, "sort", "-"+name)
	case "-" + name:
		c.Sorted = "descending"
	}
	return c
}
