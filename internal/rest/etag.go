package rest

import (
	"slices"
	"strconv"
	"strings"
)

// ETag returns a strong entity tag: the version of the resource and, after a dot,
// the windows in which its signed links stay the same. Representations with the
// same tag are equal byte for byte; a precondition compares the version alone.
func ETag(version int64, windows ...int64) string {
	b := append(make([]byte, 0, 32), '"', 'v')
	b = strconv.AppendInt(b, version, 10)
	for _, w := range windows {
		b = strconv.AppendInt(append(b, '.'), w, 36)
	}
	return string(append(b, '"'))
}

// tag is an entity tag of a header.
type tag struct {
	opaque string // with its quotes
	weak   bool
}

// version returns the version in a tag of [ETag], or false for any other tag.
func (t tag) version() (int64, bool) {
	text, found := strings.CutPrefix(strings.Trim(t.opaque, `"`), "v")
	if !found {
		return 0, false
	}
	text, _, _ = strings.Cut(text, ".")
	v, err := strconv.ParseInt(text, 10, 64)
	return v, err == nil
}

// tags is the value of If-Match or If-None-Match: absent, any (*) or a list.
type tags struct {
	given, any bool
	list       []tag
}

const maxTags = 32

// parseTags parses the lines of a header (RFC 9110, section 8.8.3). The fault
// names the header.
func parseTags(name string, lines []string) (tags, error) {
	if len(lines) == 0 {
		return tags{}, nil
	}
	text := strings.TrimSpace(strings.Join(lines, ","))
	if text == "*" {
		return tags{given: true, any: true}, nil
	}
	t := tags{given: true}
	for text = strings.TrimLeft(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
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
	return malformedField(name, "malformed", `Send * or up to %d tags as they were in an ETag header, quotes included: "v7".`, maxTags)
}

// cutTag cuts the first tag off text, up to a comma or the end.
func cutTag(text string) (t tag, rest string, ok bool) {
	text, t.weak = strings.CutPrefix(text, "W/")
	inner, quoted := strings.CutPrefix(text, `"`)
	inner, rest, closed := strings.Cut(inner, `"`)
	if !quoted || !closed || strings.ContainsFunc(inner, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return t, "", false
	}
	t.opaque, rest = text[:len(inner)+2], strings.TrimLeft(rest, " \t")
	return t, rest, rest == "" || rest[0] == ','
}

// unchanged compares as If-None-Match does: weak tags equal strong ones.
func (t tags) unchanged(etag string) bool {
	return t.any || slices.ContainsFunc(t.list, func(one tag) bool { return one.opaque == etag })
}

// versions returns the versions that If-Match allows; nil allows any. A weak tag
// matches nothing, so a header of weak tags alone allows none.
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

// IfMatch is the precondition of a change. As a field of an input it documents
// and parses the header of that name. The zero value allows every version.
type IfMatch struct{ tags tags }

// noVersion is a version that nothing has.
const noVersion int64 = -1

// Version returns the version that the header requires, or nil for any. Of
// several it returns that of stored, which is asked for then only, if the header
// lists it. If none can match, it returns a version that nothing has.
func (m IfMatch) Version(stored func() (int64, error)) (*int64, error) {
	list := m.tags.versions()
	switch {
	case list == nil:
		return nil, nil //nolint:nilnil // any version
	case len(list) == 0:
		return new(noVersion), nil
	case len(list) == 1:
		return &list[0], nil
	}
	v, err := stored()
	if err == nil && !slices.Contains(list, v) {
		v = noVersion
	}
	return &v, err
}

// One returns the one version that the header requires, or nil for any. Of several
// it requires none that exists.
func (m IfMatch) One() *int64 {
	v, _ := m.Version(func() (int64, error) { return noVersion, nil })
	return v
}
