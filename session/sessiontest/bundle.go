package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Open opens an engine on an empty database of its own. The suite closes it.
type Open func(t testing.TB) session.Engine

// bundle is what a test works with: a database with accounts a to d, each of 25.
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

// ask runs one query in a session of its own.
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

// within fails the test if f takes longer than d, and waits no longer.
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

// panics calls f and returns the value of its panic, or nil.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// timeout returns a context for work that must end within a minute.
func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, fmt.Errorf("the test took a minute"))
	t.Cleanup(cancel)
	return ctx
}

// balances returns queries for the balance of every account.
func balances(into *[accounts]int) []query.Part {
	parts := make([]query.Part, accounts)
	for i := range accounts {
		parts[i] = query.Into(&into[i], balance(i))
	}
	return parts
}

func wantWhole(t *testing.T, parts [accounts]int) {
	t.Helper()
	if got := parts[0] + parts[1] + parts[2] + parts[3]; got != total {
		t.Errorf("the parts %v add up to %d, want %d: they are of different moments", parts, got, total)
	}
}

// inParallel runs n workers and fails the test with their errors.
func inParallel(t *testing.T, n int, work func(worker int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for worker := range n {
		wg.Go(func() {
			if err := work(worker); err != nil {
				t.Errorf("worker %d: %v", worker, err)
			}
		})
	}
	wg.Wait()
}

// whileTransferring runs check while another goroutine commits transfers, and
// fails if it commits none meanwhile.
func whileTransferring(t *testing.T, b *bundle, check func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var transfers atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			from := rand.IntN(accounts)
			err := b.db.Write(ctx, func(w *session.Write) error {
				w.Add(transfer(from, (from+1)%accounts)...)
				return nil
			})
			switch {
			case err == nil:
				transfers.Add(1)
			case !errors.Is(err, errEmpty) && ctx.Err() == nil:
				t.Errorf("transferring: %v", err)
				return
			}
		}
	})
	if err := check(); err != nil {
		t.Errorf("reading: %v", err)
	}
	stop()
	wg.Wait()
	if transfers.Load() == 0 {
		t.Error("nothing was committed meanwhile: the test proves nothing")
	}
}
