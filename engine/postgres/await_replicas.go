package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/session"
)

// AwaitReplicas returns when no replica answers a read from before the position
// any more, here or on another server that shares the cluster. A caller who has
// taken rights away waits with it, with the position of the commit: a read that
// starts after AwaitReplicas has returned nil sees the change, whatever position
// the read carries itself.
//
// It returns at once if there are no replicas, and within milliseconds if probes
// find that each has replayed the position. A replica that is slow, or that does
// not answer (others may reach it), costs the time until every server must have
// left it out: [Options.MaxLag] and three seconds. A dead replica costs that much
// each time, as long as it is one of the engine's.
//
// The servers that share the cluster have to name the same nodes and the same
// MaxLag. A server that reaches the primary keeps the promise, even if it has
// just been started, was stopped for a while, or changes to another primary. One
// that does not reach the primary goes on reading from the replicas that it had
// not left out until then, however old what they show becomes. It takes none of
// the others back, but may not see the change before it reaches the primary.
//
// The error is [session.ErrPosition] if a failover has lost the position, and
// with it the change; [session.ErrUnavailable] if no primary answered when
// others had to leave the replicas out, so that nobody knows whether they have:
// the change is committed, and a caller who repeats the call may get nil; or why
// ctx ended. No replica is before the empty position. AwaitReplicas is safe for
// concurrent use.
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

	left := slices.Clone(e.nodes) // those that have never had the position
	done := func() bool {
		if primary := e.primary(); primary != nil {
			err = primary.health().check(&after)
		}
		left = slices.DeleteFunc(left, func(n *node) bool { return n.health().has(after) })
		return err != nil || len(left) == 0
	}
	if e.awaitHastily(ctx, e.options.ReplicaWait, done) || e.await(ctx, e.options.MaxLag+leaveOut-e.options.ReplicaWait, done) {
		return err
	}
	primary := e.awaitNode(ctx, e.options.PrimaryWait, e.primary)
	if primary != nil {
		primary.awaitProbe(ctx) // it may have been replaced while this process was stopped
		primary = e.primary()
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for %s to have the change: %w", left[0].name, context.Cause(ctx))
	case primary == nil:
		return fmt.Errorf("%w: without a primary nobody knows whether %s still answers%s", session.ErrUnavailable, left[0].name, e.problem())
	default:
		return primary.health().check(&after)
	}
}

// leaveOut is how long it takes at most, beyond MaxLag, until every server that
// reaches the primary has left out a replica that has not replayed a commit. The
// server learns the commit's place within maxGap of it, or else starts its marks
// anew and leaves the replica out at once; and the health that it chooses by is
// at most maxGap old.
const leaveOut = 2 * maxGap
