package main

import (
	"context"
	"fmt"
	"time"
)

// contender is one of those that take turns.
type contender struct {
	process *process
	next    func(connection int) requester
}

// turn is what a contender's turn gave.
type turn struct {
	sample
	cpu time.Duration // of the server, for 1,000 requests
}

// rounds gives the turns of every contender, round by round. The one that goes
// first changes; a short turn of each warms up.
func (b *bench) rounds(ctx context.Context, connections int, list ...contender) ([][]turn, error) {
	turns := make([][]turn, len(list))
	for round := range b.Rounds + 1 {
		d := b.Turn
		if round == 0 {
			d /= 4
		}
		for i := range list {
			n := (i + round) % len(list)
			t, err := list[n].turn(ctx, connections, d)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				turns[n] = append(turns[n], t)
			}
		}
	}
	return turns, nil
}

func (c contender) turn(ctx context.Context, connections int, d time.Duration) (t turn, err error) {
	before, err := cpu(c.process.cmd.Process.Pid)
	if err != nil {
		return t, err
	}
	if t.sample, err = load(ctx, c.process.address, connections, d, c.next); err != nil {
		return t, err
	}
	after, err := cpu(c.process.cmd.Process.Pid)
	if t.requests > 0 {
		t.cpu = (after - before) * 1000 / time.Duration(t.requests)
	}
	return t, err
}

func costs(turns []turn) []float64 {
	// A turn that is too short for the clock of /proc has cost at least a part
	// of its tick.
	return each(turns, func(t turn) float64 { return max(milliseconds(t.cpu), 0.001) })
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// figuresOf are the medians of turns.
func figuresOf(turns []turn) figures {
	median := func(f func(turn) float64) float64 { return spreadOf(each(turns, f)).Median }
	return figures{
		CPU: spreadOf(costs(turns)).Median,
		P50: median(func(t turn) float64 { return milliseconds(t.percentile(0.5)) }),
		P99: median(func(t turn) float64 { return milliseconds(t.percentile(0.99)) }),
		Rate: median(func(t turn) float64 {
			return t.rate()
		}),
	}
}

const efficiencyReach = 0.80

// compare lets Muster and the limit do the same and reports it.
func (b *bench) compare(ctx context.Context, r *report, name string, members int, muster, limit contender) error {
	for _, connections := range b.Connections {
		turns, err := b.rounds(ctx, connections, muster, limit)
		if err != nil {
			return fmt.Errorf("%s over %d connections: %w", name, connections, err)
		}
		c := comparison{
			Request: name, Members: members, Connections: connections,
			Muster: figuresOf(turns[0]), Limit: figuresOf(turns[1]),
			Efficiency: ratios(costs(turns[1]), costs(turns[0])), Reach: efficiencyReach,
		}
		c.Reached = c.Efficiency.Median >= c.Reach
		r.Comparisons = append(r.Comparisons, c)
		say("%s, %d members, %d connections: %.2f of the limit's efficiency", name, members, connections, c.Efficiency.Median)
	}
	return nil
}

// someMembers is how many members are opened, so that they are not all in the
// caches of the connections.
const someMembers = 4096

// details are requests for members from all over the store.
func (s store) details() ([][]byte, error) {
	ids, err := s.ids(someMembers)
	if err != nil {
		return nil, err
	}
	requests := make([][]byte, len(ids))
	for i, id := range ids {
		requests[i] = get("/members/"+id, s.token)
	}
	return requests, nil
}

func (b *bench) compareReads(ctx context.Context, r *report, s *servers) error {
	details, err := s.details()
	if err != nil {
		return err
	}
	for _, read := range []struct {
		name string
		next func(int) requester
	}{
		{"detail", inTurn(details)},
		{"list", always(get("/members", s.token))},
		{"dashboard", always(get("/dashboard", s.token))},
	} {
		if !b.wants(read.name) {
			continue
		}
		err := b.compare(ctx, r, read.name+s.where, s.members, contender{s.muster, read.next}, contender{s.shared, read.next})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareCreates(ctx context.Context, r *report, s *servers) error {
	next := b.phones.creating(s.token)
	err := b.compare(ctx, r, "create"+s.where, s.members, contender{s.muster, next}, contender{s.shared, next})
	if err != nil || s.each == nil {
		return err
	}
	return b.compare(ctx, r, "create, a sync each", s.members, contender{s.muster, next}, contender{s.each, next})
}
