package rest

import (
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

	mu             sync.Mutex
	oldest, newest *deadline
	timer          *time.Timer // runs while a deadline is pending
	armed          bool
}

// deadline is an entry of the list, which is in order of start.
type deadline struct {
	at           time.Time
	cancel       context.CancelCauseFunc
	older, newer *deadline
}

func newDeadlines(limit time.Duration) *deadlines {
	d := &deadlines{limit: limit}
	d.timer = time.AfterFunc(limit, d.expire)
	d.timer.Stop()
	return d
}

// start returns a context that is cancelled when the limit is over, with
// [context.DeadlineExceeded] as its cause. The caller calls end to release it.
func (d *deadlines) start(ctx context.Context, now time.Time) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	one := &deadline{at: now.Add(d.limit), cancel: cancel}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newest == nil {
		d.oldest = one
	} else {
		one.older, d.newest.newer = d.newest, one
	}
	d.newest = one
	d.arm(now)
	return ctx, func() { d.end(one) }
}

func (d *deadlines) end(one *deadline) {
	one.cancel(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(one)
}

// remove removes one from the list, if it is still listed.
func (d *deadlines) remove(one *deadline) {
	if d.oldest != one && one.older == nil {
		return
	}
	if one.older == nil {
		d.oldest = one.newer
	} else {
		one.older.newer = one.newer
	}
	if one.newer == nil {
		d.newest = one.older
	} else {
		one.newer.older = one.older
	}
	one.older, one.newer = nil, nil
}

// arm starts the timer for the oldest, unless it runs already: then it fires for
// an older one and is armed again.
func (d *deadlines) arm(now time.Time) {
	if !d.armed && d.oldest != nil {
		d.armed = true
		d.timer.Reset(d.oldest.at.Sub(now))
	}
}

func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for d.oldest != nil && !now.Before(d.oldest.at) {
		d.oldest.cancel(context.DeadlineExceeded)
		d.remove(d.oldest)
	}
	d.armed = false
	d.arm(now)
}
