package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// Options of an engine. Only Primary has no default. An address whose pooler
// swaps connections between transactions has the parameter
// pool_mode=transaction.
type Options struct {
	Primary  string   // URL of the server that writes
	Replicas []string // URLs of servers that follow it; any may be promoted

	Readers          int           // connections to each server that read; default 16
	Writers          int           // connections that write; default 8
	StatementTimeout time.Duration // of one statement, at the server; default 10 s
	LockTimeout      time.Duration // of waiting for a lock; default 3 s
	IdleTimeout      time.Duration // of a transaction in which nothing happens; default 10 s
	ReplicaWait      time.Duration // for a replica to catch up with a position; default 100 ms
	MaxLag           time.Duration // of a replica that answers; default 10 s, at most a minute; the same for all who share the cluster
	PrimaryWait      time.Duration // for a primary to be there again; default 1 s

	dial pgconn.DialFunc // of tests
}

// Defaults are the options that are left out.
func Defaults() Options { return Options{}.withDefaults() }

func (o Options) withDefaults() Options {
	setDefault(&o.Readers, 16)
	setDefault(&o.Writers, 8)
	setDefault(&o.StatementTimeout, 10*time.Second)
	setDefault(&o.LockTimeout, 3*time.Second)
	setDefault(&o.IdleTimeout, 10*time.Second)
	setDefault(&o.ReplicaWait, 100*time.Millisecond)
	setDefault(&o.MaxLag, 10*time.Second)
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
	gate    gate               // sessions
	system  string             // identifies the cluster
	stop    context.CancelFunc // ends the watching of nodes
	working sync.WaitGroup     // watchers, and sessions that are ended behind their callers
	close   func() error
}

var _ session.Engine = (*Engine)(nil)

var errClosed = fmt.Errorf("%w: it is closed", session.ErrUnavailable)

// Open connects to the servers and checks that they are one cluster that can
// serve. A replica that does not answer at this moment is no reason not to; a
// primary is. What is wrong with one server is a [ServerError].
func Open(ctx context.Context, o Options) (*Engine, error) {
	e, err := assemble(ctx, o)
	if err != nil {
		return nil, err
	}
	e.meet(ctx)
	if err := e.judge(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	for _, n := range e.nodes {
		n.system = e.system
	}
	watching, stop := context.WithCancel(context.Background())
	e.stop = stop
	for _, n := range e.nodes {
		e.working.Go(func() { n.watch(watching) })
	}
	return e, nil
}

// Look asks the servers how they are, and makes nothing of it: it answers with
// no primary, too. In use are the connections of all Muster programs that are
// busy, of those that they hold.
func Look(ctx context.Context, o Options) ([]session.Node, error) {
	e, err := assemble(ctx, o)
	if err != nil {
		return nil, err
	}
	e.meet(ctx)
	list := e.Nodes()
	var wg sync.WaitGroup
	for i, n := range e.nodes {
		if list[i].Pool = (session.Pool{}); list[i].Healthy {
			wg.Go(func() { list[i].Pool.InUse, list[i].Pool.Size = n.connections(ctx) })
		}
	}
	wg.Wait()
	return list, e.Close()
}

// assemble makes the engine's nodes and connects to none.
func assemble(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults(), stop: func() {}}
	e.close = sync.OnceValue(e.shut)
	for i, url := range append([]string{o.Primary}, o.Replicas...) {
		name := "primary"
		if i > 0 {
			name = "replica " + strconv.Itoa(i)
		}
		n, err := e.newNode(ctx, name, url)
		if err != nil {
			return nil, errors.Join(&ServerError{name, i, err}, e.Close())
		}
		e.nodes = append(e.nodes, n)
	}
	return e, nil
}

func (e *Engine) newNode(ctx context.Context, name, url string) (*node, error) {
	reads, pooled, err := poolConfig(e.options, url, e.options.Readers, readSettings)
	if err != nil {
		return nil, err
	}
	writes, _, err := poolConfig(e.options, url, e.options.Writers, writeSettings)
	if err != nil {
		return nil, err
	}
	n := newNode(name, &e.news)
	if n.readers, err = n.openPool(ctx, reads); err != nil {
		return nil, err
	}
	if n.writers, err = n.openPool(ctx, writes); err != nil {
		n.readers.Close()
		return nil, err
	}
	n.bind(e.options, pooled)
	return n, nil
}

// What every transaction of a pool's connections is, if it says nothing else.
// Of a session that has one exchange that is enough: what a pipeline sends
// before its Sync is one transaction, also without begin and commit, which
// would be two statements more.
var (
	readSettings = [][2]string{
		{"default_transaction_isolation", "repeatable read"}, {"default_transaction_read_only", "on"},
	}
	writeSettings = [][2]string{
		{"default_transaction_isolation", "serializable"}, {"default_transaction_read_only", "off"},
	}
)

// poolConfig is for a pool of so many connections to the address.
func poolConfig(o Options, url string, size int, defaults [][2]string) (config *pgxpool.Config, pooled bool, err error) {
	if config, err = pgxpool.ParseConfig(url); err != nil { // its text holds the URL
		return nil, false, errors.New("the address is not valid: it has the form postgres://user@host:port/database?sslmode=verify-full")
	}
	if pooled, err = takePoolMode(config.ConnConfig); err != nil {
		return nil, false, err
	}
	config.MaxConns = int32(size) //nolint:gosec // a pool is small
	config.ShouldPing = shouldPing
	config.ConnConfig.ConnectTimeout = cancelDelay
	config.ConnConfig.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) { noteUnconfirmed(c, n.Routine) }
	if o.dial != nil {
		config.ConnConfig.DialFunc = o.dial
	}
	config.ConnConfig.RuntimeParams["application_name"] = "muster"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	bindSettings(config.ConnConfig, append(o.limits(), defaults...), pooled)
	config.ConnConfig.BuildContextWatcherHandler = newCanceller
	return config, pooled, nil
}

