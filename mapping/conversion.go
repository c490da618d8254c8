package mapping

import (
	"fmt"
	"slices"

	"almenara.example/idf"
)

// Conversion says how a column's text becomes a value.
type Conversion uint8

// The conversions. Each says what it makes absent; what is left must be of the
// target's type. "Rejects" means that the row goes to quarantine.
const (
	// Auto takes the text as it is.
	Auto Conversion = iota
	// Set takes the text as it is, but "0" and "unknown" are absent.
	Set
	// Int takes a whole number and rejects anything else.
	Int
	// NonZero is Int, and zero is absent.
	NonZero
	// Float takes a decimal number and rejects anything else.
	Float
	// Bool takes yes and no in many spellings; anything else is absent.
	Bool
	// Time takes a point in time and rejects anything else.
	Time
	// TimeText is Time for an extra value that some remote system has made
	// up: what is no time stays as it is.
	TimeText
	// Epoch takes seconds since 1970, with or without a fraction.
	Epoch
	// IP takes an address and rejects anything else, but 0.0.0.0 and a valid
	// network are absent.
	IP
	// Network takes a network in CIDR form and rejects a broken one; a text
	// without a slash is absent.
	Network
	// FQDN takes a domain name; anything else is absent.
	FQDN
	// CVEs takes the words cve-YYYY-N out of a list separated by semicolons,
	// sorted, each once, again separated by semicolons.
	CVEs
	// HTTPURL makes a URL of a host and a request line or path: see With.
	HTTPURL
	// FirstOf takes the first column of With.FirstOf that is not empty.
	FirstOf
	// ForceBase64 takes Base64 as it is and encodes anything else.
	ForceBase64
	// Contains gives With.Then when the text contains With.Part, otherwise
	// With.Else, also when the text is empty or the column is lost.
	Contains
	conversionEnd
)

// String is the conversion's name in a mapping file.
func (c Conversion) String() string {
	switch c {
	case Auto:
		return "auto"
	case Set:
		return "set"
	case Int:
		return "int"
	case NonZero:
		return "nonzero"
	case Float:
		return "float"
	case Bool:
		return "bool"
	case Time:
		return "time"
	case TimeText:
		return "time_text"
	case Epoch:
		return "epoch"
	case IP:
		return "ip"
	case Network:
		return "network"
	case FQDN:
		return "fqdn"
	case CVEs:
		return "cves"
	case HTTPURL:
		return "http_url"
	case FirstOf:
		return "first_of"
	case ForceBase64:
		return "base64"
	case Contains:
		return "contains"
	}
	return "unknown"
}

// ConversionByName finds a conversion by its name; the empty name is Auto.
func ConversionByName(name string) (Conversion, bool) {
	if name == "" {
		return Auto, true
	}
	for c := Auto; c < conversionEnd; c++ {
		if c.String() == name {
			return c, true
		}
	}
	return Auto, false
}

// ConversionNames lists the names, for messages.
func ConversionNames() []string {
	var names []string
	for c := Auto; c < conversionEnd; c++ {
		names = append(names, c.String())
	}
	return names
}

// fits says why a conversion's result can never be a value of the target.
func (c Conversion) fits(t Target) error {
	if t.Field == idf.Extra || t.Field == idf.FieldNone {
		return nil
	}
	var types []idf.Type
	switch c {
	case Int, NonZero:
		types = []idf.Type{idf.TypeInt, idf.TypePort, idf.TypeASN, idf.TypeFloat, idf.TypeAccuracy}
	case Float:
		types = []idf.Type{idf.TypeFloat, idf.TypeAccuracy}
	case Bool:
		types = []idf.Type{idf.TypeBool}
	case Time, TimeText, Epoch:
		types = []idf.Type{idf.TypeTime}
	case IP:
		types = []idf.Type{idf.TypeIP}
	case Network:
		types = []idf.Type{idf.TypeNetwork}
	case FQDN:
		types = []idf.Type{idf.TypeFQDN}
	default:
		return nil
	}
	if !slices.Contains(types, t.Field.Type()) {
		return fmt.Errorf("conversion %s does not make a value of %s", c, t)
	}
	return nil
}
