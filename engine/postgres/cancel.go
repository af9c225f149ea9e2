package postgres

import (
	"context"
	"time"

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
type canceller struct {
	conn *pgconn.PgConn
	done chan struct{} // closed when the request has been answered
}

func newCanceller(c *pgconn.PgConn) ctxwatch.Handler { return &canceller{conn: c} }

// HandleCancel implements [ctxwatch.Handler].
func (c *canceller) HandleCancel(context.Context) {
	_ = c.conn.Conn().SetDeadline(time.Now().Add(cancelDelay))
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
		_ = c.conn.Conn().SetDeadline(time.Time{})
	}
}
