// Package idempotency keeps the first response to a request, for callers who must
// repeat the request without knowing whether it arrived.
//
// Its room: a [Response], under the key that the caller chose, with its queries
// and changes. It is stored in the transaction of the change that it describes, so
// that neither exists without the other.
package idempotency
