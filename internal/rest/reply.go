package rest

import (
	"net/http"
	"sync"

	"github.com/musterhq/muster/internal/field"
)

// Tagged is a result with an entity tag. For a read it honours If-None-Match.
type Tagged[T any] struct {
	Value T
	ETag  string
}

// Created is the result of an operation that created a resource.
type Created[T any] struct {
	Value    T
	Location string // may be empty
}

// Replicated is the result of a change that may have taken rights away. If it has,
// the response waits until no replica answers from before it.
type Replicated[T any] struct {
	Value  T
	Narrow bool // somebody may do less than before
}

// reply is what the response says beside its body.
type reply struct {
	status   int
	tagged   bool
	etag     string
	location string
	await    bool // until the replicas know of it
}

// result is a result with more than a body; it notes that, and returns a pointer
// to the body.
type result interface{ unwrap(*reply) any }

func (t *Tagged[T]) unwrap(r *reply) any {
	r.tagged, r.etag = true, t.ETag
	return &t.Value
}

func (c *Created[T]) unwrap(r *reply) any {
	r.status, r.location = http.StatusCreated, c.Location
	return &c.Value
}

func (c *Replicated[T]) unwrap(r *reply) any {
	r.await = c.Narrow
	return &c.Value
}

// unwrap splits out, a pointer to a result, into the body and what goes beside it.
func unwrap(out any) (r reply, body any) {
	r.status = http.StatusOK
	for {
		w, ok := out.(result)
		if !ok {
			return r, out
		}
		out = w.unwrap(&r)
	}
}

// Appender is a body that writes its own JSON.
type Appender interface {
	AppendJSON(b []byte) ([]byte, error)
}

// appendJSON appends body, a pointer to a struct.
func appendJSON(b []byte, body any) ([]byte, error) {
	if a, ok := body.(Appender); ok {
		return a.AppendJSON(b)
	}
	return field.AppendJSON(b, body)
}

// buffers are for bodies that are sent at once.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 4096)) }}

// maxBuffer is the largest buffer that is kept for another body.
const maxBuffer = 64 << 10

// release returns a buffer to the pool, of which text is the content.
func release(buffer *[]byte, text []byte) {
	if text != nil && cap(text) <= maxBuffer {
		*buffer = text[:0]
	}
	buffers.Put(buffer)
}

// reply sends a response with a body.
func (x *Exchange) reply(r reply, body []byte) {
	h := x.Header()
	if r.etag != "" {
		h["Etag"] = x.line(r.etag)
	}
	if r.location != "" {
		h["Location"] = x.line(r.location)
	}
	x.send(r.status, typeJSON, body)
}
