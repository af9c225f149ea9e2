package directory

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// How much a list reads beyond its page. A database counts rows of an index about
// ten times faster than it looks up members.
const (
	narrowLimit  = 2000   // members that pass a filter, to fetch and sort all of them
	countLimit   = 10_000 // rows of an index that a total counts
	examineLimit = 1000   // members that a total looks up
)

// plan is how a page and a total of one side of a list are read, in one of four
// ways: fetch all members that pass the narrowest filter, and sort them; follow
// the index of a relation in the order of age; follow that of status and gender;
// or follow the index of the sort, and check each member.
type plan struct {
	options ListOptions
	side    side
	match   *match       // of the free text, or nil
	found   []ids.Member // with match: all candidates
	narrow  *source      // fetch all of it
	along   *source      // follow it in the order of age
	byKind  bool         // along is the index of status and gender
	counted *source      // for the total; nil for all members
}

// needsEstimate reports whether the plan depends on how many members pass the
// filters: no single index has both the filters and the order.
func (o *ListOptions) needsEstimate() bool {
	return slices.ContainsFunc(o.Filter.Deleted.sides(), func(s side) bool {
		sources := o.sources(s)
		if len(sources) != 1 {
			return len(sources) > 1
		}
		return !sources[0].native && (o.Sort.By != ByCreated || !sources[0].ordered)
	})
}

// planned returns the plan for each side. Where it depends on how many members
// pass a filter, as it does for free text, it counts them, up to a bound, in one
// round trip.
func planned(ctx context.Context, r *session.Read, o ListOptions, m *match) ([]plan, error) {
	sides := o.Filter.Deleted.sides()
	plans := make([]plan, len(sides))
	sources := make([][]source, len(sides))
	sizes := make([][]int64, len(sides))
	whole := o
	whole.After = nil // the same number passes on every page
	var parts []query.Part
	for i, s := range sides {
		plans[i] = plan{options: o, side: s, match: m}
		sources[i] = whole.sources(s)
		sizes[i] = make([]int64, len(sources[i]))
		for j, x := range sources[i] {
			limit := countLimit
			if x.slow {
				limit = narrowLimit
			}
			parts = append(parts, query.Into(&sizes[i][j], x.size(limit+1)))
		}
	}
	estimate := m != nil || o.needsEstimate()
	if estimate && len(parts) > 0 {
		if err := r.Gather(ctx, parts...); err != nil {
			return nil, err
		}
	}
	for i := range plans {
		plans[i].choose(sources[i], sizes[i], estimate)
	}
	return plans, nil
}

// choose chooses the smallest source: to fetch if it is small enough, or else to
// follow if it is in the order of the list. Without an estimate, there is at most
// one source.
func (p *plan) choose(sources []source, sizes []int64, estimate bool) {
	followed := int64(math.MaxInt64)
	least := followed
	for i := range sources {
		if sizes[i] < least {
			least, p.counted = sizes[i], &sources[i]
		}
		if p.options.Sort.By == ByCreated && sizes[i] < followed && (sources[i].ordered || sources[i].kinds) {
			followed, p.along, p.byKind = sizes[i], &sources[i], sources[i].kinds
		}
	}
	if estimate && least <= narrowLimit {
		p.narrow = p.counted
	}
}

// size returns the number of rows of a source, up to a bound.
func (s source) size(most int) query.Query[int64] {
	t := new(text)
	from := s.of(t, most)
	return query.Scalar[int64]("select count(*) from (select 1 as one from "+from+") e", t.args...)
}

// page returns the query for the members of the page, and one more.
func (p plan) page() query.Query[[]member.User] {
	t := new(text)
	switch {
	case p.found != nil || p.narrow != nil:
		p.fetched(t)
		p.after(t, "u")
		t.WriteString(" order by " + p.order("u"))
	case p.byKind:
		p.writeKinds(t)
		t.WriteString(" order by " + p.order("u"))
	case p.along != nil:
		t.WriteString("select " + member.UserColumns + " from " + p.along.table + " cross join users u where " +
			p.along.where(t) + " and u.id = " + p.along.id)
		if c := p.options.After; c != nil {
			t.and(p.along.id + p.options.Sort.beyond() + t.arg(c.ID))
		}
		t.and(p.side.of("u"))
		t.and(p.checks(t, "u")...)
		t.WriteString(" order by " + p.along.id + p.options.Sort.direction())
	default:
		t.WriteString("select " + member.UserColumns + " from users u where " + p.side.of("u"))
		t.WriteString(p.bounds(t))
		t.and(p.checks(t, "u")...)
		p.after(t, "u")
		t.WriteString(" order by " + p.order("u"))
	}
	t.WriteString(" limit " + t.arg(p.options.Limit+1))
	return query.Many(t.String(), member.ScanUser, t.args...)
}

// fetched writes the query for all members that pass the narrowest filter and the
// others.
func (p plan) fetched(t *text) {
	if p.found != nil {
		t.WriteString("select " + member.UserColumns + " from users u where u.id {in_ids " + t.arg(p.found) + "}")
	} else {
		t.WriteString("select " + member.UserColumns + " from (select " + p.narrow.id + " as id from " +
			p.narrow.of(t, narrowLimit) + ") n cross join users u where u.id = n.id")
	}
	t.and(p.side.of("u"))
	t.and(p.checks(t, "u")...)
}

