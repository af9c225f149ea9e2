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
	nameBytes = 8 // of a key's fingerprint
)

// The purposes of MACs and keys. A new form of an entry or a seal needs a new
// number.
const (
	forEntry = "muster audit entry v1"
	forSeal  = "muster audit seal v1"
	forName  = "muster audit key name v1"
)

// Log is the audit log: with its keys it writes entries, seals them and verifies
// both. It is immutable and safe for concurrent use.
type Log struct {
	signer  string          // the name of the key that signs
	keys    map[string]keys // by name
	hashers sync.Pool       // of recorders: setting one up takes as long as writing an entry
}

// keys are derived from one secret, one for each purpose, so that the MAC of an
// entry can never pass as that of a seal.
type keys struct{ entry, seal []byte }

// NewLog derives the keys from the secrets, the newest first: that one signs,
// the others only verify. Each must have at least 32 bytes.
func NewLog(secrets [][]byte) (*Log, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("audit: at least one secret is required")
	}
	l := &Log{keys: make(map[string]keys)}
	l.hashers.New = func() any { return l.newHasher() }
	for _, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("audit: a secret must have at least %d bytes", minSecret)
		}
		var derived [3][]byte
		for i, purpose := range []string{forName, forEntry, forSeal} {
			var err error
			if derived[i], err = hkdf.Key(sha256.New, s, nil, purpose, macBytes); err != nil {
				return nil, fmt.Errorf("deriving the keys of the audit log: %w", err)
			}
		}
		name := hex.EncodeToString(derived[0][:nameBytes])
		l.keys[name] = keys{derived[1], derived[2]}
		if l.signer == "" {
			l.signer = name
		}
	}
	return l, nil
}

// row is an entry as it is stored.
type row struct {
	damaged bool // a column holds an impossible value: nothing else can be trusted
	has     int  // which of the nullable columns are not NULL

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

// The bits of row.has, in the order in which [storedColumns] sets them.
const (
	hasID = 1 << iota // the entry exists
	hasOperator
	hasToken
	hasRequest
	hasMember
	hasTarget
	hasReason
	hasWas
	hasBecame
)

// appendTo appends the canonical form of all columns except the MAC. Different
// entries have different forms: every field is included, in one order, as null
// or preceded by its length.
func (e *row) appendTo(b []byte) []byte {
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

func (e *row) appendText(b []byte, bit int, field string) []byte {
	if e.has&bit == 0 {
		return append(b, 0)
	}
	return appendText(b, field)
}

func (e *row) appendID(b []byte, bit int, id [16]byte) []byte {
	if e.has&bit == 0 {
		return append(b, 0)
	}
	return appendBytes(b, id[:])
}

// seal is a link of the chain, as it is stored.
type seal struct {
	damaged bool // as that of a row

	seq   int64
	key   string
	mac   [macBytes]byte
	entry ids.Row
}

// appendTo appends the canonical form of a seal, with what it binds: the MAC of
// the previous seal, which is empty for the first, and the MAC of its entry.
func (s *seal) appendTo(b, previous, entry []byte) []byte {
	b = appendText(b, forSeal)
	b = appendNumber(b, s.seq)
	b = appendText(b, s.key)
	b = appendBytes(b, previous)
	b = appendBytes(b, s.entry[:])
	return appendBytes(b, entry)
}

// A field is its length plus one and its bytes; null is a zero.

func appendBytes(b, field []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))+1), field...)
}

func appendText(b []byte, field string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))+1), field...)
}

func appendNumber(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 8+1), uint64(n)) //nolint:gosec // its bits
}

// hasher computes MACs and keeps its buffers. It is not safe for concurrent use.
type hasher struct {
	log    *Log
	hashes map[string]*hashes // by the name of the key
	form   []byte
	sum    [macBytes]byte
}

type hashes struct{ entry, seal hash.Hash }

func (l *Log) newHasher() *hasher {
	return &hasher{log: l, hashes: make(map[string]*hashes)}
}

