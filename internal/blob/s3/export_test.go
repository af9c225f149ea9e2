package s3

import (
	"context"
	"net"
)

// DialTo makes a store reach its server at the address, whatever the host.
func (s *Store) DialTo(address string) {
	s.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
