package archtest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// inline is what the content security policy would refuse on a page.
var inline = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`(?i)[\s"']style\s*=`), "a style attribute; give it a class in almenara.css"},
	{regexp.MustCompile(`(?i)[\s"']on[a-z]+\s*=`), "an inline handler; almenara.js listens by data attributes"},
	{regexp.MustCompile(`(?i)<style\b`), "an inline style sheet; put it into almenara.css"},
	{regexp.MustCompile(`(?i)<script\b(?:[^>]*\bsrc=)?`), "an inline script; put it into web/static"},
	{regexp.MustCompile(`(?i)\b(?:src|href)\s*=\s*"(?:https?:)?//`), "something from another host; pages work without the network"},
	{regexp.MustCompile(`(?i)javascript:`), "a script in an address"},
}

// pages checks templates for what the content security policy refuses.
func (c *checker) pages() {
	for _, name := range slices.Sorted(maps.Keys(c.tree.Pages)) {
		for i, line := range strings.Split(c.tree.Pages[name], "\n") {
			for _, r := range inline {
				m := r.pattern.FindString(line)
				if m == "" || strings.HasSuffix(m, "src=") && strings.Contains(m, "script") {
					continue
				}
				c.add("pages", fmt.Sprintf("%s:%d", name, i+1), "%s", r.why)
			}
		}
	}
}
