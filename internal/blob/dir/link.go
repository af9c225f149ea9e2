package dir

import (
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

// Prefix is the path under which links are, to mount [Store.Handler] at.
const Prefix = "/media/"

const (
	minSecret  = 32
	maxSecrets = 8
	maxQuery   = 1024 // more than a link of the longest filename and type has
)

// The faults of a link.
var (
	ErrLinkExpired = fault.New(fault.Forbidden, "link_expired", "This link has expired. Load the page that showed it again for a new one.")
	ErrLinkInvalid = fault.New(fault.Forbidden, "link_invalid", "This link is not one that was issued here, or it was changed or cut off. Copy it again, whole.")
)

// A link is what a signed URL says.
type link struct {
	key, filename, contentType string
	until                      time.Time
}

// Sign fills blob.Store. Within half of o.Expires it returns the same URL.
func (s *Store) Sign(key string, o blob.SignOptions, now time.Time) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	if err := o.Check(); err != nil {
		return "", err
	}
	_, until := blob.Lifetime(now, o.Expires)
	pad := pads.Get().(*[]byte) //nolint:forcetypeassert // nothing else is in the pool
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

// verify reads the link of a URL, whose path and query are as they were sent.
// Nothing but the key's grammar is looked at before the signature is good.
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
// bytes, and only one of them is a link.
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
	l := link{key: key, filename: values.Get("n"), contentType: values.Get("t"), until: time.Unix(until, 0)}
	if l.contentType == "" {
		l.contentType = blob.TypeOf(key)
	}
	return l, nil
}

// pads holds the buffers in which URLs are put together.
var pads = sync.Pool{New: func() any { return new([]byte) }}

// A secret makes signatures. Keyed states are kept, since keying one costs as
// much as signing with it. It is safe for concurrent use.
type secret struct{ states sync.Pool }

type state struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

func newSecrets(list [][]byte) ([]*secret, error) {
	if len(list) == 0 || len(list) > maxSecrets {
		return nil, fmt.Errorf("media URLs need between 1 and %d secrets; there are %d", maxSecrets, len(list))
	}
	secrets := make([]*secret, len(list))
	for i, key := range list {
		if len(key) < minSecret {
			return nil, errors.New("a secret for media URLs has at least 32 bytes")
		}
		secrets[i] = newSecret(append([]byte(nil), key...))
	}
	return secrets, nil
}

func newSecret(key []byte) *secret {
	s := new(secret)
	s.states.New = func() any { return &state{mac: hmac.New(sha256.New, key)} }
	return s
}

// The signature says what it allows, so that one for reading never lets write.
var purpose = []byte("GET ")

func (s *secret) appendSignature(dst, message []byte) []byte {
	st := s.states.Get().(*state) //nolint:forcetypeassert // nothing else is in the pool
	defer s.states.Put(st)
	st.mac.Reset()
	_, _ = st.mac.Write(purpose) // a hash never fails
	_, _ = st.mac.Write(message)
	return base64.RawURLEncoding.AppendEncode(dst, st.mac.Sum(st.sum[:0]))
}
