package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/query"
)

// conn is a connection that is lent, with the statements prepared on it.
type conn struct {
	*pgconn.PgConn
	lent *pgxpool.Conn
	node *node

	places chan struct{} // in one of which it stands
	known  *statements
	named  bool // statements stay prepared; not behind a pooler that swaps servers
}

// statements are what was prepared on one connection, for as long as it lives,
// and the memory that its exchanges take turns to use.
type statements struct {
	byText map[string]*prepared // by the spelling of both databases
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
	text    string  // in the spelling of both databases
	results []int16 // the formats of its columns
	columns []column
}

// reuse keeps the memory of an exchange that is over for the next, and nothing
// of what was in it.
func (s *statements) reuse(list []statement) {
	clear(list)
	clear(s.values)
	s.list, s.bytes, s.values, s.formats, s.row = list[:0], s.bytes[:0], s.values[:0], s.formats[:0], row{}
	if cap(s.bytes) > largestKept {
		s.bytes = []byte{} // not nil: an empty text would be NULL
	}
	if cap(s.list) > mostKept {
		s.list = nil
	}
	if cap(s.values) > mostKept {
		s.values, s.formats = nil, nil
	}
}

// How much memory a connection keeps between exchanges. Those of a bulk write
// take more.
const (
	largestKept = 16 << 10
	mostKept    = 64
)

const (
	statementsKey = "muster statements"
	maxStatements = 512
)

// newConn takes a connection that was lent, for which there is a place.
func newConn(lent *pgxpool.Conn, n *node, p *pool) *conn {
	n.inFlight.Add(1)
	pg := lent.Conn().PgConn()
	known, ok := pg.CustomData()[statementsKey].(*statements)
	if !ok {
		known = &statements{byText: make(map[string]*prepared), bytes: []byte{}}
		pg.CustomData()[statementsKey] = known
	}
	return &conn{PgConn: pg, lent: lent, node: n, places: p.places, known: known, named: !n.pooled}
}

// unconfirmedKey marks a connection whose last commit no replica has confirmed.
const unconfirmedKey = "muster unconfirmed"

// noteUnconfirmed listens for the one notice that matters. A server that waits
// for a synchronous replica stops waiting when the commit is cancelled, and then
// calls it a success with a warning: to whoever asked for two copies, it is none. The warning's code is the general one; the
// function that it comes from does not depend on the language.
func noteUnconfirmed(c *pgconn.PgConn, routine string) {
	if routine == "SyncRepWaitForLSN" {
		c.CustomData()[unconfirmedKey] = true
	}
}

// unconfirmed reports whether the last commit is on the primary alone, though
// it was asked to be elsewhere, too.
func (c *conn) unconfirmed() bool {
	_, yes := c.CustomData()[unconfirmedKey]
	delete(c.CustomData(), unconfirmedKey)
	return yes
}

func (c *conn) types() *pgtype.Map { return c.lent.Conn().TypeMap() }

// prepare has the server describe the texts that the connection does not know,
// all in one round trip. On an error it says which statement it is about.
func (c *conn) prepare(ctx context.Context, list []statement) (int, error) {
	unknown := false
	for i := range list {
		if !list[i].bare {
			list[i].known = c.known.byText[list[i].text]
			unknown = unknown || list[i].known == nil
		}
	}
	if !unknown {
		return 0, nil
	}
	if i, err := c.describe(ctx, list); err != nil {
		return i, err
	}
	for i := range list {
		list[i].known = c.known.byText[list[i].text]
	}
	return 0, nil
}

// describe has the server describe those of the list that are not known, each
// text once.
func (c *conn) describe(ctx context.Context, list []statement) (int, error) {
	var unknown []int
	var texts []string
	waiting := map[string]bool{}
	for i := range list {
		if s := &list[i]; !s.bare && s.known == nil && !waiting[s.text] {
			text, err := query.Render(query.Postgres, s.text)
			if err != nil {
				return i, err //nolint:wrapcheck // the caller says which statement it is
			}
			waiting[s.text] = true
			unknown, texts = append(unknown, i), append(texts, text)
		}
	}
	pipeline := c.StartPipeline(ctx)
	defer pipeline.Close() // what failed is reported below
	for _, old := range c.known.drop(len(unknown), list) {
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
				r.Name = c.known.nameOf(len(unknown) - n)
			}
			p := &prepared{StatementDescription: r, text: list[unknown[n]].text}
			p.results, p.columns = resultFormats(c.types(), r.Fields)
			c.known.add(p)
			n++
		default:
			return unknown[n], fmt.Errorf("the server answered with %T where a description was expected", result)
		}
	}
	return 0, nil
}

// name is the next statement's; unnamed ones are parsed again at each use.
func (c *conn) name() string {
	if !c.named {
		return ""
	}
	c.known.next++
	return "muster" + strconv.Itoa(c.known.next)
}

// nameOf gives the name that was made so many names ago.
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
