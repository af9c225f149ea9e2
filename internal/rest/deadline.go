package rest

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// deadlines cancels requests that take too long. All have the same limit, so the
// first to start is the first to expire, and one timer serves them all: a timer
// per request would wake an idle processor for each one. It is safe for
// concurrent use.
type deadlines struct {
	limit time.Duration

	mu      sync.Mutex
	pending list.List   // of *deadline, in order of start
	timer   *time.Timer // runs while a deadline is pending
	armed   bool
}

type deadline struct {
	at     time.Time
	cancel context.CancelCauseFunc
}

func newDeadlines(limit time.Duration) *deadlines {
	d := &deadlines{limit: limit}
	d.timer = time.AfterFunc(limit, d.expire)
	d.timer.Stop()
	return d
}

// start returns a context that is cancelled when the limit is over, with
// [context.DeadlineExceeded] as its cause. The caller passes pending to end.
func (d *deadlines) start(ctx context.Context, now time.Time) (_ context.Context, pending *list.Element) {
	ctx, cancel := context.WithCancelCause(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	pending = d.pending.PushBack(&deadline{now.Add(d.limit), cancel})
	d.arm(now)
	return ctx, pending
}

func (d *deadlines) end(pending *list.Element) {
	pending.Value.(*deadline).cancel(nil) //nolint:forcetypeassert // the list holds nothing else
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending.Remove(pending) // unless it has expired
}

// arm starts the timer for the oldest, unless it runs already: then it fires for
// an older one and is armed again.
func (d *deadlines) arm(now time.Time) {
	if oldest := d.oldest(); !d.armed && oldest != nil {
		d.armed = true
		d.timer.Reset(oldest.at.Sub(now))
	}
}

func (d *deadlines) oldest() *deadline {
	if front := d.pending.Front(); front != nil {
		return front.Value.(*deadline) //nolint:forcetypeassert // the list holds nothing else
	}
	return nil
}

func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for one := d.oldest(); one != nil && !now.Before(one.at); one = d.oldest() {
		one.cancel(context.DeadlineExceeded)
		d.pending.Remove(d.pending.Front())
	}
	d.armed = false
	d.arm(now)
}
