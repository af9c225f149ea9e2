package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
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
	text string
	args []any
	bare bool // has neither arguments nor a result: it is not worth preparing
	desc *pgconn.StatementDescription
	pgx.ExtendedQueryBuilder
}

// texts are the statements in order; the guard is first.
func (x exchange) statements() ([]statement, error) {
	list := make([]statement, 0, len(x.plan.Steps)+len(x.open)+3)
	add := func(text string, args ...any) { list = append(list, statement{text: text, args: args}) }
	bare := func(text string) { list = append(list, statement{text: text, bare: true}) }
	if x.guard != nil {
		add(selectPosition)
	}
	for _, text := range x.open {
		bare(text)
	}
	for i := range x.plan.Steps {
		step := &x.plan.Steps[i]
		text, err := rendered(step.SQL)
		if err != nil {
			return nil, x.plan.Fail(i, err)
		}
		add(text, convert(step.Args)...)
	}
	if x.end != "" {
		bare(x.end)
	}
	if x.final != nil {
		add(selectPosition)
	}
	return list, nil
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
	list, err := x.statements()
	if err != nil {
		return err
	}
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
	err = x.receive(ctx, c, pipeline, list)
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
	return s.Build(c.types(), s.desc, s.args) //nolint:wrapcheck // the caller says which statement it is
}

func (x exchange) send(pipeline *pgconn.Pipeline, list []statement) {
	for i := range list {
		switch s := &list[i]; {
		case s.bare:
			pipeline.SendQueryParams(s.text, nil, nil, nil, nil)
		case s.desc.Name == "":
			pipeline.SendQueryParams(s.text, s.ParamValues, s.desc.ParamOIDs, s.ParamFormats, s.ResultFormats)
		default:
			pipeline.SendQueryStatement(s.desc, s.ParamValues, s.ParamFormats, s.ResultFormats)
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
	rows := pgx.RowsFromResultReader(c.types(), result)
	defer rows.Close()
	for rows.Next() {
		if !step.Reads() {
			continue
		}
		if err := step.Row(row{rows}); err != nil {
			return err
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err //nolint:wrapcheck // the caller explains it
	}
	if step.Reads() {
		return nil
	}
	return step.Touched(rows.CommandTag().RowsAffected())
}

func scanPosition(c *conn, result *pgconn.ResultReader, into *position) error {
	rows := pgx.RowsFromResultReader(c.types(), result)
	defer rows.Close()
	for rows.Next() {
		var lsn string
		if err := rows.Scan(&into.timeline, &lsn); err != nil {
			return fmt.Errorf("reading the position: %w", err)
		}
		var err error
		if into.lsn, err = parseLSN(lsn); err != nil {
			return err
		}
	}
	return rows.Err() //nolint:wrapcheck // the caller explains it
}

// fail attributes an error to the step of the plan in which it happened.
func (x exchange) fail(ctx context.Context, i int, err error) error {
	err = explain(ctx, err)
	if step := i - x.first(); step >= 0 && step < len(x.plan.Steps) {
		return x.plan.Fail(step, err)
	}
	return err
}
