package blob

import "strings"

const (
	maxKey   = 200 // below the limits of file systems and S3
	maxDepth = 8
)

// CheckKey returns [ErrKey] unless the key follows the grammar
//
//	key  = *(word "/") word 1*("." word)
//	word = (letter / digit) *(letter / digit / "-" / "_")
//
// with lower-case ASCII letters, at most 200 bytes and at most 8 parts. An
// example is members/<uuid>/photos/<uuid>.jpg.
//
// Directories have no dot and names have one, so no key is a directory of another:
// a file system can store what S3 can. Keys need no escaping in URLs, and no two
// keys differ only by case.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return ErrKey
	}
	for range maxDepth {
		word, rest, more := strings.Cut(key, "/")
		if !more {
			return checkName(word)
		}
		if !isWord(word) {
			return ErrKey
		}
		key = rest
	}
	return ErrKey
}

func checkName(name string) error {
	word, rest, more := strings.Cut(name, ".")
	if !more {
		return ErrKey
	}
	for isWord(word) {
		if !more {
			return nil
		}
		word, rest, more = strings.Cut(rest, ".")
	}
	return ErrKey
}

func isWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_'):
		default:
			return false
		}
	}
	return s != ""
}

// TypeOf returns the content type of the key's extension, or
// application/octet-stream for unknown ones. Types that a browser would run, such
// as HTML and SVG, are unknown on purpose.
func TypeOf(key string) string {
	switch key[strings.LastIndexByte(key, '.')+1:] {
	case "jpg", "jpeg":
		return "image/jpeg"
	case "png":
		return "image/png"
	case "webp":
		return "image/webp"
	case "gif":
		return "image/gif"
	case "avif":
		return "image/avif"
	case "heic":
		return "image/heic"
	case "mp4":
		return "video/mp4"
	case "pdf":
		return "application/pdf"
	case "txt":
		return "text/plain; charset=utf-8"
	default:
		return "application/octet-stream"
	}
}
