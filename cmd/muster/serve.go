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
	"syscall"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
)

type serveCmd struct {
	Store
	Replicas
	Media
	Network
	Listen         address       `help:"Where to listen. Port 0 takes a free one. Default: ${default}." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	PublicURL      string        `help:"What the links to photos and documents begin with, such as https://members.example.org. Default: the address listened at, or nothing when that is every address." name:"public-url" placeholder:"URL"`
	Demo           int           `help:"Fill an empty store with this many members that nobody is." placeholder:"N"`
	DemoSeed       uint64        `help:"Which members --demo makes: the same for the same number. Default: ${default}." default:"1" placeholder:"N"`
	Grace          time.Duration `help:"How long requests in flight may take to end when the server stops. Default: ${default}." default:"30s" placeholder:"DURATION"`
	Notice         time.Duration `help:"How long /readyz says no before the server stops taking requests: for a load balancer. Default: ${default}." default:"0s" placeholder:"DURATION"`
	TimeZone       zone          `help:"The zone in which days begin, such as Asia/Seoul. Default: the one of the last time, or UTC." placeholder:"ZONE"`
	PhoneRegion    region        `help:"The country whose local phone numbers are taken, such as KR. Without it, phones have the international form." placeholder:"CC"`
	Metrics        address       `help:"Where to serve metrics for Prometheus, at /metrics: to whoever can reach it, so keep it inside. Without it, none are kept." name:"metrics-listen" placeholder:"HOST:PORT"`
	KeyLost        bool          `help:"Go on with another key of the record, although the one that it was made with is lost. Until it is put back, what is on the record so far cannot be verified." name:"audit-key-lost"`
	RevealsPerHour int           `help:"How often in an hour an operator may see a phone or a document that is masked. Default: ${default}." default:"30" placeholder:"N"`
	TokenIdle      time.Duration `help:"A token that was not used for so long ends; 0s: none does. Default: ${default}." default:"2160h" placeholder:"DURATION"`
	Logging
}

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `The first start makes the data folder, an operator called administrator, and a token of it, which is printed once. SIGTERM or Ctrl-C lets the requests in flight end; a second one does not wait for them. GOMEMLIMIT overrides the bound on memory.

Examples:

    muster serve --demo 1000
    muster serve --data /var/lib/muster --time-zone Asia/Seoul --phone-region KR
    muster serve --listen :443 --http-listen :80 --acme-domain members.example.org --acme-accept-terms
    muster serve --listen :8443 --tls-cert /etc/muster/tls.crt --tls-key /etc/muster/tls.key
    muster serve --trusted-proxy 10.0.0.7 --allow-from 203.0.113.0/24
    muster serve --keys /etc/muster/keys --database 'postgres://muster@db1/muster?sslmode=verify-full' --replica 'postgres://muster@db2/muster?sslmode=verify-full' --media 's3://members?region=eu-central-1'`
}

// Run serves until ctx ends.
func (s serveCmd) Run(ctx context.Context, c console) (err error) {
	if s.Demo < 0 || s.Demo > demo.MaxMembers || s.Grace <= 0 || s.Notice < 0 || s.RevealsPerHour < 1 || s.TokenIdle < 0 {
		return &exit{exitUsage, fmt.Errorf("--demo is 0 to %d, --grace more than 0s, --notice and --token-idle at least 0s, and --reveals-per-hour at least 1", demo.MaxMembers)}
	}
	if err := s.misuse(); err != nil {
		return &exit{exitUsage, err}
	}
	boundMemory()
	log, done := s.logger(c)
	defer done()
	f, err := s.folder(log)
	if err != nil {
		return err
	}
	front, err := s.certificates(f, log)
	if err != nil {
		return err
	}
	lock, err := s.lock(f)
	if err != nil {
		return err
	}
	defer lock.release()
	listener, err := listen(ctx, s.Listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := lock.sign(listener.Addr().String(), time.Now()); err != nil {
		return explain(string(f), err)
	}
	k, err := readKeys(s.keys(f), log)
	if err != nil {
		return err
	}
	st, err := s.open(ctx, opening{begin: true, upgrade: true, replicas: s.replicas()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	server := &server{serveCmd: s, console: c, log: log, folder: f, store: st, keys: k, front: front}
	return server.run(ctx, listener)
}

// folder gives the data folder, unless all is elsewhere.
func (s serveCmd) folder(log *slog.Logger) (folder, error) {
	if s.Database != "" && s.Media.Media != "" && s.Keys != "" && len(s.ACMEDomain) == 0 {
		return "", nil
	}
	f, err := s.make()
	if err == nil {
		f.warnIfOpen(log)
	}
	return f, err
}

// lock keeps other servers from the embedded store. PostgreSQL takes many.
func (s serveCmd) lock(f folder) (*lock, error) {
	if s.Database != "" {
		return nil, nil //nolint:nilnil // no lock is one that is always free
	}
	return f.take()
}

// softMemory is the heap at which the collector works harder. Beside it are the
// page caches of the connections; together they stay below 150 MB.
const softMemory = 96 << 20

// lazyCollection lets the heap grow to five times what is live, which is a few
// megabytes, before it is collected: the bound above is what limits it.
const lazyCollection = 400

// boundMemory sets the bound, unless GOMEMLIMIT or GOGC do.
func boundMemory() {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 || os.Getenv("GOGC") != "" {
		return
	}
	debug.SetMemoryLimit(softMemory)
	debug.SetGCPercent(lazyCollection)
}

func listen(ctx context.Context, at address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", string(at))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop it, or choose another port with %s", at, flag)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("this account may not listen at %s: choose a port of 1024 or above with %s", at, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is no address of this machine: choose another with %s", at, flag)
	case err != nil:
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

// A server is a serve command with all that it has opened.
type server struct {
	serveCmd
	console

	log      *slog.Logger
	folder   folder
	store    *store
	keys     keys
	auditLog *audit.Log // the record; set when it runs
	front    front
}

func (s *server) run(ctx context.Context, l net.Listener) error {
	rules, err := s.store.rules(ctx, s.TimeZone, s.PhoneRegion)
	if err != nil {
		return err
	}
	if err := counters.UseZone(ctx, s.store.db, rules.Zone); err != nil {
		return err
	}
	if err := dbcopy.Settle(ctx, s.store.db); err != nil {
		return err
	}
	if s.auditLog, err = s.store.auditLog(ctx, s.serveCmd.keys(s.folder), s.KeyLost, s.log); err != nil {
		return err
	}
	root := s.principal()
	if err := root.settle(ctx); err != nil {
		return err
	}
	media, err := s.openMedia(s.folder, s.base(l), s.log)
	if err != nil {
		return err
	}
	defer media.Close()
	if err := media.probe(ctx, s.log); err != nil {
		return err
	}
	s.warnOfNodes()
	meter, done, err := s.meter(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.fill(ctx, media, rules, root.Recorder); err != nil {
		return err
	}
	api, err := httpapi.New(httpapi.Options{
		DB: s.store.db, Blob: media.Store, Rules: rules, CursorSecret: s.keys.cursor, AuditLog: s.auditLog, Reveals: s.RevealsPerHour, TokenIdle: s.TokenIdle,
		Log: s.log, MediaHandler: media.handler, Version: thisBuild().Version,
		Network: s.network(), History: s.store.engine.history(), Nodes: s.store.engine.nodes, Observe: meter,
	})
	if err != nil {
		return err
	}
	if err := s.greet(ctx, l, root); err != nil {
		return err
	}
	beside, err := s.besideTLS(ctx, l, api)
	if err != nil {
		return err
	}
	defer beside()
	return s.serve(ctx, l, &rest.Server{Handler: api, TLS: s.front.tls, Notice: s.Notice, Grace: s.Grace}, rules)
}

// principal is where the server itself asks for what operators may.
func (s *server) principal() principal {
	return principal{operator.Principal{Caller: operator.Root(), Recorder: s.auditLog.Recorder(audit.Actor{Source: "muster serve"}), At: time.Now()}, s.store}
}

// warnOfNodes tells of the replicas that are not there when the server starts.
func (s *server) warnOfNodes() {
	for _, n := range s.store.engine.nodes() {
		if !n.Healthy {
			s.log.Warn("a server of the database cannot be used at the moment", "node", n.Name, "problem", n.Problem)
		}
	}
}

// serve answers requests and does the chores until ctx ends; what is in flight
// then ends in its time, and the chores after it.
func (s *server) serve(ctx context.Context, l net.Listener, h *rest.Server, rules member.Rules) error {
	var work sync.WaitGroup
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	work.Go(func() { s.store.chores(background, s.log) })
	work.Go(func() { s.sealing().chore(background) })
	defer work.Wait()
	defer stop()
	serving, cease := context.WithCancel(background)
	defer cease()
	defer context.AfterFunc(ctx, func() {
		s.log.Info("stopping: requests in flight may end", "grace", s.Grace.String())
		cease()
	})()

	s.log.Info("serving", "address", l.Addr().String(), "data", s.Data, "time_zone", rules.Zone.String(),
		"version", thisBuild().Version, "pid", os.Getpid())
	if err := h.Serve(serving, l); err != nil {
		return err
	}
	s.log.Info("stopped")
	return nil
}

// base is what the links to photos and documents begin with.
func (s *server) base(l net.Listener) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if isEverywhere(l) && len(s.ACMEDomain) == 0 {
		return "" // clients know by which of its names they reached it
	}
	return s.here(l, "")
}

// firstTokenLife is how long the token is good that the first start prints: a
// year, as that of every token for which nobody says.
const firstTokenLife = 365 * 24 * time.Hour

// greet says where to go and, as long as there is no token, with which one.
func (s *server) greet(ctx context.Context, l net.Listener, root principal) error {
	tokens, err := s.store.tokens(ctx)
	if err != nil {
		return err
	}
	here := s.here(l, "")
	if isEverywhere(l) {
		here = s.here(l, "localhost")
	}
	fmt.Fprintf(s.out, "Muster is at %s, its documentation at %s/docs\n", here, here)
	if len(tokens) > 0 {
		where := "--data " + s.Data
		if s.Database != "" {
			where = "--database URL"
		}
		fmt.Fprintf(s.out, "A new token: muster token create %s\n", where)
		return nil
	}
	_, secret, err := root.createToken(ctx, "", operator.NewToken{Name: "first start", ExpiresAt: new(root.At.Add(firstTokenLife))})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Your token, which is shown this once: %s\n", secret.Reveal())
	fmt.Fprintf(s.out, "Try: curl -H 'Authorization: Bearer %s' %s/api/v1/admin/members\n", secret.Reveal(), here)
	return nil
}
