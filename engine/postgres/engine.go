package postgres

import (
	"context"
	"sync"

	"github.com/musterhq/muster/session"
)

// Engine implements [session.Engine] on a PostgreSQL cluster: a primary and any
// number of replicas.
type Engine struct {
	options Options
	nodes   []*node
	probed  notifier           // after each probe of a node
	gate    gate               // sessions
	system  string             // identifies the cluster
	stop    context.CancelFunc // ends the probing of nodes
	working sync.WaitGroup     // probing, and sessions that are rolled back after their callers have left
	close   func() error
}

var (
	_ session.Engine  = (*Engine)(nil)
	_ session.History = (*Engine)(nil)
)

// Close waits for open sessions and closes all connections.
func (e *Engine) Close() error { return e.close() }

func (e *Engine) shut() error {
	e.gate.close()
	e.stop()
	e.working.Wait()
	for _, n := range e.nodes {
		n.readers.Close()
		n.writers.Close()
	}
	return nil
}

// System identifies the cluster, whose positions are of one history.
func (e *Engine) System() string { return e.system }

// Holds returns [session.ErrPosition] for a position that is not of the
// primary's history, as far as that is known without asking a server. A read
// session finds out by itself; a write session goes on from what the primary
// holds.
func (e *Engine) Holds(p session.Position) error {
	at, err := decodePosition(p)
	if err != nil {
		return err
	}
	if primary := e.primary(); primary != nil {
		return primary.health().check(&at)
	}
	return nil
}

// Nodes returns what the last probe of each server found.
func (e *Engine) Nodes() []session.Node {
	var newest position
	if primary := e.primary(); primary != nil {
		newest = primary.health().at
	}
	list := make([]session.Node, len(e.nodes))
	for i, n := range e.nodes {
		h := n.health()
		lag := h.lag
		if h.at.timeline == newest.timeline && h.at.lsn >= newest.lsn {
			lag = 0 // nothing was written since
		}
		r, w := n.readers.Stat(), n.writers.Stat()
		list[i] = session.Node{
			Name: n.name, Role: h.role(), Healthy: h.healthy, Lag: lag.Seconds(), Timeline: h.at.timeline,
			Pool: session.Pool{InUse: int(r.AcquiredConns() + w.AcquiredConns()), Size: int(r.MaxConns() + w.MaxConns())},
		}
		if h.err != nil {
			list[i].Problem = h.err.Error()
		}
	}
	return list
}
