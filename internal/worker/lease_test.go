package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

// clock is a time that a test sets; several goroutines may read it.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := new(clock)
	c.at.Store(new(time.Date(2026, 3, 17, 4, 5, 6, 0, time.UTC)))
	return c
}

func (c *clock) now() time.Time          { return *c.at.Load() }
func (c *clock) advance(d time.Duration) { c.at.Store(new(c.now().Add(d))) }

func (l *Lease) mustTake(t *testing.T, want bool) {
	t.Helper()
	if err := l.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.Held() != want {
		t.Fatalf("holds the lease: %t, want %t", l.Held(), want)
	}
}

func TestLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	db, c := testkit.Open(t), newClock()
	one, two := NewLease(db, c.now), NewLease(db, c.now)
	one.mustTake(t, true)
	two.mustTake(t, false)

	c.advance(leaseLife - time.Microsecond)
	one.mustTake(t, true) // extends it
	c.advance(leaseLife - time.Microsecond)
	two.mustTake(t, false)

	one.release(t.Context(), silent)
	if one.Held() {
		t.Error("the one that released the lease believes that it holds it")
	}
	two.mustTake(t, true)
	one.release(t.Context(), silent) // holds nothing, and takes nothing away
	one.mustTake(t, false)
}

func TestLeaseOfADeadHolderExpires(t *testing.T) {
	t.Parallel()
	db, c := testkit.Open(t), newClock()
	dead, other := NewLease(db, c.now), NewLease(db, c.now)
	dead.mustTake(t, true)
	c.advance(leaseLife - time.Microsecond)
	other.mustTake(t, false)
	c.advance(time.Microsecond)
	if dead.Held() {
		t.Error("holds a lease that has expired")
	}
	other.mustTake(t, true)
	dead.mustTake(t, false)
	dead.release(t.Context(), silent)
	other.mustTake(t, true)
}

// A holder whose clock is behind extends its lease all the same, and another
// cannot take it before it expires by the other's clock.
func TestLeaseWithClocksThatDiffer(t *testing.T) {
	t.Parallel()
	db, behind, ahead := testkit.Open(t), newClock(), newClock()
	ahead.advance(leaseLife / 2)
	one, two := NewLease(db, behind.now), NewLease(db, ahead.now)
	one.mustTake(t, true)
	two.mustTake(t, false)
	ahead.advance(leaseLife / 2) // by which one must have extended it
	two.mustTake(t, true)
	if !one.Held() {
		t.Error("the clock that is behind shows that the lease expired; the test shows nothing")
	}
	one.mustTake(t, false) // and then learns of it
}

func TestLeaseSurvivesAFailure(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLease(testkit.Open(t), c.now)
	l.mustTake(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.take(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	if !l.Held() {
		t.Error("the lease is lost although it has not expired")
	}
	c.advance(leaseLife)
	if l.Held() {
		t.Error("the lease is held although it has expired")
	}
}

// runner is a server of a test with one task for the leader.
type runner struct {
	lease   *Lease
	turns   chan struct{} // one for each turn of the task
	follows chan struct{} // one for each turn of the task as a follower
	stop    func()        // returns when Run has
}

func startRunner(t *testing.T, db *session.DB, c *clock) *runner {
	t.Helper()
	r := &runner{lease: NewLease(db, c.now), turns: make(chan struct{}), follows: make(chan struct{})}
	signal := func(turns chan struct{}) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
			}
			return nil
		}
	}
	r.lease.every = time.Millisecond
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		(&Runner{Log: silent, Lease: r.lease, Tasks: []Task{
			{Name: "leader's", Every: time.Millisecond, Within: time.Minute, Leader: true, Run: signal(r.turns), Follow: signal(r.follows)},
		}}).Run(ctx)
	})
	r.stop = func() { cancel(); running.Wait() }
	t.Cleanup(r.stop)
	return r
}

// next waits for a turn, which only the server that leads has.
func (r *runner) next(t *testing.T, other *runner) {
	t.Helper()
	select {
	case <-r.turns:
	case <-other.turns:
		t.Fatal("the server that does not lead ran the leader's task")
	case <-time.After(time.Minute):
		t.Fatal("no turn in a minute")
	}
}

// lead waits until the server leads: it follows until it tries to again.
func (r *runner) lead(t *testing.T) {
	t.Helper()
	for {
		select {
		case <-r.turns:
			return
		case <-r.follows:
		case <-time.After(time.Minute):
			t.Fatal("the server does not lead after a minute")
		}
	}
}

func TestOneOfTwoServersLeads(t *testing.T) {
	t.Parallel()
	db, c := testkit.Open(t), newClock()
	one := startRunner(t, db, c)
	one.lead(t)
	two := startRunner(t, db, c)
	for range 50 {
		<-two.follows
		one.next(t, two)
	}
	one.stop() // and releases the lease: no time passes
	two.lead(t)
}

func TestServerTakesOverFromADeadLeader(t *testing.T) {
	t.Parallel()
	db, c := testkit.Open(t), newClock()
	dead := NewLease(db, c.now)
	dead.mustTake(t, true)
	heir := startRunner(t, db, c)
	for range 50 {
		select {
		case <-heir.turns:
			t.Fatal("a server leads while another holds the lease")
		case <-heir.follows:
		}
	}
	c.advance(leaseLife)
	heir.lead(t)
	if dead.Held() {
		t.Error("two servers hold the lease")
	}
}
