package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/idempotency"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// prefix is where the API is, and apiRoot where all its versions are.
const (
	prefix  = "/api/v1/admin"
	apiRoot = "/api/"
)

// Operation is one call of the API, as it is declared. What is declared is what
// is documented, what is checked before the operation runs, and what tests hold
// it to.
type Operation struct {
	Method     string
	Path       string // below /api/v1/admin
	ID         string
	Tag        string
	Summary    string
	Doc        string
	Permission operator.Permission            // what the caller has to hold
	Fields     map[string]operator.Permission // what fields of the body take in its place
	Shows      operator.Permission            // what it takes in any case, to see what a change is answered with; the zero value: nothing
	Writes     bool
	Trips      int // the most round trips of a request, its token included

	names     []string // what the path leaves open
	status    int      // of success
	query     []param
	inBody    bool // the parameters are fields of a JSON object, so that they are in no URL
	body      reflect.Type
	accepts   []string
	answer    reflect.Type
	tagged    bool // the answer has an ETag
	compares  bool // If-Match is compared
	repeated  bool // Idempotency-Key is honoured
	faults    []fault.Kind
	readWith  func(*API, *input) reading
	writeWith func(*API, *input) writer
}

// reading is a read that is ready to run; once says that it asks once.
type reading struct {
	run    func(context.Context, *session.Read) (reply, error)
	once   bool
	reveal audit.Event // of a read that tells what is masked: it is limited, and recorded before the answer
	takes  operator.Permissions
}

// writer is a write that is ready to run, more than once if need be.
type writer func(context.Context, *session.Write) (reply, error)

// reply is what an operation answers.
type reply struct {
	status   int // of success, where it is not the declared one
	body     any // to be written as JSON
	etag     string
	location string
	narrows  bool // somebody may less than before: it is not said before it is so everywhere
}

// Operations lists every operation of the API, by path and method.
func Operations() []Operation {
	list := slices.Concat(memberOperations(), revealOperations(), dashboardOperations(), meOperations(), operatorOperations(), tokenOperations(), roleOperations(), recordOperations())
	slices.SortStableFunc(list, func(a, b Operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return list
}

// check refuses an operation that does not say who may call it.
func (o *Operation) check() error {
	valid := o.Permission.Valid() && (o.Shows == 0 || o.Shows.Valid())
	for _, p := range o.Fields {
		valid = valid && p.Valid()
	}
	if !valid {
		return fmt.Errorf("httpapi: the operation %s: %w", o.ID, errUndeclared)
	}
	return nil
}

// input is what a request brings, decoded as its operation declares it.
type input struct {
	*params
	asked
	member      ids.Member // of the path, as those below
	document    ids.Document
	operator    ids.Operator
	token       ids.Row
	role        string
	body        []byte
	ifMatch     tags
	ifNoneMatch tags
	now         time.Time // also asked.at
	refusal     error
}

// refuse notes what is wrong with the request as a whole.
func (in *input) refuse(err error) { in.refusal = err }

// err is what is wrong with the request, or nil.
func (in *input) err() error {
	if in.refusal != nil {
		return in.refusal
	}
	return in.wrong.Err()
}

// mount gives an operation its path. Huma has the types and makes the document;
// the decoding is ours, see decode.
func (a *API) mount(o *Operation) {
	route := prefix + o.Path
	o.names = pathNames(o.Path)
	a.mux.HandleFunc(o.Method+" "+route, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) //nolint:forcetypeassert // the mux is inside ServeHTTP
		x.route = route
		if err := x.serve(o, r); err != nil {
			x.fail(err)
		}
	})
}

// serve runs one request of an operation.
func (x *exchange) serve(o *Operation, r *http.Request) error {
	if !acceptsJSON(r.Header) {
		return errAcceptable
	}
	token, err := bearer(r.Header)
	if err != nil {
		return err
	}
	now := x.api.clock()
	if err := x.checkPosition(o); err != nil {
		return x.refuse(token, now, o.door(), err)
	}
	in, err := x.input(o, r, now)
	if err != nil {
		return x.refuse(token, now, o.door(), err)
	}
	if o.Writes {
		return x.write(o, r, token, in)
	}
	return x.read(o, token, in)
}

