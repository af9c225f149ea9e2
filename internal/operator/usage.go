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

// Usage collects when tokens were used, until Flush writes it to the database,
// apart from the requests. It has at most one entry per token. The zero value is
// ready; it is safe for concurrent use.
type Usage struct {
	mu   sync.Mutex
	last map[ids.Row]time.Time
}

// Add notes that a token was used. It never waits for the database.
func (u *Usage) Add(token ids.Row, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = make(map[ids.Row]time.Time)
	}
	if at.After(u.last[token]) {
		u.last[token] = at
	}
}

// Flush writes what was added since the last flush. After an error it is kept
// for the next one.
func (u *Usage) Flush(ctx context.Context, db *session.DB) error {
	uses := u.take()
	if len(uses) == 0 {
		return nil
	}
	err := db.Write(ctx, func(w *session.Write) error {
		for _, id := range slices.SortedFunc(maps.Keys(uses), compare) { // one order: two servers cannot deadlock
			w.Add(setLastUsed(id, uses[id].UTC().Truncate(time.Microsecond)))
		}
		return nil
	})
	if err != nil {
		for id, at := range uses {
			u.Add(id, at)
		}
		return fmt.Errorf("writing the last use of %d tokens: %w", len(uses), err)
	}
	return nil
}

func (u *Usage) take() map[ids.Row]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	uses := u.last
	u.last = nil
	return uses
}

func compare(a, b ids.Row) int { return slices.Compare(a[:], b[:]) }
