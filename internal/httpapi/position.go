package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// headerPosition carries the position for programs, positionCookie for browsers,
// which cannot forget it.
const (
	headerPosition = "Muster-Position"
	positionCookie = "muster_position"
	secureCookie   = "__Secure-" + positionCookie // over TLS: no page without it can set one
)

// Faults of positions: both are mended by sending none.
var (
	errPosition = &refusal{
		fault:  fault.New(fault.Invalid, "position_invalid", "The %s is none that this store gave. Send it as it came, or none to begin anew.", headerPosition),
		status: http.StatusBadRequest,
	}
	errPositionLost = fault.New(fault.Conflict, "position_lost",
		"The database no longer holds what came before the %s: a failover has lost it. See whether your last change is still there, and send no position to begin anew.", headerPosition)
)

// positions seals what a session says of the moment that it has seen, so that
// callers can neither read nor make one. A sealed one opens on the same cluster
// only. It is safe for concurrent use.
type positions struct {
	session.History
	key   *query.CursorKey
	scope string
}

// newPositions gives nil for no history: there are no positions then.
func newPositions(key *query.CursorKey, h session.History) *positions {
	if h == nil {
		return nil
	}
	return &positions{h, key, "position\x00" + h.System()}
}

// held is the position of one request.
type held struct {
	sealed  string // as it came
	seen    session.Position
	browser bool   // it is told in a cookie, too
	cookie  string // its name
	wrong   error
}

// take gives the position that the request brings. A program that sends the
// header says more with it than its cookies do.
func (p *positions) take(r *http.Request, secure bool) *held {
	x := &held{browser: isBrowser(r), cookie: positionCookie}
	if secure {
		x.cookie = secureCookie
	}
	lines := r.Header.Values(headerPosition)
	if len(lines) == 0 {
		for _, c := range r.CookiesNamed(x.cookie) {
			lines = append(lines, c.Value)
		}
	}
	switch {
	case len(lines) == 0:
	case len(lines) > 1:
		x.wrong = errPosition
	default:
		x.sealed = lines[0]
		if err := p.key.Open(p.scope, x.sealed, &x.seen); err != nil {
			x.seen, x.wrong = "", errPosition.because(err)
		}
	}
	return x
}

// checkPosition says what is wrong with the position. A read finds out by
// itself that the history does not hold it; a write would go on without.
func (x *exchange) checkPosition(o *Operation) error {
	switch {
	case x.held == nil:
		return nil
	case x.held.wrong != nil:
		return x.held.wrong
	case o.Writes && x.held.seen != "":
		return x.api.positions.Holds(x.held.seen)
	default:
		return nil
	}
}

// tell writes the position that the sessions of the request have reached. What
// the caller has already is not sealed anew; what is no use to it is taken away.
func (x *exchange) tell(reached session.Position) {
	p, had := x.api.positions, x.held
	switch {
	case had.wrong != nil || errors.Is(x.failure, session.ErrPosition):
		x.setCookie("", -1)
	case reached == "":
	case reached == had.seen:
		x.Header()[headerPosition] = x.line(had.sealed)
	default:
		sealed, err := p.key.Seal(p.scope, reached)
		if err != nil {
			return // of a text, which always encodes
		}
		x.Header()[headerPosition] = x.line(sealed)
		x.setCookie(sealed, 0)
	}
}

// setCookie gives the browser a position to send with each call of the API,
// until it is closed; with a negative age it forgets the one that it has.
func (x *exchange) setCookie(value string, age int) {
	if !x.held.browser {
		return
	}
	http.SetCookie(x, &http.Cookie{ //nolint:gosec // secure where the request was: a cookie for TLS alone would not come back without it
		Name: x.held.cookie, Value: value, Path: prefix, MaxAge: age,
		Secure: x.held.cookie == secureCookie, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// isBrowser reports whether the caller keeps cookies, or is likely to.
func isBrowser(r *http.Request) bool {
	return r.Header.Get("Cookie") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/")
}
