package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/session"
)

// choice is the node that a read session is on, and why.
type choice struct {
	node *node
	why  string
}

func (c choice) String() string {
	if c.why == "" {
		return c.node.name
	}
	return c.node.name + ", " + c.why
}

// choose picks the node for a read that must see the position, or none if after
// is nil: a replica that has it; else one that has it within the wait; else the
// primary.
func (e *Engine) choose(ctx context.Context, after *position) (choice, error) {
	if primary := e.primary(); primary != nil {
		if err := primary.knows(after); err != nil || len(e.nodes) == 1 {
			return choice{node: primary}, err
		}
	}
	if n := e.replica(after); n != nil {
		return choice{node: n}, nil
	}
	if after != nil && e.anyReplica() {
		if n := e.await(ctx, e.options.ReplicaWait, func() *node { return e.replica(after) }); n != nil {
			return choice{n, "waited"}, nil
		}
	}
	if n := e.primary(); n != nil {
		return choice{n, e.whyPrimary()}, nil
	}
	// Nobody writes at the moment: a replica may still catch up, or be promoted.
	n := e.await(ctx, e.options.PrimaryWait, func() *node {
		if n := e.replica(after); n != nil {
			return n
		}
		return e.primary()
	})
	switch {
	case n == nil:
		return choice{}, fmt.Errorf("%w: no server can answer%s", session.ErrUnavailable, e.whyNot())
	case !n.look().recovering:
		return choice{n, "waited"}, n.knows(after)
	}
	return choice{n, "no primary"}, nil
}

func (e *Engine) whyPrimary() string {
	if e.anyReplica() {
		return "replicas behind"
	}
	return "no replica"
}

// whyNot tells what was last wrong with a server, as text: a look's time that
// was over is not the caller's.
func (e *Engine) whyNot() string {
	for _, n := range e.nodes {
		if s := n.look(); s.err != nil {
			return ": " + n.name + ": " + s.err.Error()
		}
	}
	return ""
}

// knows refuses a position that the primary's history does not hold: it was
// lost in a failover, or was never of this cluster.
func (n *node) knows(after *position) error {
	if s := n.look(); after != nil && !s.history.holds(*after) {
		return fmt.Errorf("%w: a failover has lost it", session.ErrPosition)
	}
	return nil
}

// replica is the least busy replica that was seen to have the position, and that
// does not lag too much. One that holds what the primary's history has lost shows what never was.
func (e *Engine) replica(after *position) (best *node) {
	primary := e.primary()
	if primary != nil && time.Since(primary.look().began) > maxGap {
		return nil // this process was stopped: nobody knows how much a replica lags
	}
	least := e.least()
	for _, n := range e.nodes {
		s := n.look()
		if !s.healthy || !s.recovering || s.at.lsn < least.lsn || after != nil && (!s.history.holds(*after) || s.at.lsn < after.lsn) {
			continue
		}
		if primary != nil && !primary.look().history.holds(s.at) {
			continue
		}
		if best == nil || n.inFlight.Load() < best.inFlight.Load() {
			best = n
		}
	}
	return best
}

// least is what a replica must have replayed to answer anybody: what the primary
// had MaxLag ago. If no primary is in sight it stays as it was, so that a replica
// that was left out does not come back by that.
func (e *Engine) least() (least position) {
	for _, n := range e.nodes {
		if l := n.look().least; l.timeline > least.timeline || l.timeline == least.timeline && l.lsn > least.lsn {
			least = l
		}
	}
	return least
}

func (e *Engine) anyReplica() bool {
	for _, n := range e.nodes {
		if s := n.look(); s.healthy && s.recovering {
			return true
		}
	}
	return false
}

// primary is the node that takes writes, on the newest timeline that any node
// was ever seen on: a former primary that has come back and does not know yet
// that it was replaced must not take any.
func (e *Engine) primary() (best *node) {
	var newest int64
	for _, n := range e.nodes {
		s := n.look()
		if s.newest > newest {
			best, newest = nil, s.newest
		}
		if s.healthy && !s.recovering && s.at.timeline == newest {
			best = n
		}
	}
	return best
}

// await waits until found gives a node, as the nodes are looked at in haste.
func (e *Engine) await(ctx context.Context, most time.Duration, found func() *node) (n *node) {
	e.hasten(ctx, most, func() bool {
		n = found()
		return n != nil
	})
	return n
}

// hasten is follow, as the nodes are looked at in haste.
func (e *Engine) hasten(ctx context.Context, most time.Duration, done func() bool) bool {
	for _, n := range e.nodes {
		n.waiting.Add(1)
		defer n.waiting.Add(-1)
		n.hurry()
	}
	return e.follow(ctx, most, done)
}

// follow waits until it is done, for which each look may be the reason.
func (e *Engine) follow(ctx context.Context, most time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		changed := e.news.next()
		if done() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// news tells whoever waits that a node was looked at. The zero value is ready.
type news struct {
	mu sync.Mutex
	ch chan struct{}
}

// next is closed when there are news.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *news) spread() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}
