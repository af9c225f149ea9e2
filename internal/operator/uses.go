package operator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/session"
)

// Uses remembers when tokens were used until that is written down, apart from
// the requests and at most once in a while. There are no more entries than
// tokens. The zero value is ready; it is safe for concurrent use.
type Uses struct {
	mu   sync.Mutex
	last map[ids.Row]time.Time
}

// Note remembers a use. It never waits for the database.
func (u *Uses) Note(id ids.Row, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = make(map[ids.Row]time.Time)
	}
	if at.After(u.last[id]) {
		u.last[id] = at
	}
}

// Flush writes down what was noted since the last time. What could not be
// written is kept for the next.
func (u *Uses) Flush(ctx context.Context, db *session.DB) error {
	noted := u.take()
	if len(noted) == 0 {
		return nil
	}
	err := db.Write(ctx, func(w *session.Write) error {
		for _, id := range slices.SortedFunc(maps.Keys(noted), compare) {
			w.Add(used(id, noted[id].UTC().Truncate(time.Microsecond)))
		}
		return nil
	})
	if err != nil {
		for id, at := range noted {
			u.Note(id, at)
		}
		return fmt.Errorf("noting the use of %d tokens: %w", len(noted), err)
	}
	return nil
}

func (u *Uses) take() map[ids.Row]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	noted := u.last
	u.last = nil
	return noted
}

// compare orders the changes, so that two servers take rows in one order.
func compare(a, b ids.Row) int { return slices.Compare(a[:], b[:]) }
