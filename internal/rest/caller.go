package rest

import (
	"log/slog"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// Caller is the caller of one request, whose credentials are read but not checked
// yet: the check travels with the first exchange of the operation's session.
type Caller interface {
	// Check returns the part that refuses a caller who is not authenticated or may
	// not send this body. For nil, it refuses a caller who may send no body at all:
	// such a caller does not even learn what is wrong with a request.
	Check(body []byte) query.Part

	// Identify runs before a session that writes, whose audit entries name the
	// caller. It runs check, in a session of its own, only if it does not know the
	// caller yet.
	Identify(check func() error) error

	// Credential returns what the answers to idempotency keys belong to: its id,
	// which is known once Identify has run, and the hash that identifies it.
	Credential() (id ids.Row, hash []byte)

	// Attrs returns what the log of the request says about the caller.
	Attrs() []slog.Attr

	// Done runs after the response, whatever it was.
	Done()
}
