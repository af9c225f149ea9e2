package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// conn is a connection that is lent, with the statements prepared on it.
type conn struct {
	*pgconn.PgConn
	lent *pgxpool.Conn
	node *node

	places chan struct{} // in one of which it stands; nil if it was free at that moment
	known  *statements
	named  bool // statements stay prepared; not behind a pooler that swaps servers
}

// statements are what was prepared on one connection, for as long as it lives.
type statements struct {
	byText map[string]*pgconn.StatementDescription
	order  []string // oldest first
	next   int
}

const (
	statementsKey = "muster statements"
	maxStatements = 512
)

func newConn(lent *pgxpool.Conn, n *node) *conn {
	pg := lent.Conn().PgConn()
	known, ok := pg.CustomData()[statementsKey].(*statements)
	if !ok {
		known = &statements{byText: make(map[string]*pgconn.StatementDescription)}
		pg.CustomData()[statementsKey] = known
	}
	return &conn{PgConn: pg, lent: lent, node: n, known: known, named: !n.pooled}
}

// unconfirmedKey marks a connection whose last commit no replica has confirmed.
const unconfirmedKey = "muster unconfirmed"

// noteUnconfirmed listens for the one notice that matters. A server that waits
// for a synchronous replica stops waiting when the commit is cancelled, and then
// calls it a success with a warning: to whoever asked for two copies, it is none. The warning's code is the general one; the
// function that it comes from does not depend on the language.
func noteUnconfirmed(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
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
	var unknown []int
	waiting := map[string]bool{}
	for i := range list {
		list[i].desc = c.known.byText[list[i].text]
		if !list[i].bare && list[i].desc == nil && !waiting[list[i].text] {
			waiting[list[i].text] = true
			unknown = append(unknown, i)
		}
	}
	if len(unknown) == 0 {
		return 0, nil
	}
	if i, err := c.describe(ctx, list, unknown); err != nil {
		return i, err
	}
	for i := range list {
		list[i].desc = c.known.byText[list[i].text]
	}
	return 0, nil
}

func (c *conn) describe(ctx context.Context, list []statement, unknown []int) (int, error) {
	pipeline := c.StartPipeline(ctx)
	defer pipeline.Close() // what failed is reported below
	dropped := c.known.drop(len(unknown), list)
	for _, desc := range dropped {
		if desc.Name != "" {
			pipeline.SendDeallocate(desc.Name)
		}
	}
	for _, i := range unknown {
		pipeline.SendPrepare(c.name(), list[i].text, nil)
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
			i := unknown[n]
			r.SQL = list[i].text
			if c.named {
				r.Name = c.known.nameOf(len(unknown) - n)
			}
			c.known.add(r)
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

func (s *statements) add(desc *pgconn.StatementDescription) {
	s.byText[desc.SQL] = desc
	s.order = append(s.order, desc.SQL)
}

// drop forgets the oldest statements, to make room for n, but none of the list.
func (s *statements) drop(n int, list []statement) (dropped []*pgconn.StatementDescription) {
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
