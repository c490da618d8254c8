package demo

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// A company of the demo nation. Names are invented, addresses come from the ranges
// set aside for documentation (RFC 5737, RFC 3849), names end in .example.
type company struct {
	name     string
	host     string
	kind     string
	sector   string
	service  string
	people   int // served
	critical bool
	language string
}

// companies are the operators of Atalaya.
func companies() []company {
	var out []company
	add := func(sector, service string, people int, names ...string) {
		for i, n := range names {
			out = append(out, company{
				name: n, host: hostName(n), kind: "operator", sector: sector, service: service,
				people: people / (i + 1), critical: i < 2, language: []string{"en", "fr", "es"}[i%3],
			})
		}
	}
	add("drinking-water", "drinking water", 840_000,
		"Aguas del Faro", "Fuente Alta Water", "Ribera Waterworks", "Lindero Springs", "Vega Water Board", "Montelargo Water")
	add("waste-water", "waste water", 620_000, "Faro Sewerage", "Ribera Clean Rivers", "Vega Treatment Works")
	add("energy-electricity", "electricity", 1_900_000,
		"Red Eléctrica de Atalaya", "Cumbre Power", "Costa Grid", "Molino Wind", "Salto Hydro", "Nortia Distribution", "Isla Power")
	add("energy-gas", "gas", 700_000, "Gasoducto Sur", "Atalaya Gas Storage")
	add("energy-heating", "district heating", 160_000, "Calor Urbano", "Nortia Heat")
	add("health", "hospital care", 450_000,
		"Hospital del Puerto", "Santa Lucía Clinic", "Nortia General Hospital", "Vega Children's Hospital", "Faro Emergency Services",
		"Atalaya Blood Bank", "Costa Medical Centre")
	add("transport-rail", "rail transport", 380_000, "Ferrocarril Atalaya", "Costa Light Rail", "Nortia Freight Rail")
	add("transport-air", "air transport", 210_000, "Faro Airport", "Isla Airfield", "Atalaya Air Control")
	add("transport-water", "ports", 95_000, "Puerto Viejo Port", "Isla Ferries")
	add("transport-road", "road traffic", 540_000, "Autopista Norte", "Vega Tunnels")
	add("banking", "payments", 1_300_000, "Banco del Faro", "Ribera Savings", "Cumbre Bank", "Isla Credit Union")
	add("financial-market", "trading", 40_000, "Atalaya Exchange")
	add("digital-infrastructure", "name service and exchange", 2_100_000, "Faro Internet Exchange", "Atalaya Registry", "Nube Alta Data Centres")
	add("ict-services", "managed services", 60_000, "Guardia Managed Services", "Cumbre Systems")
	add("public-administration", "public administration", 2_400_000,
		"Ministry of the Interior", "City of Puerto Viejo", "Nortia Region", "Tax Office", "Land Registry", "City of Vega")
	add("food", "food supply", 330_000, "Mercado Central", "Vega Mills", "Costa Dairies")
	add("chemicals", "chemicals", 20_000, "Ribera Chemicals")
	add("postal", "post", 900_000, "Correo de Atalaya")
	add("research", "research networks", 70_000, "University of Nortia", "Costa Institute")
	return out
}

// hostName makes a domain of a name: letters and digits, lower case.
func hostName(name string) string {
	b := make([]byte, 0, len(name))
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b = append(b, byte(r))
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r+'a'-'A'))
		case r == ' ' && len(b) > 0 && b[len(b)-1] != '-':
			b = append(b, '-')
		case r == 'é' || r == 'É':
			b = append(b, 'e')
		case r == 'í':
			b = append(b, 'i')
		}
	}
	return string(b) + ".example"
}

