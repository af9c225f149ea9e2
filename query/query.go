package query

import (
	"errors"
	"fmt"
)

// Errors of a result that has another number of rows than its query says.
var (
	ErrNoRow    = errors.New("query: no row where one was expected")
	ErrManyRows = errors.New("query: several rows where one was expected")
)

// Row is the row at which an engine stands. It is valid only inside the
// function that is given it, and so is a []byte scanned from it.
type Row interface {
	// Scan copies the columns, in order, to the destinations.
	Scan(dest ...any) error
}

// UUID is an identifier as an argument.
type UUID interface{ UUID() [16]byte }

// UUIDSetter is an identifier as a destination.
type UUIDSetter interface{ SetUUID([16]byte) }

// Query is a question whose answer is a T. The zero Query is not usable. It is
// immutable and safe for concurrent use.
type Query[T any] struct {
	// begin lays the statements of one run into the plan and gives the function
	// that takes the answer once their rows have been seen.
	begin func(*Plan) (take func() (T, error))
}

// One is a query for exactly one row: without it the answer is [ErrNoRow], or
// the error given to [Query.Else].
func One[T any](sql string, scan func(Row) (T, error), args ...any) Query[T] {
	return Query[T]{begin: func(p *Plan) func() (T, error) {
		var got T
		rows := 0
		p.ask(sql, args, func(r Row) (err error) {
			if rows++; rows > 1 {
				return ErrManyRows
			}
			got, err = scan(r)
			return err
		})
		return func() (T, error) {
			if rows == 0 {
				return got, ErrNoRow
			}
			return got, nil
		}
	}}
}

// Maybe is a query for at most one row: without it the answer is nil.
func Maybe[T any](sql string, scan func(Row) (T, error), args ...any) Query[*T] {
	return Query[*T]{begin: func(p *Plan) func() (*T, error) {
		var got *T
		p.ask(sql, args, func(r Row) error {
			if got != nil {
				return ErrManyRows
			}
			v, err := scan(r)
			got = &v
			return err
		})
		return func() (*T, error) { return got, nil }
	}}
}

// Many is a query for any number of rows, in their order. Without rows the
// answer is empty and not nil. The text bounds how many there can be.
func Many[T any](sql string, scan func(Row) (T, error), args ...any) Query[[]T] {
	return Query[[]T]{begin: func(p *Plan) func() ([]T, error) {
		got := []T{}
		p.ask(sql, args, func(r Row) error {
			v, err := scan(r)
			got = append(got, v)
			return err
		})
		return func() ([]T, error) { return got, nil }
	}}
}

// Scalar is a query for the one column of exactly one row.
func Scalar[T any](sql string, args ...any) Query[T] {
	return One(sql, func(r Row) (v T, err error) { return v, r.Scan(&v) }, args...)
}

// Each is a query that hands every row to yield and keeps none, for results
// that do not fit in memory; its answer is their number. An error from yield
// ends it. Yield runs while the database waits and may run again when a write
// session is retried.
func Each[T any](sql string, scan func(Row) (T, error), yield func(T) error, args ...any) Query[int] {
	return Query[int]{begin: func(p *Plan) func() (int, error) {
		rows := 0
		p.ask(sql, args, func(r Row) error {
			v, err := scan(r)
			if err != nil {
				return err
			}
			rows++
			p.streamed = true
			return yield(v)
		})
		return func() (int, error) { return rows, nil }
	}}
}

// Map is the query whose answer is f of q's. F must be pure.
func Map[T, U any](q Query[T], f func(T) (U, error)) Query[U] {
	return Query[U]{begin: func(p *Plan) func() (U, error) {
		take := q.begin(p)
		return func() (u U, err error) {
			t, err := take()
			if err != nil {
				return u, err
			}
			return f(t)
		}
	}}
}

// Together is one query made of several: each run calls build with a new T and
// runs the parts, which put their answers into it. A session runs them in one
// round trip, like any other query. Build must be pure.
func Together[T any](build func(*T) []Part) Query[T] {
	return Query[T]{begin: func(p *Plan) func() (T, error) {
		t := new(T)
		parts := build(t)
		inner := Plan{ends: make([]end, 0, len(parts))}
		for _, part := range parts {
			part.lay(p, &inner.ends)
		}
		return func() (T, error) {
			if err := inner.Finish(); err != nil {
				var none T
				return none, err
			}
			return *t, nil
		}
	}}
}

// Else gives the error for a row that is missing, in place of [ErrNoRow].
func (q Query[T]) Else(missing error) Query[T] {
	return Query[T]{begin: func(p *Plan) func() (T, error) {
		take := q.begin(p)
		return func() (T, error) {
			t, err := take()
			if errors.Is(err, ErrNoRow) {
				err = missing
			}
			return t, err
		}
	}}
}

// Part is a query with the place for its answer: what a session gathers.
type Part interface {
	lay(p *Plan, ends *[]end)
}

// Into pairs a query with the place for its answer. Dst is set only when every
// part that runs with this one has succeeded.
func Into[T any](dst *T, q Query[T]) Part { return into[T]{dst, q} }

type into[T any] struct {
	dst *T
	q   Query[T]
}

func (i into[T]) lay(p *Plan, ends *[]end) {
	if i.q.begin == nil {
		panic(fmt.Sprintf("query: the zero Query[%T] was run", *i.dst))
	}
	take := i.q.begin(p)
	var answer T
	*ends = append(*ends, end{
		take:   func() (err error) { answer, err = take(); return err },
		assign: func() { *i.dst = answer },
	})
}
