package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/musterhq/muster/query"
)

// Texts that open and end a session.
const (
	beginRead  = "begin isolation level repeatable read read only"
	beginWrite = "begin isolation level serializable"
	commit     = "commit"
)

func adopt(snapshot string) string { return "set transaction snapshot '" + snapshot + "'" }

// exchange is one round trip with the server: the plan's steps, between what
// opens and what ends the session.
//
// It is a pipeline of our own and not the driver's batch, because a read that
// asks for a position is two transactions in one round trip: the server's
// position has to be read before the snapshot is taken, in a statement of its
// own, or it may be newer than what the snapshot shows.
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
	x.send(pipeline, list)
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

func (x exchange) send(pipeline *pgconn.Pipeline, list []statement) {
	for i := range list {
		switch s := &list[i]; {
		case s.bare:
			pipeline.SendQueryParams(s.text, nil, nil, nil, nil)
		case s.known.Name == "":
			pipeline.SendQueryParams(s.known.SQL, s.values, s.known.ParamOIDs, s.formats, s.known.results)
		default:
			pipeline.SendQueryStatement(s.known.StatementDescription, s.values, s.formats, s.known.results)
		}
		if i == 0 && x.guard != nil {
			pipeline.SendPipelineSync()
		}
	}
	pipeline.SendPipelineSync()
}

func (x exchange) receive(ctx context.Context, c *conn, pipeline *pgconn.Pipeline, list []statement) error {
	for i := range list {
		result, err := nextResult(pipeline)
		if err != nil {
			return x.fail(ctx, i, err)
		}
		if err := x.accept(c, i, result); err != nil {
			return x.fail(ctx, i, err)
		}
	}
	return nil
}

// nextResult skips the ends of the transactions that the pipeline consists of.
func nextResult(pipeline *pgconn.Pipeline) (*pgconn.ResultReader, error) {
	for {
		result, err := pipeline.GetResults()
		if err != nil {
			return nil, err //nolint:wrapcheck // the caller explains it
		}
		switch r := result.(type) {
		case *pgconn.ResultReader:
			return r, nil
		case *pgconn.PipelineSync:
			continue
		default:
			return nil, fmt.Errorf("the server answered with %T where a result was expected", result)
		}
	}
}

// accept reads the result of statement i.
func (x exchange) accept(c *conn, i int, result *pgconn.ResultReader) error {
	step := i - x.first()
	past := step - len(x.plan.Steps)
	switch {
	case x.guard != nil && i == 0:
		return x.checkGuard(c, result)
	case step >= 0 && past < 0:
		return acceptStep(c, &x.plan.Steps[step], result)
	case past == 0 && x.end != "":
		return x.acceptEnd(result)
	case past >= 0:
		return scanPosition(c, result, x.final)
	default:
		_, err := result.Close()
		return err //nolint:wrapcheck // the caller explains it
	}
}

// acceptEnd reads the result of the end. The server answers a commit that it
// cannot make with the name of what it did instead.
func (x exchange) acceptEnd(result *pgconn.ResultReader) error {
	tag, err := result.Close()
	if err != nil {
		return err //nolint:wrapcheck // the caller explains it
	}
	if !strings.EqualFold(tag.String(), x.end) {
		return fmt.Errorf("the server answered the %s with %s", x.end, tag)
	}
	if x.ended != nil {
		*x.ended = true
	}
	return nil
}

func (x exchange) checkGuard(c *conn, result *pgconn.ResultReader) error {
	var at position
	if err := scanPosition(c, result, &at); err != nil {
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

func acceptStep(c *conn, step *query.Step, result *pgconn.ResultReader) error {
	if !step.Reads() {
		tag, err := result.Close()
		if err != nil {
			return err //nolint:wrapcheck // the caller explains it
		}
		return step.Touched(tag.RowsAffected())
	}
	r := c.rowOf(result)
	for result.NextRow() {
		r.values = result.Values()
		if err := step.Row(r); err != nil {
			return err
		}
	}
	_, err := result.Close()
	return err //nolint:wrapcheck // the caller explains it
}

func scanPosition(c *conn, result *pgconn.ResultReader, into *position) error {
	r := c.rowOf(result)
	for result.NextRow() {
		var lsn string
		r.values = result.Values()
		if err := r.Scan(&into.timeline, &lsn); err != nil {
			return fmt.Errorf("reading the position: %w", err)
		}
		var err error
		if into.lsn, err = parseLSN(lsn); err != nil {
			return err
		}
	}
	_, err := result.Close()
	return err //nolint:wrapcheck // the caller explains it
}

// fail attributes an error to the step of the plan in which it happened.
func (x exchange) fail(ctx context.Context, i int, err error) error {
	err = explain(ctx, err)
	if step := i - x.first(); step >= 0 && step < len(x.plan.Steps) {
		return x.plan.Fail(step, err)
	}
	return err
}