// input decodes the request: the body, the path, the headers and the query.
func (x *exchange) input(o *Operation, r *http.Request, now time.Time) (in *input, err error) {
	in = &input{now: now}
	in.at = now
	if o.body != nil || o.inBody {
		if in.body, err = readBody(x, r, o.accepts...); err != nil {
			return nil, err
		}
	}
	if o.inBody {
		in.params, err = parseFields(in.body, r.URL.RawQuery, o.query)
	} else {
		in.params, err = parseParams(r.URL.RawQuery, o.query)
	}
	if err != nil {
		return nil, err
	}
	in.path(o.names, r)
	if o.tagged {
		if in.ifNoneMatch, err = parseTags("If-None-Match", r.Header.Values("If-None-Match")); err != nil {
			return nil, err
		}
	}
	if o.compares {
		if in.ifMatch, err = parseTags("If-Match", r.Header.Values("If-Match")); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// path decodes what the pattern of the path leaves open.
func (in *input) path(names []string, r *http.Request) {
	for _, name := range names {
		var err error
		switch text := r.PathValue(name); name {
		case "user_id":
			in.member, err = ids.Parse[ids.Member](text)
		case "document_id":
			in.document, err = ids.Parse[ids.Document](text)
		case "operator_id":
			in.operator, err = ids.Parse[ids.Operator](text)
		case "token_id":
			in.token, err = ids.Parse[ids.Row](text)
		case "role":
			in.role = text
		}
		if err != nil {
			in.wrong.Add(name, "malformed", "An id is a UUID, such as %s.", exampleID)
		}
	}
}

// pathNames are what the pattern of a path leaves open, in order.
func pathNames(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if name, open := strings.CutPrefix(part, "{"); open {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// refuse answers a request that is wrong in itself. Who holds no valid token, or
// may not ask for such a thing, is told that and nothing else, so the token is
// looked at after all.
func (x *exchange) refuse(token operator.Secret, now time.Time, n need, wrong error) error {
	ctx := x.ctx
	err := x.look(func(r *session.Read) error {
		_, err := session.Run(ctx, r, x.caller(token, now, n))
		return err
	}, session.Once)
	if err != nil {
		return err
	}
	return wrong
}

// read runs the read behind its token, in one snapshot.
func (x *exchange) read(o *Operation, token operator.Secret, in *input) error {
	ctx := x.ctx
	ready := o.readWith(x.api, in)
	if err := in.err(); err != nil {
		return x.refuse(token, in.now, o.door(), err)
	}
	n := o.needs(nil)
	n.all |= ready.takes
	if ready.reveal.Action != "" {
		return x.readRecorded(o, token, in, n, ready)
	}
	options := []session.Option{session.First(query.Into(&in.caller, x.caller(token, in.now, n)))}
	if ready.once {
		options = append(options, session.Once)
	}
	var answer reply
	err := x.look(func(r *session.Read) (err error) {
		answer, err = ready.run(ctx, r)
		return err
	}, options...)
	if err != nil {
		return err
	}
	buffer := texts.Get().(*[]byte) //nolint:forcetypeassert // there is nothing else in it
	body, err := appendAnswer(*buffer, answer.body)
	defer keepText(buffer, body)
	if err != nil {
		return err
	}
	if answer.etag != "" && in.ifNoneMatch.unchanged(answer.etag) {
		answer.status, body = http.StatusNotModified, nil
	}
	x.answer(o, answer, body)
	return nil
}

// readRecorded runs a read that tells what is masked: with no record, there is
// no answer.
func (x *exchange) readRecorded(o *Operation, token operator.Secret, in *input, n need, ready reading) error {
	return x.commit(o, token, n, in, func(ctx context.Context, w *session.Write) (reply, error) {
		if err := x.api.reveal(ctx, w, in.recorder, in.now, ready.reveal); err != nil {
			return reply{}, err
		}
		return ready.run(ctx, w.Read)
	}, nil)
}

// write runs the write behind its token and its idempotency key.
func (x *exchange) write(o *Operation, r *http.Request, token operator.Secret, in *input) error {
	key, err := idempotencyKey(o, r)
	if err == nil {
		ready := o.writeWith(x.api, in)
		if err = in.err(); err == nil {
			n := o.needs(in.body)
			if key == "" {
				return x.commit(o, token, n, in, ready, nil)
			}
			request := idempotency.Request{Key: key, Method: o.Method, Path: r.URL.Path, Body: sha256.Sum256(in.body)}
			return x.answerOnce(o, token, n, in, request, ready)
		}
	}
	return x.refuse(token, in.now, o.door(), err)
}

// maxRepetitions is how often a request with an idempotency key may find that
// another with the same key has just been answered.
const maxRepetitions = 3

// answerOnce runs a write, or gives the answer that the key has had already.
// The key is looked at in a snapshot before the transaction, so that one that
// only adds rows never holds the writer while it waits. Of two requests with one
// key, the second is refused by the record's own constraint, or by what the
// first has made: it looks again for the answer.
func (x *exchange) answerOnce(o *Operation, token operator.Secret, n need, in *input, request idempotency.Request, run writer) error {
	var refused error
	for range maxRepetitions {
		who, kept, err := x.admit(token, n, in, request, refused != nil)
		if err != nil {
			return err
		}
		if kept != nil {
			x.Header()[headerReplayed] = []string{"true"}
			x.answer(o, reply{status: kept.Status, etag: kept.ETag, location: kept.Location}, kept.Body)
			return nil
		}
		if refused != nil && !errors.Is(refused, idempotency.ErrAnswered) {
			return refused
		}
		refused = x.commit(o, token, n, in, run, func(a reply, body []byte) []query.Change {
			return idempotency.Store(who.Token, request, idempotency.Response{
				Status: o.status, ETag: a.etag, Location: a.location, Body: body,
			}, in.now)
		})
		if refused == nil || x.ctx.Err() != nil {
			return refused
		}
	}
	return refused
}

// admit asks whose token it is, and what was answered under the key: where there
// are replicas, the server that has just refused to answer it twice.
func (x *exchange) admit(token operator.Secret, n need, in *input, request idempotency.Request, refused bool) (who operator.Caller, kept *idempotency.Response, err error) {
	ctx := x.ctx
	parts := []query.Part{
		query.Into(&who, x.caller(token, in.now, n)),
		query.Into(&kept, idempotency.Find(token.Hash(), request.Key, in.now)),
	}
	ask := func(r *session.Read) error { return r.Gather(ctx, parts...) }
	if refused && x.held != nil {
		err = x.api.db.Write(ctx, func(w *session.Write) error { return ask(w.Read) })
	} else {
		err = x.api.db.Read(ctx, ask, session.Once)
	}
	if err != nil {
		return who, nil, err
	}
	x.api.owners.Add(token, who)
	if kept != nil {
		err = kept.Check(request)
	}
	return who, kept, err
}

// commit runs the write and answers. The caller's token travels with the first
// exchange of the transaction, which a bad one refuses. The answer is made
// inside the transaction, so that one that cannot be encoded, or kept for a
// repetition, leaves nothing behind.
func (x *exchange) commit(o *Operation, token operator.Secret, n need, in *input, run writer, keep func(reply, []byte) []query.Change) error {
	ctx := x.ctx
	owner, err := x.owner(ctx, token, in.now, n)
	if err != nil {
		return err
	}
	in.recorder = x.recorder(owner)
	var answer reply
	var body []byte
	err = x.api.db.Write(ctx, func(w *session.Write) (err error) {
		in.caller = operator.Caller{} // of the attempt before, if there was one
		if answer, err = run(ctx, w); err != nil {
			return err
		}
		if body, err = encode(answer.body); err != nil || keep == nil {
			return err
		}
		w.Add(keep(answer, body)...)
		return nil
	}, session.First(query.Into(&in.caller, x.caller(token, in.now, n))))
	if err != nil {
		return err
	}
	if answer.narrows && x.api.positions != nil {
		if err := x.api.positions.AwaitReplicas(ctx, x.cost.Total().Position); err != nil {
			return errReplicationPending.Because(err)
		}
	}
	x.answer(o, answer, body)
	return nil
}

// answer sends what has been decided: this is the first byte.
func (x *exchange) answer(o *Operation, a reply, body []byte) {
	h := x.Header()
	if a.etag != "" {
		h["Etag"] = x.line(a.etag)
	}
	if a.location != "" {
		h["Location"] = x.line(a.location)
	}
	if a.status == 0 {
		a.status = o.status
	}
	x.send(a.status, jsonType, body)
}

const (
	headerKey = "Idempotency-Key"
	maxKey    = 255
)

// idempotencyKey gives the key of a repeatable operation; empty for none.
func idempotencyKey(o *Operation, r *http.Request) (string, error) {
	lines := r.Header.Values(headerKey)
	if !o.repeated || len(lines) == 0 {
		return "", nil
	}
	key := lines[0]
	visible := !strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' })
	if len(lines) > 1 || key == "" || len(key) > maxKey || !visible {
		return "", malformedField(headerKey, "malformed", "It is one text of 1 to %d visible ASCII characters, such as a UUID.", maxKey)
	}
	return key, nil
}

// acceptsJSON reports whether the caller can read what is sent.
func acceptsJSON(h http.Header) bool {
	lines := h["Accept"]
	if len(lines) == 0 || lines[0] == "*/*" || lines[0] == typeJSON {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		kind, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "*/*", "application/*", typeJSON:
			if !refused(parameters) {
				return true
			}
		}
	}
	return false
}

// refused reports whether the parameters of an Accept say q=0.
func refused(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			return strings.Trim(value, "0.") == ""
		}
	}
	return false
}
