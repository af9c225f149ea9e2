package rest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// requestDeadline is how long a request may take.
const requestDeadline = 30 * time.Second

// Options configure a [Handler]. DB, Clock and Log must be set.
type Options struct {
	DB      *session.DB
	Clock   func() time.Time
	Log     *slog.Logger
	Network Network               // between callers and the server
	Observe func(Seen)            // is called for each answered request, by its goroutine
	Nodes   func() []session.Node // returns the servers of the database, for /readyz
	History session.History       // of the database; nil where sessions have no positions
	Seal    *query.CursorKey      // of positions
	Prefix  string                // of the paths of operations
}

// Handler answers requests. It is safe for concurrent use once everything is
// mounted.
type Handler struct {
	db        *session.DB
	clock     func() time.Time
	logger    *slog.Logger
	network   Network
	observe   func(Seen)
	nodes     func() []session.Node
	positions *positions // nil where there are none
	prefix    string
	mux       *http.ServeMux
	crossSite *http.CrossOriginProtection
	deadlines *deadlines
	draining  atomic.Bool
}

// NewHandler returns a handler without operations, which has /healthz and
// /readyz.
func NewHandler(o Options) *Handler {
	h := &Handler{
		db: o.DB, clock: o.Clock, logger: o.Log, network: o.Network, observe: o.Observe, nodes: o.Nodes,
		positions: newPositions(o.Seal, o.History, o.Prefix), prefix: o.Prefix, mux: http.NewServeMux(),
		crossSite: http.NewCrossOriginProtection(), deadlines: newDeadlines(requestDeadline),
	}
	h.Page("GET /healthz", func(x *Exchange) error { return x.sendJSON([]byte(`{"status":"ok"}`)) })
	h.Page("GET /readyz", h.readyz)
	return h
}

// Page mounts a handler that is no operation.
func (h *Handler) Page(pattern string, serve func(*Exchange) error) {
	route := pattern[strings.IndexByte(pattern, ' ')+1:]
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*Exchange) //nolint:forcetypeassert // the mux is inside ServeHTTP
		x.Request, x.route = r, route
		if err := serve(x); err != nil {
			x.fail(err)
		}
	})
}

func (h *Handler) exchange(w http.ResponseWriter, r *http.Request) *Exchange {
	return &Exchange{
		ResponseWriter: w, Request: r, ID: requestID(r.Header), network: &h.network, positions: h.positions,
		head: r.Method == http.MethodHead,
	}
}

// finish reports an exchange that is over.
func (h *Handler) finish(x *Exchange, start time.Time) {
	if x.caller != nil {
		x.caller.Done()
	}
	x.log(h.logger, start)
	if h.observe != nil {
		h.observe(Seen{knownMethod(x.Request.Method), x.route, x.status, time.Since(start), x.cost.Total()})
	}
}

// ServeHTTP answers one request. It is safe for concurrent use.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := h.exchange(w, r)
	ctx, pending := h.deadlines.start(r.Context(), start)
	defer h.deadlines.end(pending)
	secure := h.network.overTLS(r)
	var seen session.Position
	if h.positions != nil {
		x.position = h.positions.of(r, secure)
		seen = x.position.seen
	}
	x.ctx, x.cost = session.Track(ctx, seen)
	x.protect(secure)
	defer h.finish(x, start)
	defer x.recover()
	if err := h.admit(x, r); err != nil {
		x.fail(err)
		return
	}
	h.mux.ServeHTTP(x, r)
}

var errCrossSite = fault.New(fault.Forbidden, "cross_origin", "A browser sent this request from another site.")

// admit refuses requests that no operation answers.
func (h *Handler) admit(x *Exchange, r *http.Request) error {
	if err := h.network.admit(r.URL.Path, x.Client); err != nil {
		return err
	}
	if err := h.crossSite.Check(r); err != nil {
		return errCrossSite.Because(err)
	}
	return nil
}

// errPlain tells a caller that it exposed a secret.
var errPlain = fault.New(fault.Forbidden, "tls_needed",
	"This server uses https only. Others may have read what you sent with this request, such as a token or a link: have it revoked.")

