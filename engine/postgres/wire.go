package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// This file alone writes to and reads from a connection past the driver. It was
// checked against pgx v5.12.0; TestDriver fails when go.mod names another version.
//
// The driver's batch does not do: a read that asks for a position is two
// transactions in one round trip, because the position must be read before the
// snapshot is taken. And what the driver's pipeline notes of each statement is two
// in five of a session's allocations. So the pipeline knows only the Syncs: it
// locks the connection, watches the context and ends. The statements go past it, by
// the connection's Frontend. That relies on these internals of pgconn and pgproto3:
//
//  1. StartPipeline locks, starts to watch and writes nothing. GetResults of a new
//     pipeline returns its error, if it did not start, and reads nothing.
//  2. Frontend().Send… and SendPipelineSync append to a buffer; Flush writes all.
//     Until then the driver itself neither writes nor reads.
//  3. Frontend().Receive returns messages in order and notes nothing. Those that
//     PgConn.receiveMessage handles are handled in [exchange.answer]. The values of a
//     DataRow are valid until the next Receive.
//  4. GetResults with only Syncs in the queue reads to the next ReadyForQuery, whose
//     transaction status PgConn notes. On an ErrorResponse it puts the Sync back, so
//     that a second call reads to the ReadyForQuery.
//  5. Close reads the Syncs that are left, stops watching and unlocks. If the network
//     connection was closed, the reading fails and the driver closes its own.

// run runs the exchange. Texts that the connection does not know are prepared
// first, in one more round trip.
func (x exchange) run(ctx context.Context, c *conn) error {
	list := x.statements(c.statements.list[:0])
	defer c.statements.reuse(list)
	if i, err := c.prepare(ctx, list); err != nil {
		return x.fail(ctx, i, err)
	}
	for i := range list {
		if err := c.encode(&list[i]); err != nil {
			return x.fail(ctx, i, err)
		}
	}
	pipeline := c.StartPipeline(ctx)
	if _, err := pipeline.GetResults(); err != nil { // it did not start, and nothing must be written
		return explain(ctx, err)
	}
	send(c.Frontend(), pipeline, list)
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

// send appends the messages of an exchange to the driver's buffer.
func send(f *pgproto3.Frontend, pipeline *pgconn.Pipeline, list []statement) {
	for i := range list {
		list[i].send(f)
		if list[i].last {
			pipeline.SendPipelineSync()
		}
	}
}

// send appends the statement's messages.
func (s *statement) send(f *pgproto3.Frontend) {
	switch {
	case s.bare:
		f.SendParse(&pgproto3.Parse{Query: s.text})
		f.SendBind(&pgproto3.Bind{})
	case s.prepared.Name == "":
		f.SendParse(&pgproto3.Parse{Query: s.prepared.SQL, ParameterOIDs: s.prepared.ParamOIDs})
		f.SendBind(&pgproto3.Bind{Parameters: s.values, ParameterFormatCodes: s.formats, ResultFormatCodes: s.prepared.results})
		f.SendDescribe(&pgproto3.Describe{ObjectType: 'P'}) // it may have changed since
	default:
		f.SendBind(&pgproto3.Bind{PreparedStatement: s.prepared.Name, Parameters: s.values, ParameterFormatCodes: s.formats, ResultFormatCodes: s.prepared.results})
	}
	f.SendExecute(&pgproto3.Execute{})
}

// ending is how the answer to a statement ends.
type ending int

const (
	complete ending = iota
	refused         // with an error: the server skips the rest of the transaction
	broken          // with the connection
)

// receive reads all that the server answers. It returns the first error and
// ignores what comes after it.
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
		if list[i].last {
			last = complete
			if note(i, endTransaction(pipeline)); c.IsClosed() { // and the driver ends the pipeline
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

// answer reads the server's answer to statement i, to its end, and returns the
// first error in it.
func (x exchange) answer(c *conn, i int, s *statement, wanted bool) (how ending, err error) {
	r := &c.statements.row
	*r = row{types: c.types}
	if s.prepared != nil {
		r.columns = s.prepared.columns
	}
	for {
		message, errRead := c.Frontend().Receive()
		if errRead != nil {
			_ = c.Conn().Close() // by which the pipeline learns of it
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
