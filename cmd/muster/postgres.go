package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/internal/certificate"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// databaseURL is that of a PostgreSQL server. It may hold a password: it is never
// shown.
type databaseURL string

// UnmarshalText checks the form.
func (s *databaseURL) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	switch {
	case len(text) == 0:
		return nil // a variable that is there, and empty
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql": // err holds the URL
		return errors.New("it is the URL of a PostgreSQL server, such as postgres://muster@db1.example.org/muster?sslmode=verify-full, with % before what has a meaning in URLs")
	case strings.Contains(u.Host, ","):
		return errors.New("it is the URL of one server: name the others with --replica, each with its own")
	case !u.Query().Has("sslmode") && os.Getenv("PGSSLMODE") == "" && !staysHere(u):
		return errors.New("it is the URL of a server on another machine, and does not say how the way there is guarded: add sslmode=verify-full, or sslmode=disable where nobody else can listen")
	}
	*s = databaseURL(text)
	return nil
}

// staysHere reports whether the server is on this machine, as far as its name
// says. The driver's own rule is to go on in plain text where a server has no
// TLS, and to believe any certificate.
func staysHere(u *url.URL) bool {
	host := u.Hostname()
	if named := u.Query().Get("host"); named != "" {
		host = named
	}
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || err == nil && ip.IsLoopback()
}

// String hides what may be secret.
func (databaseURL) String() string { return "postgres://***" }

// parts are those of the URL, which was parsed before.
func (s databaseURL) parts() (*url.URL, url.Values) {
	u, err := url.Parse(string(s))
	if err != nil {
		u = new(url.URL)
	}
	return u, u.Query()
}

// pooled reports whether a pooler is there that swaps connections.
func (s databaseURL) pooled() bool {
	_, parameters := s.parts()
	return parameters.Get("pool_mode") != ""
}

// plain is the URL without what only pools understand.
func (s databaseURL) plain() string {
	u, parameters := s.parts()
	for name := range parameters {
		if strings.HasPrefix(name, "pool_") {
			parameters.Del(name)
		}
	}
	u.RawQuery = parameters.Encode()
	return u.String()
}

// Postgres are the flags for a PostgreSQL server in place of the embedded store.
type Postgres struct {
	Database         databaseURL   `help:"A PostgreSQL server (15 or later) in place of the embedded store. The password may be in PGPASSWORD or the password file, too." placeholder:"postgres://…" group:"With PostgreSQL:"`
	PoolReaders      int           `help:"Connections that read, to each server. Default: ${pool_readers}." placeholder:"N" group:"With PostgreSQL:"`
	PoolWriters      int           `help:"Connections that write. Default: ${pool_writers}." placeholder:"N" group:"With PostgreSQL:"`
	StatementTimeout time.Duration `help:"How long one statement may take. Default: ${statement_timeout}; ${statement_timeout_bulk} where all members are gone through." placeholder:"DURATION" group:"With PostgreSQL:"`
	LockTimeout      time.Duration `help:"How long a statement may wait for a lock. Default: ${lock_timeout}." placeholder:"DURATION" group:"With PostgreSQL:"`
	IdleTimeout      time.Duration `help:"How long a transaction may do nothing. Default: ${idle_timeout}." placeholder:"DURATION" group:"With PostgreSQL:"`
}

// Replicas are the flags of commands that speak to the whole cluster.
type Replicas struct {
	Replica []databaseURL `help:"A server that follows the one of --database, and may become the primary. Can be given several times; in the variable, a space is between them." placeholder:"postgres://…" sep:" " group:"With PostgreSQL:"`
}

// replicas are the servers that were named: a variable that is empty names none.
func (r Replicas) replicas() []databaseURL {
	return slices.DeleteFunc(slices.Clone(r.Replica), func(u databaseURL) bool { return u == "" })
}

// bulkTimeout is how long a statement may take that goes through all members.
const bulkTimeout = 10 * time.Minute

// defaults are what help says of flags that are left out.
func defaults() kong.Vars {
	d := postgres.Defaults()
	return kong.Vars{
		"media_form": placeForm, "store_form": storeForm, "acme_directory": certificate.LetsEncrypt,
		"pool_readers": fmt.Sprint(d.Readers), "pool_writers": fmt.Sprint(d.Writers),
		"statement_timeout": d.StatementTimeout.String(), "statement_timeout_bulk": strings.TrimSuffix(bulkTimeout.String(), "0s"),
		"lock_timeout": d.LockTimeout.String(), "idle_timeout": d.IdleTimeout.String(),
	}
}

