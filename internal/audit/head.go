package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/fault"
)

const macBytes = sha256.Size

// Head is the end of the chain. Whoever keeps one can check later that the chain
// still contains it. The zero Head is that of an empty chain.
type Head struct {
	Seq int64
	MAC []byte
}

// ErrHead is the fault for a text that is not a head.
var ErrHead = fault.New(fault.Invalid, "invalid_head", "A head has the form SEQ:MAC, as printed by muster audit head: a number, a colon and 64 hexadecimal digits.")

// ParseHead parses the text form of a head. Faults: invalid_head.
func ParseHead(text string) (Head, error) {
	number, digits, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	mac, errMAC := hex.DecodeString(digits)
	switch {
	case err != nil || errMAC != nil || seq < 0:
		return Head{}, ErrHead
	case seq == 0 && len(mac) == 0:
		return Head{}, nil
	case seq == 0 || len(mac) != macBytes:
		return Head{}, ErrHead
	}
	return Head{seq, mac}, nil
}

// String returns the head as seq:hex.
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.MAC) }

// MarshalText returns the same.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText parses it. Faults: invalid_head.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// IsZero reports whether this is the head of an empty chain.
func (h Head) IsZero() bool { return h.Seq == 0 && len(h.MAC) == 0 }

// Equal reports whether both are the same place in the same chain.
func (h Head) Equal(other Head) bool { return h.Seq == other.Seq && bytes.Equal(h.MAC, other.MAC) }
