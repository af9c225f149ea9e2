package blob

import (
	"errors"
	"io"
)

// Exactly returns a reader of r that fails with [ErrSize] unless r has exactly size
// bytes. It returns the last of them only at the end of r, so that a store that
// has read size bytes has read everything.
func Exactly(r io.Reader, size int64) io.Reader {
	return &exactly{r: r, left: size}
}

type exactly struct {
	r    io.Reader
	left int64
	err  error // at the end; nil before
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.err != nil || len(p) == 0 {
		return 0, e.err
	}
	var n int
	if e.left > 0 {
		n, e.err = e.r.Read(p[:min(int64(len(p)), e.left)])
		e.left -= int64(n)
	}
	switch {
	case e.left > 0 && errors.Is(e.err, io.EOF):
		e.err = ErrSize
	case e.left == 0 && e.err == nil:
		var next [1]byte
		if _, e.err = io.ReadFull(e.r, next[:]); e.err == nil {
			e.err = ErrSize
		}
	}
	if e.left == 0 && !errors.Is(e.err, io.EOF) {
		n = 0
	}
	return n, e.err
}
