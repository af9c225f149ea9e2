package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// gatherFor is how long lines of the log may wait for each other.
const gatherFor = 100 * time.Millisecond

// gathered is a log whose lines are written several at a time, so that a request
// does not pay for a system call of its own. A warning and what is before it are
// written at once. Done writes what is left; nothing is logged after it.
func gathered(w io.Writer, o *slog.HandlerOptions) (log *slog.Logger, done func()) {
	l := &lines{w: bufio.NewWriterSize(w, 1<<16)}
	l.timer = time.AfterFunc(gatherFor, l.flush)
	return slog.New(&gathering{slog.NewJSONHandler(l, o), l}), func() {
		l.timer.Stop()
		l.flush()
	}
}

// gathering passes records on, and has the important ones written at once.
type gathering struct {
	slog.Handler
	lines *lines
}

// Handle implements [slog.Handler].
func (g *gathering) Handle(ctx context.Context, r slog.Record) error {
	err := g.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		g.lines.flush()
	}
	return err
}

// WithAttrs implements [slog.Handler].
func (g *gathering) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &gathering{g.Handler.WithAttrs(attrs), g.lines}
}

// WithGroup implements [slog.Handler].
func (g *gathering) WithGroup(name string) slog.Handler {
	return &gathering{g.Handler.WithGroup(name), g.lines}
}

// lines is a buffer that is written when its first line has waited long enough.
// It is safe for concurrent use.
type lines struct {
	mu      sync.Mutex
	w       *bufio.Writer
	timer   *time.Timer
	waiting bool
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waiting {
		l.waiting = true
		l.timer.Reset(gatherFor)
	}
	return l.w.Write(p)
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = false
	_ = l.w.Flush() // there is nowhere to tell it
}
