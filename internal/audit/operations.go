package audit

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Bounds of sealing: entries of one write session, and sessions of one call.
const (
	sealStep  = 1000
	sealSteps = 50
)

// ErrUnknownKey is the fault for a record that was made with a key that is not here.
var ErrUnknownKey = fault.New(fault.Unavailable, "audit_key_unknown", "The record was made with a key that is not in keys/audit: put the file back that was there, or add its lines below the newest.")

// errEnd is for a chain to which somebody has added the last number there is.
var errEnd = errors.New("the chain of the record has no number left: look at what audit verify says")

// Sealed is what a call of Seal did.
type Sealed struct {
	Count   int       // entries that are in the chain now
	Forged  []ids.Row // entries that wait no longer, because Muster did not write them so, or they are gone; zero: what waited was no id
	Unknown int       // entries that wait on, because their key is not here
	Head    Head      // of the chain, as far as this call saw it
}

// Seal brings what waits into the chain, in the order of the identifiers and in
// bounded write sessions; after 50,000 entries it leaves the rest to the next
// call. An entry that is not as Muster wrote it, or is gone, is taken out of the
// queue and never sealed. It may run at any time and on several servers at once:
// of two that seal the same entries, one is run again and finds them sealed.
func (l *Log) Seal(ctx context.Context, db *session.DB) (Sealed, error) {
	var s sealer
	s.scribe = l.scribe()
	some, err := s.peek(ctx, db)
	for step := 0; err == nil && some && step < sealSteps; step++ {
		some, err = s.step(ctx, db)
	}
	if err != nil {
		return s.done, fmt.Errorf("sealing the record: %w", err)
	}
	return s.done, nil
}

// sealer is one call of Seal.
type sealer struct {
	*scribe

	done  Sealed
	after []byte // the place in the queue up to which it has come
}

// peek looks whether anything waits: mostly nothing does, and then nobody else
// has to wait for a write session.
func (s *sealer) peek(ctx context.Context, db *session.DB) (some bool, err error) {
	err = db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx,
			query.Into(&some, query.Scalar[bool]("select exists (select 1 from audit_pending)")),
			query.Into(&s.done.Head, LastHead()))
	}, session.Once)
	return some, err
}

// step seals what comes next in the queue, and reports whether there may be
// more.
func (s *sealer) step(ctx context.Context, db *session.DB) (more bool, err error) {
	var b batch
	err = db.Write(ctx, func(w *session.Write) error {
		b = batch{}
		var queue []place
		err := w.Gather(ctx, query.Into(&b.head, LastHead()), query.Into(&queue, queueAfter(s.after, sealStep)))
		if err != nil {
			return err
		}
		if err := b.sort(s.scribe, queue); err != nil {
			return err
		}
		b.write(w)
		return nil
	})
	if err != nil {
		return false, err
	}
	s.done.Count += len(b.seals)
	s.done.Forged = append(s.done.Forged, b.forged...)
	s.done.Unknown += b.unknown
	s.done.Head = b.head
	s.after = b.last
	return b.places == sealStep, nil
}

// batch is what one write session of sealing does.
type batch struct {
	head    Head // of the chain, with the seals
	seals   []seal
	leaving []ids.Row
	broken  [][]byte // places in the queue that are no ids
	forged  []ids.Row
	unknown int
	places  int
	last    []byte // place
}

// sort decides what becomes of each place in the queue.
func (b *batch) sort(s *scribe, queue []place) error {
	b.places = len(queue)
	for i := range queue {
		p := &queue[i]
		b.last = p.key
		genuine, known := false, true
		if p.entry != nil {
			genuine, known = s.genuine(p.entry)
		}
		switch {
		case p.sealed: // somebody put it back
		case !known:
			b.unknown++
			continue
		case !genuine:
			b.forged = append(b.forged, rowOf(p.key))
		default:
			if err := b.add(s, p.entry); err != nil {
				return err
			}
		}
		if id := rowOf(p.key); !id.IsZero() {
			b.leaving = append(b.leaving, id)
		} else {
			b.broken = append(b.broken, p.key)
		}
	}
	return nil
}

// add appends a seal of the entry to the chain.
func (b *batch) add(s *scribe, entry *line) error {
	if b.head.Seq == math.MaxInt64 {
		return errEnd
	}
	x := seal{seq: b.head.Seq + 1, key: s.ledger.signer, entry: entry.id}
	mac, _ := s.seal(&x, b.head.MAC, entry.mac[:]) // the signer is here
	x.mac = [macBytes]byte(mac)
	b.seals = append(b.seals, x)
	b.head = Head{x.seq, x.mac[:]}
	return nil
}

// write adds the changes. If another server has sealed meanwhile, its seals
// have the same numbers or the same entries.
func (b *batch) write(w *session.Write) {
	for i := range b.seals {
		w.Add(insertSeal(&b.seals[i]).
			OnConflict("audit_seal_pkey", session.ErrConflict).
			OnConflict("audit_seal_entry", session.ErrConflict))
	}
	if len(b.leaving) > 0 {
		w.Add(leave(b.leaving))
	}
	for _, key := range b.broken {
		w.Add(leaveBroken(key))
	}
}

// CheckKeys looks whether the keys fit the record: that of the last seal, and
// those of what waits since, are here. Faults: audit_key_unknown.
func (l *Log) CheckKeys(ctx context.Context, db *session.DB) error {
	var last *string
	var keys []string
	err := db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx, query.Into(&last, lastKey()), query.Into(&keys, waitingKeys(sealStep)))
	}, session.Once)
	if err != nil {
		return fmt.Errorf("looking at the keys of the record: %w", err)
	}
	if last != nil {
		keys = append(keys, *last)
	}
	for _, key := range keys {
		if _, here := l.keys[key]; !here {
			return ErrUnknownKey.Because(fmt.Errorf("the key %.40q is missing", key))
		}
	}
	return nil
}
