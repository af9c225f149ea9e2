package s3

import (
	"errors"
	"io"
	"sync"

	"github.com/musterhq/muster/internal/blob"
)

var errClosed = errors.New("the object is closed")

// A source is the body of a Put: exactly the declared size, or an error. The HTTP
// client may keep reading it after the request has ended; close stops that, so that
// the reader belongs to the caller again.
type source struct {
	mu      sync.Mutex
	content io.Reader
	watch   *watch
	failure error // of the reader, not of the store
	closed  bool
}

// A body is a source, which can seek if its reader can.
type body interface {
	io.Reader
	close() error
}

func newSource(r io.Reader, size int64, w *watch) body {
	s := &source{content: blob.Exactly(r, size), watch: w}
	if seeker, ok := r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return &rewindable{source: s, r: r, seeker: seeker, start: start, size: size}
		}
	}
	return s
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	s.watch.pause()
	n, err := s.content.Read(p)
	s.watch.resume()
	if err != nil && !errors.Is(err, io.EOF) {
		s.failure = err
	}
	return n, err
}

// close waits for a Read in progress, and returns the error of the reader.
func (s *source) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.failure
}

// rewindable is a source that can be sent again.
type rewindable struct {
	*source
	r      io.Reader
	seeker io.Seeker
	start  int64
	size   int64
}

// Seek returns to the start; it supports nothing else. An error of the reader stays:
// it would fail again.
func (s *rewindable) Seek(offset int64, whence int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return 0, s.failure
	}
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.ErrUnsupported
	}
	if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
		s.failure = err
		return 0, err
	}
	s.content = blob.Exactly(s.r, s.size)
	return 0, nil
}
