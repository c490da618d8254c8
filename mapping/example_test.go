package mapping_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"almenara.example/idf"
	"almenara.example/mapping"
)

// A mapping file says what a feed's columns mean; Open reads a file with it.
func Example() {
	plan, err := mapping.Load(strings.NewReader(`
kind = "open_telnet"
version = "2026-05-01"
[class]
taxonomy = "vulnerable"
type = "potentially-unwanted-accessible"
[[column]]
name = "address"
field = "source.ip"
[[column]]
name = "port"
field = "source.port"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	scan, err := plan.Open(strings.NewReader("port,address,seen\n23,192.0.2.1,often\n23,192.0.2.x,once\n"), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var event idf.Event
	for {
		_, reject, err := scan.Next(&event)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			fmt.Println(err)
			return
		case reject != nil:
			fmt.Printf("line %d, column %s: %s\n", reject.Line, reject.Column, reject.Reason)
		default:
			fmt.Printf("%s\n", event.AppendJSON(nil))
		}
	}
	// Output:
	// {"classification.taxonomy":"vulnerable","classification.type":"potentially-unwanted-accessible","source.ip":"192.0.2.1","source.port":23,"extra.seen":"often"}
	// line 3, column address: bad_ip
}
