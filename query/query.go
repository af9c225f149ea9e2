package query

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of a result whose number of rows differs from what its query says.
var (
	ErrNoRow    = errors.New("query: no row where one was expected")
	ErrManyRows = errors.New("query: several rows where one was expected")
)

// UUID is an identifier as an argument.
type UUID interface{ UUID() [16]byte }

// UUIDSetter is an identifier as a destination.
type UUIDSetter interface{ SetUUID([16]byte) }

// Query is a question whose answer is a T. The zero Query is not usable. It is
// immutable and safe for concurrent use.
type Query[T any] struct {
	// lay adds the statements of one run to the plan and returns the run's
	// answer, which is complete after their rows.
	lay func(*Plan) answer[T]
}

// answer is the state of one run. Answers of single statements take the rows,
// too, so that a run of one statement is one allocation.
type answer[T any] interface {
	take() (T, error)
}

// One is a query for exactly one row: without it the run returns [ErrNoRow],
// or the error of [Query.Else].
func One[T any](sql string, scan func(Row) (T, error), args ...any) Query[T] {
	return Query[T]{lay: func(p *Plan) answer[T] {
		a := &one[T]{scan: scan}
		p.ask(sql, args, a)
		return a
	}}
}

type one[T any] struct {
	scan  func(Row) (T, error)
	check func(T) error // may be nil
	got   T
	rows  int
}

func (a *one[T]) row(r Row) (err error) {
	if a.rows++; a.rows > 1 {
		return ErrManyRows
	}
	if a.got, err = a.scan(r); err == nil && a.check != nil {
		err = a.check(a.got)
	}
	return err
}

func (a *one[T]) take() (T, error) {
	if a.rows == 0 {
		return a.got, ErrNoRow
	}
	return a.got, nil
}

// Maybe is a query for at most one row: without it the answer is nil.
func Maybe[T any](sql string, scan func(Row) (T, error), args ...any) Query[*T] {
	return Query[*T]{lay: func(p *Plan) answer[*T] {
		a := &maybe[T]{scan: scan}
		p.ask(sql, args, a)
		return a
	}}
}

type maybe[T any] struct {
	scan func(Row) (T, error)
	got  *T
}

func (a *maybe[T]) row(r Row) error {
	if a.got != nil {
		return ErrManyRows
	}
	v, err := a.scan(r)
	a.got = &v
	return err
}

func (a *maybe[T]) take() (*T, error) { return a.got, nil }

// A result of more than a few rows is likely to be a page.
const (
	fewRows  = 4
	manyRows = 60
)

// Many is a query for any number of rows, in their order. Without rows the
// answer is empty and not nil. The text bounds their number.
func Many[T any](sql string, scan func(Row) (T, error), args ...any) Query[[]T] {
	return Query[[]T]{lay: func(p *Plan) answer[[]T] {
		a := &many[T]{scan: scan, got: []T{}}
		p.ask(sql, args, a)
		return a
	}}
}

type many[T any] struct {
	scan func(Row) (T, error)
	got  []T
}

func (a *many[T]) row(r Row) error {
	v, err := a.scan(r)
	if len(a.got) == fewRows { // grow in one step instead of five
		a.got = slices.Grow(a.got, manyRows)
	}
	a.got = append(a.got, v)
	return err
}

func (a *many[T]) take() ([]T, error) { return a.got, nil }

// Scalar is a query for the one column of exactly one row.
func Scalar[T any](sql string, args ...any) Query[T] {
	return One(sql, func(r Row) (v T, err error) { return v, r.Scan(&v) }, args...)
}

// Each is a query that calls yield for every row and keeps none, for results
// that do not fit in memory; its answer is their number. An error of yield ends
// it. Yield runs while the database waits, and runs again when a write session
// is retried.
func Each[T any](sql string, scan func(Row) (T, error), yield func(T) error, args ...any) Query[int] {
	return Query[int]{lay: func(p *Plan) answer[int] {
		a := &each[T]{plan: p, scan: scan, yield: yield}
		p.ask(sql, args, a)
		return a
	}}
}

