package s3

import (
	"cmp"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

// Sign implements blob.Store. Within half of o.Expires it returns the same URL.
func (s *Store) Sign(key string, o blob.SignOptions, now time.Time) (string, error) {
	if err := o.Check(key); err != nil {
		return "", err
	}
	from, until := blob.Lifetime(now, o.Expires)
	contentType := cmp.Or(o.ContentType, blob.TypeOf(key))
	return s.signer.sign(presign{
		key: key, from: from, seconds: until.Unix() - from.Unix(),
		maxAge: int64(o.Expires / time.Second), noStore: o.Filename != "", disposition: blob.Disposition(o.Filename, contentType), contentType: contentType,
	}), nil
}
