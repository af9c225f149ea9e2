package member

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// maxPhoneInput is the longest text that is read as a phone.
const maxPhoneInput = 40

// ParsePhone reads a phone as it is written in the region, or with its country
// code, and returns it as E.164. An extension is refused: E.164 has none. Strictly,
// the number lies in a range that its country has given out; else it is enough
// that its length can be.
func ParsePhone(text, region string, strictly bool) (string, bool) {
	if len(text) > maxPhoneInput {
		return "", false
	}
	if region == "" {
		region = "ZZ" // no country: only the international form is read
	}
	n, err := phonenumbers.Parse(text, region)
	if err != nil || n.GetExtension() != "" {
		return "", false
	}
	if strictly && !phonenumbers.IsValidNumber(n) || !strictly && phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	for _, r := range strings.TrimPrefix(e164, "+") {
		if r < '0' || r > '9' {
			return "", false
		}
	}
	return strings.Clone(e164), len(e164) >= 7 && len(e164) <= 16 // what the library made is four times as long
}
