package sqlite

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/session"
)

// bound ends transactions, of which one runs at a time, that take too long. Its
// timer restarts only when it has fired: a timer for each transaction would wake
// an idle processor each time.
type bound struct {
	life time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	armed  bool
	over   time.Time               // deadline of the one that runs
	cancel context.CancelCauseFunc // of the one that runs, or nil
}

func newBound(life time.Duration) *bound {
	b := &bound{life: life}
	b.timer = time.AfterFunc(life, b.ring)
	b.timer.Stop()
	return b
}

// begin has cancel called with [session.ErrExpired] after the time, unless end is
// called before.
func (b *bound) begin(cancel context.CancelCauseFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel, b.over = cancel, time.Now().Add(b.life)
	b.arm(b.life)
}

func (b *bound) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel = nil
}

func (b *bound) arm(d time.Duration) {
	if !b.armed {
		b.armed = true
		b.timer.Reset(d)
	}
}

func (b *bound) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	if b.cancel == nil {
		return
	}
	if left := time.Until(b.over); left > 0 {
		b.arm(left)
		return
	}
	b.cancel(session.ErrExpired)
}
