package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	daySpan   = 24 * 60 * 60
)

// A presign is what a URL allows.
type presign struct {
	key     string
	from    time.Time
	seconds int64 // for which the URL is valid

	// Headers of the response; none if zero.
	maxAge                   int64 // seconds for which a browser may cache it
	noStore                  bool  // overrides maxAge
	disposition, contentType string
}

// A signer presigns URLs by AWS Signature Version 4, byte for byte as minio-go does.
// It is safe for concurrent use.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
type signer struct {
	origin, host, prefix  string // https://host, host, and the path before a key
	access, secret, token string
	region                string

	// The signing keys of the last days. Links of all lifetimes start within three
	// days of each other, so a key in use is not evicted.
	days [4]atomic.Pointer[day]
}

// A day holds what all signatures of a day have in common.
type day struct {
	number int64
	date   string // 20060102
	scope  string
	query  string // its start
	macs   sync.Pool
}

type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func (s *signer) day(at time.Time) *day {
	number := at.Unix() / daySpan
	place := &s.days[number&3]
	if d := place.Load(); d != nil && d.number == number {
		return d
	}
	d := s.newDay(number)
	place.Store(d)
	return d
}

func (s *signer) newDay(number int64) *day {
	date := time.Unix(number*daySpan, 0).UTC().Format("20060102")
	d := &day{number: number, date: date, scope: date + "/" + s.region + "/s3/aws4_request"}
	d.query = "X-Amz-Algorithm=" + algorithm + "&X-Amz-Credential=" + string(blob.AppendEscape(nil, s.access+"/"+d.scope)) + "&X-Amz-Date="
	key := []byte("AWS4" + s.secret)
	for _, part := range []string{date, s.region, "s3", "aws4_request"} {
		m := hmac.New(sha256.New, key)
		_, _ = m.Write([]byte(part)) // a hash never fails
		key = m.Sum(nil)
	}
	// Keyed hashes are kept, since keying one costs as much as signing.
	d.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, key)} }
	return d
}

// sign returns the URL.
func (s *signer) sign(p presign) string {
	d := s.day(p.from)
	pad := pads.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer pads.Put(pad)

	// The canonical request; path and query are those of the URL.
	b := append((*pad)[:0], "GET\n"...) //nolint:gocritic // the pad is taken back below, as long as it has become
	path := len(b)
	b = blob.AppendEscapePath(append(b, s.prefix...), p.key)
	pathEnd := len(b)
	b = append(b, '\n')
	query := len(b)
	b = s.appendQuery(b, d, p)
	queryEnd := len(b)
	b = append(b, "\nhost:"...)
	b = append(b, s.host...)
	b = append(b, "\n\nhost\nUNSIGNED-PAYLOAD"...)
	request := sha256.Sum256(b)

	text := len(b)
	b = append(b, algorithm+"\n"...)
	b = d.appendTime(b, p.from)
	b = append(b, '\n')
	b = append(b, d.scope...)
	b = append(b, '\n')
	b = hex.AppendEncode(b, request[:])

	url := len(b)
	b = append(b, s.origin...)
	b = append(b, b[path:pathEnd]...)
	b = append(b, '?')
	b = append(b, b[query:queryEnd]...)
	b = append(b, "&X-Amz-Signature="...)
	b = d.appendSignature(b, b[text:url])
	*pad = b
	return string(b[url:])
}

// appendQuery writes the parameters in the order that signing requires: by the bytes
// of their names.
func (s *signer) appendQuery(b []byte, d *day, p presign) []byte {
	b = d.appendTime(append(b, d.query...), p.from)
	b = append(b, "&X-Amz-Expires="...)
	b = strconv.AppendInt(b, p.seconds, 10)
	b = appendParameter(b, "&X-Amz-Security-Token=", s.token)
	b = append(b, "&X-Amz-SignedHeaders=host"...)
	if p.noStore {
		b = append(b, "&response-cache-control=no-store"...)
	} else if p.maxAge > 0 {
		b = strconv.AppendInt(append(b, "&response-cache-control=private%2C%20max-age%3D"...), p.maxAge, 10)
	}
	b = appendParameter(b, "&response-content-disposition=", p.disposition)
	return appendParameter(b, "&response-content-type=", p.contentType)
}

func appendParameter(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return blob.AppendEscape(append(b, name...), value)
}

// appendTime appends 20060102T150405Z, much faster than package time.
func (d *day) appendTime(b []byte, t time.Time) []byte {
	n := t.Unix() - d.number*daySpan
	two := func(n int64) (byte, byte) { return byte('0' + n/10), byte('0' + n%10) } //nolint:gosec // n is below 60
	h1, h2 := two(n / 3600)
	m1, m2 := two(n / 60 % 60)
	s1, s2 := two(n % 60)
	return append(append(b, d.date...), 'T', h1, h2, m1, m2, s1, s2, 'Z')
}

func (d *day) appendSignature(dst, text []byte) []byte {
	m := d.macs.Get().(*mac) //nolint:forcetypeassert // as above
	defer d.macs.Put(m)
	m.Reset()
	_, _ = m.Write(text) // a hash never fails
	return hex.AppendEncode(dst, m.Sum(m.sum[:0]))
}

// pads holds buffers for building URLs.
var pads = sync.Pool{New: func() any { return new([]byte) }}
