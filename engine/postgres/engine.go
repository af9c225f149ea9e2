package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// Options of an engine. Only Primary has no default.
type Options struct {
	Primary  string   // URL of the server that writes
	Replicas []string // URLs of servers that follow it; any may be promoted

	Readers          int           // connections to each server that read; default 16
	Writers          int           // connections that write; default 8
	StatementTimeout time.Duration // of one statement, at the server; default 10 s
	LockTimeout      time.Duration // of waiting for a lock; default 3 s
	IdleTimeout      time.Duration // of a transaction in which nothing happens; default 10 s
	ReplicaWait      time.Duration // for a replica to catch up with a position; default 100 ms
	PrimaryWait      time.Duration // for a primary to be there again; default 1 s
}

func (o Options) withDefaults() Options {
	setDefault(&o.Readers, 16)
	setDefault(&o.Writers, 8)
	setDefault(&o.StatementTimeout, 10*time.Second)
	setDefault(&o.LockTimeout, 3*time.Second)
	setDefault(&o.IdleTimeout, 10*time.Second)
	setDefault(&o.ReplicaWait, 100*time.Millisecond)
	setDefault(&o.PrimaryWait, time.Second)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Engine implements [session.Engine] on a PostgreSQL cluster: a primary and any
// number of replicas.
type Engine struct {
	options Options
	nodes   []*node
	news    news
	stop    context.CancelFunc // ends the watching of nodes
	working sync.WaitGroup     // watchers, and sessions that are ended behind their callers
	close   func() error
}

var _ session.Engine = (*Engine)(nil)

var errClosed = fmt.Errorf("%w: it is closed", session.ErrUnavailable)

// Open connects to the servers and checks that they are one cluster that can
// serve. Its errors name a server by its role and place in the list, never by
// its URL, which may hold a password.
func Open(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults()}
	e.close = sync.OnceValue(e.shut)
	watching, stop := context.WithCancel(context.Background())
	e.stop = stop
	for i, url := range append([]string{o.Primary}, o.Replicas...) {
		name := "primary"
		if i > 0 {
			name = "replica " + strconv.Itoa(i)
		}
		n, err := e.newNode(ctx, name, url)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), e.Close())
		}
		e.nodes = append(e.nodes, n)
	}
	if err := e.firstLook(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	for _, n := range e.nodes {
		e.working.Go(func() { n.watch(watching) })
	}
	return e, nil
}

// cancelDelay is how long a cancelled query may take to say that it has ended,
// after the server was asked to cancel it, before its connection is given up.
const cancelDelay = 2 * time.Second

func (e *Engine) newNode(ctx context.Context, name, url string) (n *node, err error) {
	n = newNode(name, &e.news)
	if n.readers, err = openPool(ctx, e.options, url, e.options.Readers, "on"); err != nil {
		return nil, err
	}
	n.config = n.readers.Config().ConnConfig
	if n.writers, err = openPool(ctx, e.options, url, e.options.Writers, "off"); err != nil {
		n.readers.Close()
		return nil, err
	}
	return n, nil
}

func openPool(ctx context.Context, o Options, url string, size int, readOnly string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil { // its text holds the URL
		return nil, errors.New("the address is not valid: it has the form postgres://user@host:port/database?sslmode=verify-full")
	}
	config.MaxConns = int32(size) //nolint:gosec // a pool is small
	config.ConnConfig.ConnectTimeout = cancelDelay
	p := config.ConnConfig.RuntimeParams
	p["application_name"] = "muster"
	p["timezone"] = "UTC"
	p["statement_timeout"] = milliseconds(o.StatementTimeout)
	p["lock_timeout"] = milliseconds(o.LockTimeout)
	p["idle_in_transaction_session_timeout"] = milliseconds(o.IdleTimeout)
	p["default_transaction_read_only"] = readOnly
	config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelDelay}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the pool: %w", explain(ctx, err))
	}
	return pool, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// firstLook looks at every node at once and says what is wrong with the whole.
func (e *Engine) firstLook(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, n := range e.nodes {
		wg.Go(func() {
			c, s := n.sight(ctx, nil)
			closeQuietly(c)
			n.note(s)
		})
	}
	wg.Wait()
	var system, writing string
	for _, n := range e.nodes {
		s := n.look()
		switch {
		case !s.healthy:
			continue
		case system != "" && system != s.system:
			return fmt.Errorf("%s: it belongs to another cluster than the servers before it", n.name)
		case !s.recovering && writing != "":
			return fmt.Errorf("%s: it is a primary of its own, and so is %s: one of the two is not a replica", n.name, writing)
		case !s.recovering:
			writing = n.name
		}
		system = s.system
	}
	if writing == "" {
		if s := e.nodes[0].look(); s.err != nil {
			return fmt.Errorf("%s: %w", e.nodes[0].name, s.err)
		}
		return fmt.Errorf("%w: none of the servers is a primary", session.ErrUnavailable)
	}
	return nil
}

// Close waits for open sessions and closes all connections.
func (e *Engine) Close() error { return e.close() }

func (e *Engine) shut() error {
	e.stop()
	e.working.Wait()
	for _, n := range e.nodes {
		n.readers.Close()
		n.writers.Close()
	}
	return nil
}

// Snapshot implements [session.Engine]. The node is chosen and the connection
// taken by the first plan.
func (e *Engine) Snapshot(_ context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s := &snapshot{engine: e, once: o.Once}
	if o.After != "" {
		after, err := decodePosition(o.After)
		if err != nil {
			return nil, err
		}
		s.after = &after
	}
	return s, nil
}

// Transaction implements [session.Engine]. The connection is taken by the first
// plan.
func (e *Engine) Transaction(context.Context) (session.Transaction, error) {
	return &transaction{engine: e}, nil
}

// Node is what is known of a server of the cluster.
type Node struct {
	Name     string
	Healthy  bool
	Primary  bool
	Timeline int64
	Lag      time.Duration // since the newest transaction that it has replayed
	InUse    int           // connections that read or write
	Size     int           // connections that may
}

// Nodes tells what was last seen of each server.
func (e *Engine) Nodes() []Node {
	list := make([]Node, len(e.nodes))
	for i, n := range e.nodes {
		s := n.look()
		r, w := n.readers.Stat(), n.writers.Stat()
		list[i] = Node{
			Name: n.name, Healthy: s.healthy, Primary: s.healthy && !s.recovering, Timeline: s.at.timeline, Lag: s.lag,
			InUse: int(r.AcquiredConns() + w.AcquiredConns()), Size: int(r.MaxConns() + w.MaxConns()),
		}
	}
	return list
}
