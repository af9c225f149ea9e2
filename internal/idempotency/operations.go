package idempotency

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/session"
)

// batch bounds the responses that one write session deletes, to keep it short.
const batch = 500

// Sweep deletes expired responses in bounded steps, and returns their number.
func Sweep(ctx context.Context, db *session.DB, at time.Time) (int64, error) {
	var swept int64
	for {
		var n int64
		err := db.Write(ctx, func(w *session.Write) (err error) {
			n, err = w.Do(ctx, sweep(at, batch))
			return err
		})
		if err != nil {
			return swept, fmt.Errorf("deleting expired idempotency keys: %w", err)
		}
		if swept += n; n < batch {
			return swept, nil
		}
	}
}
