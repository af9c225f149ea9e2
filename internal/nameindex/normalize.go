package nameindex

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Normalize returns the form in which names are compared, sorted and searched:
// NFKC, case-folded, with one space between words.
func Normalize(s string) string {
	s = cases.Fold().String(norm.NFKC.String(s)) // a Caser has state: it must not be shared
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

// Grams returns the pieces by which a member is found, sorted and without
// duplicates: two and three characters in a row of each word of the normalized
// name, the characters that are words by themselves, and the last two pairs of
// digits of the phone.
func Grams(key string, phone *string) []string {
	var few [64]string
	list := few[:0]
	for word := range strings.FieldsSeq(key) {
		before := [2]int{-1, -1} // where the two previous characters start
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
		list = append(list, PhoneGrams(*phone)...)
	}
	slices.Sort(list)
	return slices.Clone(slices.Compact(list))
}

// isWord reports whether a single character can be a name.
func isWord(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

// maxWordGrams bounds the pieces that a text is searched by.
const maxWordGrams = 16

// WordGrams returns, for each word that is long enough, the pieces that a name with
// the word has: three characters each, or the word itself if it is shorter.
func WordGrams(words []string) (list [][]string) {
	left := maxWordGrams
	for _, w := range words {
		runes := []rune(w)
		var grams []string
		switch n := len(runes); {
		case n == 1 && !isWord(runes[0]):
		case n <= 3:
			grams = []string{w}
		default:
			for i := range n - 2 {
				grams = append(grams, string(runes[i:i+3]))
			}
		}
		grams = grams[:min(len(grams), left)]
		left -= len(grams)
		if len(grams) > 0 {
			list = append(list, grams)
		}
	}
	return list
}

// PhoneGrams returns the pieces of the last four digits of a phone: four characters
// long, so that none is a piece of a name.
func PhoneGrams(digits string) []string {
	n := len(digits)
	if n < 4 {
		return nil
	}
	return []string{"#0" + digits[n-2:], "#2" + digits[n-4:n-2]}
}
