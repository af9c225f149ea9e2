package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// registers is the number of registers. One client increments each.
const registers = 8

// TestHistory has clients increment registers and read all of them, wherever the
// engine sends them, while servers lag, hang, die, return and are replaced. A
// client must never see undone what it has written or seen. Two of the clients
// forget their position after each session: they must see time go back, or the
// test proves nothing.
//
// A commit waits for one of the two replicas, so that no acknowledged one may be
// lost with the primary.
func TestHistory(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "synchronous_standby_names = 'ANY 1 (*)'")
	c.write(t.Context(), query.Exec(`create table register (id bigint primary key, n bigint not null)`))
	for i := range registers {
		c.write(t.Context(), query.Exec(`insert into register (id, n) values ($1, 0)`, i))
	}
	c.catchUp(c.write(t.Context(), query.Exec(`update register set n = 0`)))
	h := &history{t: t, db: c.db}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range h.clients {
		k := &h.clients[i]
		k.h, k.id, k.forgets = h, i, i >= registers-2
		wg.Go(func() { k.work(ctx) })
	}
	h.faults(c)
	stop()
	wg.Wait()
	h.check()
}

// history records what the clients do.
type history struct {
	t       *testing.T
	db      *session.DB
	clients [registers]client
	done    atomic.Int64 // operations
	away    atomic.Bool  // the primary is
}

// client writes and reads, one after the other.
type client struct {
	h        *history
	id       int
	forgets  bool
	position session.Position
	known    [registers]int // the least that it may see from now on
	tried    int            // the last number that it wrote
	kept     int            // the last number that was acknowledged

	reads, writes, refused, recognised, violations int
}

func (k *client) work(ctx context.Context) {
	for ctx.Err() == nil {
		if rand.IntN(3) == 0 {
			k.write(ctx)
		} else {
			k.read(ctx)
		}
		k.h.done.Add(1)
	}
}

// session runs one with the client's position, and keeps the position after it.
func (k *client) session(ctx context.Context, run func(context.Context) error) (node string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ctx, cost := session.Track(ctx, k.position)
	err = run(ctx)
	if !k.forgets {
		k.position = cost.Total().Position
	}
	return cost.Total().Node, err
}

func (k *client) write(ctx context.Context) {
	k.tried++
	away := k.h.away.Load()
	_, err := k.session(ctx, func(ctx context.Context) error {
		return k.h.db.Write(ctx, func(w *session.Write) error {
			w.Add(query.Exec(`update register set n = $2 where id = $1`, k.id, k.tried))
			return nil
		})
	})
	switch {
	case err == nil:
		k.writes++
		k.kept, k.known[k.id] = k.tried, k.tried
	case ctx.Err() != nil:
	case errors.Is(err, session.ErrUnavailable) && (away || k.h.away.Load()):
		k.refused++ // or it was committed, and nobody knows
	default:
		k.h.t.Errorf("client %d: writing %d: %v", k.id, k.tried, err)
	}
}

func (k *client) read(ctx context.Context) {
	away := k.h.away.Load()
	var seen [registers]int
	node, err := k.session(ctx, func(ctx context.Context) error {
		parts := make([]query.Part, registers)
		for i := range parts {
			parts[i] = query.Into(&seen[i], number(`select n from register where id = $1`, i))
		}
		return k.h.db.Read(ctx, func(r *session.Read) error { return r.Gather(ctx, parts...) }, session.Once)
	})
	switch {
	case err == nil:
		k.reads++
		k.compare(seen, node)
	case ctx.Err() != nil:
	case errors.Is(err, session.ErrPosition): // of what the failover has lost: the client starts anew
		k.recognised++
		k.position, k.known = "", [registers]int{}
	case errors.Is(err, session.ErrUnavailable) && (away || k.h.away.Load()):
		k.refused++
	default:
		k.h.t.Errorf("client %d: reading after %s: %v", k.id, k.position, err)
	}
}

func (k *client) compare(seen [registers]int, node string) {
	for i, n := range seen {
		if n < k.known[i] {
			k.violations++
			if !k.forgets {
				k.h.t.Errorf("client %d: register %d went from %d to %d on %s, position %s", k.id, i, k.known[i], n, node, k.position)
			}
		}
		k.known[i] = n
	}
}

// goOn waits for so many more operations of the clients.
func (h *history) goOn(operations int64) {
	h.t.Helper()
	until := h.done.Load() + operations
	soon(h.t, "the clients have continued", func() bool { return h.done.Load() >= until })
}

// faults causes faults meanwhile.
func (h *history) faults(c *cluster) {
	const aWhile = 500
	one, two := c.replicas[0], c.replicas[1]
	for _, fault := range []struct {
		begin, end func()
		lasts      int64 // a probe has to notice one that hangs
	}{
		{func() { one.HoldReplay(h.t) }, func() { one.ResumeReplay(h.t) }, aWhile},
		{two.Pause, two.Resume, 6 * aWhile},
		{one.Kill, one.Run, aWhile},
		{func() { one.HoldReplay(h.t); two.HoldReplay(h.t) }, func() { one.ResumeReplay(h.t); two.ResumeReplay(h.t) }, aWhile},
		{two.Kill, two.Run, aWhile},
		{one.Pause, one.Resume, 6 * aWhile},
	} {
		h.goOn(aWhile)
		fault.begin()
		h.goOn(fault.lasts)
		fault.end()
	}
	h.goOn(aWhile)
	h.away.Store(true)
	c.primary.Kill()
	h.goOn(aWhile / 10) // a write waits for a second
	next, other := one, two
	if two.Received(h.t) > one.Received(h.t) {
		next, other = two, one
	}
	next.Promote()
	other.Follow(next)
	soon(h.t, "a primary answers again", func() bool {
		return h.db.Write(h.t.Context(), func(w *session.Write) error { w.Add(query.Exec(`update register set n = n`)); return nil }) == nil
	})
	h.away.Store(false)
	h.goOn(2 * aWhile)
}

// check checks the end of the history.
func (h *history) check() {
	var with, without, reads, writes, refused, recognised int
	for i := range h.clients {
		k := &h.clients[i]
		reads, writes, refused, recognised = reads+k.reads, writes+k.writes, refused+k.refused, recognised+k.recognised
		if k.forgets {
			without += k.violations
		} else {
			with += k.violations
		}
		if n, err := one(h.t.Context(), h.db, number(`select n from register where id = $1`, i)); err != nil || n < k.kept {
			h.t.Errorf("client %d: %d was acknowledged and %d is stored, %v", i, k.kept, n, err)
		}
	}
	h.t.Logf("%d reads and %d writes, %d refused without a primary, %d positions recognised as lost; violations: %d with positions, %d without",
		reads, writes, refused, recognised, with, without)
	if without == 0 {
		h.t.Error("without positions no client saw time go back: the test proves nothing")
	}
}