// of returns the hashes of a key, or nil if the key is missing.
func (s *hasher) of(key string) *hashes {
	if h := s.hashes[key]; h != nil {
		return h
	}
	k, known := s.log.keys[key]
	if !known {
		return nil // and not cached: an attacker may write any number of names
	}
	h := &hashes{hmac.New(sha256.New, k.entry), hmac.New(sha256.New, k.seal)}
	s.hashes[key] = h
	return h
}

// entry computes the MAC of an entry, valid until the next call; it returns false
// if the key is missing.
func (s *hasher) entry(e *row) ([]byte, bool) {
	h := s.of(e.key)
	if h == nil {
		return nil, false
	}
	s.form = e.appendTo(s.form[:0])
	return s.compute(h.entry), true
}

// seal does the same for a seal.
func (s *hasher) seal(x *seal, previous, entry []byte) ([]byte, bool) {
	h := s.of(x.key)
	if h == nil {
		return nil, false
	}
	s.form = x.appendTo(s.form[:0], previous, entry)
	return s.compute(h.seal), true
}

func (s *hasher) compute(h hash.Hash) []byte {
	h.Reset()
	_, _ = h.Write(s.form) // a hash never fails
	return h.Sum(s.sum[:0])
}

// genuine reports whether Muster wrote the entry as it is; known is false if its
// key is missing, so that this cannot be checked.
func (s *hasher) genuine(e *row) (genuine, known bool) {
	if e.damaged {
		return false, true
	}
	mac, known := s.entry(e)
	return known && hmac.Equal(mac, e.mac[:]), known
}

// Recorder adds entries on behalf of one actor. It is safe for concurrent use; the
// zero Recorder cannot add any.
type Recorder struct {
	log   *Log
	actor Actor
}

// Recorder returns the recorder of an actor.
func (l *Log) Recorder(a Actor) Recorder { return Recorder{l, a} }

// WithReason returns the same recorder with a reason.
func (r Recorder) WithReason(reason string) Recorder {
	r.actor.Reason = reason
	return r
}

// Operator returns the operator of the actor; zero for none.
func (r Recorder) Operator() ids.Operator { return r.actor.Operator }

// Record adds an entry to the session, at no round trip of its own: the entry is
// committed with the session. If the session's function runs twice, each run
// creates an entry, of which one is committed. Record replaces text that a
// database cannot hold. It panics for the zero Recorder, an event without an
// action, and values that JSON does not have: a change that cannot be logged must
// not happen.
func (r Recorder) Record(w *session.Write, e Event, at time.Time) {
	if r.log == nil || e.Action == "" {
		panic("audit: Record needs a recorder that comes from a log, and an action")
	}
	x := row{
		id: ids.New[ids.Row](at), operator: r.actor.Operator, token: r.actor.Token, source: sanitize(r.actor.Source),
		request: sanitize(r.actor.Request), action: sanitize(string(e.Action)), member: e.Member, target: sanitize(e.Target),
		reason: sanitize(r.actor.Reason), was: encode(e.Was), became: encode(e.Became), key: r.log.signer,
	}
	x.at = x.id.Time()
	for _, c := range [...]struct {
		bit int
		set bool
	}{
		{hasOperator, !x.operator.IsZero()}, {hasToken, !x.token.IsZero()}, {hasRequest, x.request != ""}, {hasMember, !x.member.IsZero()},
		{hasTarget, x.target != ""}, {hasReason, x.reason != ""}, {hasWas, x.was != ""}, {hasBecame, x.became != ""},
	} {
		if c.set {
			x.has |= c.bit
		}
	}
	s := r.log.hashers.Get().(*hasher) //nolint:forcetypeassert // the pool holds nothing else
	defer r.log.hashers.Put(s)
	mac, _ := s.entry(&x) // the key of the signer is always known
	x.mac = [macBytes]byte(mac)
	w.Add(insertEntry(&x), enqueue(x.id))
}

// sanitize replaces what PostgreSQL cannot hold.
func sanitize(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// encode returns the fields as JSON, sorted by name; empty if there are none.
func encode(fields map[string]any) string {
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

func insertEntry(e *row) query.Change {
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

func enqueue(entry ids.Row) query.Change {
	return query.Exec("insert into audit_pending (entry_id) values ($1)", entry)
}
