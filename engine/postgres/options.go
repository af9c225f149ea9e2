package postgres

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options of an engine. Only Primary has no default. The address of a pooler in
// transaction mode has the parameter pool_mode=transaction.
type Options struct {
	Primary  string   // URL of the server that writes
	Replicas []string // URLs of servers that follow it; any may be promoted

	Readers          int           // connections to each server that read; default 16
	Writers          int           // connections that write; default 8
	StatementTimeout time.Duration // of one statement, at the server; default 10 s
	LockTimeout      time.Duration // of waiting for a lock; default 3 s
	IdleTimeout      time.Duration // of a transaction in which nothing happens; default 10 s
	ReplicaWait      time.Duration // for a replica to catch up with a position; default 100 ms
	MaxLag           time.Duration // of a replica that answers; default 10 s, at most a minute; the same for all who share the cluster
	PrimaryWait      time.Duration // for a primary to return; default 1 s
	ProbeTimeout     time.Duration // after which a node that does not answer is down; default 500 ms, which replicas need

	dial pgconn.DialFunc // of tests
}

// Defaults returns the values of options that are left out.
func Defaults() Options { return Options{}.withDefaults() }

func (o Options) withDefaults() Options {
	setDefault(&o.Readers, 16)
	setDefault(&o.Writers, 8)
	setDefault(&o.StatementTimeout, 10*time.Second)
	setDefault(&o.LockTimeout, 3*time.Second)
	setDefault(&o.IdleTimeout, 10*time.Second)
	setDefault(&o.ReplicaWait, 100*time.Millisecond)
	setDefault(&o.MaxLag, 10*time.Second)
	setDefault(&o.PrimaryWait, time.Second)
	setDefault(&o.ProbeTimeout, probeTimeout)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// The defaults of every transaction on a pool's connections. A session of one
// exchange needs no more: what a pipeline sends before its Sync is one transaction,
// without the two statements begin and commit.
var (
	readSettings = [][2]string{
		{"default_transaction_isolation", "repeatable read"}, {"default_transaction_read_only", "on"},
	}
	writeSettings = [][2]string{
		{"default_transaction_isolation", "serializable"}, {"default_transaction_read_only", "off"},
	}
)

// poolConfig configures a pool of so many connections to the address.
func poolConfig(o Options, url string, size int, defaults [][2]string) (config *pgxpool.Config, pooled bool, err error) {
	if config, err = pgxpool.ParseConfig(url); err != nil { // the text of err holds the URL
		return nil, false, errors.New("the address is not valid: it has the form postgres://user@host:port/database?sslmode=verify-full")
	}
	if pooled, err = takePoolMode(config.ConnConfig); err != nil {
		return nil, false, err
	}
	config.MaxConns = int32(size) //nolint:gosec // a pool is small
	config.ShouldPing = shouldPing
	config.ConnConfig.ConnectTimeout = cancelDelay
	config.ConnConfig.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) { noteUnconfirmed(c, n.Routine) }
	if o.dial != nil {
		config.ConnConfig.DialFunc = o.dial
	}
	config.ConnConfig.RuntimeParams["application_name"] = "muster"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.BuildContextWatcherHandler = newCanceller
	if pooled { // then the statements that open a transaction set the settings: see withSettings
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // which keeps no statement
		return config, pooled, nil
	}
	for _, s := range append(o.limits(), defaults...) {
		config.ConnConfig.RuntimeParams[s[0]] = s[1]
	}
	return config, pooled, nil
}

// limits are the server's settings that bound a session, and those that say how
// to plan it.
func (o Options) limits() [][2]string {
	return append([][2]string{
		{"statement_timeout", milliseconds(o.StatementTimeout)},
		{"lock_timeout", milliseconds(o.LockTimeout)},
		{"idle_in_transaction_session_timeout", milliseconds(o.IdleTimeout)},
	}, planning...)
}

// planning has the server plan once for a text, whatever its arguments, and by
// indexes, to which our texts lead. The planner takes a limit that is an argument
// for a tenth of the table, and would scan and sort that for a page.
var planning = [][2]string{
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"}, // if there is another way
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"jit", "off"},
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// A pooler in transaction mode, such as pgbouncer, runs each transaction on another
// connection to the server. An address says so with pool_mode=transaction: then
// statements are not kept prepared, and transactions set the timeouts. The pooler
// must lead to one server, or positions are looked up on one and read on another.
// Its default_pool_size should be Readers and Writers and one for the probe, or
// sessions wait in the pooler, where nobody sees it.
const (
	poolMode        = "pool_mode"
	poolTransaction = "transaction"
)

// takePoolMode removes our parameter from an address.
func takePoolMode(config *pgx.ConnConfig) (pooled bool, err error) {
	mode, named := config.RuntimeParams[poolMode]
	delete(config.RuntimeParams, poolMode)
	if named && mode != poolTransaction {
		return false, errors.New("the address has a pool_mode other than transaction: leave it out unless a pooler swaps connections between transactions")
	}
	return named, nil
}

// withSettings returns the texts that open a session: begin and, behind a
// pooler, a statement that sets the settings for the transaction.
func withSettings(begin string, settings [][2]string, pooled bool) []string {
	if !pooled {
		return []string{begin}
	}
	calls := make([]string, len(settings))
	for i, s := range settings {
		calls[i] = fmt.Sprintf("set_config('%s', '%s', true)", s[0], s[1])
	}
	return []string{begin, "select " + strings.Join(calls, ", ")}
}
