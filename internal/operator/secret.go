package operator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// Secret is a token as its holder knows it: muster_<prefix>_<secret>. It prints
// as its prefix, so that it cannot reach a log by accident. The zero value is not
// a token.
type Secret struct{ text string }

// A token has 5 bytes of prefix, which lists show, and 32 random bytes, followed
// by a checksum of both: it reveals a mistyped token without a query, and lets
// scanners for leaked secrets recognise a real one.
const (
	scheme      = "muster_"
	prefixBytes = 5
	secretBytes = 32
	sumBytes    = 4
	prefixText  = 8  // base32 of 5 bytes
	secretText  = 58 // base32 of 36 bytes
)

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newSecret() Secret {
	var b [prefixBytes + secretBytes + sumBytes]byte
	_, _ = rand.Read(b[:prefixBytes+secretBytes]) // never fails: crypto/rand would end the program
	random, sum := b[:prefixBytes+secretBytes], b[prefixBytes+secretBytes:]
	binary.BigEndian.PutUint32(sum, crc32.ChecksumIEEE(random))
	return Secret{scheme + alphabet.EncodeToString(b[:prefixBytes]) + "_" + alphabet.EncodeToString(b[prefixBytes:])}
}

// ParseSecret reads the text of a token. Faults: invalid_token, if it does not
// have the form of one.
func ParseSecret(text string) (Secret, error) {
	rest, ok := strings.CutPrefix(text, scheme)
	if !ok || len(rest) != prefixText+1+secretText || rest[prefixText] != '_' {
		return Secret{}, ErrInvalid
	}
	var b [prefixBytes + secretBytes + sumBytes]byte
	if _, err := alphabet.Decode(b[:prefixBytes], []byte(rest[:prefixText])); err != nil {
		return Secret{}, ErrInvalid
	}
	if _, err := alphabet.Decode(b[prefixBytes:], []byte(rest[prefixText+1:])); err != nil {
		return Secret{}, ErrInvalid
	}
	random, sum := b[:prefixBytes+secretBytes], b[prefixBytes+secretBytes:]
	if crc32.ChecksumIEEE(random) != binary.BigEndian.Uint32(sum) {
		return Secret{}, ErrInvalid
	}
	return Secret{text}, nil
}

// Hash returns what the store keeps. SHA-256 is enough: nobody can search 256
// random bits.
func (s Secret) Hash() []byte {
	h := sha256.Sum256([]byte(s.text))
	return h[:]
}

// Prefix returns the part that may be shown.
func (s Secret) Prefix() string {
	if s.text == "" {
		return ""
	}
	return s.text[len(scheme) : len(scheme)+prefixText]
}

// Reveal returns the whole text, to show to its holder once.
func (s Secret) Reveal() string { return s.text }

// String returns what may be shown.
func (s Secret) String() string { return scheme + s.Prefix() + "_…" }

// GoString returns the same.
func (s Secret) GoString() string { return s.String() }
