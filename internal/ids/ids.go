package ids

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID is a UUIDv7 of a thing of kind K. The zero ID means none.
type ID[K any] [16]byte

// The kinds of thing that have an identifier.
type (
	memberKind   struct{}
	photoKind    struct{}
	documentKind struct{}
	operatorKind struct{}
	rowKind      struct{}

	Member   = ID[memberKind]
	Photo    = ID[photoKind]
	Document = ID[documentKind]
	Operator = ID[operatorKind]
	Row      = ID[rowKind] // any other row: a subscription, a token, an audit entry
)

// ErrMalformed is returned for text that is not a UUID.
var ErrMalformed = errors.New("an id has 32 hexadecimal digits in five groups, such as 0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47")

// New returns an identifier for a thing created at the time, which lies between
// 1970 and 10889. Two of the same microsecond differ by 62 random bits. It is
// safe for concurrent use.
func New[T ~[16]byte](at time.Time) T {
	var id T
	_, _ = rand.Read(id[6:]) // never fails: crypto/rand would end the program
	return stamp(id, at)
}

// First returns the smallest identifier of the microsecond: a thing created at the
// time or later never has a smaller one.
func First[T ~[16]byte](at time.Time) T {
	var id T
	return stamp(id, at)
}

// stamp writes the time into the first 64 bits: 48 of milliseconds, the
// version, and 12 of the fraction of a millisecond (RFC 9562, section 6.2,
// method 3), rounded up so that the microsecond comes back whole.
func stamp[T ~[16]byte](id T, at time.Time) T {
	us := max(at.UnixMicro(), 0)
	ms, frac := uint64(us/1000), uint64(us%1000)
	frac = (frac*4096 + 999) / 1000
	binary.BigEndian.PutUint64(id[:8], ms<<16|0x7000|frac)
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Parse parses the text form, in upper or lower case.
func Parse[T ~[16]byte](s string) (T, error) {
	var id T
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, ErrMalformed
	}
	var digits [32]byte
	n := copy(digits[:], s[:8])
	n += copy(digits[n:], s[9:13])
	n += copy(digits[n:], s[14:18])
	n += copy(digits[n:], s[19:23])
	copy(digits[n:], s[24:])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		var none T
		return none, ErrMalformed
	}
	return id, nil
}

// Time returns the time of creation, in UTC, to the microsecond.
func (id ID[K]) Time() time.Time {
	n := binary.BigEndian.Uint64(id[:8])
	ms, frac := int64(n>>16), int64(n&0xfff)
	return time.UnixMicro(ms*1000 + frac*1000/4096).UTC()
}

// IsZero reports whether the identifier is zero.
func (id ID[K]) IsZero() bool { return id == ID[K]{} }

// Compare returns -1, 0 or 1, as id is less than, equal to or greater than
// other: the one that was made earlier is less.
func (id ID[K]) Compare(other ID[K]) int { return bytes.Compare(id[:], other[:]) }

// String returns the text form of RFC 9562, in lower case.
func (id ID[K]) String() string {
	var b [36]byte
	id.encode(&b)
	return string(b[:])
}

func (id ID[K]) encode(b *[36]byte) {
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
}

// AppendText implements [encoding.TextAppender]; its error is always nil.
func (id ID[K]) AppendText(dst []byte) ([]byte, error) {
	var b [36]byte
	id.encode(&b)
	return append(dst, b[:]...), nil
}

// MarshalText returns the text form.
func (id ID[K]) MarshalText() ([]byte, error) {
	var b [36]byte
	id.encode(&b)
	return b[:], nil
}

// UnmarshalText parses the text form.
func (id *ID[K]) UnmarshalText(text []byte) error {
	parsed, err := Parse[ID[K]](string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// UUID implements query.UUID.
func (id ID[K]) UUID() [16]byte { return id }

// SetUUID implements query.UUIDSetter.
func (id *ID[K]) SetUUID(b [16]byte) { *id = b }
