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

// maxUnchecked is how long a connection may be idle without being checked before
// its next use.
const maxUnchecked = 10 * time.Millisecond

// shouldPing saves the ping, a round trip, if the connection is visibly well: it
// is open, and nothing waits to be read, such as the server's farewell.
func shouldPing(_ context.Context, p pgxpool.ShouldPingParams) bool {
	return p.IdleDuration > maxUnchecked && !quiet(p.Conn.PgConn().Conn())
}

// quiet reports whether the connection is open and nothing waits to be read.
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
