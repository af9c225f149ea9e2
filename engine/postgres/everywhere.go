package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/session"
)

// AwaitReplicas returns when no replica answers a read from before the position any
// more, here or on another server that shares the cluster. Whoever has taken
// rights away waits with it, with the position of the commit: a read that begins
// after AwaitReplicas has returned nil sees the change, whatever position it
// carries itself.
//
// It is at once where there are no replicas, and takes some milliseconds where
// each is seen to have replayed the position. For one that is not, be it slow or
// out of sight (others may see it), it takes until everybody must have left it
// out: [Options.MaxLag] and three seconds. A dead replica costs that much each
// time, as long as it is one of the engine's.
//
// The servers that share the cluster have to name the same nodes and the same
// MaxLag. One that sees the primary keeps to that; also one that has just been
// started, was stopped for a while, or goes over to another primary. One that
// does not see the primary goes on reading from those replicas that it had not
// left out until then, however old what they show becomes. It is promised that
// it takes none of the others back, and not that it sees the change before it
// sees the primary.
//
// The error is [session.ErrPosition] if a failover has lost the position, and
// with it the change; [session.ErrUnavailable] if there was no primary in sight
// when others had to leave the replicas out, so that nobody knows whether they
// have: the change is committed, and whoever repeats the call may find that it
// is everywhere; or why ctx ended. The empty position is everywhere. It is safe
// for concurrent use.
func (e *Engine) AwaitReplicas(ctx context.Context, p session.Position) error {
	if p == "" || len(e.nodes) == 1 {
		return nil
	}
	after, err := decodePosition(p)
	if err != nil {
		return err
	}
	if err := e.gate.enter(); err != nil {
		return err
	}
	defer e.gate.leave()

	left := slices.Clone(e.nodes) // those that were not seen to have the position; who had it has it
	settled := func() bool {
		if primary := e.primary(); primary != nil {
			err = primary.knows(&after)
		}
		left = slices.DeleteFunc(left, func(n *node) bool { return n.has(after) })
		return err != nil || len(left) == 0
	}
	if e.hasten(ctx, e.options.ReplicaWait, settled) || e.follow(ctx, e.options.MaxLag+leaveOut-e.options.ReplicaWait, settled) {
		return err
	}
	primary := e.await(ctx, e.options.PrimaryWait, e.primary)
	if primary != nil {
		primary.lookAgain(ctx) // it may have been replaced while this process was stopped
		primary = e.primary()
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for %s to have the change: %w", left[0].name, context.Cause(ctx))
	case primary == nil:
		return fmt.Errorf("%w: without a primary nobody knows whether %s still answers%s", session.ErrUnavailable, left[0].name, e.whyNot())
	default:
		return primary.knows(&after)
	}
}

// leaveOut is how long it takes at most, beyond MaxLag, until every server that
// sees the primary has left out a replica that has not replayed a commit. It
// sees the commit's place within maxGap of it, or else begins its marks anew and
// leaves the replica out at once; and what it chooses by is as old as maxGap.
const leaveOut = 2 * maxGap

// has reports whether the node was seen to show what was committed at the
// position. A primary of the history that holds it does, as it was made there.
func (n *node) has(p position) bool {
	s := n.look()
	return s.healthy && s.history.holds(p) && (!s.recovering || s.at.lsn >= p.lsn)
}
