package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/session"
)

// How long a lease lasts and how often its holder extends it, which others try
// as often: a holder that died is replaced after at most the sum of both.
const (
	leaseLife  = 6 * time.Second
	leaseEvery = 2 * time.Second
)

// leader is the name of the lease; all tasks of the leader share it.
const leader = "leader"

// Lease elects one leader among the servers that share a database: the holder of
// a row that expires. It spares them work and conflicts, and is no lock. For a
// moment two servers may each believe that they lead: when a turn outlasts the
// lease, or when their clocks differ by more than the time that is left of it.
// Clocks that differ also move the takeover by as much. A task must therefore be
// correct on any number of servers.
type Lease struct {
	db     *session.DB
	clock  func() time.Time
	holder string
	every  time.Duration
	until  atomic.Pointer[time.Time] // when what this server holds expires; nil: it holds nothing
}

// NewLease returns the lease of a new holder, who does not hold it yet. A nil
// clock is [time.Now].
func NewLease(db *session.DB, clock func() time.Time) *Lease {
	if clock == nil {
		clock = time.Now
	}
	host, _ := os.Hostname() // for the person who looks at the table
	return &Lease{db: db, clock: clock, holder: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()), every: leaseEvery}
}

// Held reports whether this server holds the lease now. It asks nobody.
func (l *Lease) Held() bool {
	until := l.until.Load()
	return until != nil && l.clock().Before(*until)
}

// keep takes and extends the lease until ctx is done.
func (l *Lease) keep(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		if err := l.take(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the lease of the background tasks was neither taken nor extended; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// take takes or extends the lease unless another server holds it. After an error,
// what was held is still held until it expires.
func (l *Lease) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaseLife)
	defer cancel()
	now := l.clock().UTC().Truncate(time.Microsecond)
	until := now.Add(leaseLife)
	var touched int64
	err := l.db.Write(ctx, func(w *session.Write) (err error) {
		touched, err = w.Do(ctx, takeLease(leader, l.holder, now, until))
		return err
	})
	if err != nil {
		return fmt.Errorf("taking the lease: %w", err)
	}
	l.until.Store(nil)
	if touched > 0 {
		l.until.Store(&until)
	}
	return nil
}

// release lets another server take the lease at once.
func (l *Lease) release(ctx context.Context, log *slog.Logger) {
	if l.until.Swap(nil) == nil {
		return
	}
	err := l.db.Write(ctx, func(w *session.Write) error {
		w.Add(dropLease(leader, l.holder))
		return nil
	})
	if err != nil {
		log.WarnContext(ctx, "the lease of the background tasks was not released; it expires", "error", err)
	}
}
