package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// cancelDelay is how long a cancelled query may take to say that it has ended,
// after the server was asked to cancel it, before its connection is given up.
const cancelDelay = 2 * time.Second

// canceller asks the server to cancel what runs on a connection when its context
// is cancelled.
//
// It sees each request through, even if the query has ended meanwhile. The
// server closes the request's connection when it has sent the signal, so that
// the connection's next query cannot be hit by it; and pgbouncer 1.18 ends
// itself over a request whose caller has not waited (its issue 801). The
// driver's own handler gives up the request and then sleeps for 100 ms.
//
// It also cuts the connection when the server is seen to be down, whoever uses it.
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

// cut ends what waits for the server, now and from now on.
func (c *canceller) cut() {
	c.down.Store(true)
	_ = c.conn.Conn().SetDeadline(time.Unix(1, 0)) // long ago
}

// setDeadline does so unless the connection is cut.
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
	go func() { //nolint:gosec // the context that it was given is over
		defer close(c.done)
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		_ = c.conn.CancelRequest(ctx) // the deadline is for when it is not heard
	}()
}

// HandleUnwatchAfterCancel implements [ctxwatch.Handler].
func (c *canceller) HandleUnwatchAfterCancel() {
	<-c.done
	if !c.conn.IsClosed() {
		c.setDeadline(time.Time{})
	}
}
