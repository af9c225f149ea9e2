package rest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/session"
)

// HeaderRequestID carries the request ID.
const HeaderRequestID = "X-Request-Id"

// Exchange is a request with its response: it collects what the headers, the log
// and the metrics say about the request.
type Exchange struct {
	http.ResponseWriter
	Request *http.Request
	ID      string    // the request ID
	At      time.Time // of the request, by the clock of the handler

	ctx       context.Context //nolint:containedctx // the request's, with its deadline and cost
	network   *Network
	positions *positions
	from      netip.Addr // see Client
	route     string     // the pattern, never the path: a path may name a person
	caller    Caller     // nil while it is unknown
	cost      *session.Cost
	position  *position // nil without positions
	head      bool      // nobody reads the body
	used      uint8     // lines in use
	status    int
	bytes     int64
	body      []byte // of the request, once it is read
	failure   error  // for the log

	lines [6]string // memory for the values of headers, see line
}

// Client returns the address of the caller, or the zero address if the connection
// has none. It is computed on demand.
//
// The address is personal data of a kind. The audit log keeps it; the request log
// has it only for requests that are refused before they reach an operation.
func (x *Exchange) Client() netip.Addr {
	if !x.from.IsValid() {
		x.from = x.network.client(x.Request)
	}
	return x.from
}

// line returns the value of a header with one line, without allocating.
func (x *Exchange) line(value string) []string {
	if int(x.used) == len(x.lines) {
		return []string{value}
	}
	x.lines[x.used] = value
	x.used++
	return x.lines[x.used-1 : x.used : x.used]
}

const wordCharacters = "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// requestID takes over the caller's request ID if it looks like one, so that a
// request can be followed through several systems, or generates one. A phone
// number is too short to be one.
func requestID(h http.Header) string {
	if id := h.Get(HeaderRequestID); len(id) >= 16 && len(id) <= 64 && strings.Trim(id, wordCharacters) == "" {
		return id
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rand.Uint64()) //nolint:gosec // it tells requests apart and guards nothing
	binary.BigEndian.PutUint64(b[8:], rand.Uint64()) //nolint:gosec // as above
	return hex.EncodeToString(b[:])
}

// Values of headers that never change are shared: setting one allocates nothing.
var (
	nosniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
	noReferrer  = []string{"no-referrer"}
	sameOrigin  = []string{"same-origin"}
	allowNone   = []string{"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"}
	typeJSON    = []string{TypeJSON}
	typeProblem = []string{TypeProblem}

	// strictTransport has a browser use TLS for a year, for subdomains too. It is
	// sent over TLS only (RFC 6797, section 7.2).
	strictTransport = []string{"max-age=31536000; includeSubDomains"}
)

