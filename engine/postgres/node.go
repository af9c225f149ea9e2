package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/musterhq/muster/session"
)

// node is one server of the cluster. A goroutine probes it on a connection of
// its own, so that a busy pool does not look like a dead server.
type node struct {
	name     string
	system   string          // of the cluster; empty until the engine has checked the servers
	pooled   bool            // it is behind a pooler in transaction mode
	config   *pgx.ConnConfig // of the connection that probes
	readers  *pool
	writers  *pool
	reading  []string // statements that open a read session
	writing  []string // and a write session
	options  Options
	inFlight atomic.Int64
	waiting  atomic.Int64  // sessions that wait for a probe to find it ready
	hurry    chan struct{} // the next probe starts at once

	probed  *notifier // after each probe
	current atomic.Pointer[health]

	mu       sync.Mutex
	started  int64                   // probes
	finished int64                   // the number of the probe whose result is current
	marks    marks                   // of the time in which it was the primary
	open     map[*canceller]struct{} // connections of the pools
	down     context.CancelFunc      // ends the context of a healthy node
}

func newNode(name string, o Options, probed *notifier) *node {
	n := &node{name: name, options: o, probed: probed, hurry: make(chan struct{}, 1), open: make(map[*canceller]struct{})}
	var h health
	h.up, n.down = context.WithCancel(context.Background())
	n.down()
	n.current.Store(&h)
	return n
}

// openPools opens the node's pools, which connect when they are used. The
// connection that probes gives up at its deadline at once: it has nothing to
// cancel.
func (n *node) openPools(ctx context.Context, url string) error {
	reads, pooled, err := poolConfig(n.options, url, n.options.Readers, readSettings)
	if err != nil {
		return err
	}
	writes, _, err := poolConfig(n.options, url, n.options.Writers, writeSettings)
	if err != nil {
		return err
	}
	if n.readers, err = openPool(ctx, reads, n.opened, n.closed); err != nil {
		return err
	}
	if n.writers, err = openPool(ctx, writes, n.opened, n.closed); err != nil {
		n.readers.Close()
		return err
	}
	n.pooled = pooled
	n.config = n.readers.Config().ConnConfig
	n.config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	n.reading = withSettings(beginRead, n.options.limits(), pooled)
	n.writing = withSettings(beginWrite, n.options.limits(), pooled)
	return nil
}

// health returns the result of the last probe.
func (n *node) health() *health { return n.current.Load() }

// startProbe returns the number of the probe that starts.
func (n *node) startProbe() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.started++
	return n.started
}

// finishProbe keeps the result of the probe with the number.
func (n *node) finishProbe(number int64, h health) {
	defer n.probed.notify()
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.health()
	h.newest, h.minimum, h.up = max(last.newest, h.at.timeline), last.minimum, last.up
	if h.healthy && !h.recovering {
		n.marks.add(h.at.lsn, h.started)
		h.minimum = position{h.at.timeline, n.marks.before(h.started.Add(-n.options.MaxLag))}
	}
	if h.healthy && !last.healthy {
		h.up, n.down = context.WithCancel(context.Background())
	}
	n.finished = number
	n.current.Store(&h)
	if last.healthy && !h.healthy { // sessions stop waiting for it, and a node that is back needs new connections
		n.down()
		for c := range n.open {
			c.cut()
		}
		n.readers.Reset()
		n.writers.Reset()
	}
}

// opened registers a connection, which is cut when a probe finds the node down.
func (n *node) opened(c *canceller) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.health().healthy {
		return errDown
	}
	n.open[c] = struct{}{}
	return nil
}

func (n *node) closed(c *canceller) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// advance notes a position that a session found the node to have, so that reads
// after it need not wait for the next probe.
func (n *node) advance(p position) {
	last := n.health()
	if !last.healthy || p.timeline != last.at.timeline || p.lsn <= last.at.lsn {
		return
	}
	h := *last
	h.at.lsn = p.lsn
	n.current.CompareAndSwap(last, &h) // or a probe has just finished
}

// awaitProbe waits for a probe that starts from now on, for twice a probe's time
// at most: the result of the last one turned out to be wrong.
func (n *node) awaitProbe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*n.options.ProbeTimeout)
	defer cancel()
	n.mu.Lock()
	wanted := n.started + 1
	n.mu.Unlock()
	n.probeSoon()
	n.probed.await(ctx, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.finished >= wanted
	})
}

// probeSoon has the next probe start at once.
func (n *node) probeSoon() {
	select {
	case n.hurry <- struct{}{}:
	default: // it will
	}
}

// lost returns the error of a session that has lost its connection. It waits
// for a probe, so that a caller who tries again knows whether the whole server
// is gone, and replaces the idle connections, which may be gone too.
func (n *node) lost(ctx context.Context, err error) error {
	n.readers.Reset()
	n.writers.Reset()
	if n.health().healthy {
		n.awaitProbe(ctx)
	}
	return fmt.Errorf("%w: %w", session.ErrMoved, explain(context.Background(), err))
}
