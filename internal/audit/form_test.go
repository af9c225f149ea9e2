package audit

import (
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/ids"
)

var errForm = errors.New("not a canonical form")

// reader parses a canonical form: what can be parsed in only one way was written
// from only one entry.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) field() []byte {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 || n > uint64(len(r.rest)-used)+1 {
		r.err = errForm
		return nil
	}
	r.rest = r.rest[used:]
	if n == 0 {
		return nil
	}
	field := r.rest[: n-1 : n-1]
	r.rest = r.rest[n-1:]
	return field
}

func (r *reader) text() string { return string(r.field()) }

// maybe notes that a field is not null.
func (r *reader) maybe(e *row, bit int) string {
	f := r.field()
	if f != nil {
		e.has |= bit
	}
	return string(f)
}

func (r *reader) number() int64 {
	if f := r.field(); len(f) == 8 {
		return int64(binary.BigEndian.Uint64(f))
	}
	r.err = errForm
	return 0
}

func (r *reader) id(e *row, bit int) (id [16]byte) {
	f := r.field()
	switch len(f) {
	case 0:
	case len(id):
		copy(id[:], f)
		e.has |= bit
	default:
		r.err = errForm
	}
	return id
}

func readLine(form []byte) (e row, _ error) {
	r := &reader{rest: form}
	if r.text() != forEntry {
		return e, errForm
	}
	e.id = r.id(&e, hasID)
	e.at = time.UnixMicro(r.number()).UTC()
	e.operator = r.id(&e, hasOperator)
	e.token = r.id(&e, hasToken)
	e.source = r.text()
	e.request = r.maybe(&e, hasRequest)
	e.action = r.text()
	e.member = r.id(&e, hasMember)
	e.target = r.maybe(&e, hasTarget)
	e.reason = r.maybe(&e, hasReason)
	e.was = r.maybe(&e, hasWas)
	e.became = r.maybe(&e, hasBecame)
	e.key = r.text()
	if len(r.rest) > 0 {
		r.err = errForm
	}
	return e, r.err
}

// FuzzCanonicalForm writes and parses entries: no two of them have the same form.
func FuzzCanonicalForm(f *testing.F) {
	f.Add(int64(0), []byte(nil), "", "", "", "", uint8(0))
	f.Add(int64(1_772_366_400_123_456), []byte("0123456789abcdef0123456789abcdef"), "203.0.113.7", "member.update", `{"a":1}`, "\x00\x01\x02", uint8(0xff))
	f.Fuzz(func(t *testing.T, at int64, id []byte, source, action, was, reason string, there uint8) {
		e := row{has: hasID | int(there)<<1, at: time.UnixMicro(at % (1 << 57)).UTC(), source: source, action: action, key: reason}
		copy(e.id[:], id)
		for bit, field := range map[int]*string{hasRequest: &e.request, hasTarget: &e.target, hasReason: &e.reason, hasWas: &e.was, hasBecame: &e.became} {
			if e.has&bit != 0 {
				*field = was
			}
		}
		for bit, field := range map[int]*[16]byte{hasOperator: (*[16]byte)(&e.operator), hasToken: (*[16]byte)(&e.token), hasMember: (*[16]byte)(&e.member)} {
			if e.has&bit != 0 {
				*field = e.id
			}
		}
		form := e.appendTo(nil)
		if back, err := readLine(form); err != nil || !reflect.DeepEqual(back, e) {
			t.Errorf("got  %+v, %v\nwant %+v", back, err, e)
		}
	})
}

// The MAC of an entry is never that of a seal, and different secrets have different
// keys.
func TestKeysHaveOnePurpose(t *testing.T) {
	t.Parallel()
	one, err := NewLog([][]byte{make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewLog([][]byte{make([]byte, 33)})
	if err != nil {
		t.Fatal(err)
	}
	if one.signer == other.signer || len(one.signer) != 2*nameBytes {
		t.Errorf("got the names %s and %s", one.signer, other.signer)
	}
	k := one.keys[one.signer]
	if string(k.entry) == string(k.seal) || string(k.entry) == string(make([]byte, 32)) || string(k.entry) == string(other.keys[other.signer].entry) {
		t.Error("a key is used twice")
	}
}

// The form and the keys of existing entries must never change.
func TestFormIsKept(t *testing.T) {
	t.Parallel()
	l, err := NewLog([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	e := row{id: ids.Row{15: 7}, at: time.UnixMicro(1_772_366_400_123_456), source: "::1", action: "a.b", has: hasReason, reason: "because", key: l.signer}
	s := l.newHasher()
	mac, _ := s.entry(&e)
	e.mac = [macBytes]byte(mac)
	x := seal{seq: 1, key: l.signer, entry: e.id}
	chain, _ := s.seal(&x, nil, e.mac[:])
	got := Head{1, e.mac[:]}.String() + " " + Head{1, chain}.String() + " " + l.signer
	const want = "1:e81f2d6013a7f6eceb5ddf081bafc732aaa6bd837e88a165c1db911143b7e16b " +
		"1:8297ce3a5ca55c0286c817e2fd2a1d62dd6e1cb0c85afbf28e2d3e8ec06a621d 3db2341434cc62c3"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
