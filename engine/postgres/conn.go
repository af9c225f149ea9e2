package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/musterhq/muster/query"
)

// conn is a connection with the statements prepared on it.
type conn struct {
	*pgconn.PgConn
	types      *pgtype.Map
	statements *statements
	named      bool // statements stay prepared; not behind a pooler that swaps servers
}

// statement is one of an exchange's texts with its encoded arguments.
type statement struct {
	text     string // in the common language
	args     []any
	bare     bool // has neither arguments nor a result: it is not worth preparing
	last     bool // of its transaction
	prepared *prepared
	values   [][]byte // the encoded arguments
	formats  []int16
}

// statements are those prepared on one connection, and memory for its exchanges.
type statements struct {
	byText map[string]*prepared // in the common language
	order  []string             // oldest first
	next   int

	list    []statement
	bytes   []byte
	values  [][]byte
	formats []int16
	row     row
}

// prepared is a statement as the server described it.
type prepared struct {
	*pgconn.StatementDescription
	text    string  // in the common language
	results []int16 // the formats of its columns
	columns []column
}

// How much memory a connection keeps between exchanges.
const (
	maxKeptBytes = 16 << 10
	maxKeptItems = 64
)

// reuse keeps the memory of an exchange that is over for the next, and nothing
// of what was in it.
func (s *statements) reuse(list []statement) {
	clear(list)
	clear(s.values)
	s.list, s.bytes, s.values, s.formats, s.row = list[:0], s.bytes[:0], s.values[:0], s.formats[:0], row{}
	if cap(s.bytes) > maxKeptBytes {
		s.bytes = []byte{} // not nil: an empty text would be NULL
	}
	if cap(s.list) > maxKeptItems {
		s.list = nil
	}
	if cap(s.values) > maxKeptItems {
		s.values, s.formats = nil, nil
	}
}

const (
	statementsKey = "muster statements"
	maxStatements = 512
)

// statementsOf returns those of the connection.
func statementsOf(c *pgconn.PgConn) *statements {
	s, ok := c.CustomData()[statementsKey].(*statements)
	if !ok {
		s = &statements{byText: make(map[string]*prepared), bytes: []byte{}}
		c.CustomData()[statementsKey] = s
	}
	return s
}

// unconfirmedKey marks a connection whose last commit no replica has confirmed.
const unconfirmedKey = "muster unconfirmed"

// noteUnconfirmed recognises the one notice that matters: when a commit that waits
// for a synchronous replica is cancelled, the server reports success with a warning.
// The warning's code is a general one, but the routine is the same in all languages.
func noteUnconfirmed(c *pgconn.PgConn, routine string) {
	if routine == "SyncRepWaitForLSN" {
		c.CustomData()[unconfirmedKey] = true
	}
}

// unconfirmed reports, once, whether no replica has confirmed the last commit.
func (c *conn) unconfirmed() bool {
	_, yes := c.CustomData()[unconfirmedKey]
	delete(c.CustomData(), unconfirmedKey)
	return yes
}

// encode encodes the statement's arguments in the memory of the connection,
// before anything is sent.
func (c *conn) encode(s *statement) error {
	if s.bare {
		return nil
	}
	types := s.prepared.ParamOIDs
	if len(types) != len(s.args) {
		return fmt.Errorf("the text has %d placeholders and %d arguments", len(types), len(s.args))
	}
	m := c.statements
	first := len(m.values)
	for i, arg := range s.args {
		start := len(m.bytes)
		b, format, ok := appendArgument(m.bytes, types[i], arg)
		value := b[start:len(b):len(b)]
		if ok {
			m.bytes = b
		} else {
			var err error
			if value, format, err = encodeOther(c.types, types[i], arg); err != nil {
				return fmt.Errorf("argument $%d: %w", i+1, err)
			}
		}
		m.values, m.formats = append(m.values, value), append(m.formats, format)
	}
	s.values, s.formats = m.values[first:], m.formats[first:]
	return nil
}

