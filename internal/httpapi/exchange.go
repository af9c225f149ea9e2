package httpapi

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
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/session"
)

// Headers of our own.
const (
	headerRequestID = "X-Request-Id"
	headerReplayed  = "Idempotent-Replayed"
)

const (
	statusGone      = 499 // the caller went away: for the log, hardly anybody receives it
	requestDeadline = 30 * time.Second
)

// exchange is one request and its response: what is noted on the way, for the
// headers that say what it cost and for the log.
type exchange struct {
	http.ResponseWriter
	ctx       context.Context //nolint:containedctx // the request's, which has a context without its end
	api       *API
	request   *http.Request
	from      netip.Addr // see client
	requestID string
	route     string // the pattern, never the path: a path may name somebody
	token     ids.Row
	operator  ids.Operator
	cost      *session.Cost
	held      *held // the position; nil where there are none
	head      bool  // nobody reads the body
	used      uint8 // lines that are
	status    int
	bytes     int64
	failure   error // what the log has to know

	lines [6]string // memory for the values of headers, see line
}

// line is the value of a header that has one, without memory of its own.
func (x *exchange) line(value string) []string {
	if int(x.used) == len(x.lines) {
		return []string{value}
	}
	x.lines[x.used] = value
	x.used++
	return x.lines[x.used-1 : x.used : x.used]
}

// ServeHTTP answers one request. It is safe for concurrent use.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{ResponseWriter: w, api: a, request: r, requestID: requestID(r.Header), head: r.Method == http.MethodHead}
	ctx, end := a.deadlines.begin(r.Context(), start)
	defer end()
	secure := a.network.overTLS(r)
	var seen session.Position
	if a.positions != nil {
		x.held = a.positions.take(r, secure)
		seen = x.held.seen
	}
	x.ctx, x.cost = session.Track(ctx, seen)
	x.protect(secure)
	if a.observe != nil {
		defer x.report(r, start)
	}
	defer x.log(r, start)
	defer x.recover()
	if err := x.admitAddress(); err != nil {
		x.fail(err)
		return
	}
	if err := a.crossSite.Check(r); err != nil {
		x.fail(errCrossSite.Because(err))
		return
	}
	a.mux.ServeHTTP(x, r)
}

// requestID takes over the caller's number if it looks like one, so that a
// request can be followed through several systems, or makes one. A telephone
// number is too short for one.
func requestID(h http.Header) string {
	if id := h.Get(headerRequestID); len(id) >= 16 && len(id) <= 64 && isWord(id) {
		return id
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rand.Uint64()) //nolint:gosec // it tells requests apart and guards nothing
	binary.BigEndian.PutUint64(b[8:], rand.Uint64()) //nolint:gosec // as above
	return hex.EncodeToString(b[:])
}

func isWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// The values of headers that never change are shared: setting one allocates
// nothing.
var (
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	referrer = []string{"no-referrer"}
	sameSite = []string{"same-origin"}
	nothing  = []string{"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"}
	jsonType = []string{typeJSON}
	problem  = []string{"application/problem+json"}
)

// protect sets what every response has, so that a browser that opens one does
// nothing with it, and keeps no personal data.
func (x *exchange) protect(secure bool) {
	h := x.Header()
	if secure {
		h["Strict-Transport-Security"] = transport
	}
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = nothing
	h["Cross-Origin-Resource-Policy"] = sameSite
	h["Referrer-Policy"] = referrer
	h["X-Content-Type-Options"] = nosniff
	h[headerRequestID] = x.line(x.requestID)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader adds what the request has cost until now.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		x.price()
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(b) //nolint:gosec // what is JSON is not shown as HTML: nosniff, and its type
	x.bytes += int64(n)
	return n, err
}

// price says what the database did for this response.
func (x *exchange) price() {
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
	if x.held != nil {
		x.tell(spent.Position)
	}
}

// appendMilliseconds writes a time in milliseconds, to the microsecond.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	b = append(strconv.AppendInt(b, us/1000, 10), '.')
	return append(b, byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

// shortBody is what net/http counts by itself, which saves a header.
const shortBody = 2048

// send writes a whole response.
func (x *exchange) send(status int, contentType []string, body []byte) {
	h := x.Header()
	if body != nil {
		h["Content-Type"] = contentType
	}
	if len(body) > shortBody || x.head && body != nil {
		h["Content-Length"] = x.line(strconv.Itoa(len(body)))
	}
	x.WriteHeader(status)
	_, _ = x.Write(body) // who has gone away needs no answer
}

// fail tells err as a problem, unless the response has begun. It is told also
// when the caller seems to be gone: who has only closed its own side would be
// sent a 200 by net/http for a handler that says nothing.
func (x *exchange) fail(err error) {
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

// sendProblem tells err.
func (x *exchange) sendProblem(err error) {
	h := x.Header()
	for _, name := range []string{"Etag", "Location"} { // of the success that did not come
		h.Del(name)
	}
	p := problemOf(err, x.requestID, h)
	x.send(p.Status, problem, p.encode())
}

// errPanic is the cause of a problem that was a panic.
type errPanic struct {
	value any
	stack []byte
}

func (*errPanic) Error() string { return "panic" }

// recover turns a panic into a problem. [http.ErrAbortHandler] is what a
// handler panics with to cut the connection, and goes on to the server.
func (x *exchange) recover() {
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

// Seen is what was seen of one request that has been answered, for whoever
// counts them. It tells of nobody: a route is a pattern, never a path.
type Seen struct {
	Method string // "other" if a caller made it up
	Route  string // empty for a request that was refused before it had one
	Status int
	Took   time.Duration
	Spent  session.Spent
}

// report hands over what was seen of the request.
func (x *exchange) report(r *http.Request, start time.Time) {
	x.api.observe(Seen{knownMethod(r.Method), x.route, x.status, time.Since(start), x.cost.Total()})
}

// log writes the one line of the request. It names routes, never paths, and
// codes, never messages.
func (x *exchange) log(r *http.Request, start time.Time) {
	spent, took := x.cost.Total(), time.Since(start)
	level := slog.LevelInfo
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !x.api.logger.Enabled(x.ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 17)
	attrs = append(attrs,
		slog.String("request_id", x.requestID),
		slog.String("method", knownMethod(r.Method)),
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
	if !x.token.IsZero() {
		attrs = append(attrs, slog.String("token", x.token.String()), slog.String("operator", x.operator.String()))
	}
	// The place in the code is always this one: it is not looked up.
	line := slog.NewRecord(start.Add(took), level, "request", 0)
	line.AddAttrs(append(attrs, x.whyFailed()...)...)
	_ = x.api.logger.Handler().Handle(x.ctx, line) // there is nowhere to tell it
}

// whyFailed gives the code of what was told, and the whole of what was not.
func (x *exchange) whyFailed() []slog.Attr {
	if x.failure == nil {
		return nil
	}
	f := faultOf(x.failure)
	attrs := []slog.Attr{slog.String("code", f.Code)}
	if isRefusedAtTheDoor(f) {
		attrs = append(attrs, slog.String("from", x.client().String()))
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

// knownMethod keeps what a caller makes up out of the log.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "other"
}
