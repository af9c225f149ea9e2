package audit

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Sizes in bytes.
const (
	minSecret = 32
	macBytes  = sha256.Size
	nameBytes = 8 // of a key's fingerprint
)

// What each mac and key is for. A change of the form of an entry or a seal gets
// a number of its own.
const (
	forEntry = "muster audit entry v1"
	forSeal  = "muster audit seal v1"
	forName  = "muster audit key name v1"
)

// Log is the keys of the record: it writes entries, seals them and verifies
// both. It is immutable and safe for concurrent use.
type Log struct {
	signer  string            // the name of the key that signs
	keys    map[string]secret // by name
	scribes sync.Pool         // those that write entries: to set one up takes as long as to write
}

// secret is what is derived from one: a key for each purpose, so that a mac of
// one can never pass as a mac of the other.
type secret struct{ entry, seal []byte }

// NewLog derives the keys from the secrets, the newest first: that one signs,
// the others still verify. Each has at least 32 bytes.
func NewLog(secrets [][]byte) (*Log, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("audit: a ledger has at least one secret")
	}
	l := &Log{keys: make(map[string]secret)}
	l.scribes.New = func() any { return l.scribe() }
	for _, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("audit: a secret has at least %d bytes", minSecret)
		}
		var derived [3][]byte
		for i, purpose := range []string{forName, forEntry, forSeal} {
			var err error
			if derived[i], err = hkdf.Key(sha256.New, s, nil, purpose, macBytes); err != nil {
				return nil, fmt.Errorf("deriving the keys of the record: %w", err)
			}
		}
		name := hex.EncodeToString(derived[0][:nameBytes])
		l.keys[name] = secret{derived[1], derived[2]}
		if l.signer == "" {
			l.signer = name
		}
	}
	return l, nil
}

// line is an entry as it is stored.
type line struct {
	damaged bool // a column holds what cannot be there: nothing else is to be believed
	has     int  // which of the columns that may be NULL are not

	id       ids.Row
	at       time.Time
	operator ids.Operator
	token    ids.Row
	source   string
	request  string
	action   string
	member   ids.Member
	target   string
	reason   string
	was      string
	became   string
	key      string
	mac      [macBytes]byte
}

// The bits of line.has, as the query for stored lines sets them.
const (
	hasID = 1 << iota // it is there at all
	hasOperator
	hasToken
	hasRequest
	hasMember
	hasTarget
	hasReason
	hasWas
	hasBecame
)

// appendTo gives the canonical form of all columns but the mac. Two entries that
// differ have forms that differ: every field is there, in one order, null or
// with its length before it.
func (e *line) appendTo(b []byte) []byte {
	b = appendText(b, forEntry)
	b = appendBytes(b, e.id[:])
	b = appendNumber(b, e.at.UnixMicro())
	b = e.appendID(b, hasOperator, e.operator)
	b = e.appendID(b, hasToken, e.token)
	b = appendText(b, e.source)
	b = e.appendText(b, hasRequest, e.request)
	b = appendText(b, e.action)
	b = e.appendID(b, hasMember, e.member)
	b = e.appendText(b, hasTarget, e.target)
	b = e.appendText(b, hasReason, e.reason)
	b = e.appendText(b, hasWas, e.was)
	b = e.appendText(b, hasBecame, e.became)
	return appendText(b, e.key)
}

func (e *line) appendText(b []byte, bit int, field string) []byte {
	if e.has&bit == 0 {
		return append(b, 0)
	}
	return appendText(b, field)
}

func (e *line) appendID(b []byte, bit int, id [16]byte) []byte {
	if e.has&bit == 0 {
		return append(b, 0)
	}
	return appendBytes(b, id[:])
}

// seal is a link of the chain as it is stored.
type seal struct {
	damaged bool // as that of a line

	seq   int64
	key   string
	mac   [macBytes]byte
	entry ids.Row
}

// appendTo gives the canonical form of a seal, with what it binds: the mac of
// the seal before it, which is empty for the first, and that of its entry.
func (s *seal) appendTo(b, previous, entry []byte) []byte {
	b = appendText(b, forSeal)
	b = appendNumber(b, s.seq)
	b = appendText(b, s.key)
	b = appendBytes(b, previous)
	b = appendBytes(b, s.entry[:])
	return appendBytes(b, entry)
}

// A field is its length plus one and its bytes; null is nought.

func appendBytes(b, field []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))+1), field...)
}

func appendText(b []byte, field string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))+1), field...)
}

func appendNumber(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 8+1), uint64(n)) //nolint:gosec // its bits
}

// scribe computes macs, and keeps what it can use again. One goroutine uses it.
type scribe struct {
	ledger *Log
	hashes map[string]*hashes // by the name of the key
	form   []byte
	sum    [macBytes]byte
}

type hashes struct{ entry, seal hash.Hash }

func (l *Log) scribe() *scribe {
	return &scribe{ledger: l, hashes: make(map[string]*hashes)}
}

