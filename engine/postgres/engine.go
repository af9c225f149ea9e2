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
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// Options of an engine. Only Primary has no default.
type Options struct {
	Primary string // URL of the server that writes

	Readers          int           // connections that read; default 16
	Writers          int           // connections that write; default 8
	StatementTimeout time.Duration // of one statement, at the server; default 10 s
	LockTimeout      time.Duration // of waiting for a lock; default 3 s
	IdleTimeout      time.Duration // of a transaction in which nothing happens; default 10 s
}

func (o Options) withDefaults() Options {
	setDefault(&o.Readers, 16)
	setDefault(&o.Writers, 8)
	setDefault(&o.StatementTimeout, 10*time.Second)
	setDefault(&o.LockTimeout, 3*time.Second)
	setDefault(&o.IdleTimeout, 10*time.Second)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Engine implements [session.Engine] on PostgreSQL.
type Engine struct {
	readers *pgxpool.Pool
	writers *pgxpool.Pool
	closing sync.WaitGroup // sessions that are being closed behind their callers
	close   func() error
}

var _ session.Engine = (*Engine)(nil)

// Open connects to the server and checks that it can serve.
func Open(ctx context.Context, o Options) (*Engine, error) {
	o = o.withDefaults()
	e := &Engine{}
	e.close = sync.OnceValue(e.shut)
	var err error
	if e.readers, err = openPool(ctx, o, o.Readers, "on"); err != nil {
		return nil, err
	}
	if e.writers, err = openPool(ctx, o, o.Writers, "off"); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if err := e.writers.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the database: %w", explain(ctx, err)), e.Close())
	}
	return e, nil
}

// cancelDelay is how long a cancelled query may take to say that it has ended,
// after the server was asked to cancel it, before its connection is given up.
const cancelDelay = 2 * time.Second

func openPool(ctx context.Context, o Options, size int, readOnly string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(o.Primary)
	if err != nil {
		return nil, errors.New("the database's address is not valid: it has the form postgres://user@host:port/database")
	}
	config.MaxConns = int32(size) //nolint:gosec // a pool is small
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
		return nil, fmt.Errorf("connecting to the database: %w", explain(ctx, err))
	}
	return pool, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Close waits for open sessions and closes all connections.
func (e *Engine) Close() error { return e.close() }

func (e *Engine) shut() error {
	e.closing.Wait()
	for _, pool := range []*pgxpool.Pool{e.readers, e.writers} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

// Snapshot implements [session.Engine]. The connection is taken by the first
// plan.
func (e *Engine) Snapshot(_ context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	return &snapshot{engine: e, once: o.Once}, nil
}

// Transaction implements [session.Engine]. The connection is taken by the first
// plan.
func (e *Engine) Transaction(context.Context) (session.Transaction, error) {
	return &transaction{engine: e}, nil
}

// take lends a connection from a pool.
func (e *Engine) take(ctx context.Context, pool *pgxpool.Pool) (*conn, error) {
	c, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("waiting for a connection: %w", explain(ctx, err))
	}
	return newConn(c, true), nil
}

// endLater ends what is open on a connection behind the caller's back, and
// gives the connection back; one that does not answer in time is discarded.
func (e *Engine) endLater(c *pgxpool.Conn) {
	if c.Conn().PgConn().TxStatus() == 'I' || c.Conn().IsClosed() {
		c.Release()
		return
	}
	e.closing.Go(func() { endNow(c) })
}

func endNow(c *pgxpool.Conn) {
	defer c.Release()
	ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
	defer cancel()
	if _, err := c.Exec(ctx, "rollback", pgx.QueryExecModeExec); err != nil {
		_ = c.Conn().Close(ctx) // Release discards what is closed
	}
}
