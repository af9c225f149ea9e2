package member

import (
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// ParsePhone parses a phone as the region writes it, or with its country code,
// and returns it in E.164. It refuses an extension, which E.164 does not have.
// With strictly, the number must be in a range that its country has assigned;
// without, only its length must be possible.
func ParsePhone(text, region string, strictly bool) (string, bool) {
	if utf8.RuneCountInString(text) > users.Field("phone").MaxLength {
		return "", false
	}
	if region == "" {
		region = "ZZ" // no country: only the international form is accepted
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
