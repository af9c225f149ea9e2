package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/internal/worker"
	"github.com/musterhq/muster/session"
)

type serveCmd struct {
	Store
	Replicas
	Media
	Network
	Listen         address       `help:"The address to listen on. Port 0 picks a free one. Default: ${default}." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	PublicURL      string        `help:"The start of links to photos and documents, such as https://members.example.org. Default: the address of --listen, or nothing if that is every address." name:"public-url" placeholder:"URL"`
	Demo           int           `help:"Fill an empty store with this many demo members." placeholder:"N"`
	DemoSeed       uint64        `help:"The seed of --demo: the same seed creates the same members. Default: ${default}." default:"1" placeholder:"N"`
	Grace          time.Duration `help:"How long requests in progress may take when the server stops. Default: ${default}." default:"30s" placeholder:"DURATION"`
	Notice         time.Duration `help:"How long /readyz reports that the server is stopping before it stops accepting requests, for a load balancer. Default: ${default}." default:"0s" placeholder:"DURATION"`
	TimeZone       zone          `help:"The time zone in which days begin, such as Asia/Seoul. Default: the one used last, or UTC." placeholder:"ZONE"`
	PhoneRegion    region        `help:"The country of phone numbers without a country code, such as KR. Without it, they need one." placeholder:"CC"`
	Metrics        address       `help:"Serve metrics for Prometheus here, at /metrics. Everybody who can reach the address can read them. Without it, none are collected." name:"metrics-listen" placeholder:"HOST:PORT"`
	KeyLost        bool          `help:"Continue with a new key of the audit log, because its key is lost. Unless that is restored, the entries so far cannot be verified." name:"audit-key-lost"`
	RevealsPerHour int           `help:"How many masked phones and documents an operator may reveal in an hour. Default: ${default}." default:"30" placeholder:"N"`
	TokenIdle      time.Duration `help:"Refuse a token that was not used for this long; 0s: never. Default: ${default}." default:"2160h" placeholder:"DURATION"`
	Logging
}

func (s serveCmd) Run(ctx context.Context, c console) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	limitMemory()
	log, done := s.logger(c)
	defer done()
	d, err := s.dataDir(log)
	if err != nil {
		return err
	}
	front, err := s.certificates(d, log)
	if err != nil {
		return err
	}
	var lock *dirLock // PostgreSQL takes many servers
	if s.Database == "" {
		if lock, err = lockDir(d); err != nil {
			return err
		}
	}
	defer lock.release()
	listener, err := listen(ctx, s.Listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := lock.sign(listener.Addr().String(), time.Now()); err != nil {
		return explain(string(d), err)
	}
	cursors, err := s.key(d, "cursor", log)
	if err != nil {
		return err
	}
	st, err := s.open(ctx, openOptions{create: true, migrate: true, replicas: s.replicas()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	server := &server{serveCmd: s, console: c, log: log, dataDir: d, store: st, cursorKey: cursors[0], front: front}
	return server.run(ctx, listener)
}

// check refuses values of flags.
func (s serveCmd) check() error {
	if s.Demo < 0 || s.Demo > demo.MaxMembers || s.Grace <= 0 || s.Notice < 0 || s.RevealsPerHour < 1 || s.TokenIdle < 0 {
		return usage("--demo must be 0 to %d, --grace more than 0s, --notice and --token-idle at least 0s, and --reveals-per-hour at least 1", demo.MaxMembers)
	}
	if err := s.Network.check(); err != nil {
		return usage("%w", err)
	}
	return nil
}

// dataDir returns the data directory, unless everything is elsewhere.
func (s serveCmd) dataDir(log *slog.Logger) (dataDir, error) {
	if s.Database != "" && s.Media.Media != "" && s.Keys != "" && len(s.ACMEDomain) == 0 {
		return "", nil
	}
	d, err := createDataDir(s.Data)
	if err == nil {
		d.warnIfOpen(log)
	}
	return d, err
}

// softMemory is the heap size from which the garbage collector works harder. With
// the page caches of the connections, the total stays below 150 MB.
const softMemory = 96 << 20

// lazyCollection lets the heap grow to five times what is live, a few megabytes,
// before it is collected: softMemory is the limit.
const lazyCollection = 400

// limitMemory sets the limit, unless GOMEMLIMIT or GOGC do.
func limitMemory() {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 || os.Getenv("GOGC") != "" {
		return
	}
	debug.SetMemoryLimit(softMemory)
	debug.SetGCPercent(lazyCollection)
}

// A server is a serve command with all that it has opened.
type server struct {
	serveCmd
	console

	log       *slog.Logger
	dataDir   dataDir
	store     *store
	cursorKey []byte
	auditLog  *audit.Log // set by run
	front     front
}

func (s *server) run(ctx context.Context, l net.Listener) error {
	rules, err := s.store.useRules(ctx, s.TimeZone, s.PhoneRegion)
	if err != nil {
		return err
	}
	if err := dbcopy.Settle(ctx, s.store.db); err != nil {
		return err
	}
	if s.auditLog, err = s.store.auditLog(ctx, s.Keyring, s.dataDir, s.KeyLost, s.log); err != nil {
		return err
	}
	root, err := s.store.root(ctx, s.auditLog, "muster serve")
	if err != nil {
		return err
	}
	media, err := s.openMedia(s.dataDir, s.linkBase(l), s.log)
	if err != nil {
		return err
	}
	defer media.Close()
	if err := media.probe(ctx, s.log); err != nil {
		return err
	}
	s.warnOfNodes()
	observe, done, err := s.meter(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.fill(ctx, media, rules, root.Recorder); err != nil {
		return err
	}
	used := new(operator.Usage)
	api, err := httpapi.New(httpapi.Options{
		DB: s.store.db, Blob: media.Store, Rules: rules, CursorSecret: s.cursorKey, AuditLog: s.auditLog, Reveals: s.RevealsPerHour, TokenIdle: s.TokenIdle,
		Log: s.log, MediaHandler: media.handler, Version: thisBuild().Version,
		Network: rest.Network{TrustedProxies: s.TrustedProxy, AllowFrom: s.AllowFrom}, History: s.store.engine.history(), Nodes: s.store.engine.Nodes, Observe: observe.request, Usage: used,
	})
	if err != nil {
		return err
	}
	if err := s.welcome(ctx, l, root); err != nil {
		return err
	}
	beside, err := s.besideTLS(ctx, l, api)
	if err != nil {
		return err
	}
	defer beside()
	s.log.Info("serving", "address", l.Addr().String(), "data", s.Data, "time_zone", rules.Zone.String(),
		"version", thisBuild().Version, "pid", os.Getpid())
	h := &rest.Server{Handler: api, TLS: s.front.tls, Notice: s.Notice, Grace: s.Grace}
	return s.serve(ctx, l, h, s.newRunner(used, observe.turn))
}

// warnOfNodes warns about replicas that are not available at the start.
func (s *server) warnOfNodes() {
	for _, n := range s.store.engine.Nodes() {
		if !n.Healthy {
			s.log.Warn("a server of the database cannot be used at the moment", "node", n.Name, "problem", n.Problem)
		}
	}
}

// serve answers requests and runs the background tasks until ctx is done. It then
// finishes the requests in progress, and the tasks after them.
func (s *server) serve(ctx context.Context, l net.Listener, h *rest.Server, tasks *worker.Runner) error {
	var work sync.WaitGroup
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	work.Go(func() { tasks.Run(background) })
	defer work.Wait()
	defer stop()
	serving, cease := context.WithCancel(background)
	defer cease()
	defer context.AfterFunc(ctx, func() {
		s.log.Info("stopping: requests in progress may finish", "grace", s.Grace.String())
		cease()
	})()
	if err := h.Serve(serving, l); err != nil {
		return err
	}
	s.log.Info("stopped")
	return nil
}

// firstTokenLife is how long the token that the first start prints is valid: a
// year, as by default in token create.
const firstTokenLife = 365 * 24 * time.Hour

// welcome prints where the server is and, in a store without tokens, a token.
func (s *server) welcome(ctx context.Context, l net.Listener, root rootStore) error {
	tokens, err := s.store.tokens(ctx)
	if err != nil {
		return err
	}
	url := s.url(l, "")
	if isUnspecified(l) {
		url = s.url(l, "localhost")
	}
	fmt.Fprintf(s.out, "Muster is at %s, its documentation at %s/docs\n", url, url)
	if len(tokens) > 0 {
		where := "--data " + s.Data
		if s.Database != "" {
			where = "--database URL"
		}
		fmt.Fprintf(s.out, "To create a token: muster token create %s\n", where)
		return nil
	}
	var secret operator.Secret
	err = root.db.Write(ctx, func(w *session.Write) (err error) {
		_, secret, err = createToken(ctx, w, root.Principal, "", operator.NewToken{Name: "first start", ExpiresAt: new(root.At.Add(firstTokenLife))})
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Your token, shown only this once: %s\n", secret.Reveal())
	fmt.Fprintf(s.out, "Try: curl -H 'Authorization: Bearer %s' %s/api/v1/admin/members\n", secret.Reveal(), url)
	return nil
}
