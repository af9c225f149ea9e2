package idempotency

import (
	"bytes"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// TTL is how long a response is kept.
const TTL = 24 * time.Hour

// ErrReused is the fault for a key that belongs to a different request.
var ErrReused = fault.New(fault.Invalid, "idempotency_key_reused", "This Idempotency-Key was used for a different request. Use a new key for a new request; repeat a request byte for byte.")

// ErrAnswered is the fault for a key whose request was answered at the same time:
// [Find] now returns that response.
var ErrAnswered = fault.New(fault.Conflict, "idempotency_key_in_use", "A request with this Idempotency-Key is in progress. Send it again to get its response.")

// Request identifies a request, to recognise a repetition.
type Request struct {
	Key          string
	Method, Path string
	Body         [32]byte // the SHA-256 of the body
}

func (q Request) call() string { return q.Method + " " + q.Path }

// Response is the response to a request; its JSON has the headers that are kept.
type Response struct {
	Status   int    `json:"-"`
	ETag     string `json:"etag,omitempty"`
	Location string `json:"location,omitempty"`
	Body     []byte `json:"-"` // personal data: never log it

	call     string // the method and the path
	bodyHash []byte
}

// Check returns [ErrReused] if this is the response to a different request.
func (r *Response) Check(q Request) error {
	if r.call != q.call() || !bytes.Equal(r.bodyHash, q.Body[:]) {
		return ErrReused
	}
	return nil
}
