package dbcopy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/ids"
)

// digest is the digest of the rows of a table, in the order of its key. It does
// not depend on the database that they are in.
type digest struct {
	hash hash.Hash
	rows int64
	buf  []byte
}

func newDigest() *digest { return &digest{hash: sha256.New()} }

func (d *digest) add(r row) {
	d.rows++
	d.buf = appendRow(d.buf[:0], r)
	d.hash.Write(d.buf) // never fails
}

func (d *digest) String() string { return hex.EncodeToString(d.hash.Sum(nil)) }

// appendRow encodes a row, each value with its kind and its length, so that no
// two rows have the same encoding.
func appendRow(b []byte, r row) []byte {
	for _, v := range r {
		switch v := v.(type) {
		case nil:
			b = append(b, 0)
		case ids.Row:
			b = append(append(b, 'i'), v[:]...)
		case string:
			b = appendBytes(append(b, 't'), v)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'n'), uint64(v)) //nolint:gosec // the bits are what counts
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
		case bool:
			b = strconv.AppendBool(append(b, 'b'), v)
		case time.Time:
			b = binary.BigEndian.AppendUint64(append(b, 'm'), uint64(v.UnixMicro()))
		case []byte:
			b = appendBytes(append(b, 'r'), v)
		case []string:
			b = binary.BigEndian.AppendUint32(append(b, 'l'), uint32(len(v))) //nolint:gosec // a list is short
			for _, s := range v {
				b = appendBytes(b, s)
			}
		}
	}
	return b
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...) //nolint:gosec // a value is bounded by its column
}