// options are those of the engine.
func (p Postgres) options(o opening) (postgres.Options, error) {
	if p.PoolReaders < 0 || p.PoolWriters < 0 || p.StatementTimeout < 0 || p.LockTimeout < 0 || p.IdleTimeout < 0 {
		return postgres.Options{}, &exit{exitUsage, errors.New("--pool-readers, --pool-writers, --statement-timeout, --lock-timeout and --idle-timeout are more than nothing")}
	}
	options := postgres.Options{
		Primary: string(p.Database), Readers: p.PoolReaders, Writers: p.PoolWriters,
		StatementTimeout: p.StatementTimeout, LockTimeout: p.LockTimeout, IdleTimeout: p.IdleTimeout,
	}
	for _, r := range o.replicas {
		options.Replicas = append(options.Replicas, string(r))
	}
	if (o.bulk || o.whole) && p.StatementTimeout == 0 {
		options.StatementTimeout = bulkTimeout
	}
	return options, nil
}

// openCluster opens the database on PostgreSQL.
func (p Postgres) openCluster(ctx context.Context, o opening) (engine, schema.State, error) {
	options, err := p.options(o)
	if err != nil {
		return nil, schema.State{}, err
	}
	e, err := postgres.Open(ctx, options)
	if err != nil {
		return nil, schema.State{}, blame(err)
	}
	state, err := p.migrate(ctx, o)
	if err != nil {
		return nil, state, errors.Join(err, e.Close())
	}
	return &cluster{Engine: e, db: session.New(e)}, state, nil
}

// migrate brings the database to the version that the command needs.
func (p Postgres) migrate(ctx context.Context, o opening) (schema.State, error) {
	state, err := p.inspect(ctx)
	if err != nil {
		return state, err
	}
	if err := o.admit(state, "muster serve --database URL", "muster migrate --database URL"); err != nil {
		return state, err
	}
	if len(state.Pending) > 0 && p.Database.pooled() {
		return state, unusable("--database: the database is to be migrated, which a pooler that swaps connections cannot do: run muster migrate once, with the server's own address")
	}
	state, err = schema.MigratePostgres(ctx, p.Database.plain())
	if err != nil {
		return state, unusable("--database: %w", postgres.Explain(err))
	}
	return state, nil
}

// inspect tells the version of the database.
func (p Postgres) inspect(ctx context.Context) (schema.State, error) {
	state, err := schema.InspectPostgres(ctx, p.Database.plain())
	if err != nil {
		return state, unusable("--database: %w", postgres.Explain(err))
	}
	return state, nil
}

// blame names the flag of the server that is in the way.
func blame(err error) error {
	s, ok := errors.AsType[*postgres.ServerError](err)
	switch {
	case !ok:
		return unusable("--database: %w", err)
	case s.Replica == 0:
		return unusable("--database: %w", s.Err)
	default:
		return unusable("--replica, the %s: %w", ordinal(s.Replica), s.Err)
	}
}

func ordinal(n int) string {
	if names := []string{"first", "second", "third"}; n <= len(names) {
		return names[n-1]
	}
	return fmt.Sprintf("%dth", n)
}

// cluster is the engine of a PostgreSQL primary and its replicas.
type cluster struct {
	*postgres.Engine
	db    *session.DB
	begun atomic.Uint64
}

// Transaction implements [session.Engine], and counts.
func (c *cluster) Transaction(ctx context.Context) (session.Transaction, error) {
	c.begun.Add(1)
	return c.Engine.Transaction(ctx)
}

func (c *cluster) written() uint64 { return c.begun.Load() }

func (c *cluster) history() session.History { return c.Engine }

// optimize leaves to the server's autovacuum what is not the work of a moment.
func (c *cluster) optimize(ctx context.Context, bulk bool) error {
	if !bulk {
		return nil
	}
	return c.db.Write(ctx, func(w *session.Write) error {
		w.Add(query.Exec("analyze"))
		return nil
	})
}

// damage is found by the server itself: pg_amcheck does what SQLite's pragmas do.
func (c *cluster) damage() []query.Query[[]string] { return nil }

func (c *cluster) nodes() []session.Node { return c.Nodes() }
