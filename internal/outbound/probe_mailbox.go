package outbound

import (
	"context"

	"almenara.example/internal/foundation/mail"
)

// ProbeMailbox asks whether a mailbox can be read: connection, signing in, and its
// folder. It reads no mail, marks none and makes no folder.
func ProbeMailbox(ctx context.Context, in Intake) error {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	c := in.config(0)
	c.DoneFolder, c.Timeout = "", probeWithin
	box, err := mail.OpenMailbox(ctx, c)
	if err == nil {
		box.Close()
	}
	return err
}
