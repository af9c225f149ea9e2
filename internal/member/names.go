package member

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold is the form in which names are compared, sorted and searched: NFKC
// without case, words apart by one space.
func fold(s string) string {
	s = cases.Fold().String(norm.NFKC.String(s)) // a Caser has a state: it is not shared
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

// grams are the pieces by which a member is found, each once: of every word of
// the folded name two and three characters in a row, and the characters that
// are words of their own; of the phone the last two pairs of digits.
func grams(key string, phone *string) []string {
	var few [64]string
	list := few[:0]
	for word := range strings.FieldsSeq(key) {
		before := [2]int{-1, -1} // where the two characters before begin
		for i, r := range word {
			_, size := utf8.DecodeRuneInString(word[i:])
			end := i + size
			if isWord(r) {
				list = append(list, word[i:end])
			}
			for _, start := range before {
				if start >= 0 {
					list = append(list, word[start:end])
				}
			}
			before = [2]int{before[1], i}
		}
	}
	if phone != nil {
		list = append(list, tailGrams(*phone)...)
	}
	slices.Sort(list)
	return slices.Clone(slices.Compact(list))
}

// isWord reports whether a character can be a name alone.
func isWord(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

// tailGrams are the pieces of the last four digits, four characters long so
// that none is a piece of a name.
func tailGrams(digits string) []string {
	n := len(digits)
	if n < 4 {
		return nil
	}
	return []string{"#0" + digits[n-2:], "#2" + digits[n-4:n-2]}
}

// Longest forms that are looked at.
const (
	maxPhoneInput = 40
	maxSearch     = 100 // characters
)

// parsePhone reads a phone as it is written in the region, or with its country
// code, and gives it as E.164. An extension is refused: E.164 has none. Strictly,
// the number lies in a range that its country has given out; else it is enough
// that its length can be.
func parsePhone(text, region string, strictly bool) (string, bool) {
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
