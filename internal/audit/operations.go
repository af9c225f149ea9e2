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

// Bounds of sealing: entries per write session, and sessions per call.
const (
	sealStep  = 1000
	sealSteps = 50
)

// ErrUnknownKey is the fault for an audit log whose key is missing.
var ErrUnknownKey = fault.New(fault.Unavailable, "audit_key_unknown", "The audit log was written with a key that is not in keys/audit. Put the old file back, or add its lines below the newest.")

// errEnd is for a chain to which somebody has added the highest number.
var errEnd = errors.New("the chain of the audit log has no number left: run muster audit verify")

// Sealed is the result of Seal.
type Sealed struct {
	Count   int       // entries added to the chain
	Forged  []ids.Row // entries taken out of the queue, because they are missing or not as Muster wrote them; zero: not an id
	Unknown int       // entries left in the queue, because their key is missing
	Head    Head      // of the chain, as this call last saw it
}

// Seal adds the waiting entries to the chain, in the order of their ids and in
// bounded write sessions; it leaves what exceeds 50,000 entries to the next call.
// An entry that is missing, or not as Muster wrote it, is taken out of the queue
// and never sealed. Seal may run at any time, on several servers at once: of two
// that seal the same entries, one is retried and finds them sealed.
func (l *Log) Seal(ctx context.Context, db *session.DB) (Sealed, error) {
	var s sealer
	s.hasher = l.newHasher()
	some, err := s.peek(ctx, db)
	for step := 0; err == nil && some && step < sealSteps; step++ {
		some, err = s.step(ctx, db)
	}
	if err != nil {
		return s.done, fmt.Errorf("sealing the audit log: %w", err)
	}
	return s.done, nil
}

// sealer is one call of Seal.
type sealer struct {
	*hasher

	done  Sealed
	after []byte // the last place in the queue that was processed
}

// peek reports whether entries wait. Usually none do, and then sealing does not
// occupy the writer.
func (s *sealer) peek(ctx context.Context, db *session.DB) (some bool, err error) {
	err = db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx,
			query.Into(&some, query.Scalar[bool]("select exists (select 1 from audit_pending)")),
			query.Into(&s.done.Head, LastHead()))
	}, session.Once)
	return some, err
}

// step seals the next entries of the queue, and reports whether there may be more.
func (s *sealer) step(ctx context.Context, db *session.DB) (more bool, err error) {
	var b batch
	err = db.Write(ctx, func(w *session.Write) error {
		b = batch{}
		var queue []place
		err := w.Gather(ctx, query.Into(&b.head, LastHead()), query.Into(&queue, queueAfter(s.after, sealStep)))
		if err != nil {
			return err
		}
		if err := b.sort(s.hasher, queue); err != nil {
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
	head    Head // of the chain, including the seals
	seals   []seal
	leaving []ids.Row
	broken  [][]byte // places in the queue that do not hold an id
	forged  []ids.Row
	unknown int
	places  int
	last    []byte // place
}

// sort decides what to do with each place in the queue.
func (b *batch) sort(s *hasher, queue []place) error {
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
			b.forged = append(b.forged, rowID(p.key))
		default:
			if err := b.add(s, p.entry); err != nil {
				return err
			}
		}
		if id := rowID(p.key); !id.IsZero() {
			b.leaving = append(b.leaving, id)
		} else {
			b.broken = append(b.broken, p.key)
		}
	}
	return nil
}

// add appends a seal of the entry to the chain.
func (b *batch) add(s *hasher, entry *row) error {
	if b.head.Seq == math.MaxInt64 {
		return errEnd
	}
	x := seal{seq: b.head.Seq + 1, key: s.log.signer, entry: entry.id}
	mac, _ := s.seal(&x, b.head.MAC, entry.mac[:]) // the key of the signer is always known
	x.mac = [macBytes]byte(mac)
	b.seals = append(b.seals, x)
	b.head = Head{x.seq, x.mac[:]}
	return nil
}

// write adds the changes. They conflict with those of a server that has sealed in
// the meantime: its seals have the same numbers or the same entries.
func (b *batch) write(w *session.Write) {
	for i := range b.seals {
		w.Add(insertSeal(&b.seals[i]).
			OnConflict("audit_seal_pkey", session.ErrConflict).
			OnConflict("audit_seal_entry", session.ErrConflict))
	}
	if len(b.leaving) > 0 {
		w.Add(dequeue(b.leaving))
	}
	for _, key := range b.broken {
		w.Add(dequeueBroken(key))
	}
}

// CheckKeys checks that the keys of the last seal, and of the entries that wait,
// are known. Faults: audit_key_unknown.
func (l *Log) CheckKeys(ctx context.Context, db *session.DB) error {
	var last *string
	var keys []string
	err := db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx, query.Into(&last, lastKey()), query.Into(&keys, waitingKeys(sealStep)))
	}, session.Once)
	if err != nil {
		return fmt.Errorf("checking the keys of the audit log: %w", err)
	}
	if last != nil {
		keys = append(keys, *last)
	}
	for _, key := range keys {
		if _, known := l.keys[key]; !known {
			return ErrUnknownKey.Because(fmt.Errorf("the key %.40q is missing", key))
		}
	}
	return nil
}
