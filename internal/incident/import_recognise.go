package incident

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"

	"almenara.example/casefile"
)

// Recognise tells of which system a file of cases is, by the first key that only one of
// them writes; empty when there is none. It reads no further, and does not say that the
// file is whole.
func Recognise(src io.Reader) Origin {
	in := bufio.NewReader(io.LimitReader(src, casefile.MaxRecord)) // no value is in memory whole that is larger
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = in.Discard(3) // it was there
	}
	d := json.NewDecoder(in)
	var open []json.Delim // what is open around the token
	key := false          // the next text is one
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				open = append(open, v)
			} else {
				open = open[:len(open)-1]
			}
			key = len(open) > 0 && open[len(open)-1] == '{'
			continue
		case string:
			if key {
				if origin := originOf(v); origin != "" && objects(open) <= 2 {
					return origin
				}
				key = false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] == '{'
	}
}

// objects counts those that are open: keys further in are what persons named themselves.
func objects(open []json.Delim) (n int) {
	for _, d := range open {
		if d == '{' {
			n++
		}
	}
	return n
}

// originOf is the system that alone writes a key about a case, empty for none.
func originOf(key string) Origin {
	switch {
	case slices.Contains([]string{"tickets", "queues", "Subject", "Queue", "EffectiveId", "CustomFields", "_hyperlinks"}, key):
		return RTIR
	case slices.Contains([]string{"number", "caseId", "tlpLabel", "startDate", "endDate", "stage", "observables", "resolutionStatus", "_createdAt"}, key):
		return TheHive
	case slices.Contains([]string{"open_date", "close_date", "soc_id", "for_customer", "opened_by", "timeline", "iocs", "evidences"}, key):
		return IRIS
	}
	return ""
}
