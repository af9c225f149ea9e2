package privacy

import (
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// The masks that a field of a struct may have: see package field.
const (
	MaskPhone = "phone" // the country and the last four digits are shown
	MaskLink  = "link"  // nothing is shown
)

// Mask returns a value as it may be shown: what the mask, if there is one, leaves
// of it. An absent value stays absent.
func Mask(mask string, v any) any {
	if mask == "" || v == nil {
		return v
	}
	if phone, ok := v.(string); ok && mask == MaskPhone {
		return Phone(phone)
	}
	return nil
}

// What is shown of a phone beside its country: the first digits, the last, and
// between them always the same mark, which does not tell how many it hides.
// Where a phone is shorter than most, the first digits are left out before the
// last, by which people know a phone.
const (
	mark      = "••••"
	mostFirst = 2
	mostLast  = 4
	leastGone = 3
)

// Phone masks a phone in E.164: +821012345678 is +82 10-••••-5678. What is no
// phone is hidden whole.
func Phone(e164 string) string {
	digits, ok := strings.CutPrefix(e164, "+")
	country := countryDigits(digits)
	if !ok || country == 0 {
		return mark
	}
	national := digits[country:]
	last := min(mostLast, max(len(national)-leastGone, 0))
	first := min(mostFirst, max(len(national)-leastGone-1-last, 0))
	b := make([]byte, 0, 24+len(mark))
	b = append(append(append(b, '+'), digits[:country]...), ' ')
	if first > 0 {
		b = append(append(b, national[:first]...), '-')
	}
	b = append(b, mark...)
	if last > 0 {
		b = append(append(b, '-'), national[len(national)-last:]...)
	}
	return string(b)
}

// PhoneOrNone masks a phone that may be absent.
func PhoneOrNone(e164 *string) *string {
	if e164 == nil {
		return nil
	}
	return new(Phone(*e164))
}

// VisibleDigits is how many digits at the end of a phone its mask shows, at
// most: a search for more would reveal what it hides.
const VisibleDigits = mostLast

// IsMask reports whether a text is a mask, or was made of one: it is not to be
// stored in the place of what it hides.
func IsMask(text string) bool { return strings.ContainsAny(text, "•*●∙·") }

// The length of a reason, in characters.
const (
	MinReason = 10
	MaxReason = 500
)

// Reason is why an operator asks for what is masked. It is recorded in the audit
// log.
type Reason struct {
	Reason string `json:"reason" doc:"The reason, for the audit log." example:"the member asked to be called back" minLength:"10" maxLength:"500" lines:"true"`
}

// Check implements [field.Checker]: enough of a reason can be seen. Some scripts
// need characters that cannot, which do not count.
func (r *Reason) Check(wrong *fault.Fields, prefix string) {
	if n := field.VisibleLength(r.Reason); n > 0 && n < MinReason {
		wrong.Add(prefix+"reason", field.CodeTooShort, "Must have at least %d visible characters.", MinReason)
	}
}

// CheckReason returns a fault unless a reason says something that can be read.
// Faults: invalid, field reason.
func CheckReason(reason string) error {
	var wrong fault.Fields
	field.For[Reason]().Check(&Reason{reason}, "", &wrong)
	return wrong.Err()
}

// countryDigits is how many digits the calling code has at the beginning of a
// number (ITU-T E.164, annex to the Operational Bulletin): codes are free of
// prefixes of each other. It is 0 for what is no number.
func countryDigits(digits string) int {
	if len(digits) < 4 || strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	switch digits[0] {
	case '0':
		return 0
	case '1', '7':
		return 1
	}
	if strings.Contains(twoDigits, " "+digits[:2]+" ") {
		return 2
	}
	return 3
}

// twoDigits are the calling codes of two digits; those that begin otherwise
// than with 1 or 7 have three.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66" +
	" 81 82 84 86 90 91 92 93 94 95 98 "
