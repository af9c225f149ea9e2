package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Options are what the API needs. DB, Blob, CursorSecret and AuditLog must be given.
type Options struct {
	DB           *session.DB
	Blob         blob.Store
	Rules        member.Rules
	Zone         *time.Location // in which days begin; nil is that of the rules, or UTC
	CursorSecret []byte         // at least 16 bytes, the same after a restart
	AuditLog     *audit.Log     // with which the record is written
	Reveals      int            // how often in an hour an operator may see what is masked; 0 is 30
	TokenIdle    time.Duration  // a token that was not used for so long ends; 0: none does
	Clock        func() time.Time
	Log          *slog.Logger
	MediaHandler http.Handler // serves /media/, if the store does not serve itself
	Version      string       // of the program, for the document

	Network Network               // between callers and the API
	History session.History       // of the database, where sessions have positions
	Nodes   func() []session.Node // tells how the servers of the database are, for /readyz
	Observe func(Seen)            // is told of each request when it is answered, by its goroutine
	Usage   *operator.Usage       // notes when tokens are used; the caller flushes it. Nil: nobody does
}

// API answers requests. It is safe for concurrent use.
type API struct {
	db        *session.DB
	blob      blob.Store
	rules     member.Rules
	zone      *time.Location
	clock     func() time.Time
	logger    *slog.Logger
	cursors   *query.CursorKey
	auditLog  *audit.Log
	reveals   int
	idle      time.Duration
	network   Network
	positions *positions // nil where there are none
	nodes     func() []session.Node
	observe   func(Seen)
	mux       *http.ServeMux
	crossSite *http.CrossOriginProtection
	deadlines *deadlines
	usage     *operator.Usage
	owners    operator.TokenCache
	draining  atomic.Bool
}

// New makes the API.
func New(o Options) (*API, error) {
	if o.DB == nil || o.Blob == nil || o.AuditLog == nil {
		return nil, errors.New("httpapi: a database, a store of objects and the auditLog of the record are needed")
	}
	cursors, err := query.NewCursorKey(o.CursorSecret)
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	a := &API{
		db: o.DB, blob: o.Blob, rules: o.Rules, zone: o.Zone, clock: o.Clock, logger: o.Log, network: o.Network,
		cursors: cursors, auditLog: o.AuditLog, reveals: cmp.Or(o.Reveals, usualReveals), idle: o.TokenIdle, mux: http.NewServeMux(), crossSite: http.NewCrossOriginProtection(),
		deadlines: newDeadlines(requestDeadline), positions: newPositions(cursors, o.History), nodes: o.Nodes, observe: o.Observe, usage: o.Usage,
	}
	a.settle()
	document, err := OpenAPI(o.Version)
	if err != nil {
		return nil, err
	}
	operations := Operations()
	for i := range operations {
		if err := operations[i].check(); err != nil {
			return nil, err
		}
		a.mount(&operations[i])
	}
	return a, a.mountPages(document, o.MediaHandler)
}

// settle fills in what may be left out.
func (a *API) settle() {
	if a.zone == nil {
		a.zone = a.rules.Zone
	}
	if a.zone == nil {
		a.zone = time.UTC
	}
	a.rules.Zone = a.zone
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if a.usage == nil {
		a.usage = new(operator.Usage)
	}
}

// mountPages gives a path to all that is no operation.
func (a *API) mountPages(document []byte, media http.Handler) error {
	page, err := docsPage(document)
	if err != nil {
		return err
	}
	a.page("GET /healthz", a.healthz)
	a.page("GET /readyz", a.readyz)
	a.page("GET /openapi.json", static("application/openapi+json;version=3.1", document, ""))
	a.page("GET /docs", static("text/html; charset=utf-8", page, docsPolicy))
	a.page("GET /docs/{file}", docsFile)
	a.page("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, "/docs", http.StatusFound)
		return nil
	})
	if media != nil {
		a.page("/media/", serveMedia(media))
	}
	a.page("/", a.unknown)
	return nil
}

// page mounts a handler that may fail.
func (a *API) page(pattern string, handle func(http.ResponseWriter, *http.Request) error) {
	_, route, found := strings.Cut(pattern, " ")
	if !found {
		route = pattern
	}
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) //nolint:forcetypeassert // the mux is inside ServeHTTP
		x.route = route
		if err := handle(w, r.WithContext(x.ctx)); err != nil {
			x.fail(err)
		}
	})
}

// mediaDeadline is how long the largest photo may take on the slowest line.
const mediaDeadline = 10 * time.Minute

// serveMedia hands over to the store, with the time that a large object takes.
func serveMedia(media http.Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(mediaDeadline)) // a recorder has none
		h := w.Header()
		h.Del("Cache-Control")                // the store knows how long its links live
		h.Del("Cross-Origin-Resource-Policy") // who has the link may show it
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), mediaDeadline)
		defer cancel()
		media.ServeHTTP(w, r.WithContext(ctx))
		return nil
	}
}

// unknown answers where no operation is: with the methods that the path takes,
// if it takes any.
//
// Below the API it says nothing to who has no valid token.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) error {
	err := a.nothingAt(r)
	if !strings.HasPrefix(r.URL.Path, apiRoot) {
		return err
	}
	token, wrong := bearer(r.Header)
	if wrong != nil {
		return wrong
	}
	x := w.(*exchange) //nolint:forcetypeassert // the mux is inside ServeHTTP
	return x.refuse(token, a.clock(), need{either: operator.Of(operator.Anyone)}, err)
}

// nothingAt says that there is no such operation, or which there are.
func (a *API) nothingAt(r *http.Request) error {
	var allow []string
	probe := &http.Request{URL: r.URL, Host: r.Host}
	for _, probe.Method = range []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} {
		if _, pattern := a.mux.Handler(probe); pattern != "" && pattern != "/" {
			allow = append(allow, probe.Method)
		}
	}
	if len(allow) == 0 {
		return errRoute
	}
	return errMethod(strings.Join(allow, ", "))
}

func static(contentType string, body []byte, policy string) func(http.ResponseWriter, *http.Request) error {
	kind := []string{contentType}
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header()["Cache-Control"] = []string{"no-cache"}
		if policy != "" {
			dress(w.Header(), policy)
		}
		w.(*exchange).send(http.StatusOK, kind, body) //nolint:forcetypeassert // the mux is inside ServeHTTP
		return nil
	}
}

// healthz says that the process runs.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) error {
	w.(*exchange).send(http.StatusOK, jsonType, []byte(`{"status":"ok"}`)) //nolint:forcetypeassert // the mux is inside ServeHTTP
	return nil
}
