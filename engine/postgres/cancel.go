package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// cancelDelay is how long a query may take to end after the server was asked to
// cancel it. After that, its connection is closed.
const cancelDelay = 2 * time.Second

// canceller asks the server to cancel what runs on a connection when its context
// ends, and cuts the connection when a probe finds the server down.
//
// It completes each request, even if the query has ended meanwhile: when the server
// closes the request's connection, the signal cannot hit the next query any more,
// and pgbouncer 1.18 ends itself on a request whose caller has not waited (its issue
// 801). The driver's own handler abandons the request and sleeps for 100 ms.
type canceller struct {
	conn *pgconn.PgConn
	down atomic.Bool   // it is cut
	done chan struct{} // closed when the request has been answered
}

const cancellerKey = "muster canceller"

func newCanceller(c *pgconn.PgConn) ctxwatch.Handler {
	h := &canceller{conn: c}
	c.CustomData()[cancellerKey] = h
	return h
}

func cancellerOf(c *pgx.Conn) *canceller {
	h, _ := c.PgConn().CustomData()[cancellerKey].(*canceller)
	return h
}

// cut ends all waiting for the server, now and later.
func (c *canceller) cut() {
	c.down.Store(true)
	_ = c.conn.Conn().SetDeadline(time.Unix(1, 0)) // long ago
}

// setDeadline sets the deadline unless the connection is cut.
func (c *canceller) setDeadline(t time.Time) {
	_ = c.conn.Conn().SetDeadline(t)
	if c.down.Load() { // perhaps just before
		c.cut()
	}
}

// HandleCancel implements [ctxwatch.Handler].
func (c *canceller) HandleCancel(context.Context) {
	c.setDeadline(time.Now().Add(cancelDelay))
	c.done = make(chan struct{})
	go func() { //nolint:gosec // its own context has ended
		defer close(c.done)
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		_ = c.conn.CancelRequest(ctx) // the deadline is for a request that fails
	}()
}

// HandleUnwatchAfterCancel implements [ctxwatch.Handler].
func (c *canceller) HandleUnwatchAfterCancel() {
	<-c.done
	if !c.conn.IsClosed() {
		c.setDeadline(time.Time{})
	}
}
