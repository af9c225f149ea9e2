package limit

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

const (
	stored = "2006-01-02T15:04:05.000000Z" // a time in the database
	told   = "2006-01-02T15:04:05.999999Z" // and in JSON
)

// shown turns a stored time into one of JSON: without zeros at its end.
func shown(b []byte) string {
	n := len(b) - 1
	if n < len("2006-01-02T15:04:05.") {
		return string(b)
	}
	for b[n-1] == '0' {
		n--
	}
	if b[n-1] == '.' {
		n--
	}
	return string(b[:n]) + "Z"
}

// The columns that may be NULL.

func textOf(s *sqlite3.Stmt, i int) *string {
	if s.ColumnType(i) == sqlite3.NULL {
		return nil
	}
	v := s.ColumnText(i)
	return &v
}

func numberOf(s *sqlite3.Stmt, i int) *int64 {
	if s.ColumnType(i) == sqlite3.NULL {
		return nil
	}
	v := s.ColumnInt64(i)
	return &v
}

func timeOf(s *sqlite3.Stmt, i int) *string {
	if s.ColumnType(i) == sqlite3.NULL {
		return nil
	}
	v := shown(s.ColumnRawText(i))
	return &v
}

var noList = json.RawMessage("[]")

// listOf is a list, which is stored as JSON and needs no reading.
func listOf(s *sqlite3.Stmt, i int) json.RawMessage {
	if s.ColumnType(i) == sqlite3.NULL {
		return noList
	}
	return json.RawMessage(s.ColumnText(i))
}

func idOf(s *sqlite3.Stmt, i int) (id [16]byte) {
	copy(id[:], s.ColumnRawBlob(i))
	return id
}

func idText(id [16]byte) string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

func parseID(s string) (id [16]byte, ok bool) {
	if len(s) != 36 {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return id, err == nil
}

// createdAt is the time that an id was made at.
func createdAt(id [16]byte) string {
	n := binary.BigEndian.Uint64(id[:8])
	us := int64(n>>16)*1000 + int64(n&0xfff)*1000/4096
	return time.UnixMicro(us).UTC().Format(told)
}

// masked is a phone as Muster shows it, of a country with one digit or two.
func masked(phone *string) *string {
	if phone == nil || len(*phone) < 11 {
		return phone
	}
	p, country := *phone, 3
	if p[1] == '1' || p[1] == '7' {
		country = 2
	}
	first := max(min(2, len(p)-country-8), 0)
	text := p[:country] + " "
	if first > 0 {
		text += p[country:country+first] + "-"
	}
	text += "••••-" + p[len(p)-4:]
	return &text
}
