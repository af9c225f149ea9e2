package rest

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
)

// Network describes what stands between callers and the server. Nothing is
// guessed: without trusted proxies the caller is the other end of the
// connection, whatever the request says.
type Network struct {
	// TrustedProxies are the proxies whose X-Forwarded-For and X-Forwarded-Proto
	// are believed. Forwarded (RFC 7239) is ignored: proxies that write it write
	// these headers too, and if the two disagreed we would have to guess.
	TrustedProxies []netip.Prefix

	// AllowFrom lists the clients that are allowed; empty allows all.
	AllowFrom []netip.Prefix
}

// The headers of proxies.
const (
	headerFor   = "X-Forwarded-For"
	headerProto = "X-Forwarded-Proto"
)

// errAddress reveals nothing about the server to a client that it refuses.
var errAddress = fault.New(fault.Forbidden, "address_not_allowed", "Requests from this address are not allowed.")

// admit refuses a client that is not on the list, before the database is asked
// anything. The probes stay open: they reveal nothing, and load balancers are
// seldom on a list of people.
func (n *Network) admit(path string, client func() netip.Addr) error {
	if len(n.AllowFrom) == 0 || path == "/healthz" || path == "/readyz" || contains(n.AllowFrom, client()) {
		return nil
	}
	return errAddress
}

// client returns the rightmost address of X-Forwarded-For that is not a trusted
// proxy: each proxy appends the address that called it, and what is further left
// was written by that caller. An entry that is not an address ends the search at
// the last good one. The zero address means that the connection has none.
func (n *Network) client(r *http.Request) netip.Addr {
	last := peer(r)
	if !contains(n.TrustedProxies, last) {
		return last
	}
	for _, line := range slices.Backward(r.Header[headerFor]) {
		for more := true; more; {
			entry := line
			at := strings.LastIndexByte(line, ',')
			if more = at >= 0; more {
				line, entry = line[:at], line[at+1:]
			}
			address, ok := parseAddress(strings.Trim(entry, " \t"))
			if !ok {
				return last
			}
			if last = address; !contains(n.TrustedProxies, last) {
				return last
			}
		}
	}
	return last
}

// overTLS reports whether the caller uses TLS: to this server, or to a trusted
// proxy that says so. Of several values, the last is the proxy's own.
func (n *Network) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if len(n.TrustedProxies) == 0 {
		return false
	}
	lines := r.Header[headerProto]
	if len(lines) == 0 || !contains(n.TrustedProxies, peer(r)) {
		return false
	}
	line := lines[len(lines)-1]
	return strings.EqualFold(strings.Trim(line[strings.LastIndexByte(line, ',')+1:], " \t"), "https")
}

// peer returns the other end of the connection.
func peer(r *http.Request) netip.Addr {
	a, _ := parseAddress(r.RemoteAddr)
	return a
}

// parseAddress parses an address as proxies and net/http write it: bare or in
// brackets, with or without a port. An IPv4-mapped IPv6 address becomes IPv4, and
// a zone, which means something to one machine only, is dropped.
func parseAddress(text string) (netip.Addr, bool) {
	var a netip.Addr
	var err error
	inner, bracket := strings.CutPrefix(text, "[")
	switch {
	case bracket && strings.HasSuffix(inner, "]"):
		a, err = netip.ParseAddr(inner[:len(inner)-1])
		if a.Is4() {
			return netip.Addr{}, false
		}
	case bracket || strings.Count(text, ":") == 1:
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(text)
		a = with.Addr()
	default:
		a, err = netip.ParseAddr(text)
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
