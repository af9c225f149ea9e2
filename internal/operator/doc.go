// Package operator holds who works here. Today these are API tokens.
//
// Its room: the form of a token, its row, the queries that tell whose it is,
// and the operations that make, list and revoke one. A token is shown once, when
// it is made; the store keeps a hash of it. The package imports query, session,
// fault and ids, and knows nothing of HTTP.
package operator
