package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// watch probes the node until ctx ends.
func (n *node) watch(ctx context.Context) {
	var c *pgx.Conn
	defer func() { closeQuietly(c) }()
	for {
		number := n.startProbe()
		var h health
		if c, h = n.probe(ctx, c); ctx.Err() != nil {
			n.finishProbe(number, health{err: errClosed})
			return
		}
		n.finishProbe(number, h)
		n.pause(ctx)
	}
}

func (n *node) pause(ctx context.Context) {
	interval := probeInterval
	if n.waiting.Load() > 0 {
		interval = hasteInterval
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.hurry:
	case <-ctx.Done():
	}
}

const selectHealth = `
	select cast((select system_identifier from pg_control_system()) as text), pg_is_in_recovery(), ` + timelineAndLSN + `,
		coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()), 0)::float8, current_setting('synchronous_commit') = 'off'`

// probe probes the node once, on the connection if it is not nil. It returns the
// connection for the next probe, or nil if it broke.
func (n *node) probe(ctx context.Context, c *pgx.Conn) (*pgx.Conn, health) {
	ctx, cancel := context.WithTimeout(ctx, n.options.ProbeTimeout)
	defer cancel()
	var err error
	if c == nil {
		if c, err = pgx.ConnectConfig(ctx, n.config.Copy()); err != nil {
			return nil, health{err: explain(ctx, err)}
		}
	}
	h := health{healthy: true, started: time.Now()}
	var lsn string
	var lag float64
	err = c.QueryRow(ctx, selectHealth).Scan(&h.system, &h.recovering, &h.at.timeline, &lsn, &lag, &h.asyncCommit)
	if err == nil {
		h.at.lsn, err = parseLSN(lsn)
	}
	if err == nil {
		h.history, err = n.timelines(ctx, c, h.at.timeline)
	}
	if err != nil {
		closeQuietly(c)
		return nil, health{err: explain(ctx, err)}
	}
	if n.system != "" && h.system != n.system {
		closeQuietly(c)
		return nil, health{err: errForeign}
	}
	h.lag = time.Duration(lag * float64(time.Second))
	return c, h
}

var errForeign = errors.New("it belongs to another cluster than the others")

// timelines returns the history of the timeline, which is read once.
func (n *node) timelines(ctx context.Context, c *pgx.Conn, timeline int64) (history, error) {
	if last := n.health(); last.history.timeline == timeline {
		return last.history, nil
	}
	h := history{timeline: timeline}
	if timeline <= 1 {
		return h, nil
	}
	var text *string
	file := fmt.Sprintf("pg_wal/%08X.history", timeline)
	if err := c.QueryRow(ctx, "select pg_read_file($1, 0, 65536, true)", file).Scan(&text); err != nil {
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			return h, nil // without the right to read it, nobody knows which older positions were kept
		}
		return h, fmt.Errorf("reading the history of the timeline: %w", err)
	}
	if text != nil {
		h.forks = parseHistory(*text)
	}
	return h, nil
}

// firstProbeTimeout is how long the first probe of a node may take.
const firstProbeTimeout = 5 * time.Second

// probeFirst connects and probes for the first time. Its error names what is
// wrong with the address, the account or the version.
func (n *node) probeFirst(ctx context.Context) (h health) {
	c, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return health{err: Explain(err)}
	}
	if err := checkVersion(c.PgConn().ParameterStatus("server_version")); err != nil {
		closeQuietly(c)
		return health{err: err}
	}
	c, h = n.probe(ctx, c)
	closeQuietly(c)
	return h
}

// connections counts those that all Muster programs have to the server.
func (n *node) connections(ctx context.Context) (busy, all int) {
	ctx, cancel := context.WithTimeout(ctx, firstProbeTimeout)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return 0, 0 // it answered a moment ago
	}
	defer closeQuietly(c)
	_ = c.QueryRow(ctx, `select count(*) filter (where state <> 'idle'), count(*) from pg_stat_activity
		where application_name = 'muster' and backend_type = 'client backend' and pid <> pg_backend_pid()`).Scan(&busy, &all)
	return busy, all
}

func closeQuietly(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	_ = c.Close(ctx) // nobody uses it again
}
