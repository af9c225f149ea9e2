package csvfile

import "strings"

// formula are the characters with which a cell begins that a spreadsheet may
// run as a formula (OWASP, CSV injection), in their full-width forms too.
const formula = "=+-@\t\r\n＝＋－＠"

// Guard puts an apostrophe before text that a spreadsheet may take for a
// formula, so that it is shown and not run. Phones begin with a plus sign and
// are guarded like all else. [Unguard] gives the text back: to tell the two
// apart, text that looks guarded already gets one more apostrophe.
func Guard(text string) string {
	if looksGuarded(text) {
		return "'" + text
	}
	return text
}

// Unguard takes away the apostrophe that Guard put. For every text,
// Unguard(Guard(text)) is the text.
func Unguard(text string) string {
	if strings.HasPrefix(text, "'") && looksGuarded(text) {
		return text[1:]
	}
	return text
}

// looksGuarded reports whether text is any number of apostrophes before a
// character of a formula.
func looksGuarded(text string) bool {
	if text == "" || text[0] >= '0' && text[0] <= '9' || text[0] > '@' && text[0] < 0x80 {
		return false // most cells
	}
	for _, c := range strings.TrimLeft(text, "'") {
		return strings.ContainsRune(formula, c)
	}
	return false
}

// Join makes one cell of a list: its items between semicolons, with a backslash
// before a semicolon or backslash of an item.
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

// Split gives the items of a cell, without the space around them and without
// blank ones. A backslash takes the character after it as it is.
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
