package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/musterhq/muster/query"
)

// Texts that open and end a session.
const (
	beginRead  = "begin isolation level repeatable read read only"
	beginWrite = "begin isolation level serializable"
	commit     = "commit"
)

// exchange is one round trip with the server: the plan's steps, between what
// opens and what ends the session.
//
// It is a pipeline of our own and not the driver's batch, because a read that
// asks for a position is two transactions in one round trip: the server's
// position has to be read before the snapshot is taken, in a statement of its
// own, or it may be newer than what the snapshot shows.
//
// The driver's pipeline is told of the transactions only: it holds the
// connection, watches the context and knows how it ends. Their statements are
// written and read past it, because what it notes of each is two in five of a
// session's allocations. So it must neither write nor read between what it is
// told, which a new version of the driver has to be looked at for.
type exchange struct {
	guard *guard   // what the snapshot must have seen
	open  []string // what opens the session, if this is its first exchange
	plan  *query.Plan
	end   string    // what ends the session, if this is its last
	ended *bool     // set when it has, whatever comes after
	final *position // receives the position after all that
}

// guard is a position that a snapshot must have seen, on a node that was found
// to be of the history that holds it.
type guard struct {
	after   position
	history history
}

// Errors of a guard: the node is not what it was when it was chosen.
var (
	errBehind = errors.New("the node is behind the position")
	errForked = errors.New("the node is on another timeline than before")
)

// statement is one of the exchange's texts with its encoded arguments.
type statement struct {
	text  string // in the spelling of both databases
	args  []any
	bare  bool // has neither arguments nor a result: it is not worth preparing
	known *prepared
	parameters
}

// statements are those of the exchange in order, in the memory of the list; the
// guard is first.
func (x exchange) statements(list []statement) []statement {
	if x.guard != nil {
		list = append(list, statement{text: selectPosition})
	}
	for _, text := range x.open {
		list = append(list, statement{text: text, bare: true})
	}
	for i := range x.plan.Steps {
		step := &x.plan.Steps[i]
		list = append(list, statement{text: step.SQL, args: step.Args})
	}
	if x.end != "" {
		list = append(list, statement{text: x.end, bare: true})
	}
	if x.final != nil {
		list = append(list, statement{text: selectPosition})
	}
	return list
}

// first is the index of the plan's first step among the statements.
func (x exchange) first() int {
	if x.guard != nil {
		return 1 + len(x.open)
	}
	return len(x.open)
}

// run does the exchange. Texts that the connection has not seen yet are
// prepared first, which costs a round trip once.
func (x exchange) run(ctx context.Context, c *conn) error {
	list := x.statements(c.known.list[:0])
	defer c.known.reuse(list)
	if i, err := c.prepare(ctx, list); err != nil {
		return x.fail(ctx, i, err)
	}
	for i := range list {
		if err := list[i].encode(c); err != nil {
			return x.fail(ctx, i, err)
		}
	}
	pipeline := c.StartPipeline(ctx)
	if _, err := pipeline.GetResults(); err != nil { // it did not start, and nothing must be written
		return explain(ctx, err)
	}
	x.send(c.Frontend(), pipeline, list)
	if err := pipeline.Flush(); err != nil {
		_ = pipeline.Close() // the first error says more
		return explain(ctx, err)
	}
	err := x.receive(ctx, c, pipeline, list)
	if errClose := pipeline.Close(); err == nil {
		err = explain(ctx, errClose)
	}
	return err
}

// encode makes bytes of the arguments, before anything is sent.
func (s *statement) encode(c *conn) error {
	if s.bare {
		return nil
	}
	if want := len(s.known.ParamOIDs); want != len(s.args) {
		return fmt.Errorf("the text has %d placeholders and %d arguments", want, len(s.args))
	}
	return s.parameters.encode(c, s.known.ParamOIDs, s.args)
}

func (x exchange) send(f *pgproto3.Frontend, pipeline *pgconn.Pipeline, list []statement) {
	for i := range list {
		list[i].send(f)
		if x.endsTransaction(i, list) {
			pipeline.SendPipelineSync()
		}
	}
}

// endsTransaction reports whether a transaction of the pipeline ends with
// statement i.
func (x exchange) endsTransaction(i int, list []statement) bool {
	return i == len(list)-1 || i == 0 && x.guard != nil
}

func (s *statement) send(f *pgproto3.Frontend) {
	switch {
	case s.bare:
		f.SendParse(&pgproto3.Parse{Query: s.text})
		f.SendBind(&pgproto3.Bind{})
	case s.known.Name == "":
		f.SendParse(&pgproto3.Parse{Query: s.known.SQL, ParameterOIDs: s.known.ParamOIDs})
		f.SendBind(&pgproto3.Bind{Parameters: s.values, ParameterFormatCodes: s.formats, ResultFormatCodes: s.known.results})
		f.SendDescribe(&pgproto3.Describe{ObjectType: 'P'}) // it may have changed since
	default:
		f.SendBind(&pgproto3.Bind{PreparedStatement: s.known.Name, Parameters: s.values, ParameterFormatCodes: s.formats, ResultFormatCodes: s.known.results})
	}
	f.SendExecute(&pgproto3.Execute{})
}

