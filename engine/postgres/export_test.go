package postgres

import (
	"context"
	"net"
)

// OpenDialling is Open with connections made by dial.
func OpenDialling(ctx context.Context, o Options, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Engine, error) {
	o.dial = dial
	return Open(ctx, o)
}
