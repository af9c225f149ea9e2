package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shared is a buffer that a log writes to and a test reads.
type shared struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *shared) read() (lines, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), "\n"), s.writes
}

func TestLogIsWrittenInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out shared
		log, done := newBufferedLog(&out, &slog.HandlerOptions{})
		want := func(when string, lines, writes int) {
			t.Helper()
			if l, w := out.read(); l != lines || w != writes {
				t.Errorf("%s: got %d lines in %d writes, want %d in %d", when, l, w, lines, writes)
			}
		}
		log.Info("one")
		log.With("a", 1).WithGroup("g").Info("two", "b", 2)
		want("at once", 0, 0)
		<-time.After(2 * flushEvery) // of the bubble's clock
		synctest.Wait()
		want("after the time", 2, 1)
		log.Info("three")
		log.With("a", 1).Warn("four")
		want("a warning", 4, 2)
		log.Info("five")
		done()
		want("at the end", 5, 3)
	})
}