// prepare has the server describe the texts that the connection does not know, in
// one round trip. With an error, it returns the index of the statement that failed.
func (c *conn) prepare(ctx context.Context, list []statement) (int, error) {
	if c.lookUp(list) {
		return 0, nil
	}
	if i, err := c.describe(ctx, list); err != nil {
		return i, err
	}
	c.lookUp(list)
	return 0, nil
}

// lookUp sets what is prepared of the list, and reports whether that is all.
func (c *conn) lookUp(list []statement) bool {
	all := true
	for i := range list {
		if s := &list[i]; !s.bare {
			s.prepared = c.statements.byText[s.text]
			all = all && s.prepared != nil
		}
	}
	return all
}

// unknown is a statement for the server to describe: the index of the first in a
// list with its text, the text for the server, and its name, which is empty behind
// a pooler: then it is parsed at each use.
type unknown struct {
	index     int
	sql, name string
}

// describe has the server describe those of the list that are not prepared.
func (c *conn) describe(ctx context.Context, list []statement) (int, error) {
	wanted, failed, err := c.unknown(list)
	if err != nil {
		return failed, err
	}
	pipeline := c.StartPipeline(ctx)
	defer pipeline.Close() // errors are reported below
	for _, old := range c.statements.drop(len(wanted), list) {
		if old.Name != "" {
			pipeline.SendDeallocate(old.Name)
		}
	}
	for _, u := range wanted {
		pipeline.SendPrepare(u.name, u.sql, nil)
	}
	if err := pipeline.Sync(); err != nil {
		return -1, err //nolint:wrapcheck // the caller explains it
	}
	return c.receiveDescriptions(pipeline, list, wanted)
}

// unknown returns those of the list that are not prepared, each text once. With an
// error, it returns the index of the one whose text cannot be rendered.
func (c *conn) unknown(list []statement) (wanted []unknown, failed int, err error) {
	waiting := map[string]bool{}
	for i, s := range list {
		if s.bare || s.prepared != nil || waiting[s.text] {
			continue
		}
		waiting[s.text] = true
		sql, err := query.Render(query.Postgres, s.text)
		if err != nil {
			return nil, i, err //nolint:wrapcheck // the caller says which statement it is
		}
		u := unknown{index: i, sql: sql}
		if c.named {
			c.statements.next++
			u.name = "muster" + strconv.Itoa(c.statements.next)
		}
		wanted = append(wanted, u)
	}
	return wanted, 0, nil
}

// receiveDescriptions keeps the server's answers, which are in order.
func (c *conn) receiveDescriptions(pipeline *pgconn.Pipeline, list []statement, wanted []unknown) (int, error) {
	for len(wanted) > 0 {
		u := wanted[0]
		result, err := pipeline.GetResults()
		if err != nil {
			return u.index, err //nolint:wrapcheck // the caller explains it
		}
		switch r := result.(type) {
		case *pgconn.CloseComplete:
		case *pgconn.StatementDescription:
			r.SQL, r.Name = u.sql, u.name
			p := &prepared{StatementDescription: r, text: list[u.index].text}
			p.results, p.columns = resultFormats(c.types, r.Fields)
			c.statements.add(p)
			wanted = wanted[1:]
		default:
			return u.index, fmt.Errorf("the server answered with %T where a description was expected", result)
		}
	}
	return 0, nil
}

func (s *statements) add(p *prepared) {
	s.byText[p.text] = p
	s.order = append(s.order, p.text)
}

// drop forgets the oldest statements, to make room for n, but none of the list.
func (s *statements) drop(n int, list []statement) (dropped []*prepared) {
	excess := len(s.order) + n - maxStatements
	if excess <= 0 {
		return nil
	}
	needed := make(map[string]bool, len(list))
	for i := range list {
		needed[list[i].text] = true
	}
	s.order = slices.DeleteFunc(s.order, func(text string) bool {
		if len(dropped) == excess || needed[text] {
			return false
		}
		dropped = append(dropped, s.byText[text])
		delete(s.byText, text)
		return true
	})
	return dropped
}
