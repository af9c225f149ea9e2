package blob

import (
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The shortest and the longest that [SignOptions].Expires may be: the longest
// life that follows, 168 hours, is the longest that SigV4 takes.
const (
	MinExpires = 2 * time.Second
	MaxExpires = 112 * time.Hour
)

const (
	maxType     = 127
	maxFilename = 150
	maxExt      = 16
)

// SignOptions says how long a signed URL lives and how its object is presented.
type SignOptions struct {
	// Expires is the least that the URL lives; see [Lifetime].
	Expires time.Duration

	// Filename makes the object a download that is saved under this name,
	// whatever characters it has; [Filename] makes it safe. It travels in the
	// URL, so it names nobody. A download is kept where the person saves it, and
	// in no cache. Empty shows the object in place, again and again while the URL
	// lives, so a browser may keep it that long.
	Filename string

	// ContentType is what the browser is told; empty means [TypeOf] the key.
	ContentType string
}

// Check returns [ErrOptions] unless Expires is between [MinExpires] and
// [MaxExpires] and ContentType is empty or has the form of one.
func (o SignOptions) Check() error {
	if o.Expires < MinExpires || o.Expires > MaxExpires {
		return ErrOptions
	}
	if o.ContentType != "" && !isType(o.ContentType) {
		return ErrOptions
	}
	return nil
}

func isType(s string) bool {
	if len(s) > maxType {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	kind, sub, _ := strings.Cut(s, "/")
	return kind != "" && sub != ""
}

// Lifetime is when a URL signed now begins and ends to be good. Time is cut
// into windows of half of expires, and what is signed within one window has the
// same lifetime, and so the same URL, which browsers can cache. The URL lives
// longer than expires, counted from now, and at most half as long again:
//
//	from        now     from+half                  until
//	 |-----------x----------|-------------------------|
//	  half of expires                 expires
func Lifetime(now time.Time, expires time.Duration) (from, until time.Time) {
	whole := int64((expires + time.Second - 1) / time.Second)
	half := max(whole/2, 1)
	start := now.Unix() / half * half
	return time.Unix(start, 0), time.Unix(start+half+whole, 0)
}

// Disposition is the Content-Disposition header (RFC 6266) for a download
// called filename, or, when that is empty, for an object that is shown in
// place. Of what has no filename, only images, sound, video, PDF and plain text
// are shown; the rest is a download all the same, since a browser might run it.
func Disposition(filename, contentType string) string {
	if filename == "" {
		if isShown(contentType) {
			return "inline"
		}
		return "attachment"
	}
	name := Filename(filename)
	fallback := asciiName(name)
	d := `attachment; filename="` + fallback + `"`
	if fallback != name {
		d += "; filename*=UTF-8''" + string(AppendEscape(nil, name))
	}
	return d
}

func isShown(contentType string) bool {
	t, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	kind, sub, _ := strings.Cut(t, "/")
	switch kind {
	case "image":
		return !strings.HasPrefix(sub, "svg")
	case "audio", "video":
		return true
	}
	return t == "application/pdf" || t == "text/plain"
}

// Filename makes a name safe to save under on every system: no separators, no
// control or direction characters, no dots around it, at most 150 bytes with
// its extension kept. It is never empty, and Filename of the result is the
// result.
func Filename(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if name = strings.Trim(shorten(name), ". "); name == "" {
		return "download"
	}
	return name
}

func shorten(name string) string {
	if len(name) <= maxFilename {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxExt {
		ext = ""
	}
	stem := name[:maxFilename-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

// asciiName is for clients that do not read filename*. A percent sign goes too:
// some of them would decode what follows it.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// AppendEscape appends s with every byte percent-encoded but the unreserved
// ones of RFC 3986, which is what a query, filename* (RFC 8187) and SigV4 take.
func AppendEscape(dst []byte, s string) []byte { return appendEscape(dst, s, &unreserved) }

// AppendEscapePath is [AppendEscape] for the path of a URL: slashes stay.
func AppendEscapePath(dst []byte, s string) []byte { return appendEscape(dst, s, &unreservedOrSlash) }

var unreserved, unreservedOrSlash = escapeTables()

func escapeTables() (table, withSlash [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") {
		table[c] = true
	}
	withSlash = table
	withSlash['/'] = true
	return table, withSlash
}

func appendEscape(dst []byte, s string, keep *[256]bool) []byte {
	const digits = "0123456789ABCDEF"
	done := 0
	for i := range len(s) {
		if c := s[i]; !keep[c] {
			dst = append(append(dst, s[done:i]...), '%', digits[c>>4], digits[c&15])
			done = i + 1
		}
	}
	return append(dst, s[done:]...)
}
