package dir

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
)

// Prefix is the path of links, at which to mount [Store.Handler].
const Prefix = "/media/"

const (
	minSecret  = 32
	maxSecrets = 8
	maxQuery   = 1024 // longer than any link
)

// The faults of a link.
var (
	ErrLinkExpired = fault.New(fault.Forbidden, "link_expired", "This link has expired. Reload the page to get a new one.")
	ErrLinkInvalid = fault.New(fault.Forbidden, "link_invalid", "This link is not valid: it was changed or is incomplete. Copy it again, in full.")
)

// A link is the content of a signed URL.
type link struct {
	key, filename, contentType string
	until                      time.Time
}

// Sign implements blob.Store. Within half of o.Expires it returns the same URL.
func (s *Store) Sign(key string, o blob.SignOptions, now time.Time) (string, error) {
	if err := o.Check(key); err != nil {
		return "", err
	}
	_, until := blob.Lifetime(now, o.Expires)
	pad := pads.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer pads.Put(pad)

	b := (*pad)[:0]
	b = append(b, s.prefix...)
	b = append(b, key...)
	b = append(b, "?e="...)
	b = strconv.AppendInt(b, until.Unix(), 10)
	if o.Filename != "" {
		b = blob.AppendEscape(append(b, "&n="...), blob.Filename(o.Filename))
	}
	if o.ContentType != "" {
		b = blob.AppendEscape(append(b, "&t="...), o.ContentType)
	}
	signed := b[len(s.prefix):]
	b = append(b, "&s="...)
	b = s.secrets[0].appendSignature(b, signed)
	*pad = b
	return string(b), nil
}

// verify parses the link of a URL, whose path and query must be as they were sent.
// It parses nothing but the key before it has verified the signature.
func (s *Store) verify(path, query string) (link, error) {
	key, ok := strings.CutPrefix(path, Prefix)
	if !ok || blob.CheckKey(key) != nil || len(query) > maxQuery {
		return link{}, ErrLinkInvalid
	}
	at := strings.LastIndex(query, "&s=")
	if at < 0 {
		return link{}, ErrLinkInvalid
	}
	signed, signature := query[:at], query[at+len("&s="):]
	if !s.isSigned(key, signed, signature) {
		return link{}, ErrLinkInvalid
	}
	l, err := parseLink(key, signed)
	if err != nil {
		return link{}, err
	}
	if !s.now().Before(l.until) {
		return link{}, ErrLinkExpired
	}
	return l, nil
}

// isSigned compares signatures as text: base64 has several texts for the same
// bytes, of which only one is a link.
func (s *Store) isSigned(key, query, signature string) bool {
	message := []byte(key + "?" + query)
	for _, secret := range s.secrets {
		if hmac.Equal(secret.appendSignature(nil, message), []byte(signature)) {
			return true
		}
	}
	return false
}

func parseLink(key, query string) (link, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return link{}, ErrLinkInvalid.Because(err)
	}
	until, err := strconv.ParseInt(values.Get("e"), 10, 64)
	if err != nil {
		return link{}, ErrLinkInvalid.Because(err)
	}
	return link{key: key, filename: values.Get("n"), contentType: cmp.Or(values.Get("t"), blob.TypeOf(key)), until: time.Unix(until, 0)}, nil
}

// pads holds buffers for building URLs.
var pads = sync.Pool{New: func() any { return new([]byte) }}

// A secret signs. It keeps keyed hashes, since keying one costs as much as signing.
// It is safe for concurrent use.
type secret struct{ states sync.Pool }

type state struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

func newSecrets(list [][]byte) ([]*secret, error) {
	if len(list) == 0 || len(list) > maxSecrets {
		return nil, fmt.Errorf("media URLs need from 1 to %d secrets, not %d", maxSecrets, len(list))
	}
	secrets := make([]*secret, len(list))
	for i, key := range list {
		if len(key) < minSecret {
			return nil, errors.New("a secret for media URLs must have at least 32 bytes")
		}
		key = bytes.Clone(key)
		secrets[i] = &secret{sync.Pool{New: func() any { return &state{mac: hmac.New(sha256.New, key)} }}}
	}
	return secrets, nil
}

// purpose is part of every signature: one for reading can never allow writing.
var purpose = []byte("GET ")

func (s *secret) appendSignature(dst, message []byte) []byte {
	st := s.states.Get().(*state) //nolint:forcetypeassert // the pool holds nothing else
	defer s.states.Put(st)
	st.mac.Reset()
	_, _ = st.mac.Write(purpose) // a hash never fails
	_, _ = st.mac.Write(message)
	return base64.RawURLEncoding.AppendEncode(dst, st.mac.Sum(st.sum[:0]))
}
