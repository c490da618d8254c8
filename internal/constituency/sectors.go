package constituency

import "slices"

// Sector is one sector or subsector of NIS2.
type Sector struct {
	Code  string `json:"code"`
	Annex int    `json:"annex"` // 1: high criticality; 2: other critical
	// Number is the sector's number in its annex, with the subsector's letter.
	Number string `json:"number"`
}

// Key is the catalogue key of the sector's name.
func (s Sector) Key() string { return "constituency.sector." + s.Code }

// Sectors lists the sectors and subsectors of Directive (EU) 2022/2555, Annexes I
// and II, in the order of the annexes.
func Sectors() []Sector {
	return []Sector{
		{"energy-electricity", 1, "1a"},
		{"energy-heating", 1, "1b"},
		{"energy-oil", 1, "1c"},
		{"energy-gas", 1, "1d"},
		{"energy-hydrogen", 1, "1e"},
		{"transport-air", 1, "2a"},
		{"transport-rail", 1, "2b"},
		{"transport-water", 1, "2c"},
		{"transport-road", 1, "2d"},
		{"banking", 1, "3"},
		{"financial-market", 1, "4"},
		{"health", 1, "5"},
		{"drinking-water", 1, "6"},
		{"waste-water", 1, "7"},
		{"digital-infrastructure", 1, "8"},
		{"ict-services", 1, "9"},
		{"public-administration", 1, "10"},
		{"space", 1, "11"},
		{"postal", 2, "1"},
		{"waste-management", 2, "2"},
		{"chemicals", 2, "3"},
		{"food", 2, "4"},
		{"manufacturing-medical", 2, "5a"},
		{"manufacturing-electronics", 2, "5b"},
		{"manufacturing-electrical", 2, "5c"},
		{"manufacturing-machinery", 2, "5d"},
		{"manufacturing-vehicles", 2, "5e"},
		{"manufacturing-transport", 2, "5f"},
		{"digital-providers", 2, "6"},
		{"research", 2, "7"},
	}
}

// IsSector tells whether a code is one of Sectors.
func IsSector(code string) bool {
	return slices.ContainsFunc(Sectors(), func(s Sector) bool { return s.Code == code })
}