// protect sets the headers of every response, so that a browser that opens one
// runs nothing and keeps no personal data.
func (x *Exchange) protect(secure bool) {
	h := x.Header()
	if secure {
		h["Strict-Transport-Security"] = strictTransport
	}
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = allowNone
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Referrer-Policy"] = noReferrer
	h["X-Content-Type-Options"] = nosniff
	h[HeaderRequestID] = x.line(x.ID)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader adds the cost of the request so far.
func (x *Exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		x.setCost()
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *Exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(b) //nolint:gosec // JSON is not shown as HTML: nosniff, and its type
	x.bytes += int64(n)
	return n, err
}

// setCost sets the headers about the work of the database.
func (x *Exchange) setCost() {
	spent := x.cost.Total()
	if spent.RoundTrips > 0 {
		b := append(make([]byte, 0, 80), "db;dur="...)
		b = appendMilliseconds(b, spent.Database)
		b = append(b, `, trips;desc="`...)
		b = strconv.AppendInt(b, int64(spent.RoundTrips), 10)
		b = append(b, `", node;desc="`...)
		b = append(append(b, spent.Node...), '"')
		x.Header()["Server-Timing"] = x.line(string(b))
	}
	if x.position != nil {
		x.setPosition(spent.Position)
	}
}

// appendMilliseconds appends a duration in milliseconds, to the microsecond.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	b = append(strconv.AppendInt(b, us/1000, 10), '.')
	return append(b, byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

// setPosition returns to the caller the position that its sessions have reached.
// One that the caller has already is not sealed again; one that is of no use is
// removed from a browser.
func (x *Exchange) setPosition(reached session.Position) {
	p, had := x.positions, x.position
	switch {
	case had.err != nil || errors.Is(x.failure, session.ErrPosition):
		x.setCookie("", -1)
	case reached == "":
	case reached == had.seen:
		x.Header()[HeaderPosition] = x.line(had.sealed)
	default:
		sealed, err := p.key.Seal(p.scope, reached)
		if err != nil {
			return // of a text, which always encodes
		}
		x.Header()[HeaderPosition] = x.line(sealed)
		x.setCookie(sealed, 0)
	}
}

// setCookie sets the position that a browser sends with each call of the API
// until it is closed. A negative age removes it.
func (x *Exchange) setCookie(value string, age int) {
	if !x.position.browser {
		return
	}
	http.SetCookie(x, &http.Cookie{ //nolint:gosec // secure where the request was: a cookie for TLS alone would not come back without it
		Name: x.position.cookie, Value: value, Path: x.positions.path, MaxAge: age,
		Secure: x.position.cookie == secureCookie, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// shortBody is the size up to which net/http sets Content-Length itself.
const shortBody = 2048

// send writes a whole response.
func (x *Exchange) send(status int, contentType []string, body []byte) {
	h := x.Header()
	if body != nil {
		h["Content-Type"] = contentType
	}
	if len(body) > shortBody || x.head && body != nil {
		h["Content-Length"] = x.line(strconv.Itoa(len(body)))
	}
	x.WriteHeader(status)
	_, _ = x.Write(body) // a caller that has gone needs no answer
}

func (x *Exchange) sendJSON(body []byte) error {
	x.send(http.StatusOK, typeJSON, body)
	return nil
}

// fail sends err as a problem, unless the response has started. It does so even
// if the caller seems to be gone: one that has only closed its own side would get
// a 200 from net/http for a handler that writes nothing.
func (x *Exchange) fail(err error) {
	x.failure = err
	if x.status != 0 {
		return
	}
	if errors.Is(context.Cause(x.ctx), context.Canceled) {
		err = errGone.because(err)
		x.failure = err
	}
	x.sendProblem(err)
}

func (x *Exchange) sendProblem(err error) {
	h := x.Header()
	h.Del("Etag") // of the success that did not happen
	h.Del("Location")
	p := problemOf(err, x.ID, h)
	x.send(p.Status, typeProblem, p.encode())
}

// errPanic is the cause of a problem that was a panic.
type errPanic struct {
	value any
	stack []byte
}

func (*errPanic) Error() string { return "panic" }

// recover turns a panic into a problem. [http.ErrAbortHandler], with which a
// handler cuts the connection, goes on to the server.
func (x *Exchange) recover() {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // it is compared by identity in net/http too
		panic(v)
	}
	err := &errPanic{v, debug.Stack()}
	x.failure = err
	if x.status != 0 {
		panic(http.ErrAbortHandler) // half a response must not look whole
	}
	x.sendProblem(err)
}

// Seen is what metrics learn about an answered request. It names nobody: a route
// is a pattern, never a path.
type Seen struct {
	Method string // "other" if the caller made it up
	Route  string // empty for a request that was refused before it was routed
	Status int
	Took   time.Duration
	Spent  session.Spent
}

// log writes the one line of the request. It names routes, never paths, and
// codes, never messages.
func (x *Exchange) log(to *slog.Logger, start time.Time) {
	level := slog.LevelInfo
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !to.Enabled(x.ctx, level) {
		return
	}
	spent, took := x.cost.Total(), time.Since(start)
	attrs := make([]slog.Attr, 0, 17)
	attrs = append(attrs,
		slog.String("request_id", x.ID),
		slog.String("method", knownMethod(x.Request.Method)),
		slog.String("route", x.route),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes),
		slog.Duration("took", took),
		slog.Duration("db", spent.Database),
		slog.Int("trips", spent.RoundTrips),
	)
	if spent.Retries > 0 {
		attrs = append(attrs, slog.Int("retries", spent.Retries))
	}
	if x.caller != nil {
		attrs = append(attrs, x.caller.Attrs()...)
	}
	// The place in the code is always this one: it is not looked up.
	line := slog.NewRecord(start.Add(took), level, "request", 0)
	line.AddAttrs(append(attrs, x.failureAttrs()...)...)
	_ = to.Handler().Handle(x.ctx, line) // there is nowhere to report it
}

// failureAttrs returns the code of a failure, and the cause of one of ours.
func (x *Exchange) failureAttrs() []slog.Attr {
	if x.failure == nil {
		return nil
	}
	f := faultOf(x.failure)
	attrs := []slog.Attr{slog.String("code", f.Code)}
	if isSuspicious(f) {
		attrs = append(attrs, slog.String("from", x.Client().String()))
	}
	if x.status < http.StatusInternalServerError {
		return attrs
	}
	if cause := f.Unwrap(); cause != nil {
		attrs = append(attrs, slog.String("error", cause.Error()))
	}
	if p, ok := errors.AsType[*errPanic](x.failure); ok {
		attrs = append(attrs, slog.Any("panic", p.value), slog.String("stack", string(p.stack)))
	}
	return attrs
}

// isSuspicious reports whether a caller was refused for credentials that are not
// valid, or for its address. The log then has the address: it shows an attack, or
// a wrong list of addresses.
func isSuspicious(f *fault.Error) bool {
	return f.Code == errAddress.Code || f.Kind == fault.Unauthenticated && f.Code != codeNoCredentials
}

// knownMethod keeps methods that a caller made up out of the log.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "other"
}
