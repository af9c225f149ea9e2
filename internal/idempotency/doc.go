// Package idempotency keeps the first answer to a request for those who must
// repeat it without knowing whether it arrived.
//
// Its room: the record of an answer, under the key that the caller chose, and
// the queries and changes of it. The record is written in the transaction of
// the change that it tells of, so neither is ever there without the other. The
// package imports query, session, fault and ids.
package idempotency
