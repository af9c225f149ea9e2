package blob

import (
	"errors"
	"io"
)

// Exactly returns a reader of r that fails with [ErrSize] unless r holds size
// bytes, neither fewer nor more. The last of them are handed out only when r
// has ended, so a store that was given size bytes was given the whole.
func Exactly(r io.Reader, size int64) io.Reader {
	return &exactly{r: r, left: size}
}

type exactly struct {
	r    io.Reader
	left int64
	err  error // how it ended; nil while it has not
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
		e.err = e.end()
	}
	if e.left == 0 && !errors.Is(e.err, io.EOF) {
		n = 0
	}
	return n, e.err
}

// end is io.EOF when nothing follows.
func (e *exactly) end() error {
	var one [1]byte
	n, err := io.ReadFull(e.r, one[:])
	if n > 0 {
		return ErrSize
	}
	return err
}