type each[T any] struct {
	plan  *Plan
	scan  func(Row) (T, error)
	yield func(T) error
	rows  int
}

func (a *each[T]) row(r Row) error {
	v, err := a.scan(r)
	if err != nil {
		return err
	}
	a.rows++
	a.plan.streamed = true
	return a.yield(v)
}

func (a *each[T]) take() (int, error) { return a.rows, nil }

// Check is q whose answer check, which must be pure, may refuse. The row of a [One] is
// checked as it comes, so that an engine runs nothing after q.
func (q Query[T]) Check(check func(T) error) Query[T] {
	return Query[T]{lay: func(p *Plan) answer[T] {
		a := q.lay(p)
		if row, ok := a.(*one[T]); ok {
			row.check = check
			return a
		}
		return &mapped[T, T]{a, func(t T) (T, error) { return t, check(t) }}
	}}
}

// Fail is a query that asks nothing and whose answer is an error.
func Fail[T any](err error) Query[T] {
	return Query[T]{lay: func(*Plan) answer[T] { return failed[T]{err} }}
}

type failed[T any] struct{ err error }

func (a failed[T]) take() (none T, err error) { return none, a.err }

// Map is the query whose answer is f of q's. F must be pure.
func Map[T, U any](q Query[T], f func(T) (U, error)) Query[U] {
	return Query[U]{lay: func(p *Plan) answer[U] { return &mapped[T, U]{q.lay(p), f} }}
}

type mapped[T, U any] struct {
	of answer[T]
	f  func(T) (U, error)
}

func (a *mapped[T, U]) take() (u U, err error) {
	t, err := a.of.take()
	if err != nil {
		return u, err
	}
	return a.f(t)
}

// Together is one query made of several: each run calls build with a new T and
// runs the parts, which put their answers into it. A session runs them in one
// round trip, like any other query. Build must be pure.
func Together[T any](build func(*T) []Part) Query[T] {
	return Query[T]{lay: func(p *Plan) answer[T] {
		a := new(together[T])
		a.parts = build(&a.got)
		for _, part := range a.parts {
			part.lay(p)
		}
		return a
	}}
}

type together[T any] struct {
	got   T
	parts []Part
}

func (a *together[T]) take() (T, error) {
	if err := finish(a.parts); err != nil {
		var none T
		return none, err
	}
	return a.got, nil
}

// Else returns the query with an error for a missing row, instead of [ErrNoRow].
func (q Query[T]) Else(missing error) Query[T] {
	return Query[T]{lay: func(p *Plan) answer[T] { return &declared[T]{q.lay(p), missing} }}
}

type declared[T any] struct {
	of      answer[T]
	missing error
}

func (a *declared[T]) take() (T, error) {
	t, err := a.of.take()
	if errors.Is(err, ErrNoRow) {
		err = a.missing
	}
	return t, err
}

// Into pairs a query with the place for its answer. Dst is set only when every
// part of the run has succeeded.
func Into[T any](dst *T, q Query[T]) Part { return &into[T]{dst: dst, q: q} }

// into keeps the answer of a run until the others have succeeded.
type into[T any] struct {
	dst    *T
	q      Query[T]
	answer answer[T]
	got    T
}

func (i *into[T]) lay(p *Plan) {
	if i.q.lay == nil {
		panic(fmt.Sprintf("query: the zero Query[%T] was run", *i.dst))
	}
	i.answer = i.q.lay(p)
}

func (i *into[T]) take() (err error) {
	if i.answer == nil {
		return ErrNoRow
	}
	i.got, err = i.answer.take()
	return err
}

func (i *into[T]) assign() { *i.dst = i.got }

func (i *into[T]) clear() {
	var none T
	*i.dst, i.answer = none, nil
}
