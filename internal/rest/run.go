package rest

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/idempotency"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// open opens a read session. Credentials that are new may not have reached a
// replica yet: where there are replicas, the primary is asked before a caller is
// refused for them.
func (h *Handler) open(x *Exchange, fn func(*session.Read) error, options ...session.Option) error {
	err := h.db.Read(x.ctx, fn, options...)
	if f := fault.As(err); x.position != nil && f != nil && f.Kind == fault.Unauthenticated {
		err = h.db.Write(x.ctx, func(w *session.Write) error { return fn(w.Read) }, options...)
	}
	return err
}

// ask runs one part in a session of its own.
func (h *Handler) ask(x *Exchange, part query.Part) error {
	return h.open(x, func(r *session.Read) error { return r.Gather(x.ctx, part) }, session.Once)
}

// refuse returns wrong, unless the caller may not even make such a request.
func (h *Handler) refuse(x *Exchange, c Caller, wrong error) error {
	if err := h.ask(x, c.Check(nil)); err != nil {
		return err
	}
	return wrong
}

// read runs a read and sends out, the pointer to its result.
func (h *Handler) read(x *Exchange, e *Endpoint, run func(*session.Read) error, out any, options ...session.Option) error {
	var known tags
	if e.Tagged {
		var err error
		if known, err = parseTags("If-None-Match", x.Request.Header.Values("If-None-Match")); err != nil {
			return h.refuse(x, x.caller, err)
		}
	}
	if err := h.open(x, run, options...); err != nil {
		return err
	}
	r, value := unwrap(out)
	if r.etag != "" && known.unchanged(r.etag) {
		r.status = http.StatusNotModified
		x.reply(r, nil)
		return nil
	}
	buffer := buffers.Get().(*[]byte) //nolint:forcetypeassert // there is nothing else in it
	body, err := appendJSON(*buffer, value)
	defer release(buffer, body)
	if err != nil {
		return err
	}
	x.reply(r, body)
	return nil
}

// writer is a write, which may run more than once. It returns a pointer to its
// result.
type writer func(*session.Write) (any, error)

// write runs a write, once for each idempotency key.
func (h *Handler) write(x *Exchange, e *Endpoint, c Caller, run writer) error {
	key, err := idempotencyKey(e, x.Request)
	switch {
	case err != nil:
		return h.refuse(x, c, err)
	case key == "":
		return h.commit(x, c, run, nil)
	}
	request := idempotency.Request{Key: key, Method: e.Method, Path: x.Request.URL.Path, Body: sha256.Sum256(x.body)}
	return h.writeOnce(x, c, request, run)
}

// keeper returns the changes that keep an answer for repetitions.
type keeper func(reply, []byte) []query.Change

// commit runs the write and sends its result. The check of the caller travels
// with the first exchange of the transaction, and refuses the commit if it fails.
func (h *Handler) commit(x *Exchange, c Caller, run writer, keep keeper) error {
	if err := c.Identify(func() error { return h.ask(x, c.Check(x.body)) }); err != nil {
		return err
	}
	var r reply
	var body []byte
	err := h.db.Write(x.ctx, func(w *session.Write) error {
		out, err := run(w)
		if err != nil {
			return err
		}
		var value any
		r, value = unwrap(out)
		if body, err = appendJSON(make([]byte, 0, 1024), value); err != nil {
			return err
		}
		if keep != nil {
			w.Add(keep(r, body)...)
		}
		return nil
	}, session.First(c.Check(x.body)))
	if err == nil && r.await {
		err = h.awaitReplicas(x)
	}
	if err != nil {
		return err
	}
	x.reply(r, body)
	return nil
}

// errReplicationPending follows a commit: repeating the request is safe, and
// succeeds in the end.
var errReplicationPending = fault.New(fault.Unavailable, "replication_pending", "The change was made, but a replica may not know it yet. Repeat the request to be sure.")

func (h *Handler) awaitReplicas(x *Exchange) error {
	if h.positions == nil {
		return nil
	}
	if err := h.positions.AwaitReplicas(x.ctx, x.cost.Total().Position); err != nil {
		return errReplicationPending.Because(err)
	}
	return nil
}

// maxRepetitions is how often a request with an idempotency key may find that
// another request with the same key has just been answered.
const maxRepetitions = 3

// writeOnce runs a write, or repeats the answer that the key has already. The key
// is looked up in a snapshot before the transaction, so that a write that only
// adds rows never holds the writer while it waits. Of two requests with one key,
// the second is refused by the constraint of the kept answers, or by what the
// first has created: it looks up the answer again.
func (h *Handler) writeOnce(x *Exchange, c Caller, request idempotency.Request, run writer) error {
	keep := func(r reply, body []byte) []query.Change {
		id, _ := c.Credential()
		return idempotency.Store(id, request, idempotency.Response{Status: r.status, ETag: r.etag, Location: r.location, Body: body}, x.At)
	}
	var refused error
	for range maxRepetitions {
		kept, err := h.kept(x, c, request, refused != nil)
		if err != nil {
			return err
		}
		if kept != nil {
			x.Header()[HeaderReplayed] = []string{"true"}
			x.reply(reply{status: kept.Status, etag: kept.ETag, location: kept.Location}, kept.Body)
			return nil
		}
		if refused != nil && !errors.Is(refused, idempotency.ErrAnswered) {
			return refused
		}
		refused = h.commit(x, c, run, keep)
		if refused == nil || x.ctx.Err() != nil {
			return refused
		}
	}
	return refused
}

// kept returns the answer that is kept for the key, or nil, and checks the caller.
// Where there are replicas, it asks the server that has just refused to answer the
// key twice.
func (h *Handler) kept(x *Exchange, c Caller, request idempotency.Request, refused bool) (kept *idempotency.Response, err error) {
	_, hash := c.Credential()
	parts := []query.Part{c.Check(x.body), query.Into(&kept, idempotency.Find(hash, request.Key, x.At))}
	ask := func(r *session.Read) error { return r.Gather(x.ctx, parts...) }
	if refused && x.position != nil {
		err = h.db.Write(x.ctx, func(w *session.Write) error { return ask(w.Read) })
	} else {
		err = h.db.Read(x.ctx, ask, session.Once)
	}
	if err == nil && kept != nil {
		err = kept.Check(request)
	}
	return kept, err
}

// The headers of idempotent requests.
const (
	HeaderKey      = "Idempotency-Key"
	HeaderReplayed = "Idempotent-Replayed"
	MaxKey         = 255 // characters
)

// idempotencyKey returns the key of a repeatable operation; empty for none.
func idempotencyKey(e *Endpoint, r *http.Request) (string, error) {
	lines := r.Header.Values(HeaderKey)
	if !e.Repeatable || len(lines) == 0 {
		return "", nil
	}
	key := lines[0]
	visible := !strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' })
	if len(lines) > 1 || key == "" || len(key) > MaxKey || !visible {
		return "", malformedField(HeaderKey, "malformed", "Send one text of 1 to %d visible ASCII characters, such as a UUID.", MaxKey)
	}
	return key, nil
}
