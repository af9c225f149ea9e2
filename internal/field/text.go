package field

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normalize returns the form in which a text is compared and stored: without
// leading and trailing space, in Unicode's normalization form C.
func Normalize(text string) string { return norm.NFC.String(strings.TrimSpace(text)) }

// CheckText returns the code and the message of what is wrong with the characters
// of a text, or two empty strings. A text must be valid UTF-8, without control
// characters and characters that change the direction of text. Unless it is empty,
// it must have a visible character. With lines, it may have several lines.
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

// brailleBlank is a graphic character, but blank.
const brailleBlank = '\u2800'

// visible reports whether a character is visible by itself: not space, not a
// character without display (Default_Ignorable_Code_Point of the Unicode Character
// Database), not a combining mark.
func visible(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r != 0x7f
	}
	return unicode.IsGraphic(r) && r != brailleBlank && r != utf8.RuneError &&
		!unicode.In(r, unicode.White_Space, unicode.M, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// VisibleLength returns the number of visible characters of a text.
func VisibleLength(text string) (n int) {
	for _, r := range text {
		if visible(r) {
			n++
		}
	}
	return n
}
