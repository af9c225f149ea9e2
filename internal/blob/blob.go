package blob

import (
	"context"
	"io"
	"time"
)

// Store stores objects by key. The content type of an object follows from its key:
// see [TypeOf]. A method returns [ErrKey] for a malformed key, the context's error
// if the context is done, and [ErrUnavailable] if a server does not respond in
// time. A store is safe for concurrent use.
type Store interface {
	// Put stores the size bytes of r, replacing the object of the key. After nil
	// the new object is durable; after an error the previous one remains or, if
	// Put cannot tell, the new one, complete. Concurrent puts of one key leave one
	// of them, complete. ErrSize: r has another size, or size is not from 0 to
	// MaxSize. ErrFull, ErrReadOnly: the store cannot take it.
	Put(ctx context.Context, key string, size int64, r io.Reader) error

	// Open returns the object, which the caller must close. The context must last
	// until then. ErrNotFound: there is none.
	Open(ctx context.Context, key string) (*Object, error)

	// Delete removes the object, if there is one.
	Delete(ctx context.Context, key string) error

	// Sign returns a URL with which anyone can fetch the object for the [Lifetime].
	// It does no I/O, and does not check that there is such an object. ErrOptions:
	// see [SignOptions.Check].
	Sign(key string, o SignOptions, now time.Time) (string, error)
}

// Object is an object open for reading. It is not safe for concurrent use.
type Object struct {
	io.ReadSeekCloser
	Size        int64
	ContentType string
	Modified    time.Time
}
