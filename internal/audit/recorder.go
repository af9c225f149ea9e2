package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

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
