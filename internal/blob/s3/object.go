package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"

	"github.com/musterhq/muster/internal/blob"
)

var (
	errNoSize = errors.New("the store does not report the size of the object")
	errSeek   = errors.New("invalid offset in an object")
)

// Open implements blob.Store. Reads return the object as it was when it was opened,
// or an error: after the object was replaced, Seek no longer works. Read and Seek
// may return blob.ErrUnavailable, too.
func (s *Store) Open(ctx context.Context, key string) (*blob.Object, error) {
	if err := blob.CheckCall(ctx, key); err != nil {
		return nil, err
	}
	o := &object{store: s, ctx: ctx, key: key}
	info, err := o.fetch()
	if err != nil {
		return nil, fmt.Errorf("opening an object: %w", err)
	}
	o.size, o.etag = info.Size, info.ETag
	return &blob.Object{ReadSeekCloser: o, Size: info.Size, ContentType: blob.TypeOf(key), Modified: info.LastModified}, nil
}

// An object reads from one response, and from another one after a Seek.
type object struct {
	store *Store
	ctx   context.Context //nolint:containedctx // of Open, which lasts while the object is read
	key   string
	etag  string
	size  int64
	at    int64

	body   io.ReadCloser // nil if the next Read must fetch one
	watch  *watch
	closed bool
}

// fetch requests the object from the current offset on.
func (o *object) fetch() (minio.ObjectInfo, error) {
	var options minio.GetObjectOptions
	if o.at > 0 {
		if err := options.SetRange(o.at, 0); err != nil {
			return minio.ObjectInfo{}, err
		}
	}
	if o.etag != "" {
		if err := options.SetMatchETag(o.etag); err != nil {
			return minio.ObjectInfo{}, err
		}
	}
	ctx, w := o.store.watch(o.ctx)
	body, info, _, err := o.store.client.GetObject(ctx, o.store.config.Bucket, o.key, options)
	w.pause()
	if err == nil && info.Size < 0 {
		err = errors.Join(errNoSize, body.Close())
	}
	if err != nil {
		w.end()
		return minio.ObjectInfo{}, explain(o.ctx, err)
	}
	o.body, o.watch = body, w
	return info, nil
}

func (o *object) Read(p []byte) (int, error) {
	if o.closed {
		return 0, fs.ErrClosed
	}
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.body == nil {
		if _, err := o.fetch(); err != nil {
			return 0, fmt.Errorf("reading an object: %w", err)
		}
	}
	o.watch.resume()
	n, err := o.body.Read(p)
	o.watch.pause()
	o.at += int64(n)
	if err == nil || errors.Is(err, io.EOF) && o.at == o.size {
		return n, err
	}
	o.drop()
	return n, fmt.Errorf("reading an object: %w", explain(o.ctx, err))
}

// Seek makes the next Read send a new request, unless the offset stays the same.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	if o.closed {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errSeek
	}
	if offset != o.at {
		o.drop()
		o.at = offset
	}
	return o.at, nil
}

// drop discards the response.
func (o *object) drop() {
	if o.body == nil {
		return
	}
	o.watch.end() // before the body, so as not to wait for its rest
	_ = o.body.Close()
	o.body = nil
}

func (o *object) Close() error {
	o.drop()
	o.closed = true
	return nil
}
