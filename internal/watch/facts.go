package watch

// DeliveryTaken tells that a delivery has become visible: findings opened,
// worsened, were no longer seen or came back. Who wants the findings asks for them
// by the delivery.
type DeliveryTaken struct {
	Delivery int64 `json:"delivery"`
	Source   int64 `json:"source"`
	Stream   int64 `json:"stream"`
	Mode     Mode  `json:"mode"`
	// News is the blob of what opened, came back or got worse by this act.
	News string `json:"news,omitempty"`
	Counts
}

// FactKind returns "watch.DeliveryTaken".
func (DeliveryTaken) FactKind() string { return "watch.DeliveryTaken" }

// FactVersion returns 1.
func (DeliveryTaken) FactVersion() int { return 1 }

// DeliveriesReleased tells that a person cleared what deliveries found to be told.
type DeliveriesReleased struct {
	Source     int64   `json:"source"`
	Deliveries []int64 `json:"deliveries"`
}

// FactKind returns "watch.DeliveriesReleased".
func (DeliveriesReleased) FactKind() string { return "watch.DeliveriesReleased" }

// FactVersion returns 1.
func (DeliveriesReleased) FactVersion() int { return 1 }

// FindingsChanged tells that a person, or the clock, changed findings.
type FindingsChanged struct {
	Findings []int64 `json:"findings"`
	Kind     string  `json:"kind"`
	To       string  `json:"to"`
}

// FactKind returns "watch.FindingsChanged".
func (FindingsChanged) FactKind() string { return "watch.FindingsChanged" }

// FactVersion returns 1.
func (FindingsChanged) FactVersion() int { return 1 }
