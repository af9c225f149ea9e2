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
	unknown := false
	for i := range list {
		if !list[i].bare {
			list[i].prepared = c.statements.byText[list[i].text]
			unknown = unknown || list[i].prepared == nil
		}
	}
	if !unknown {
		return 0, nil
	}
	if i, err := c.describe(ctx, list); err != nil {
		return i, err
	}
	for i := range list {
		list[i].prepared = c.statements.byText[list[i].text]
	}
	return 0, nil
}

// describe has the server describe those of the list that are not prepared, each
// text once.
func (c *conn) describe(ctx context.Context, list []statement) (int, error) {
	unknown, texts, err := unknownOf(list)
	if err != nil {
		return unknown[len(texts)], err
	}
	pipeline := c.StartPipeline(ctx)
	defer pipeline.Close() // errors are reported below
	for _, old := range c.statements.drop(len(unknown), list) {
		if old.Name != "" {
			pipeline.SendDeallocate(old.Name)
		}
	}
	for _, text := range texts {
		pipeline.SendPrepare(c.name(), text, nil)
	}
	if err := pipeline.Sync(); err != nil {
		return -1, err //nolint:wrapcheck // the caller explains it
	}
	return c.receiveDescriptions(pipeline, list, unknown, texts)
}

// unknownOf returns the indexes of those of the list that are not prepared, each
// text once, and their texts for the server. With an error, the last index has no
// text.
func unknownOf(list []statement) (indexes []int, texts []string, err error) {
	waiting := map[string]bool{}
	for i := range list {
		s := &list[i]
		if s.bare || s.prepared != nil || waiting[s.text] {
			continue
		}
		waiting[s.text] = true
		indexes = append(indexes, i)
		text, err := query.Render(query.Postgres, s.text)
		if err != nil {
			return indexes, texts, err //nolint:wrapcheck // the caller says which statement it is
		}
		texts = append(texts, text)
	}
	return indexes, texts, nil
}

// receiveDescriptions keeps the server's answers for the unknown ones of the list.
func (c *conn) receiveDescriptions(pipeline *pgconn.Pipeline, list []statement, unknown []int, texts []string) (int, error) {
	for n := 0; n < len(unknown); {
		result, err := pipeline.GetResults()
		if err != nil {
			return unknown[n], err //nolint:wrapcheck // the caller explains it
		}
		switch r := result.(type) {
		case *pgconn.CloseComplete:
		case *pgconn.StatementDescription:
			r.SQL = texts[n]
			if c.named {
				r.Name = c.statements.nameOf(len(unknown) - n)
			}
			p := &prepared{StatementDescription: r, text: list[unknown[n]].text}
			p.results, p.columns = resultFormats(c.types, r.Fields)
			c.statements.add(p)
			n++
		default:
			return unknown[n], fmt.Errorf("the server answered with %T where a description was expected", result)
		}
	}
	return 0, nil
}

// name returns the next statement's name; unnamed ones are parsed at each use.
func (c *conn) name() string {
	if !c.named {
		return ""
	}
	c.statements.next++
	return "muster" + strconv.Itoa(c.statements.next)
}

// nameOf returns the name that was made so many names ago.
func (s *statements) nameOf(ago int) string { return "muster" + strconv.Itoa(s.next-ago+1) }

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
