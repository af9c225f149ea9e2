package query

import (
	"bytes"
	"unicode/utf8"
)

// CutTexts returns the texts of a JSON list as engines write it: plain characters,
// separated by a comma or a comma and a space. For any other list it returns false,
// and encoding/json parses it.
func CutTexts(b []byte) (list []string, ok bool) {
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' || !isPlain(b) {
		return nil, false
	}
	rest := b[1 : len(b)-1]
	list = make([]string, 0, bytes.Count(rest, []byte{'"'})/2)
	for len(rest) > 0 {
		if len(list) > 0 {
			if rest[0] != ',' {
				return nil, false
			}
			rest = bytes.TrimPrefix(rest[1:], []byte{' '})
		}
		if len(rest) == 0 || rest[0] != '"' {
			return nil, false
		}
		end := bytes.IndexByte(rest[1:], '"')
		if end < 0 {
			return nil, false
		}
		list = append(list, string(rest[1:1+end]))
		rest = rest[end+2:]
	}
	return list, true
}

// isPlain reports whether a JSON text stands for itself: it has no escapes, no
// control characters and is UTF-8.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c == '\\' || c < ' ' {
			return false
		}
	}
	return utf8.Valid(b)
}
