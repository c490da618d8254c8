package observable

import (
	"strconv"
	"strings"
)

// ibanLengths has the length of an IBAN for each country of the registry, as
// "CCnn" in the order of the codes.
const ibanLengths = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28" +
	"EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20" +
	"LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29" +
	"RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30"

// ibanLength is 0 for a country that has no IBAN.
func ibanLength(country string) int {
	for i := 0; i < len(ibanLengths); i += 4 {
		if ibanLengths[i:i+2] == country {
			return int(ibanLengths[i+2]-'0')*10 + int(ibanLengths[i+3]-'0')
		}
	}
	return 0
}

var ibanBlanks = strings.NewReplacer(" ", "", "\u00a0", "", "-", "")

// readIBAN checks country, length and the remainder of ISO 7064 MOD 97-10.
func readIBAN(text string) (value, why string) {
	value = strings.ToUpper(ibanBlanks.Replace(text))
	value = strings.TrimPrefix(value, "IBAN:")
	if len(value) < 5 || !alnum(value) || !digits(value[2:4]) {
		return "", "is not a country, two digits and letters or digits"
	}
	want := ibanLength(value[:2])
	switch {
	case want == 0:
		return "", "begins with " + value[:2] + ", a country without IBANs"
	case len(value) != want:
		return "", "has " + strconv.Itoa(len(value)) + " characters; those of " + value[:2] + " have " + strconv.Itoa(want)
	case value[2:4] < "02" || value[2:4] > "98" || mod97(value[4:]+value[:4]) != 1:
		return "", "has wrong check digits: one character or more is mistaken"
	}
	return value, ""
}

func alnum(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) {
			return false
		}
	}
	return true
}

// mod97 reads letters as two digits, A = 10.
func mod97(s string) int {
	rest := 0
	for i := range len(s) {
		if c := s[i]; isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest
}