// others have a standing without being operators.
func others() []company {
	return []company{
		{name: "Atalaya Police, Cyber Crime Unit", host: "police.example", kind: "police", language: "en"},
		{name: "Prosecution Service of Atalaya", host: "prosecution.example", kind: "prosecution", language: "en"},
		{name: "Energy Regulator", host: "energy-regulator.example", kind: "regulator", language: "fr"},
		{name: "Water Sector Team", host: "water-team.example", kind: "sector-team", language: "en"},
		{name: "National Crisis Centre", host: "crisis-centre.example", kind: "crisis-centre", language: "en"},
		{name: "Civil Protection", host: "civil-protection.example", kind: "civil-protection", language: "es"},
		{name: "Parliament's Oversight Board", host: "oversight-board.example", kind: "oversight", language: "en"},
		{name: "Data Protection Authority", host: "privacy.example", kind: "data-protection", language: "fr"},
		{name: "CERT Borea", host: "cert-borea.example", kind: "peer", language: "fr"},
		{name: "Meridia CSIRT", host: "csirt-meridia.example", kind: "peer", language: "es"},
	}
}

// networks own address space that no operator claims.
func networks() []string {
	return []string{
		"Atalaya Telecom", "Faro Cable", "Costa Fibre", "Nortia Mobile", "Vega Broadband", "Isla Net",
		"Cumbre Hosting", "Ribera Cloud",
	}
}

// v4 is the n-th address of the three documentation ranges, n from 0 to 767.
func v4(n int) netip.Addr {
	base := [][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}[n/256]
	return netip.AddrFrom4([4]byte{base[0], base[1], base[2], byte(n % 256)})
}

// v6 is the n-th /48 of 2001:db8::/32.
func v6(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(n >> 8), byte(n)}), 48)
}

// perCompany is how many IPv4 addresses a company has: a /29.
const perCompany = 8

// writeOrganisations writes the constituency as an import file.
func writeOrganisations(w io.Writer) error {
	out := csv.NewWriter(w)
	row := func(c ...string) {
		_ = out.Write(c) // csv.Writer keeps the first error for Error
	}
	row("organisation", "kind", "country", "sector", "service", "population", "designation", "acts_for", "asset_kind", "asset",
		"valid_from", "contact_name", "contact_email", "contact_language", "contact_phone", "contact_hours", "contact_role")
	for i, c := range companies() {
		designation := ""
		if c.critical {
			designation = "Decision 2026/" + strconv.Itoa(100+i) + " of the Ministry of the Interior"
		}
		phone := fmt.Sprintf("+999 555 %04d", 100+i)
		row(c.name, c.kind, "XA", c.sector, c.service, strconv.Itoa(c.people), designation, "", "domain", c.host,
			"2026-01-01", "Control room", "watch@"+c.host, c.language, phone, "24 h", "security")
		prefix := netip.PrefixFrom(v4(i*perCompany), 29)
		row(c.name, "", "", "", "", "", "", "", "cidr", prefix.String(), "2026-01-01", "", "", "", "", "", "")
		row(c.name, "", "", "", "", "", "", "", "cidr", v6(i+1).String(), "2026-01-01", "", "", "", "", "", "")
		row(c.name, "", "", "", "", "", "", "", "maildomain", c.host, "2026-01-01", "Head of IT", "it@"+c.host, c.language, "", "Mon–Fri 8–17", "technical")
	}
	for _, c := range others() {
		country := "XA"
		switch c.name {
		case "CERT Borea":
			country = "XB"
		case "Meridia CSIRT":
			country = "XC"
		}
		row(c.name, c.kind, country, "", "", "", "", "", "domain", c.host, "2026-01-01", "Duty officer", "duty@"+c.host, c.language, "", "24 h", "duty")
	}
	row("Guardia Managed Services", "", "", "", "", "", "", "Fuente Alta Water", "", "", "", "", "", "", "", "", "")
	row("Guardia Managed Services", "", "", "", "", "", "", "Ribera Waterworks", "", "", "", "", "", "", "", "", "")
	out.Flush()
	return out.Error()
}

// writeNetworks writes who owns the rest of the address space.
func writeNetworks(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"prefix", "asn", "organisation", "abuse_email", "country", "language"}}
	for i, n := range networks() {
		host := hostName(n)
		rows = append(rows, []string{"", strconv.Itoa(64496 + i), n, "abuse@" + host, "XA", "en"})
		from := (len(companies())*perCompany + 15) / 16 * 16
		if at := from + i*16; at < 720 {
			rows = append(rows, []string{netip.PrefixFrom(v4(at), 28).String(), "", n, "abuse@" + host, "XA", "en"})
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write networks: %w", err)
	}
	return nil
}
