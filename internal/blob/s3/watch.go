package s3

import (
	"context"
	"time"
)

// A watch cancels a request if the store keeps it waiting for too long. It pauses
// while the store waits for us.
type watch struct {
	timer *time.Timer
	limit time.Duration
	stop  context.CancelFunc
}

// watch returns a context for requests and its watch, which is running and must be
// ended.
func (s *Store) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, &watch{timer: time.AfterFunc(s.config.Timeout, cancel), limit: s.config.Timeout, stop: cancel}
}

func (w *watch) pause() { w.timer.Stop() }

func (w *watch) resume() { w.timer.Reset(w.limit) }

func (w *watch) end() {
	w.timer.Stop()
	w.stop()
}
