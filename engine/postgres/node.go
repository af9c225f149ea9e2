package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/musterhq/muster/session"
)

// Intervals of looking at a node. One that does not answer in time is down.
const (
	lookEvery  = 200 * time.Millisecond
	lookHaste  = 2 * time.Millisecond // while a read waits for the node to catch up
	lookWithin = 500 * time.Millisecond

	maxGap = 2 * (lookEvery + lookWithin) // between looks; who has seen nothing for longer was stopped, or cut off
)

// node is one server of the cluster. A goroutine looks at it from time to time
// on a connection of its own, so that a busy pool does not look like a dead
// server.
type node struct {
	name     string
	system   string          // of the cluster; empty until the first of its servers was seen
	pooled   bool            // a pooler in transaction mode stands before it
	config   *pgx.ConnConfig // of the connection that looks
	readers  *pool
	writers  *pool
	reading  []string // what opens a read session
	writing  []string // and a write session
	maxLag   time.Duration
	inFlight atomic.Int64
	waiting  atomic.Int64  // reads that wait for it to catch up
	hasten   chan struct{} // a read has begun to wait

	news *news // after each look

	seen atomic.Pointer[sight]

	mu    sync.Mutex
	begun int64                   // looks
	ended int64                   // the number of the look that seen is of
	marks marks                   // of the time in which it was the primary
	open  map[*canceller]struct{} // connections of the pools
	down  context.CancelFunc
}

// sight is what was seen of a node. It does not change.
type sight struct {
	healthy    bool
	began      time.Time // the look; what was seen is of this time or later
	err        error
	system     string // identifies the cluster
	recovering bool   // a replica, and not the primary
	careless   bool   // a commit that it confirms may be lost
	at         position
	lag        time.Duration // since the newest transaction that it has replayed
	history    history

	// Of this look and those before it.
	newest int64           // timeline that the node was ever seen on
	least  position        // what a replica had to have replayed when the node was last seen to be the primary
	up     context.Context //nolint:containedctx // ends when the node is seen to be down
}

func newNode(name string, news *news) *node {
	n := &node{name: name, news: news, hasten: make(chan struct{}, 1), open: make(map[*canceller]struct{})}
	var s sight
	s.up, n.down = context.WithCancel(context.Background())
	n.down()
	n.seen.Store(&s)
	return n
}

// bind takes what is needed of how its connections are made. The one that looks
// gives up at once when it is time: it has nothing to cancel.
func (n *node) bind(o Options, pooled bool) {
	n.pooled = pooled
	n.config = n.readers.Config().ConnConfig
	n.config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	n.maxLag = o.MaxLag
	n.reading = withSettings(beginRead, o.limits(), pooled)
	n.writing = withSettings(beginWrite, o.limits(), pooled)
}

// look gives the last sight.
func (n *node) look() *sight { return n.seen.Load() }

// begin gives the look that begins a number.
func (n *node) begin() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun++
	return n.begun
}

// note keeps what the look of that number saw.
func (n *node) note(look int64, s sight) {
	defer n.news.spread()
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.look()
	s.newest, s.least, s.up = max(last.newest, s.at.timeline), last.least, last.up
	if s.healthy && !s.recovering {
		n.marks.add(s.at.lsn, s.began)
		s.least = position{s.at.timeline, n.marks.before(s.began.Add(-n.maxLag))}
	}
	if s.healthy && !last.healthy {
		s.up, n.down = context.WithCancel(context.Background())
	}
	n.ended = look
	n.seen.Store(&s)
	if last.healthy && !s.healthy { // whoever waits for it shall not; and when it is back, its connections are of before
		n.down()
		for c := range n.open {
			c.cut()
		}
		n.readers.Reset()
		n.writers.Reset()
	}
}

// join has the connection be cut when the node is seen to be down.
func (n *node) join(c *canceller) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.look().healthy {
		return errDown
	}
	n.open[c] = struct{}{}
	return nil
}

