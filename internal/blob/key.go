package blob

import (
	"cmp"
	"context"
	"strings"
)

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

// CheckCall returns why a call of a store cannot start: the context is done, or
// the key is malformed.
func CheckCall(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}

// CheckPut is [CheckCall] for [Store].Put, whose size must be from 0 to [MaxSize].
func CheckPut(ctx context.Context, key string, size int64) error {
	if err := CheckCall(ctx, key); err != nil {
		return err
	}
	if size < 0 || size > MaxSize {
		return ErrSize
	}
	return nil
}

func checkName(name string) error {
	if !strings.Contains(name, ".") {
		return ErrKey
	}
	for word := range strings.SplitSeq(name, ".") {
		if !isWord(word) {
			return ErrKey
		}
	}
	return nil
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
	return cmp.Or(types[key[strings.LastIndexByte(key, '.')+1:]], "application/octet-stream")
}

var types = map[string]string{
	"avif": "image/avif", "gif": "image/gif", "heic": "image/heic", "jpeg": "image/jpeg", "jpg": "image/jpeg",
	"png": "image/png", "webp": "image/webp", "mp4": "video/mp4",
	"pdf": "application/pdf", "txt": "text/plain; charset=utf-8",
}
