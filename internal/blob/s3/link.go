package s3

import (
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

// Sign implements blob.Store. Within half of o.Expires it returns the same URL.
func (s *Store) Sign(key string, o blob.SignOptions, now time.Time) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	if err := o.Check(); err != nil {
		return "", err
	}
	from, until := blob.Lifetime(now, o.Expires)
	contentType := o.ContentType
	if contentType == "" {
		contentType = blob.TypeOf(key)
	}
	return s.signer.sign(presign{
		method: http.MethodGet, key: key, from: from, seconds: until.Unix() - from.Unix(),
		maxAge: int64(o.Expires / time.Second), noStore: o.Filename != "", disposition: blob.Disposition(o.Filename, contentType), contentType: contentType,
	}), nil
}

// SignPut returns a URL to which anyone can upload the object, once or several
// times, until expires has passed: by a PUT with exactly size bytes and the
// Content-Type blob.TypeOf(key); the store refuses anything else. An upload replaces
// the object of the key. SignPut does no I/O. ErrOptions: see
// [blob.SignOptions.Check]. ErrSize: see [Store.Put].
func (s *Store) SignPut(key string, size int64, expires time.Duration, now time.Time) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	if err := (blob.SignOptions{Expires: expires}).Check(); err != nil {
		return "", err
	}
	if size < 0 || size > blob.MaxSize {
		return "", blob.ErrSize
	}
	from := now.Truncate(time.Second)
	return s.signer.sign(presign{
		method: http.MethodPut, key: key, from: from, seconds: int64((expires + now.Sub(from) + time.Second - 1) / time.Second),
		upload: &upload{size: size, contentType: blob.TypeOf(key)},
	}), nil
}

// Origin returns the scheme, host and port of links, as a Content-Security-Policy
// names them.
func (s *Store) Origin() string { return s.signer.origin }
