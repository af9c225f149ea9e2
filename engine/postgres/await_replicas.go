package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/session"
)

// AwaitReplicas returns nil when every read that starts from now on, here or on
// another server that shares the cluster, sees what was committed at the position,
// whatever position the read carries. A caller who has taken rights away waits so.
//
// It returns at once without replicas, and within milliseconds if probes find that
// each has replayed the position. A replica that is slow or does not answer (others
// may reach it) costs the time until every server must have left it out:
// [Options.MaxLag] and three seconds.
//
// The servers must name the same nodes and the same MaxLag. One that reaches the
// primary keeps the promise, even if it has just started, was stopped, or changes
// to another primary. One that does not keeps reading from the replicas that it had
// not left out, and may not see the change before it reaches the primary.
//
// The error is [session.ErrPosition] if a failover has lost the change;
// [session.ErrUnavailable] if no primary answered, so that nobody knows whether
// others still read from before it: a caller may repeat the call; or why ctx ended.
// AwaitReplicas is safe for concurrent use.
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

// leaveOut is how long it takes, beyond MaxLag, until every server that reaches the
// primary has left out a replica without the commit: each learns the commit's place
// within maxGap, or starts its marks anew, and chooses by a health of at most maxGap.
const leaveOut = 2 * maxGap
