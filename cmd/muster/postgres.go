package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Postgres are the flags of a store on PostgreSQL.
type Postgres struct {
	Database         databaseURL   `help:"The PostgreSQL server (15 or later) to use instead of the embedded database. The password can also come from PGPASSWORD or the password file." placeholder:"postgres://…" group:"With PostgreSQL:"`
	PoolReaders      int           `help:"The number of connections for reading, to each server. Default: ${pool_readers}." placeholder:"N" group:"With PostgreSQL:"`
	PoolWriters      int           `help:"The number of connections for writing. Default: ${pool_writers}." placeholder:"N" group:"With PostgreSQL:"`
	StatementTimeout time.Duration `help:"How long one statement may take. Default: ${statement_timeout}; ${statement_timeout_bulk} for commands that process all members." placeholder:"DURATION" group:"With PostgreSQL:"`
	LockTimeout      time.Duration `help:"How long a statement may wait for a lock. Default: ${lock_timeout}." placeholder:"DURATION" group:"With PostgreSQL:"`
	IdleTimeout      time.Duration `help:"How long a transaction may be idle. Default: ${idle_timeout}." placeholder:"DURATION" group:"With PostgreSQL:"`
}

// Replicas are the flags of commands that use the whole cluster.
type Replicas struct {
	Replica []databaseURL `help:"A replica of the server of --database, which may become the primary. Repeat the flag for several; separate them by spaces in the environment variable." placeholder:"postgres://…" sep:" " group:"With PostgreSQL:"`
}

// replicas returns the servers that were named: an empty environment variable
// names none.
func (r Replicas) replicas() []databaseURL {
	return slices.DeleteFunc(slices.Clone(r.Replica), func(u databaseURL) bool { return u == "" })
}

// bulkTimeout is how long a statement that processes all members may take.
const bulkTimeout = 10 * time.Minute

// options returns the options of the engine.
func (p Postgres) options(o openOptions) (postgres.Options, error) {
	if p.PoolReaders < 0 || p.PoolWriters < 0 || p.StatementTimeout < 0 || p.LockTimeout < 0 || p.IdleTimeout < 0 {
		return postgres.Options{}, usage("--pool-readers, --pool-writers, --statement-timeout, --lock-timeout and --idle-timeout must not be negative")
	}
	options := postgres.Options{
		Primary: string(p.Database), Readers: p.PoolReaders, Writers: p.PoolWriters,
		StatementTimeout: p.StatementTimeout, LockTimeout: p.LockTimeout, IdleTimeout: p.IdleTimeout,
	}
	for _, r := range o.replicas {
		options.Replicas = append(options.Replicas, string(r))
	}
	if (o.bulk || o.scan) && p.StatementTimeout == 0 {
		options.StatementTimeout = bulkTimeout
	}
	return options, nil
}

// openCluster opens the database on PostgreSQL.
func (p Postgres) openCluster(ctx context.Context, o openOptions) (engine, schema.State, error) {
	options, err := p.options(o)
	if err != nil {
		return nil, schema.State{}, err
	}
	e, err := postgres.Open(ctx, options)
	if err != nil {
		return nil, schema.State{}, withFlag(err)
	}
	state, err := p.migrate(ctx, o)
	if err != nil {
		return nil, state, errors.Join(err, e.Close())
	}
	return cluster{e}, state, nil
}

// migrate migrates the database if the command may.
func (p Postgres) migrate(ctx context.Context, o openOptions) (schema.State, error) {
	state, err := p.inspect(ctx)
	if err != nil {
		return state, err
	}
	if err := o.admit(state, "muster serve --database URL", "muster migrate --database URL"); err != nil {
		return state, err
	}
	if len(state.Pending) > 0 && p.Database.pooled() {
		return state, unusable("--database: the database must be migrated, which does not work through a pooler that swaps connections: run muster migrate once, with the address of the server itself")
	}
	state, err = schema.MigratePostgres(ctx, p.Database.plain())
	if err != nil {
		return state, unusable("--database: %w", postgres.Explain(err))
	}
	return state, nil
}

// inspect returns the version of the database.
func (p Postgres) inspect(ctx context.Context) (schema.State, error) {
	state, err := schema.InspectPostgres(ctx, p.Database.plain())
	if err != nil {
		return state, unusable("--database: %w", postgres.Explain(err))
	}
	return state, nil
}

// withFlag names the flag of the server that has failed.
func withFlag(err error) error {
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
type cluster struct{ *postgres.Engine }

func (c cluster) history() session.History { return c.Engine }

// optimize leaves all but bulk writes to the server's autovacuum.
func (c cluster) optimize(ctx context.Context, bulk bool) error {
	if !bulk {
		return nil
	}
	return session.New(c).Write(ctx, func(w *session.Write) error {
		w.Add(query.Exec("analyze"))
		return nil
	})
}

// Check leaves damage to the server's own pg_amcheck.
func (cluster) Check(context.Context) ([]string, error) { return []string{}, nil }
