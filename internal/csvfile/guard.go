package csvfile

import "strings"

// formula lists the first characters of cells that a spreadsheet may run as a formula
// (OWASP, CSV injection), including their full-width forms.
const formula = "=+-@\t\r\n＝＋－＠"

// Guard puts an apostrophe before text that a spreadsheet may run as a formula, so
// that it is shown instead. Phones, which begin with a plus sign, are no exception.
// Text that already looks guarded gets another apostrophe, so that [Unguard] returns
// the original.
func Guard(text string) string {
	if looksGuarded(text) {
		return "'" + text
	}
	return text
}

// Unguard removes the apostrophe that Guard added: Unguard(Guard(text)) is text.
func Unguard(text string) string {
	if strings.HasPrefix(text, "'") && looksGuarded(text) {
		return text[1:]
	}
	return text
}

// looksGuarded reports whether text begins with a character of a formula, after any
// number of apostrophes.
func looksGuarded(text string) bool {
	if text == "" || text[0] >= '0' && text[0] <= '9' || text[0] > '@' && text[0] < 0x80 {
		return false // most cells
	}
	for _, c := range strings.TrimLeft(text, "'") {
		return strings.ContainsRune(formula, c)
	}
	return false
}

// Join returns a list as one cell, with semicolons between the items and a backslash
// before each semicolon or backslash of an item.
func Join(items []string) string {
	if len(items) == 0 {
		return ""
	}
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteString("; ")
		}
		for _, c := range item {
			if c == ';' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Split returns the items of a cell, without the space around them and without blank
// ones. A backslash escapes the character behind it.
func Split(cell, separator string) []string {
	var items []string
	var item strings.Builder
	end := func() {
		if text := strings.TrimSpace(item.String()); text != "" {
			items = append(items, text)
		}
		item.Reset()
	}
	for i := 0; i < len(cell); {
		switch {
		case strings.HasPrefix(cell[i:], separator):
			end()
			i += len(separator)
		case cell[i] == '\\' && i+1 < len(cell):
			item.WriteByte(cell[i+1])
			i += 2
		default:
			item.WriteByte(cell[i])
			i++
		}
	}
	end()
	return items
}