// of gives the hashes of a key, or nil for one that is not here.
func (s *scribe) of(key string) *hashes {
	if h := s.hashes[key]; h != nil {
		return h
	}
	k, here := s.ledger.keys[key]
	if !here {
		return nil // not kept: there is no end to the names that somebody may write
	}
	h := &hashes{hmac.New(sha256.New, k.entry), hmac.New(sha256.New, k.seal)}
	s.hashes[key] = h
	return h
}

// entry computes the mac of an entry, good until the next; false if its key is
// not here.
func (s *scribe) entry(e *line) ([]byte, bool) {
	h := s.of(e.key)
	if h == nil {
		return nil, false
	}
	s.form = e.appendTo(s.form[:0])
	return s.compute(h.entry), true
}

// seal does the same for a seal.
func (s *scribe) seal(x *seal, previous, entry []byte) ([]byte, bool) {
	h := s.of(x.key)
	if h == nil {
		return nil, false
	}
	s.form = x.appendTo(s.form[:0], previous, entry)
	return s.compute(h.seal), true
}

func (s *scribe) compute(h hash.Hash) []byte {
	h.Reset()
	_, _ = h.Write(s.form) // a hash never fails
	return h.Sum(s.sum[:0])
}

// genuine reports whether Muster wrote the entry as it is; known is false if
// that cannot be said, because its key is not here.
func (s *scribe) genuine(e *line) (genuine, known bool) {
	if e.damaged {
		return false, true
	}
	mac, known := s.entry(e)
	return known && hmac.Equal(mac, e.mac[:]), known
}

// Recorder writes entries on behalf of one actor. It is a value, safe for concurrent
// use; the zero Recorder writes nothing.
type Recorder struct {
	ledger *Log
	actor  Actor
}

// Recorder gives the recorder of an actor.
func (l *Log) Recorder(a Actor) Recorder { return Recorder{l, a} }

// Because gives the same recorder with a reason.
func (p Recorder) WithReason(reason string) Recorder {
	p.actor.Reason = reason
	return p
}

// Operator is on whose behalf it writes; zero for none.
func (p Recorder) Operator() ids.Operator { return p.actor.Operator }

// Record adds an entry to the session: it is there if the session is committed
// and costs no round trip. The session's function may run twice; each run makes
// another entry, of which one is committed. Text that a database cannot hold is
// mended. It panics for the zero Recorder, an event without an action, and values
// that JSON does not have: no change may be made that cannot be recorded.
func (p Recorder) Record(w *session.Write, e Event, at time.Time) {
	if p.ledger == nil || e.Action == "" {
		panic("audit: an entry needs the recorder of a ledger, and an action")
	}
	x := line{
		id: ids.New[ids.Row](at), operator: p.actor.Operator, token: p.actor.Token, source: mend(p.actor.Source),
		request: mend(p.actor.Request), action: mend(string(e.Action)), member: e.Member, target: mend(e.Target),
		reason: mend(p.actor.Reason), was: document(e.Was), became: document(e.Became), key: p.ledger.signer,
	}
	x.at = x.id.Time()
	for _, c := range [...]struct {
		bit   int
		there bool
	}{
		{hasOperator, !x.operator.IsZero()}, {hasToken, !x.token.IsZero()}, {hasRequest, x.request != ""}, {hasMember, !x.member.IsZero()},
		{hasTarget, x.target != ""}, {hasReason, x.reason != ""}, {hasWas, x.was != ""}, {hasBecame, x.became != ""},
	} {
		if c.there {
			x.has |= c.bit
		}
	}
	s := p.ledger.scribes.Get().(*scribe) //nolint:forcetypeassert // there is nothing else in it
	defer p.ledger.scribes.Put(s)
	mac, _ := s.entry(&x) // the signer is here
	x.mac = [macBytes]byte(mac)
	w.Add(insertEntry(&x), wait(x.id))
}

// mend replaces what PostgreSQL cannot hold.
func mend(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// document writes the fields as JSON, in the order of their names; without any
// it is empty.
func document(fields map[string]any) string {
	if len(fields) == 0 {
		return ""
	}
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(fields); err != nil {
		panic(fmt.Sprintf("audit: %v", err))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// insertEntry and wait are what Record adds.
func insertEntry(e *line) query.Change {
	orNull := func(bit int, v any) any {
		if e.has&bit == 0 {
			return nil
		}
		return v
	}
	return query.Exec(`
		insert into audit (id, at, operator_id, token_id, source, request_id, action, member_id, target, reason, was, became, key_id, mac)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.id, e.at, orNull(hasOperator, e.operator), orNull(hasToken, e.token), e.source, orNull(hasRequest, e.request), e.action,
		orNull(hasMember, e.member), orNull(hasTarget, e.target), orNull(hasReason, e.reason), orNull(hasWas, e.was),
		orNull(hasBecame, e.became), e.key, e.mac[:])
}

func wait(entry ids.Row) query.Change {
	return query.Exec("insert into audit_pending (entry_id) values ($1)", entry)
}
