package rest

import (
	"net/http"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// HeaderPosition carries the position for programs, positionCookie for browsers,
// which cannot forget it.
const (
	HeaderPosition = "Muster-Position"
	positionCookie = "muster_position"
	secureCookie   = "__Secure-" + positionCookie // over TLS: a page without TLS cannot set one
)

// errPosition is corrected by a request without a position.
var errPosition = &Failure{
	Fault:  fault.New(fault.Invalid, "position_invalid", "The %s was not issued by this store. Send it exactly as you received it, or send none to start afresh.", HeaderPosition),
	Status: http.StatusBadRequest,
}

// positions seals the positions of sessions, so that callers can neither read
// nor forge one. A sealed position opens on the same cluster only. It is safe
// for concurrent use.
type positions struct {
	session.History
	key   *query.CursorKey
	scope string
	path  string // of the cookie
}

// newPositions returns nil without a history: then there are no positions.
func newPositions(key *query.CursorKey, h session.History, path string) *positions {
	if h == nil {
		return nil
	}
	return &positions{h, key, "position\x00" + h.System(), path}
}

// position is that of one request.
type position struct {
	sealed  string // as it was received
	seen    session.Position
	browser bool   // the answer sets a cookie, too
	cookie  string // its name
	err     error
}

// of returns the position in a request. The header of a program takes precedence
// over its cookies.
func (p *positions) of(r *http.Request, secure bool) *position {
	x := &position{browser: isBrowser(r), cookie: positionCookie}
	if secure {
		x.cookie = secureCookie
	}
	lines := r.Header.Values(HeaderPosition)
	if len(lines) == 0 {
		for _, c := range r.CookiesNamed(x.cookie) {
			lines = append(lines, c.Value)
		}
	}
	switch {
	case len(lines) == 0:
	case len(lines) > 1:
		x.err = errPosition
	default:
		x.sealed = lines[0]
		if err := p.key.Open(p.scope, x.sealed, &x.seen); err != nil {
			x.seen, x.err = "", errPosition.because(err)
		}
	}
	return x
}

// check returns what is wrong with the position. A read finds out by itself that
// the history does not hold it; a write would go on without.
func (p *positions) check(x *position, writes bool) error {
	switch {
	case x == nil:
		return nil
	case x.err != nil:
		return x.err
	case writes && x.seen != "":
		return p.Holds(x.seen)
	default:
		return nil
	}
}

// isBrowser reports whether the caller keeps cookies, or is likely to.
func isBrowser(r *http.Request) bool {
	return r.Header.Get("Cookie") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/")
}
