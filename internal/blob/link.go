package blob

import (
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of [SignOptions].Expires. The longest lifetime that follows, 168
// hours, is the longest that SigV4 allows.
const (
	MinExpires = 2 * time.Second
	MaxExpires = 112 * time.Hour
)

const (
	maxType     = 127
	maxFilename = 150
	maxExt      = 16
)

// SignOptions are the lifetime of a signed URL and the presentation of its object.
type SignOptions struct {
	// Expires is the minimum lifetime of the URL; see [Lifetime].
	Expires time.Duration

	// Filename makes the object a download, not cached, with this name, which
	// [Filename] makes safe. It is part of the URL, so it must not name a person. If
	// empty, the browser shows the object, and may cache it while the URL is valid.
	Filename string

	// ContentType is sent to the browser; if empty, it is [TypeOf] the key.
	ContentType string
}

// Check returns [ErrKey] for a malformed key, and [ErrOptions] unless Expires is
// between [MinExpires] and [MaxExpires] and ContentType is empty or has the form of
// one.
func (o SignOptions) Check(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if o.Expires < MinExpires || o.Expires > MaxExpires || o.ContentType != "" && !isType(o.ContentType) {
		return ErrOptions
	}
	return nil
}

func isType(s string) bool {
	kind, sub, _ := strings.Cut(s, "/")
	return kind != "" && sub != "" && len(s) <= maxType && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Lifetime returns when a URL signed now starts and stops being valid. URLs signed
// within one window, of half of expires, have the same lifetime and so the same text,
// which browsers can cache. From now, a URL is valid for longer than expires, and for
// at most half as long again:
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

// Disposition returns the Content-Disposition header (RFC 6266) of a download named
// filename or, if that is empty, of an object to show in place. A type that a browser
// might run is a download too.
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

// Filename makes a file name safe on every system: it replaces separators, control
// and direction characters, trims dots, and shortens the name to 150 bytes but
// keeps its extension. The result is never empty, and Filename leaves it unchanged.
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

// asciiName returns the name for clients that do not support filename*. It also
// replaces percent signs, because some of them would decode what follows.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// AppendEscape appends s, percent-encoding every byte that RFC 3986 reserves, as
// queries, filename* (RFC 8187) and SigV4 require.
func AppendEscape(dst []byte, s string) []byte { return appendEscape(dst, s, &unreserved) }

// AppendEscapePath is [AppendEscape] for the path of a URL: it keeps slashes.
func AppendEscapePath(dst []byte, s string) []byte { return appendEscape(dst, s, &unreservedOrSlash) }

var unreserved, unreservedOrSlash = setOf(unreservedBytes), setOf(unreservedBytes + "/")

const unreservedBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

func setOf(list string) (set [256]bool) {
	for i := range len(list) {
		set[list[i]] = true
	}
	return set
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
