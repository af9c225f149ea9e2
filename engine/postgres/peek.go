//go:build unix

package postgres

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// restless is how long a connection may be idle before it is looked at whether
// it still is one.
const restless = 10 * time.Millisecond

// shouldPing spares a round trip to the server where it can be seen without one
// that the connection is well: it is open, and nothing waits to be read, such as
// the server's farewell.
func shouldPing(_ context.Context, p pgxpool.ShouldPingParams) bool {
	return p.IdleDuration > restless && !quiet(p.Conn.PgConn().Conn())
}

func quiet(c net.Conn) (quiet bool) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = wrapped.NetConn()
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	// Not Read, which waits its turn: after a slow write, the driver has a
	// goroutine that reads already.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
	})
	return quiet && err == nil
}
