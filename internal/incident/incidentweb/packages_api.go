package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/incident"
)

// transferCalls registers the calls of transfers.
func (p *Pages) transferCalls(api huma.API) {
	const one = "incidents/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "transfers", "incidents/{number}/transfers", offerTransfer, "What was offered to peers, newest first", one+"/transfers"), p.apiTransfers)
	huma.Register(api, operation(http.MethodPost, "transfer", "incidents/{number}/transfers", offerTransfer, "Offer entries to a peer as a signed package", one+`/transfers {"organisation":"a","entries":[1]}`), p.apiTransfer)
}

// TransferLine is a transfer in the API.
type TransferLine struct {
	ID           int64     `json:"id"`
	Incident     string    `json:"incident"`
	To           string    `json:"to"`
	State        string    `json:"state"`
	TheirNumber  string    `json:"their_number,omitempty"`
	Restrictions string    `json:"restrictions,omitempty"`
	Version      int64     `json:"version"`
	Offered      time.Time `json:"offered"`
	Answered     time.Time `json:"answered,omitzero"`
	SHA256       string    `json:"sha256,omitempty" doc:"of the package that was made just now"`
}

func (p *Pages) transferLine(t *incident.Transfer) TransferLine {
	return TransferLine{
		ID: t.ID, Incident: p.in.Number(t.Incident), To: p.orgName(t.Org), State: string(t.State), TheirNumber: t.TheirNumber, Restrictions: t.Restrictions,
		Version: t.Version, Offered: t.OfferedAt, Answered: t.AnsweredAt,
	}
}

type transfersOutput struct {
	Body struct {
		Transfers []TransferLine `json:"transfers"`
	}
}

func (p *Pages) apiTransfers(ctx context.Context, in *NumberInput) (*transfersOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	all, err := p.in.Transfers(ctx, p.in.Acts.Reader(), i.ID)
	out := &transfersOutput{}
	out.Body.Transfers = linesOf(all, p.transferLine)
	return out, err
}

type transferInput struct {
	NumberInput
	Body struct {
		Organisation string  `json:"organisation" doc:"the peer, by name"`
		Entries      []int64 `json:"entries"`
		Restrictions string  `json:"restrictions,omitempty"`
	}
}

type transferOutput struct{ Body TransferLine }

func (p *Pages) apiTransfer(ctx context.Context, in *transferInput) (*transferOutput, error) {
	i, o, err := p.apiParty(ctx, in.Number, in.Body.Organisation)
	if err != nil {
		return nil, err
	}
	t, pack, err := p.in.OfferTransfer(ctx, apiActor(ctx), incident.NewPackage{Incident: i.ID, Org: o.ID, Entries: in.Body.Entries, Restrictions: in.Body.Restrictions})
	if err != nil {
		return nil, err
	}
	out := &transferOutput{p.transferLine(&t)}
	out.Body.SHA256 = pack.Digest
	return out, nil
}
