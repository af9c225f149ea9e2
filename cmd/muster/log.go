package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// flushEvery is how long a line of the log may stay in the buffer.
const flushEvery = 100 * time.Millisecond

// newBufferedLog returns a log that writes several lines at a time, so that a
// request does not pay for a system call of its own. A warning is written at
// once, with all that is before it. Done writes what is left; nothing may be
// logged after it.
func newBufferedLog(w io.Writer, o *slog.HandlerOptions) (log *slog.Logger, done func()) {
	b := &buffer{w: bufio.NewWriterSize(w, 1<<16)}
	b.timer = time.AfterFunc(flushEvery, b.flush)
	return slog.New(&bufferedHandler{slog.NewJSONHandler(b, o), b}), func() {
		b.timer.Stop()
		b.flush()
	}
}

// bufferedHandler passes records on, and flushes the buffer after important ones.
type bufferedHandler struct {
	slog.Handler
	buffer *buffer
}

func (h *bufferedHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.buffer.flush()
	}
	return err
}

func (h *bufferedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &bufferedHandler{h.Handler.WithAttrs(attrs), h.buffer}
}

func (h *bufferedHandler) WithGroup(name string) slog.Handler {
	return &bufferedHandler{h.Handler.WithGroup(name), h.buffer}
}

// buffer holds lines until the first of them has waited long enough. It is safe
// for concurrent use.
type buffer struct {
	mu      sync.Mutex
	w       *bufio.Writer
	timer   *time.Timer
	waiting bool
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.waiting {
		b.waiting = true
		b.timer.Reset(flushEvery)
	}
	return b.w.Write(p)
}

func (b *buffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	_ = b.w.Flush() // there is nowhere to report an error
}