// ending is how the answer to a statement ends.
type ending int

const (
	complete ending = iota
	refused         // with an error: the server skips what is left of the transaction
	broken          // with the connection
)

// receive reads all that the server answers. The first error is the exchange's,
// and what comes after it is read and not looked at.
func (x exchange) receive(ctx context.Context, c *conn, pipeline *pgconn.Pipeline, list []statement) (first error) {
	note := func(i int, err error) {
		if err != nil && first == nil {
			first = x.fail(ctx, i, err)
		}
	}
	last := complete
	for i := range list {
		if last != refused {
			var err error
			last, err = x.answer(c, i, &list[i], first == nil)
			if note(i, err); last == broken {
				return first
			}
		}
		if x.endsTransaction(i, list) {
			last = complete
			if note(i, endTransaction(pipeline)); c.IsClosed() { // and the driver ends it
				return first
			}
		}
	}
	return first
}

// endTransaction reads the end of a transaction of the pipeline, which may be
// an error.
func endTransaction(pipeline *pgconn.Pipeline) error {
	_, err := pipeline.GetResults()
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		_, _ = pipeline.GetResults() // the end comes after it
	}
	return err //nolint:wrapcheck // the caller explains it
}

// answer reads the server's answer to statement i, to its end. The first error in
// it counts.
func (x exchange) answer(c *conn, i int, s *statement, wanted bool) (how ending, err error) {
	r := &c.known.row
	*r = row{types: c.types()}
	if s.known != nil {
		r.columns = s.known.columns
	}
	for {
		message, errRead := c.Frontend().Receive()
		if errRead != nil {
			_ = c.Conn().Close() // the pipeline finds out by that
			return broken, cmp.Or(err, errRead)
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			if wanted && err == nil {
				r.values = m.Values
				err = x.accept(i, r)
			}
		case *pgproto3.CommandComplete:
			if wanted && err == nil {
				err = x.complete(i, m.CommandTag)
			}
			return complete, err
		case *pgproto3.ErrorResponse:
			return refused, cmp.Or(err, error(pgconn.ErrorResponseToPgError(m)))
		case *pgproto3.RowDescription:
			r.columns = columnsOf(m)
		case *pgproto3.NoticeResponse:
			noteUnconfirmed(c.PgConn, m.Routine)
		case *pgproto3.EmptyQueryResponse:
			return complete, err
		case *pgproto3.BindComplete, *pgproto3.ParseComplete, *pgproto3.NoData, *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
		default:
			_ = c.Conn().Close() // nobody knows where in its answer the server is
			return broken, fmt.Errorf("the server answered with %T where a result was expected", message)
		}
	}
}

// accept takes a row of statement i.
func (x exchange) accept(i int, r *row) error {
	step := i - x.first()
	switch {
	case x.guard != nil && i == 0:
		return x.checkGuard(r)
	case step >= 0 && step < len(x.plan.Steps):
		if s := &x.plan.Steps[step]; s.Reads() {
			return s.Row(r) //nolint:wrapcheck // the caller says which step it is
		}
	case step >= len(x.plan.Steps) && x.final != nil:
		return scanPosition(r, x.final)
	}
	return nil
}

// complete takes how statement i ended.
func (x exchange) complete(i int, tag []byte) error {
	step := i - x.first()
	switch past := step - len(x.plan.Steps); {
	case step >= 0 && past < 0:
		if s := &x.plan.Steps[step]; !s.Reads() {
			return s.Touched(pgconn.NewCommandTag(string(tag)).RowsAffected()) //nolint:wrapcheck // as above
		}
	case past == 0 && x.end != "":
		return x.acceptEnd(string(tag))
	}
	return nil
}

// acceptEnd takes how the end ended. The server answers a commit that it cannot
// make with the name of what it did instead.
func (x exchange) acceptEnd(tag string) error {
	if !strings.EqualFold(tag, x.end) {
		return fmt.Errorf("the server answered the %s with %s", x.end, tag)
	}
	if x.ended != nil {
		*x.ended = true
	}
	return nil
}

func (x exchange) checkGuard(r *row) error {
	var at position
	if err := scanPosition(r, &at); err != nil {
		return err
	}
	switch {
	case at.timeline != x.guard.history.timeline:
		return errForked
	case at.lsn < x.guard.after.lsn:
		return errBehind
	}
	return nil
}

func scanPosition(r *row, into *position) (err error) {
	var lsn string
	if err = r.Scan(&into.timeline, &lsn); err != nil {
		return fmt.Errorf("reading the position: %w", err)
	}
	into.lsn, err = parseLSN(lsn)
	return err
}

// fail attributes an error to the step of the plan in which it happened.
func (x exchange) fail(ctx context.Context, i int, err error) error {
	err = explain(ctx, err)
	if step := i - x.first(); step >= 0 && step < len(x.plan.Steps) {
		return x.plan.Fail(step, err)
	}
	return err
}
