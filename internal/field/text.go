package field

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normalize returns a text in the form in which it is compared and stored:
// without space around it, and in Unicode's normalization form C.
func Normalize(text string) string { return norm.NFC.String(strings.TrimSpace(text)) }

// CheckText returns the code and the message of what is wrong with the
// characters of a text, or two empty strings: a text is valid UTF-8, has no
// control characters, none that turn the direction of what is around them, and,
// unless it is empty, at least one that can be seen. With lines, it may have
// several lines.
func CheckText(text string, lines bool) (code, message string) {
	if !utf8.ValidString(text) {
		return CodeInvalidText, "Must be valid UTF-8."
	}
	seen := text == ""
	for _, r := range text {
		switch {
		case lines && (r == '\n' || r == '\r' || r == '\t'):
		case unicode.IsControl(r), turnsDirection(r):
			return CodeInvalidText, "Must not contain control characters."
		default:
			seen = seen || visible(r)
		}
	}
	if !seen {
		return CodeInvalidText, "Must contain a visible character."
	}
	return "", ""
}

// turnsDirection reports whether a character separates lines or paragraphs, or
// changes the direction of the text around it (UAX #9).
func turnsDirection(r rune) bool {
	return '\u2028' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// brailleBlank is a letter of a script, and empty.
const brailleBlank = '\u2800'

// visible reports whether a character leaves a mark by itself: no space, no
// character that displays as nothing (Default_Ignorable_Code_Point of the Unicode
// Character Database), and no mark that only combines with another.
func visible(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r != 0x7f
	}
	return unicode.IsGraphic(r) && r != brailleBlank && r != utf8.RuneError &&
		!unicode.In(r, unicode.White_Space, unicode.M, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// VisibleLength returns how many characters of a text can be seen.
func VisibleLength(text string) (n int) {
	for _, r := range text {
		if visible(r) {
			n++
		}
	}
	return n
}
