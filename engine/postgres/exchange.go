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

// exchange is one round trip with the server: the plan's steps, between the
// statements that open the session and the one that ends it. [exchange.run] runs
// it.
type exchange struct {
	guard *guard   // what the snapshot must have seen
	open  []string // opens the session, if this is its first exchange
	plan  *query.Plan
	end   string    // ends the session, if this is its last exchange
	ended *bool     // set when it has ended, whatever comes after
	final *position // receives the position after all that
}

// guard is a position that a snapshot must have seen, and the history that holds
// it, which was the node's when the node was chosen.
type guard struct {
	after   position
	history history
}

// Errors of a guard: the node is not what it was when it was chosen.
var (
	errBehind = errors.New("the node is behind the position")
	errForked = errors.New("the node is on another timeline than before")
)

// statements appends those of the exchange, in order, to a list; the guard is
// first, in a transaction of its own.
func (x exchange) statements(list []statement) []statement {
	if x.guard != nil {
		list = append(list, statement{text: selectPosition, last: true})
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
	if len(list) > 0 {
		list[len(list)-1].last = true
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

// complete takes the command tag of statement i.
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

// acceptEnd takes the command tag of the statement that ends the session. The tag of
// a commit that failed is rollback.
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
