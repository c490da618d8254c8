package constituency

// AssetsChanged tells that assets were added, changed, ended, or approved. Whoever
// keeps matches asks the index again for what these assets touch.
type AssetsChanged struct {
	Assets []ChangedAsset `json:"assets"`
	// Many says that there were too many to list: anything may have changed.
	Many bool `json:"many,omitempty"`
}

// ChangedAsset is one of them, as it is after the change.
type ChangedAsset struct {
	ID    int64  `json:"id"`
	Kind  string `json:"kind"`  // "cidr", "asn", "domain", "maildomain", "product", "site"
	Value string `json:"value"` // canonical
	Org   int64  `json:"org"`
}

// MaxListed is how many assets a fact lists at most.
const MaxListed = 10_000

// FactKind returns "constituency.AssetsChanged".
func (AssetsChanged) FactKind() string { return "constituency.AssetsChanged" }

// FactVersion returns 1.
func (AssetsChanged) FactVersion() int { return 1 }

// OperatorsChanged tells that sectors, designation, services, contacts or
// providers of organisations changed.
type OperatorsChanged struct {
	Orgs []int64 `json:"orgs"`
	// Many says that there were too many to list.
	Many bool `json:"many,omitempty"`
}

// FactKind returns "constituency.OperatorsChanged".
func (OperatorsChanged) FactKind() string { return "constituency.OperatorsChanged" }

// FactVersion returns 1.
func (OperatorsChanged) FactVersion() int { return 1 }

func assetsChanged(as []Asset) AssetsChanged {
	if len(as) > MaxListed {
		return AssetsChanged{Many: true}
	}
	f := AssetsChanged{Assets: make([]ChangedAsset, len(as))}
	for i, a := range as {
		f.Assets[i] = ChangedAsset{ID: a.ID, Kind: a.Kind.String(), Value: a.Value, Org: a.Org}
	}
	return f
}

func operatorsChanged(orgs []int64) OperatorsChanged {
	if len(orgs) > MaxListed {
		return OperatorsChanged{Many: true}
	}
	return OperatorsChanged{Orgs: orgs}
}