// Plain returns the handler of a listener without TLS. A browser that opens a page
// is redirected to base, which starts with https, or, if base is empty, to its own
// host at the port. Calls of programs are refused and not redirected: a call that
// works all the same would expose its token for ever. Challenges of a certificate
// authority go to their handler, which may be nil.
func (h *Handler) Plain(base, port string, challenges http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := h.exchange(w, r)
		x.ctx, x.cost = session.Track(r.Context(), "")
		x.protect(false)
		defer h.finish(x, start)
		defer x.recover()
		x.servePlain(r, base, port, challenges)
	})
}

// challengePath is where a certificate authority looks for an answer (RFC 8555,
// section 8.3), from addresses that it does not publish.
const challengePath = "/.well-known/acme-challenge/"

func (x *Exchange) servePlain(r *http.Request, base, port string, challenges http.Handler) {
	if challenges != nil && strings.HasPrefix(r.URL.Path, challengePath) {
		x.route = challengePath
		challenges.ServeHTTP(x, r)
		return
	}
	if err := x.network.admit(r.URL.Path, x.Client); err != nil {
		x.fail(err)
		return
	}
	if !isPage(r) {
		x.fail(errPlain)
		return
	}
	if base == "" {
		host := (&url.URL{Host: r.Host}).Hostname()
		base = "https://" + strings.TrimSuffix(net.JoinHostPort(host, port), ":443")
	}
	x.Header()["Location"] = x.line(base + (&url.URL{Path: r.URL.Path}).EscapedPath())
	x.send(http.StatusPermanentRedirect, nil, nil)
}

// isPage reports whether a browser opens a page, with nothing in the request that
// others should not read.
func isPage(r *http.Request) bool {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	return read && r.Header.Get("Authorization") == "" && (r.URL.Path == "/" || r.URL.Path == "/docs" || strings.HasPrefix(r.URL.Path, "/docs/"))
}

// ErrRoute is the fault for a path without an operation.
var ErrRoute = fault.New(fault.NotFound, "route_not_found", "There is no operation under this path. See /docs for all operations.")

// NoRoute returns the error for a request that no operation answers: that the path
// does not exist, or which methods it has.
func (h *Handler) NoRoute(r *http.Request) error {
	var allow []string
	probe := &http.Request{URL: r.URL, Host: r.Host}
	for _, probe.Method = range []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} {
		if _, pattern := h.mux.Handler(probe); pattern != "" && pattern != "/" {
			allow = append(allow, probe.Method)
		}
	}
	if len(allow) == 0 {
		return ErrRoute
	}
	methods := strings.Join(allow, ", ")
	return &Failure{
		Fault:  fault.New(fault.Invalid, "method_not_allowed", "The methods of this path are %s.", methods),
		Status: http.StatusMethodNotAllowed, Header: "Allow", Value: methods,
	}
}

var (
	permissionsPolicy = []string{"accelerometer=(), bluetooth=(), camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), " +
		"geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
		"publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), xr-spatial-tracking=()"}
	noCache = []string{"no-cache"}
)

// Static is a file that is part of the program.
type Static struct {
	ContentType string
	Body        []byte
	Policy      string // of its content; for a page that a browser shows
}

// Serve sends the file.
func (s Static) Serve(x *Exchange) error {
	h := x.Header()
	h["Cache-Control"] = noCache
	if s.Policy != "" {
		h["Content-Security-Policy"] = []string{s.Policy}
		h["Cross-Origin-Opener-Policy"] = sameOrigin
		h["Permissions-Policy"] = permissionsPolicy
	}
	x.send(http.StatusOK, []string{s.ContentType}, s.Body)
	return nil
}

// objectDeadline is how long the largest object may take on the slowest line.
const objectDeadline = 10 * time.Minute

// ServeObject serves an object of a store, with the time that a large one takes.
func (x *Exchange) ServeObject(store http.Handler) error {
	_ = http.NewResponseController(x).SetWriteDeadline(time.Now().Add(objectDeadline)) // a recorder has none
	h := x.Header()
	h.Del("Cache-Control")                // the store knows how long its links live
	h.Del("Cross-Origin-Resource-Policy") // whoever has the link may show the object
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), objectDeadline)
	defer cancel()
	store.ServeHTTP(x, x.Request.WithContext(ctx))
	return nil
}
