package importer

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// parseNumber reads digits with a sign, a decimal mark and, between digits, a mark
// that groups them. It refuses every other spelling.
func parseNumber(text, grouping, decimal string) (float64, *misfit) {
	var plain [40]byte
	out := plain[:0]
	point, digit := false, false
	for i := 0; i < len(text); {
		switch rest := text[i:]; {
		case len(out) == len(plain):
			return 0, notNumber
		case rest[0] >= '0' && rest[0] <= '9':
			out, digit = append(out, rest[0]), true
			i++
		case i == 0 && (rest[0] == '-' || rest[0] == '+'):
			out = append(out, rest[0])
			i++
		case !point && strings.HasPrefix(rest, decimal):
			out, point = append(out, '.'), true
			i += len(decimal)
		case !point && digit && grouping != "" && strings.HasPrefix(rest, grouping) && startsDigit(rest[len(grouping):]):
			i += len(grouping)
		default:
			return 0, notNumber
		}
	}
	if !digit {
		return 0, notNumber
	}
	n, err := strconv.ParseFloat(string(out), 64)
	if err != nil {
		return 0, notNumber
	}
	return n, nil
}

func startsDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// recase changes the case of a text: "capital" only that of its first letter.
func recase(s, to string) string {
	switch to {
	case "lower":
		return strings.ToLower(s)
	case "upper":
		return strings.ToUpper(s)
	case "capital":
		first, size := utf8.DecodeRuneInString(s)
		if first == utf8.RuneError {
			return s
		}
		return string(unicode.ToUpper(first)) + s[size:]
	default:
		return s
	}
}

// normalize returns the form in which words are compared: in lower case, with one
// space between them.
func normalize(word string) string { return strings.ToLower(strings.Join(strings.Fields(word), " ")) }

// meanings returns meanings by their normalized words.
func meanings(list map[string]string) (map[string]string, error) {
	byWord := make(map[string]string, len(list))
	for word, meant := range list {
		if strings.TrimSpace(meant) == "" {
			return nil, fmt.Errorf("the word %q has no meaning", word)
		}
		if other, twice := byWord[normalize(word)]; twice && other != meant {
			return nil, fmt.Errorf("the word %q has two meanings", word)
		}
		byWord[normalize(word)] = meant
	}
	return byWord, nil
}

// lookUp finds a word as it is, as most are, or normalized.
func lookUp(byWord map[string]string, word string) (string, bool) {
	if len(byWord) == 0 {
		return "", false
	}
	if meant, known := byWord[word]; known {
		return meant, true
	}
	meant, known := byWord[normalize(word)]
	return meant, known
}

// plainLayouts are the layouts of a date if the map names none.
var plainLayouts = []string{time.DateOnly, time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04"}

// goLayout translates a layout such as "DD.MM.YYYY hh:mm" to Go's.
func goLayout(layout string) (string, error) {
	if layout == "" {
		return "", nil
	}
	if !strings.Contains(layout, "YYYY") || strings.ContainsAny(layout, "0123456789") {
		return "", fmt.Errorf(`a layout consists of YYYY, MM, DD, hh, mm, ss and text between them, such as "DD.MM.YYYY hh:mm"`)
	}
	spelled := strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05").Replace(layout)
	if _, err := time.Parse(spelled, time.Date(2026, 11, 30, 23, 59, 58, 0, time.UTC).Format(spelled)); err != nil {
		return "", fmt.Errorf("the layout %q contradicts itself", layout)
	}
	return spelled, nil
}
