package idempotency

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/session"
)

// batch is how many answers one write session sweeps, so that it is short.
const batch = 500

// Sweep removes the answers whose time is over, in bounded steps, and gives
// their number.
func Sweep(ctx context.Context, db *session.DB, at time.Time) (int64, error) {
	var swept int64
	for {
		var n int64
		err := db.Write(ctx, func(w *session.Write) (err error) {
			n, err = w.Do(ctx, sweep(at, batch))
			return err
		})
		if err != nil {
			return swept, fmt.Errorf("sweeping idempotency keys: %w", err)
		}
		if swept += n; n < batch {
			return swept, nil
		}
	}
}
