// Package httpapi is the API over HTTP.
//
// Its room: the registry of operations, one file per domain, and what each of
// them needs of HTTP and no domain knows: decoding and its strictness, tokens,
// entity tags, idempotency keys, problems (RFC 9457), what a response cost, and
// the OpenAPI document with its page, both made of the same registry.
//
// The way of one request: its path and method name an [Operation]; parameters
// and body are decoded by what the operation declares; a read becomes a query,
// which runs together with the caller's token in one snapshot and one round
// trip; a write runs in one transaction, behind its token and its idempotency
// key; what either returns is encoded, and only when its session has ended well
// is the first byte written.
//
// The package imports the domains and never an engine. What the rules of a
// member are is not its business.
package httpapi