// writeKinds writes the query that reads the index of status and gender in the
// order of age: a short run for each pair of them, merged by a sort.
func (p plan) writeKinds(t *text) {
	statuses, genders := p.options.kinds()
	limit, first := t.arg(p.options.Limit+1), true
	t.WriteString("select " + member.UserColumns + " from (")
	for _, status := range statuses {
		for _, gender := range genders {
			if !first {
				t.WriteString(" union all ")
			}
			first = false
			t.WriteString("select * from (select k.id from users k where k.status = " + t.arg(status) +
				" and k.gender = " + t.arg(gender) + " and k.deleted_at is null")
			t.and(p.otherChecks(t, "k")...)
			p.after(t, "k")
			t.WriteString(" order by k.id" + p.options.Sort.direction() + " limit " + limit + ") r")
		}
	}
	t.WriteString(") n cross join users u where u.id = n.id")
}

// after writes the condition that the page starts after the cursor.
func (p plan) after(t *text, alias string) {
	c := p.options.After
	if c == nil {
		return
	}
	sort := p.options.Sort
	if sort.By == ByCreated {
		t.and(alias + ".id" + sort.beyond() + t.arg(c.ID))
		return
	}
	t.and("(" + sort.column(alias) + ", " + alias + ".id)" + sort.beyond() + "(" + t.arg(sort.value(c)) + ", " + t.arg(c.ID) + ")")
}

// bounds returns the filter on the sort key, as bounds of the index. SQLite uses
// one bound at each end, and the cursor is one.
func (p plan) bounds(t *text) string {
	o := p.options
	f := &o.Filter
	if o.After != nil && o.Sort.Ascending {
		f.BirthYearFrom, f.UpdatedFrom = nil, nil
	} else if o.After != nil {
		f.BirthYearTo, f.UpdatedTo = nil, nil
	}
	switch o.Sort.By {
	case ByBirthYear:
		return o.birthYears(t, o.Sort.column("u"))
	case ByUpdated:
		return o.updated(t, o.Sort.column("u"))
	default:
		return ""
	}
}

func (p plan) order(alias string) string {
	s := p.options.Sort
	if s.By == ByCreated {
		return alias + ".id" + s.direction()
	}
	return s.column(alias) + s.direction() + ", " + alias + ".id" + s.direction()
}

// total returns the query for the number of members: from the counters if they
// have it; exact if the plan fetches all candidates; else from a bounded number of
// rows.
func (p plan) total() query.Query[Total] {
	p.options.After = nil // a total counts the whole list
	n := p.options.filters()
	switch {
	case p.found != nil || p.narrow != nil:
		return p.exactTotal()
	case p.side == live && (n == 0 || n == 1 && p.options.byKind()):
		return p.countersTotal()
	case n == 0:
		return indexTotal(p.all())
	case p.counted == nil:
		return p.examinedTotal(p.all())
	case p.counted.covers:
		return indexTotal(*p.counted)
	default:
		return p.examinedTotal(*p.counted)
	}
}

func (p plan) countersTotal() query.Query[Total] {
	f := &p.options.Filter
	return query.Map(counters.CountOf(field.Strings(f.Status), field.Strings(f.Gender)), func(n int64) (Total, error) {
		return Total{Count: n, Exact: true}, nil
	})
}

// all returns the source of all members of the side.
func (p plan) all() source {
	return source{table: "users u", id: "u.id", newest: true, where: func(*text) string { return p.side.of("u") }}
}

func (p plan) exactTotal() query.Query[Total] {
	t := new(text)
	t.WriteString("select count(*) from (")
	p.fetched(t)
	t.WriteString(") e")
	return query.Map(query.Scalar[int64](t.String(), t.args...), func(n int64) (Total, error) {
		return Total{Count: n, Exact: true}, nil
	})
}

func indexTotal(s source) query.Query[Total] {
	return query.Map(s.size(countLimit+1), func(n int64) (Total, error) {
		return Total{Count: min(n, countLimit), Exact: n <= countLimit}, nil
	})
}

func (p plan) examinedTotal(s source) query.Query[Total] {
	t := new(text)
	from := s.of(t, examineLimit+1)
	t.WriteString("select count(*), count(case when " + p.side.of("u"))
	t.and(p.checks(t, "u")...)
	fmt.Fprintf(t, " then 1 end) from (select %s as id from %s) n cross join users u where u.id = n.id", s.id, from)
	return query.One(t.String(), func(r query.Row) (total Total, err error) {
		var examined int64
		err = r.Scan(&examined, &total.Count)
		total.Exact = examined <= examineLimit
		return total, err
	}, t.args...)
}

// run runs the queries for the page and the total of each side in one round trip,
// and merges them into one page.
func run(ctx context.Context, r *session.Read, o ListOptions, plans []plan) (Page, []member.User, error) {
	pages := make([][]member.User, len(plans))
	totals := make([]Total, len(plans))
	var parts []query.Part
	for i, p := range plans {
		parts = append(parts, query.Into(&pages[i], p.page()), query.Into(&totals[i], p.total()))
	}
	if err := r.Gather(ctx, parts...); err != nil {
		return Page{}, nil, err
	}
	users := slices.Concat(pages...)
	page := Page{Total: Total{Exact: true}}
	for _, t := range totals {
		page.Total.Count += t.Count
		page.Total.Exact = page.Total.Exact && t.Exact
	}
	if len(plans) > 1 {
		slices.SortFunc(users, func(a, b member.User) int { return o.Sort.compare(&a, &b) })
	}
	if len(users) > o.Limit {
		users = users[:o.Limit]
		page.Next = o.Sort.cursorAt(&users[o.Limit-1])
	}
	return page, users, nil
}
