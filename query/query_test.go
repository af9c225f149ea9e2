package query_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/musterhq/muster/query"
)

var errWanted = errors.New("an error that the test wants")

// number is a row of one number; what an engine does with rows is tested by
// session/sessiontest on real ones.
type number int

func (n number) Scan(dest ...any) error {
	*dest[0].(*int) = int(n)
	return nil
}

// feed plays the engine: it passes the rows to every query of the plan.
func feed(t *testing.T, p *query.Plan, rows ...number) error {
	t.Helper()
	for i, step := range p.Steps {
		for _, row := range rows {
			if err := step.Row(row); err != nil {
				return p.Fail(i, err)
			}
		}
	}
	return p.Finish()
}

func TestAnswersAreAllOrNothing(t *testing.T) {
	t.Parallel()
	one, inner := -1, [2]int{-1, -1}
	p := query.NewPlan(
		query.Into(&one, query.Scalar[int]("select 1")),
		query.Into(&inner, query.Together(func(a *[2]int) []query.Part {
			return []query.Part{
				query.Into(&a[0], query.Scalar[int]("select 2")),
				query.Into(&a[1], query.Map(query.Scalar[int]("select 3"), func(int) (int, error) { return 0, errWanted })),
			}
		})),
	)
	if err := feed(t, p, 7); !errors.Is(err, errWanted) {
		t.Errorf("got %v, want %v", err, errWanted)
	}
	if one != -1 || inner != [2]int{-1, -1} {
		t.Errorf("destinations were set: %d, %v", one, inner)
	}
}

func TestElse(t *testing.T) {
	t.Parallel()
	q := query.Scalar[int]("select 1")
	for name, test := range map[string]struct {
		q    query.Query[int]
		rows []number
		want error
	}{
		"no row":                  {q, nil, query.ErrNoRow},
		"no row, declared":        {q.Else(errWanted), nil, errWanted},
		"one row, declared":       {q.Else(errWanted), []number{1}, nil},
		"two rows":                {q.Else(errWanted), []number{1, 2}, query.ErrManyRows},
		"the first is unchanged":  {q, nil, query.ErrNoRow},
		"mapped, then declared":   {query.Map(q, func(n int) (int, error) { return n, nil }).Else(errWanted), nil, errWanted},
		"declared, then declared": {q.Else(query.ErrNoRow).Else(errWanted), nil, errWanted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n int
			if err := feed(t, query.NewPlan(query.Into(&n, test.q)), test.rows...); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestChangeIsImmutable(t *testing.T) {
	t.Parallel()
	base := query.Exec("update a set b = 1").OnConflict("one", errWanted)
	_ = base.OnConflict("two", errWanted)
	_ = base.Else(errWanted)
	p := query.NewPlan()
	p.Change(base, nil)
	if err := p.Steps[0].Touched(0); err != nil {
		t.Errorf("the base fails with %v", err)
	}
	if err := p.Fail(0, &query.Violation{Constraint: "two"}); errors.Is(err, errWanted) {
		t.Error("the base knows the constraint of its copy")
	}
	if err := p.Fail(0, &query.Violation{Constraint: "one"}); !errors.Is(err, errWanted) {
		t.Errorf("got %v, want %v", err, errWanted)
	}
}

func TestPlanFinishesAsOne(t *testing.T) {
	t.Parallel()
	one, two := -1, -1
	p := query.NewPlan(query.Into(&one, query.Scalar[int]("select 1")), query.Into(&two, query.Scalar[int]("select 1")))
	if err := p.Steps[0].Row(number(1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Finish(); !errors.Is(err, query.ErrNoRow) || one != -1 {
		t.Errorf("got %v and %d", err, one)
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	got := query.Statements(query.Into(new([]int), query.Together(func(a *[]int) []query.Part {
		return []query.Part{query.Into(new(int), query.Scalar[int]("select 1")), query.Into(new(int), query.Scalar[int]("select 2"))}
	})))
	if want := []string{"select 1", "select 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestZeroQueryIsRefused(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a query that was never made was run")
		}
	}()
	query.NewPlan(query.Into(new(int), query.Query[int]{}))
}
