package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Open opens an engine on an empty database of its own. The suite closes it.
type Open func(t testing.TB) session.Engine

// Run runs the suite: each test on a database of its own.
func Run(t *testing.T, open Open) {
	groups := map[string]map[string]func(*testing.T, *bundle){
		"read": readTests, "write": writeTests, "values": valueTests, "misuse": misuseTests, "load": loadTests,
	}
	for group, tests := range groups {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, setup(t, open))
				})
			}
		})
	}
}

// bundle is what a test works with: a database with accounts a to d of 25 each.
type bundle struct {
	engine *Counter
	db     *session.DB
}

const accounts, total = 4, 100

func setup(t *testing.T, open Open) *bundle {
	t.Helper()
	b := &bundle{engine: Count(open(t))}
	b.db = session.New(b.engine)
	t.Cleanup(func() {
		if n := b.engine.Open(); n != 0 {
			t.Errorf("%d sessions are still open at the end", n)
		}
		if err := b.engine.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	b.write(t, query.Exec(`create table account (
			name text not null, balance bigint not null,
			constraint account_pkey primary key (name),
			constraint account_balance_check check (balance >= 0))`),
		query.Exec(`create table note (id bigint not null primary key, label text, owner text references account (name))`),
		query.Exec(`create unique index note_label_key on note (label)`))
	for i := range accounts {
		b.write(t, query.Exec(`insert into account (name, balance) values ($1, $2)`, name(i), total/accounts))
	}
	b.engine.Trips()
	return b
}

func name(i int) string { return string(rune('a' + i)) }

// write makes the changes in a session of their own.
func (b *bundle) write(t testing.TB, changes ...query.Change) {
	t.Helper()
	if err := b.db.Write(t.Context(), func(w *session.Write) error { w.Add(changes...); return nil }); err != nil {
		t.Fatalf("writing: %v", err)
	}
}

// ask answers one query in a session of its own.
func ask[T any](t testing.TB, b *bundle, q query.Query[T]) T {
	t.Helper()
	var answer T
	err := b.db.Read(t.Context(), func(r *session.Read) (err error) {
		answer, err = session.Run(t.Context(), r, q)
		return err
	}, session.Once)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return answer
}

func balance(i int) query.Query[int] {
	return query.Scalar[int](`select balance from account where name = $1`, name(i))
}

func sum() query.Query[int] {
	return query.Scalar[int](`select cast(sum(balance) as bigint) from account`)
}

func notes() query.Query[int] { return query.Scalar[int](`select count(*) from note`) }

func addNote(id int) query.Change { return query.Exec(`insert into note (id) values ($1)`, id) }

// transfer moves one unit, in two statements that belong together.
func transfer(from, to int) []query.Change {
	return []query.Change{
		query.Exec(`update account set balance = balance - 1 where name = $1 and balance > 0`, name(from)).Else(errEmpty),
		query.Exec(`update account set balance = balance + 1 where name = $1`, name(to)),
	}
}

var (
	errEmpty  = errors.New("the account is empty")
	errWanted = errors.New("an error that the test wants")
)

// slow is a query that runs far longer than any test waits.
func slow() query.Query[int] {
	return query.Scalar[int](`with recursive n (i) as (select cast(1 as bigint) union all select i + 1 from n where i < cast($1 as bigint))
		select count(*) from n`, int64(1)<<40)
}

// within fails the test if f takes longer than it may; it waits no longer.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("not done within %v", d)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// panics calls f and gives what it panicked with, or nil.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// timeout is a context for what must not take longer than a test's patience.
func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, fmt.Errorf("the test took a minute"))
	t.Cleanup(cancel)
	return ctx
}
