package blob

import (
	"context"
	"io"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// MaxSize is the most bytes of one object: what one S3 PUT takes.
const MaxSize = 5 << 30

// The faults of a store. They name the remedy and never a path; the cause, for
// the log, may.
var (
	ErrNotFound    = fault.New(fault.NotFound, "object_not_found", "There is no such photo or document.")
	ErrKey         = fault.New(fault.Invalid, "object_key_malformed", "A key is up to 200 bytes of lower-case letters, digits, - and _ in at most 8 parts joined by /, and ends in an extension: members/42/photos/7.jpg")
	ErrSize        = fault.New(fault.Invalid, "object_size_mismatch", "The content is not as long as was said; nothing was stored. Send it again, whole.")
	ErrOptions     = fault.New(fault.Invalid, "link_options_invalid", "A link lives 2 seconds to 112 hours, and its content type is such as image/jpeg.")
	ErrFull        = fault.New(fault.Unavailable, "storage_full", "The storage for photos and documents is full; nothing was stored. Free some space, raise the quota, or move the data to a larger disk.")
	ErrUnavailable = fault.New(fault.Unavailable, "storage_unavailable", "The storage for photos and documents does not answer. Try again in a moment.")
	ErrReadOnly    = fault.New(fault.Unavailable, "storage_read_only", "The storage for photos and documents cannot be used: let the account that runs Muster read and write it.")
)

// Store keeps objects by key. The content type of an object is a function of
// its key: see [TypeOf]. A method given a malformed key fails with [ErrKey];
// one whose context is done fails with the context's error; one that a server
// does not answer, within a bound, with [ErrUnavailable]. A store is safe for
// concurrent use.
type Store interface {
	// Put stores the size bytes that r holds, replacing what the key had. It
	// is all or nothing: when it fails, what was there before still is, and
	// when it returns nil the object is durable. A failure to confirm that
	// the object is durable may leave it in place, whole. Concurrent puts of
	// one key leave one of them, whole. ErrSize: r holds fewer or more bytes
	// than size, or size is not within 0 and MaxSize. ErrFull, ErrReadOnly:
	// the store cannot take it.
	Put(ctx context.Context, key string, size int64, r io.Reader) error

	// Open returns the object, which the caller closes. The context must last
	// while the object is read. ErrNotFound: there is none.
	Open(ctx context.Context, key string) (*Object, error)

	// Delete removes the object. That there is none is no failure.
	Delete(ctx context.Context, key string) error

	// Sign returns a URL with which anyone can fetch the object from now on,
	// for as long as [Lifetime] says. It is local computation: no I/O, and no
	// failure when there is no such object. ErrOptions: see
	// [SignOptions.Check].
	Sign(key string, o SignOptions, now time.Time) (string, error)
}

// Object is what a key holds, open for reading. It is for one goroutine.
type Object struct {
	io.ReadSeekCloser
	Size        int64
	ContentType string
	Modified    time.Time
}
