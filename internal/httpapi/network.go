package httpapi

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
)

// Network says what stands between callers and the API. Nothing of it is
// guessed: without trusted proxies, a caller is whoever opened the connection,
// whatever the request says.
type Network struct {
	// TrustedProxies are believed what they say in X-Forwarded-For and
	// X-Forwarded-Proto. Forwarded (RFC 7239) is not read: proxies that write it
	// write these too, and of two that disagree one would have to be guessed.
	TrustedProxies []netip.Prefix

	// AllowFrom are the clients that are let in; empty lets in all.
	AllowFrom []netip.Prefix
}

// The headers of proxies.
const (
	headerFor   = "X-Forwarded-For"
	headerProto = "X-Forwarded-Proto"
)

// errAddress says nothing of what there is, to whom nothing is said.
var errAddress = fault.New(fault.Forbidden, "address_not_allowed", "Requests from this address are not taken.")

// client gives the address of who asks, which is looked for when somebody needs
// it. It is the zero address where the connection has none.
//
// It is personal data of a kind. The record keeps it; the log has it of requests
// only that are refused at the door.
func (x *exchange) client() netip.Addr {
	if !x.from.IsValid() {
		x.from = x.api.network.client(x.request)
	}
	return x.from
}

// isRefusedAtTheDoor reports whether a caller is refused for a token that is not
// good, or for where it calls from. The log then tells the address: it shows an
// attack, or a list that is wrong.
func isRefusedAtTheDoor(f *fault.Error) bool {
	return f.Code == errAddress.Code || f.Kind == fault.Unauthenticated && f.Code != operator.ErrMissing.Code
}

// admitAddress refuses a client that is not on the list, before anything is asked of
// the database. The probes stay open: they say nothing, and who asks them is
// seldom on a list of people.
func (x *exchange) admitAddress() error {
	allowed := x.api.network.AllowFrom
	if len(allowed) == 0 || x.request.URL.Path == "/healthz" || x.request.URL.Path == "/readyz" || contain(allowed, x.client()) {
		return nil
	}
	return errAddress
}

// client is the rightmost address of the way that is no trusted proxy: each
// proxy adds, at the right, whom it was asked by, and what is further left was
// written by that one. What is no address ends the way at the last good one.
func (n *Network) client(r *http.Request) netip.Addr {
	last := peer(r)
	if !contain(n.TrustedProxies, last) {
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
			if last = address; !contain(n.TrustedProxies, last) {
				return last
			}
		}
	}
	return last
}

// overTLS reports whether the caller speaks TLS: to us, or to a trusted proxy
// that says so. Of several values, the last is that proxy's own.
func (n *Network) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if len(n.TrustedProxies) == 0 {
		return false
	}
	lines := r.Header[headerProto]
	if len(lines) == 0 || !contain(n.TrustedProxies, peer(r)) {
		return false
	}
	line := lines[len(lines)-1]
	return strings.EqualFold(strings.Trim(line[strings.LastIndexByte(line, ',')+1:], " \t"), "https")
}

// peer is the other end of the connection.
func peer(r *http.Request) netip.Addr {
	a, _ := parseAddress(r.RemoteAddr)
	return a
}

// parseAddress reads an address as proxies and net/http write it: bare or in
// brackets, with a port or without. One of IPv4 in the clothes of IPv6 becomes
// what it is, and a zone, which means something to one machine only, is left
// out.
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

func contain(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ConnectionLog is the log of a [http.Server]: it takes what net/http says of
// connections, without the addresses at their other ends. A handshake that fails is no more than somebody who tries
// every server, or asks whether a port is open: it is told to who debugs. That
// there is no certificate is told by its source.
func ConnectionLog(to *slog.Logger) *log.Logger { return log.New(connectionLog{to}, "", 0) }

type connectionLog struct{ log *slog.Logger }

var endOfConnection = regexp.MustCompile(`(\d+(\.\d+){3}|\[[0-9A-Fa-f:.]+(%\w+)?\]):\d+`)

// Write implements [io.Writer] with one line.
func (c connectionLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.Contains(line, []byte("TLS handshake error")) {
		level = slog.LevelDebug
	}
	if c.log.Enabled(context.Background(), level) {
		text := endOfConnection.ReplaceAll(bytes.TrimSpace(line), []byte("an address"))
		c.log.Log(context.Background(), level, string(text))
	}
	return len(line), nil
}