// limits are the server's settings of what a session may take, and how it may
// go about it.
func (o Options) limits() [][2]string {
	return append([][2]string{
		{"statement_timeout", milliseconds(o.StatementTimeout)},
		{"lock_timeout", milliseconds(o.LockTimeout)},
		{"idle_in_transaction_session_timeout", milliseconds(o.IdleTimeout)},
	}, planning...)
}

// planning has the server plan as the embedded engine does: once for a text,
// whatever its arguments, and by indexes. Of a limit that is an argument the
// planner assumes that it is a tenth of the table, and would scan and sort that
// for a page; our texts are written so that an index leads to what they bound.
var planning = [][2]string{
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"}, // where there is another way
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"jit", "off"},
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// meetWithin is how long the first look at a node may take.
const meetWithin = 5 * time.Second

// meet looks at every node at once, for the first time: with more patience than
// later, and an eye to what is wrong with its address, account or version.
func (e *Engine) meet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, meetWithin)
	defer cancel()
	var wg sync.WaitGroup
	for _, n := range e.nodes {
		wg.Go(func() {
			look := n.begin()
			n.note(look, n.meet(ctx))
		})
	}
	wg.Wait()
}

func (n *node) meet(ctx context.Context) (s sight) {
	c, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return sight{err: Explain(err)}
	}
	if err := checkVersion(c.PgConn().ParameterStatus("server_version")); err != nil {
		closeQuietly(c)
		return sight{err: err}
	}
	c, s = n.sight(ctx, c)
	closeQuietly(c)
	return s
}

// connections counts those that Muster programs have to the server.
func (n *node) connections(ctx context.Context) (busy, all int) {
	ctx, cancel := context.WithTimeout(ctx, meetWithin)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return 0, 0 // it was there a moment ago
	}
	defer closeQuietly(c)
	_ = c.QueryRow(ctx, `select count(*) filter (where state <> 'idle'), count(*) from pg_stat_activity
		where application_name = 'muster' and backend_type = 'client backend' and pid <> pg_backend_pid()`).Scan(&busy, &all)
	return busy, all
}

// judge says what is wrong with the servers as a whole.
func (e *Engine) judge() error {
	var writing string
	for i, n := range e.nodes {
		s := n.look()
		wrong := func(format string, args ...any) error { return &ServerError{n.name, i, fmt.Errorf(format, args...)} }
		switch {
		case !s.healthy && errors.Is(s.err, session.ErrUnavailable):
			continue
		case !s.healthy:
			return &ServerError{n.name, i, s.err}
		case e.system != "" && e.system != s.system:
			return wrong("it belongs to another cluster than the servers before it: name one that follows the same primary")
		case !s.recovering && writing != "":
			return wrong("it is no replica but a server that takes writes, as the %s does: name one that follows it, or leave this one out", writing)
		case !s.recovering && s.careless:
			return wrong("synchronous_commit is off: what a commit has confirmed could be lost. Turn it on: alter role %s set synchronous_commit = on", n.config.User)
		case !s.recovering:
			writing = n.name
		}
		e.system = s.system
	}
	if writing != "" {
		return nil
	}
	first := e.nodes[0]
	if s := first.look(); s.err != nil {
		return &ServerError{first.name, 0, s.err}
	}
	return &ServerError{first.name, 0, fmt.Errorf("%w: it is a replica, and so is every other: name the primary that they follow", session.ErrUnavailable)}
}

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
	if err := e.gate.enter(); err != nil {
		return nil, err
	}
	return s, nil
}

// Transaction implements [session.Engine]. The connection is taken by the first
// plan.
func (e *Engine) Transaction(context.Context) (session.Transaction, error) {
	if err := e.gate.enter(); err != nil {
		return nil, err
	}
	return &transaction{engine: e}, nil
}

// System identifies the cluster, whose positions are of one history.
func (e *Engine) System() string { return e.system }

// Holds returns [session.ErrPosition] for a position that is not of the
// primary's history, as far as that is known without asking. A read session
// finds out by itself; a write session goes on from what the primary holds.
func (e *Engine) Holds(p session.Position) error {
	at, err := decodePosition(p)
	if err != nil {
		return err
	}
	if primary := e.primary(); primary != nil {
		return primary.knows(&at)
	}
	return nil
}

// Nodes tells what was last seen of each server.
func (e *Engine) Nodes() []session.Node {
	var newest position
	if primary := e.primary(); primary != nil {
		newest = primary.look().at
	}
	list := make([]session.Node, len(e.nodes))
	for i, n := range e.nodes {
		s := n.look()
		lag := s.lag
		if s.at.timeline == newest.timeline && s.at.lsn >= newest.lsn {
			lag = 0 // nothing was written since
		}
		r, w := n.readers.Stat(), n.writers.Stat()
		list[i] = session.Node{
			Name: n.name, Role: s.role(), Healthy: s.healthy, Lag: lag.Seconds(), Timeline: s.at.timeline,
			Pool: session.Pool{InUse: int(r.AcquiredConns() + w.AcquiredConns()), Size: int(r.MaxConns() + w.MaxConns())},
		}
		if s.err != nil {
			list[i].Problem = s.err.Error()
		}
	}
	return list
}
