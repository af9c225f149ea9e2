package httpapi

import (
	"context"
	"sync"
	"time"
)

// deadlines ends what takes longer than it may. All have the same time, so that
// the first to begin is the first to end, and one timer serves them all: one for
// each request would wake an idle processor for every request. It is safe for
// concurrent use.
type deadlines struct {
	life time.Duration

	mu             sync.Mutex
	oldest, newest *deadline
	timer          *time.Timer // runs while there is one, and until its time is over
	armed          bool
}

// deadline is one of a list, in the order of their beginning.
type deadline struct {
	at           time.Time
	cancel       context.CancelCauseFunc
	older, newer *deadline
}

func newDeadlines(life time.Duration) *deadlines {
	d := &deadlines{life: life}
	d.timer = time.AfterFunc(life, d.ring)
	d.timer.Stop()
	return d
}

// begin gives a context that ends, with [context.DeadlineExceeded] as its cause,
// when its time is over. End frees it.
func (d *deadlines) begin(ctx context.Context, now time.Time) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	one := &deadline{at: now.Add(d.life), cancel: cancel}
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

// remove takes one out of the list, if it is still there.
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

// arm starts the timer for the oldest, unless it runs already: it then rings
// for one that is older, and starts again.
func (d *deadlines) arm(now time.Time) {
	if !d.armed && d.oldest != nil {
		d.armed = true
		d.timer.Reset(d.oldest.at.Sub(now))
	}
}

func (d *deadlines) ring() {
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
