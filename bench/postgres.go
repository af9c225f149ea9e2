package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	togetherReach = 1.8  // requests a second together over one statement at a time
	offloadReach  = 0.80 // of the primary's processor time, saved by a replica
)

// cluster is a PostgreSQL primary with a replica, and empty.
type cluster struct {
	primary, replica string // addresses
	// cpu is the processor time that the primary has spent.
	cpu func() (time.Duration, error)
}

// measurePostgres fills the cluster from a store and measures on it.
func (b *bench) measurePostgres(ctx context.Context, r *report, c cluster, members int) (err error) {
	s, err := b.filled(ctx, members)
	if err != nil {
		return err
	}
	folder := filepath.Join(b.scratch, "postgres")
	if _, err := s.copyTo(folder); err != nil {
		return err
	}
	say("copying %d members to PostgreSQL", members)
	out, err := exec.CommandContext(ctx, b.muster, "copy", "--from", "sqlite:"+folder, "--to", c.primary).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying the store: %w: %s", err, out)
	}
	on := &servers{store: s, where: " on PostgreSQL", folder: folder}
	defer func() { err = errors.Join(err, on.stop()) }()
	if on.muster, err = b.startOnPostgres(ctx, folder, c.primary); err != nil {
		return err
	}
	if on.shared, err = start(ctx, b.self, "limit", "--database", c.primary); err != nil {
		return err
	}
	if err := b.compareReads(ctx, r, on); err != nil {
		return err
	}
	if err := b.measureTogether(ctx, r, on, c); err != nil {
		return err
	}
	if err := b.measureReplica(ctx, r, on, c); err != nil {
		return err
	}
	return b.compareCreates(ctx, r, on)
}

func (b *bench) startOnPostgres(ctx context.Context, folder, database string, flags ...string) (*process, error) {
	return start(ctx, b.muster, append([]string{"serve", "--data", folder, "--database", database,
		"--listen", "127.0.0.1:0", "--phone-region", region}, flags...)...)
}

// measureTogether compares a detail in one round trip with the same statements
// one at a time, over one connection.
func (b *bench) measureTogether(ctx context.Context, r *report, on *servers, c cluster) (err error) {
	once, err := start(ctx, b.self, "limit", "--database", c.primary, "--one-at-a-time")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, once.stop()) }()
	details, err := on.details()
	if err != nil {
		return err
	}
	turns, err := b.rounds(ctx, 1, contender{on.muster, inTurn(details)}, contender{once, inTurn(details)})
	if err != nil {
		return err
	}
	rate := func(list []turn) []float64 { return each(list, func(t turn) float64 { return t.rate() }) }
	r.atLeast(togetherReach, "×", ratios(rate(turns[0]), rate(turns[1])),
		"detail on PostgreSQL over one connection: requests a second over those of a hand-written server that sends its statements one at a time")
	return nil
}

// replicaConnections is how many clients ask for details while the primary is
// watched.
const replicaConnections = 16

// measureReplica compares what details cost the primary with and without a
// replica that takes reads.
func (b *bench) measureReplica(ctx context.Context, r *report, on *servers, c cluster) (err error) {
	with, err := b.startOnPostgres(ctx, on.folder, c.primary, "--replica", c.replica)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, with.stop()) }()
	details, err := on.details()
	if err != nil {
		return err
	}
	saved := make([]float64, b.Rounds)
	for i := range saved {
		alone, err := b.primaryCost(ctx, contender{on.muster, inTurn(details)}, c)
		if err != nil {
			return err
		}
		shared, err := b.primaryCost(ctx, contender{with, inTurn(details)}, c)
		if err != nil {
			return err
		}
		saved[i] = 1 - shared/alone
	}
	r.atLeast(offloadReach, "", spreadOf(saved), "details with a replica: the part of the primary's processor time that is saved")
	return nil
}

// primaryCost is the primary's processor time for 1,000 requests, in milliseconds.
func (b *bench) primaryCost(ctx context.Context, who contender, c cluster) (float64, error) {
	before, err := c.cpu()
	if err != nil {
		return 0, err
	}
	t, err := who.turn(ctx, replicaConnections, b.Turn)
	if err != nil {
		return 0, err
	}
	after, err := c.cpu()
	return milliseconds(after-before) * 1000 / float64(max(t.requests, 1)), err
}
