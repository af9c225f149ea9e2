package postgres

import (
	"context"
	"fmt"
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

// choose returns the node for a read that must see the position, or any if after
// is nil: a replica that has the position; else one that reaches it within the
// wait; else the primary.
func (e *Engine) choose(ctx context.Context, after *position) (choice, error) {
	if primary := e.primary(); primary != nil {
		if err := primary.health().check(after); err != nil || len(e.nodes) == 1 {
			return choice{node: primary}, err
		}
	}
	if n := e.replica(after); n != nil {
		return choice{node: n}, nil
	}
	if after != nil && e.anyReplica() {
		if n := e.awaitNode(ctx, e.options.ReplicaWait, func() *node { return e.replica(after) }); n != nil {
			return choice{n, "waited"}, nil
		}
	}
	if n := e.primary(); n != nil {
		return choice{n, e.whyPrimary()}, nil
	}
	// Without a primary, a replica may still catch up, or be promoted.
	n := e.awaitNode(ctx, e.options.PrimaryWait, func() *node {
		if n := e.replica(after); n != nil {
			return n
		}
		return e.primary()
	})
	switch {
	case n == nil:
		return choice{}, fmt.Errorf("%w: no server can answer%s", session.ErrUnavailable, e.problem())
	case !n.health().recovering:
		return choice{n, "waited"}, n.health().check(after)
	}
	return choice{n, "no primary"}, nil
}

func (e *Engine) whyPrimary() string {
	if e.anyReplica() {
		return "replicas behind"
	}
	return "no replica"
}

// problem returns the last problem of a server, as text: its errors do not wrap,
// because a probe's deadline is not the caller's.
func (e *Engine) problem() string {
	for _, n := range e.nodes {
		if h := n.health(); h.err != nil {
			return ": " + n.name + ": " + h.err.Error()
		}
	}
	return ""
}

// replica returns the least busy replica that has the position and does not lag
// too much, or nil. A replica beyond the primary's history does not count: it
// shows what a failover has undone.
func (e *Engine) replica(after *position) (best *node) {
	primary := e.primary()
	if primary != nil && time.Since(primary.health().started) > maxGap {
		return nil // this process was stopped: nobody knows how much a replica lags
	}
	minimum := e.minimum()
	for _, n := range e.nodes {
		h := n.health()
		if !h.healthy || !h.recovering || h.at.lsn < minimum.lsn || after != nil && !h.has(*after) {
			continue
		}
		if primary != nil && !primary.health().history.holds(h.at) {
			continue
		}
		if best == nil || n.inFlight.Load() < best.inFlight.Load() {
			best = n
		}
	}
	return best
}

// minimum returns what a replica must have replayed to answer any read: what the
// primary had MaxLag ago. It stays while no primary is healthy, so that a replica
// that was left out does not come back.
func (e *Engine) minimum() (minimum position) {
	for _, n := range e.nodes {
		if m := n.health().minimum; m.timeline > minimum.timeline || m.timeline == minimum.timeline && m.lsn > minimum.lsn {
			minimum = m
		}
	}
	return minimum
}

func (e *Engine) anyReplica() bool {
	for _, n := range e.nodes {
		if h := n.health(); h.healthy && h.recovering {
			return true
		}
	}
	return false
}

// primary returns the node that takes writes, or nil. It is on the newest timeline
// that any probe has found: a former primary may not know yet that it was replaced.
func (e *Engine) primary() (best *node) {
	var newest int64
	for _, n := range e.nodes {
		h := n.health()
		if h.newest > newest {
			best, newest = nil, h.newest
		}
		if h.healthy && !h.recovering && h.at.timeline == newest {
			best = n
		}
	}
	return best
}

// awaitNode waits until find returns a node, with hasty probes, or returns nil.
func (e *Engine) awaitNode(ctx context.Context, most time.Duration, find func() *node) (n *node) {
	e.awaitHastily(ctx, most, func() bool {
		n = find()
		return n != nil
	})
	return n
}

// awaitHastily is await with hasty probes.
func (e *Engine) awaitHastily(ctx context.Context, most time.Duration, done func() bool) bool {
	for _, n := range e.nodes {
		n.waiting.Add(1)
		defer n.waiting.Add(-1)
		n.probeSoon()
	}
	return e.await(ctx, most, done)
}

// await waits for a probe after which done returns true, and reports whether it
// came in time.
func (e *Engine) await(ctx context.Context, most time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return e.probed.await(ctx, done)
}
