package s3

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

func newTestWatch(t *testing.T) *watch {
	t.Helper()
	s := &Store{config: Config{Timeout: time.Hour}}
	_, w := s.watch(t.Context())
	t.Cleanup(w.end)
	return w
}

// The HTTP client reads a body in a goroutine of its own, which may be late.
func TestSourceIsNotReadOnceClosed(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("photo")
	s := newSource(r, 5, newTestWatch(t))
	if _, err := s.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if n, err := s.Read(make([]byte, 2)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %d bytes and %v, want it refused", n, err)
	}
	if r.Len() != 3 {
		t.Errorf("%d bytes are left, want 3", r.Len())
	}
}

// A source that fails by itself is not sent again: it would fail again.
func TestSourceThatFailedIsNotRewound(t *testing.T) {
	t.Parallel()
	s := newSource(strings.NewReader("photo"), 4, newTestWatch(t))
	if _, err := io.ReadAll(s); !errors.Is(err, blob.ErrSize) {
		t.Fatalf("got %v, want %v", err, blob.ErrSize)
	}
	if _, err := s.(io.Seeker).Seek(0, io.SeekStart); !errors.Is(err, blob.ErrSize) {
		t.Errorf("rewinding: got %v, want %v", err, blob.ErrSize)
	}
}

// What says that it can be sought in may not be, such as a pipe.
func TestSourceThatCannotSeek(t *testing.T) {
	t.Parallel()
	s := newSource(pipe{strings.NewReader("photo")}, 5, newTestWatch(t))
	if _, ok := s.(io.Seeker); ok {
		t.Error("the source claims that it can be sent again")
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "photo" {
		t.Errorf("got %q (%v), want %q", got, err, "photo")
	}
}

type pipe struct{ io.Reader }

func (pipe) Seek(int64, int) (int64, error) { return 0, errors.ErrUnsupported }

func TestWatch(t *testing.T) {
	t.Parallel()
	s := &Store{config: Config{Timeout: time.Millisecond}}
	ctx, w := s.watch(t.Context())
	defer w.end()
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
