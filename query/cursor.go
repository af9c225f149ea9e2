package query

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrCursor is returned for a cursor that was not sealed by this key for this
// scope: changed, cut, made up, of another list or of another installation.
var ErrCursor = errors.New("query: the cursor does not belong here")

const minCursorSecret = 16

// MaxCursor is the greatest length of a cursor, in characters.
const MaxCursor = 1024

var cursorText = base64.RawURLEncoding.Strict()

// CursorKey seals the place where a page ended into a text that comes back with
// the next request. Its content can be neither read nor changed. It is safe for
// concurrent use.
type CursorKey struct{ aead cipher.AEAD }

// NewCursorKey derives a key from a secret of at least 16 bytes. The same
// secret yields the same key, so that cursors outlive a restart.
func NewCursorKey(secret []byte) (*CursorKey, error) {
	if len(secret) < minCursorSecret {
		return nil, fmt.Errorf("query: a cursor secret has at least %d bytes", minCursorSecret)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "muster cursor v1", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the cursor key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making the cursor cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making the cursor cipher: %w", err)
	}
	return &CursorKey{aead}, nil
}

// Seal returns a cursor of v, which is encoded as JSON. The scope names the list
// that it belongs to, with filter and order; it is not stored. A cursor has at
// most [MaxCursor] characters, each fit for a URL.
func (k *CursorKey) Seal(scope string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing a cursor: %w", err)
	}
	token := cursorText.EncodeToString(k.aead.Seal(nil, nil, plain, []byte(scope))) //nolint:gosec // no nonce asks this cipher for a random one
	if len(token) > MaxCursor {
		return "", fmt.Errorf("sealing a cursor: it has %d characters, and at most %d are allowed", len(token), MaxCursor)
	}
	return token, nil
}

// Open decodes into v what was sealed for the same scope. For anything else it
// returns [ErrCursor], and v is undefined.
func (k *CursorKey) Open(scope, token string, v any) error {
	if len(token) > MaxCursor || strings.ContainsAny(token, "\r\n") { // which base64 skips
		return ErrCursor
	}
	sealed, err := cursorText.DecodeString(token)
	if err != nil {
		return ErrCursor
	}
	plain, err := k.aead.Open(nil, nil, sealed, []byte(scope))
	if err != nil {
		return ErrCursor
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields() // sealed by a version that orders the list otherwise
	if err := d.Decode(v); err != nil {
		return ErrCursor
	}
	return nil
}