// leave is for a connection that is closed.
func (n *node) leave(c *canceller) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// learn notes a position that the node was found to have between two looks, so
// that reads after it need not wait for the next.
func (n *node) learn(p position) {
	last := n.look()
	if !last.healthy || p.timeline != last.at.timeline || p.lsn <= last.at.lsn {
		return
	}
	s := *last
	s.at.lsn = p.lsn
	n.seen.CompareAndSwap(last, &s) // or it was just seen anew
}

// lookAgain waits for a look that begins from now on, for two looks' time at
// most: what was seen of the node turned out to be wrong.
func (n *node) lookAgain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*lookWithin)
	defer cancel()
	n.mu.Lock()
	wanted := n.begun + 1
	n.mu.Unlock()
	n.hurry()
	for {
		changed := n.news.next()
		n.mu.Lock()
		done := n.ended >= wanted
		n.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// hurry has the next look begin at once.
func (n *node) hurry() {
	select {
	case n.hasten <- struct{}{}:
	default: // it will
	}
}

// watch looks at the node until ctx ends.
func (n *node) watch(ctx context.Context) {
	var c *pgx.Conn
	defer func() { closeQuietly(c) }()
	for {
		look := n.begin()
		var s sight
		if c, s = n.sight(ctx, c); ctx.Err() != nil {
			n.note(look, sight{err: errClosed})
			return
		}
		n.note(look, s)
		n.pause(ctx)
	}
}

func (n *node) pause(ctx context.Context) {
	every := lookEvery
	if n.waiting.Load() > 0 {
		every = lookHaste
	}
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.hasten:
	case <-ctx.Done():
	}
}

const selectSight = `
	select cast((select system_identifier from pg_control_system()) as text), pg_is_in_recovery(), ` + timelineAndLSN + `,
		coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()), 0)::float8, current_setting('synchronous_commit') = 'off'`

// sight looks once, on the connection if there is one, and gives it back for
// the next time unless it broke.
func (n *node) sight(ctx context.Context, c *pgx.Conn) (*pgx.Conn, sight) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var err error
	if c == nil {
		if c, err = pgx.ConnectConfig(ctx, n.config.Copy()); err != nil {
			return nil, sight{err: explain(ctx, err)}
		}
	}
	s := sight{healthy: true, began: time.Now()}
	var lsn string
	var lag float64
	err = c.QueryRow(ctx, selectSight).Scan(&s.system, &s.recovering, &s.at.timeline, &lsn, &lag, &s.careless)
	if err == nil {
		s.at.lsn, err = parseLSN(lsn)
	}
	if err == nil {
		s.history, err = n.timelines(ctx, c, s.at.timeline)
	}
	if err != nil {
		closeQuietly(c)
		return nil, sight{err: explain(ctx, err)}
	}
	if n.system != "" && s.system != n.system {
		closeQuietly(c)
		return nil, sight{err: errForeign}
	}
	s.lag = time.Duration(lag * float64(time.Second))
	return c, s
}

var errForeign = errors.New("it belongs to another cluster than the others")

// timelines gives the history of the timeline; it is read once.
func (n *node) timelines(ctx context.Context, c *pgx.Conn, timeline int64) (history, error) {
	if last := n.look(); last.history.timeline == timeline {
		return last.history, nil
	}
	h := history{timeline: timeline}
	if timeline <= 1 {
		return h, nil
	}
	var text *string
	file := fmt.Sprintf("pg_wal/%08X.history", timeline)
	if err := c.QueryRow(ctx, "select pg_read_file($1, 0, 65536, true)", file).Scan(&text); err != nil {
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			return h, nil // without the right to read it, older positions are not known to be kept
		}
		return h, fmt.Errorf("reading the history of the timeline: %w", err)
	}
	if text != nil {
		h.forks = parseHistory(*text)
	}
	return h, nil
}

func closeQuietly(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	_ = c.Close(ctx) // it is being thrown away
}

// role is the role of a node in [session.Node].
func (s sight) role() string {
	switch {
	case !s.healthy:
		return session.RoleUnknown
	case s.recovering:
		return session.RoleReplica
	default:
		return session.RolePrimary
	}
}
