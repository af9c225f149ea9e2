package privacy

import (
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// The masks of fields, for the tag mask of package field.
const (
	MaskPhone = "phone" // shows the country and the last four digits
	MaskLink  = "link"  // shows nothing
)

// Mask returns what a mask shows of a value. An empty mask shows it whole. An
// absent value stays absent.
func Mask(mask string, v any) any {
	if mask == "" || v == nil {
		return v
	}
	if phone, ok := v.(string); ok && mask == MaskPhone {
		return Phone(phone)
	}
	return nil
}

// A masked phone shows its country, its first and its last digits. Between them is
// always the same mark, which does not tell how many digits it hides. A short phone
// loses its first digits before its last ones, by which people know a phone.
const (
	mark      = "••••"
	mostFirst = 2
	mostLast  = 4
	leastGone = 3
)

// Phone masks a phone in E.164: +821012345678 becomes +82 10-••••-5678. It hides
// any other text whole.
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

// VisibleDigits is the most digits that a mask shows at the end of a phone. A search
// for more would reveal what the mask hides.
const VisibleDigits = mostLast

// IsMask reports whether a text is a mask, or derives from one. Do not store it in
// place of what it hides.
func IsMask(text string) bool { return strings.ContainsAny(text, "•*●∙·") }

// Reason is why an operator reveals a masked value, for the audit log.
type Reason struct {
	Reason string `json:"reason" doc:"The reason, for the audit log." example:"the member asked to be called back" minLength:"10" maxLength:"500" lines:"true"`
}

// The bounds of a reason, in characters.
var (
	MinReason = field.For[Reason]().Field("reason").MinLength
	MaxReason = field.For[Reason]().Field("reason").MaxLength
)

// Check implements [field.Checker]: a reason has enough visible characters. The
// invisible ones that some scripts need do not count.
func (r *Reason) Check(wrong *fault.Fields, prefix string) {
	if n := field.VisibleLength(r.Reason); n > 0 && n < MinReason {
		wrong.Add(prefix+"reason", field.CodeTooShort, "Must have at least %d visible characters.", MinReason)
	}
}

// CheckReason returns a fault if a reason is too short, too long or unreadable.
// Faults: invalid, field reason.
func CheckReason(reason string) error {
	var wrong fault.Fields
	field.For[Reason]().Check(&Reason{reason}, "", &wrong)
	return wrong.Err()
}

// countryDigits returns the length of the calling code at the start of a number
// (ITU-T E.164, annex to the Operational Bulletin), or 0 if the text is not a
// number. No code is a prefix of another.
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

// twoDigits lists the calling codes of two digits. 1 and 7 have one digit, all
// others three.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66" +
	" 81 82 84 86 90 91 92 93 94 95 98 "
