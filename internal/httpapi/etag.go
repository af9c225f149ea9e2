package httpapi

import (
	"strconv"
	"strings"
)

// entityTag is a strong tag: the version of what is shown and, after a dot,
// the windows in which its signed links are the same (see blob.Lifetime). A
// representation with the same tag is the same byte for byte; a precondition
// compares the version alone.
func entityTag(version int64, windows ...int64) string {
	b := append(make([]byte, 0, 32), '"', 'v')
	b = strconv.AppendInt(b, version, 10)
	for _, w := range windows {
		b = strconv.AppendInt(append(b, '.'), w, 36)
	}
	return string(append(b, '"'))
}

// tag is one entity tag of a header.
type tag struct {
	opaque string // with its quotes
	weak   bool
}

// version is what [entityTag] put in, or false for the tag of another server.
func (t tag) version() (int64, bool) {
	text, found := strings.CutPrefix(strings.Trim(t.opaque, `"`), "v")
	if !found {
		return 0, false
	}
	text, _, _ = strings.Cut(text, ".")
	v, err := strconv.ParseInt(text, 10, 64)
	return v, err == nil
}

// tags is an If-Match or If-None-Match header: absent, any (*) or a list.
type tags struct {
	given, any bool
	list       []tag
}

const maxTags = 32

// parseTags reads the header's lines (RFC 9110, section 8.8.3). The name is
// that of the field in the fault.
func parseTags(name string, lines []string) (tags, error) {
	if len(lines) == 0 {
		return tags{}, nil
	}
	text := strings.TrimSpace(strings.Join(lines, ","))
	if text == "*" {
		return tags{given: true, any: true}, nil
	}
	t := tags{given: true}
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			break
		}
		one, rest, ok := cutTag(text)
		if !ok || len(t.list) == maxTags {
			return tags{}, errTags(name)
		}
		t.list, text = append(t.list, one), rest
	}
	if len(t.list) == 0 {
		return tags{}, errTags(name)
	}
	return t, nil
}

func errTags(name string) error {
	return malformedField(name, "malformed", `It is * or up to %d tags as they were in an ETag header, quotes included: "v7".`, maxTags)
}

// cutTag takes one tag off the front, up to a comma or the end.
func cutTag(text string) (t tag, rest string, ok bool) {
	text, t.weak = strings.CutPrefix(text, "W/")
	if text == "" || text[0] != '"' {
		return t, "", false
	}
	end := 1
	for end < len(text) && text[end] != '"' {
		if c := text[end]; c <= ' ' || c == 0x7f {
			return t, "", false
		}
		end++
	}
	if end == len(text) {
		return t, "", false
	}
	t.opaque, rest = text[:end+1], strings.TrimLeft(text[end+1:], " \t")
	return t, rest, rest == "" || rest[0] == ','
}

// unchanged is the comparison of If-None-Match, which takes weak tags for
// strong ones.
func (t tags) unchanged(etag string) bool {
	if t.any {
		return true
	}
	for _, one := range t.list {
		if one.opaque == etag {
			return true
		}
	}
	return false
}

// versions are those that If-Match takes: nil for any. A weak tag matches
// nothing, so that a header of weak ones gives a list that no version is in.
func (t tags) versions() []int64 {
	if !t.given || t.any {
		return nil
	}
	list := []int64{}
	for _, one := range t.list {
		if v, ok := one.version(); ok && !one.weak {
			list = append(list, v)
		}
	}
	return list
}
