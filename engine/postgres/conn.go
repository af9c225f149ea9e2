package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// conn is a connection that is lent, with the statements prepared on it.
type conn struct {
	*pgconn.PgConn
	lent  *pgxpool.Conn
	node  *node
	known *statements
	named bool // statements stay prepared; not behind a pooler that swaps servers
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
	return &conn{PgConn: pg, lent: lent, node: n, known: known, named: true}
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
	dropped := c.known.drop(len(unknown))
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

// drop forgets the oldest statements, to make room for n.
func (s *statements) drop(n int) (dropped []*pgconn.StatementDescription) {
	for len(s.order) > 0 && len(s.order)+n > maxStatements {
		dropped = append(dropped, s.byText[s.order[0]])
		delete(s.byText, s.order[0])
		s.order = s.order[1:]
	}
	return dropped
}
