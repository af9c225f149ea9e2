package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"
)

var (
	errNoSize = errors.New("the store does not say how long the object is")
	errSeek   = errors.New("there is no such place in an object")
)

// An object is read from one answer, and from another when it was sought in.
type object struct {
	store *Store
	ctx   context.Context //nolint:containedctx // of Open, which lasts while the object is read
	key   string
	etag  string
	size  int64
	at    int64

	body   io.ReadCloser // nil when the next read asks for one
	watch  *watch
	closed bool
}

// fetch asks for the object from where it is read on.
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

// Seek makes the next read ask the store again, unless it stays where it is.
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

// drop gives the answer up.
func (o *object) drop() {
	if o.body == nil {
		return
	}
	o.watch.end() // before the body, whose rest is not waited for
	_ = o.body.Close()
	o.body = nil
}

func (o *object) Close() error {
	o.drop()
	o.closed = true
	return nil
}
