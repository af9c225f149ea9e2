package idempotency

import (
	"bytes"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// TTL is how long an answer is kept.
const TTL = 24 * time.Hour

// ErrReused is the fault for a key that came with another request before.
var ErrReused = fault.New(fault.Invalid, "idempotency_key_reused", "This Idempotency-Key came with another request before. A new request takes a new key; a repetition is the same to the byte.")

// ErrAnswered is the fault for a key under which another request was answered
// at the same time: [Find] gives that answer now.
var ErrAnswered = fault.New(fault.Conflict, "idempotency_key_in_use", "A request with this Idempotency-Key is being answered. Send it again to get the answer.")

// Request is what tells a repetition from another request.
type Request struct {
	Key          string
	Method, Path string
	Body         [32]byte // the SHA-256 of the body
}

// Response is the answer to a request.
type Response struct {
	Status   int
	ETag     string
	Location string
	Body     []byte // holds personal data, as the members do: it is never logged

	call     string // the method and the path
	bodyHash []byte
}

// Check returns [ErrReused] if the record answered another request than this
// one.
func (r *Response) Check(q Request) error {
	if r.call != q.Method+" "+q.Path || !bytes.Equal(r.bodyHash, q.Body[:]) {
		return ErrReused
	}
	return nil
}
