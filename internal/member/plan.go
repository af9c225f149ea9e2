package member

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// How much a list looks at, beyond its page. A database counts rows of an index
// about ten times faster than it looks up members.
const (
	narrowLimit  = 1000   // a filter that lets no more pass is fetched whole, and sorted
	countLimit   = 10_000 // rows of an index that a total counts
	examineLimit = 2000   // members that a total looks up
)

// plan is the way to a page and a total of one side of a list. It is one of
// three: to fetch all that the narrowest filter lets pass, and sort them; to
// follow the index of one filter, in the order of age; or to follow the index
// of the sort, and look at each member.
type plan struct {
	options ListOptions
	side    side
	match   *match       // what free text asks for, or nil
	found   []ids.Member // with match: all that it can be
	sample  []ids.Member // with match: some that it can be
	narrow  *source      // fetched whole
	along   *source      // followed in the order of age
}

// needsEstimate reports whether the way depends on how many members the filters
// let pass: where no index has both the filter and the order.
func (o ListOptions) needsEstimate() bool {
	f := &o.Filter
	years, updated := f.BirthYearFrom != nil || f.BirthYearTo != nil, f.UpdatedFrom != nil || f.UpdatedTo != nil
	others := f.Region != "" || f.Subscription != "" && f.Subscription != NoSubscription || f.Plan != ""
	created := f.CreatedFrom != nil || f.CreatedTo != nil
	kinds := len(f.Status) > 0 || len(f.Gender) > 0
	switch o.Sort.By {
	case ByCreated:
		return years || updated
	case ByUpdated:
		return years || others || created || kinds
	case ByBirthYear:
		return updated || others || created || kinds
	default:
		return years || updated || others || created || kinds
	}
}

// planned chooses the way for each side. Where that depends on how many members
// a filter lets pass, it asks, up to a bound, in one round trip.
func planned(ctx context.Context, r *session.Read, o ListOptions, m *match) ([]plan, error) {
	var plans []plan
	for _, s := range o.Filter.Deleted.sides() {
		p := plan{options: o, side: s, match: m}
		if ordered := o.ordered(); o.Sort.By == ByCreated && len(ordered) > 0 {
			p.along = &ordered[0]
		}
		plans = append(plans, p)
	}
	if !o.needsEstimate() {
		return plans, nil
	}
	sources := make([][]source, len(plans))
	sizes := make([][]int64, len(plans))
	var parts []query.Part
	o.After = nil // a filter lets as many pass on every page
	for i := range plans {
		sources[i] = o.sources(plans[i].side)
		sizes[i] = make([]int64, len(sources[i]))
		for j, s := range sources[i] {
			parts = append(parts, query.Into(&sizes[i][j], s.size(narrowLimit+1)))
		}
	}
	if err := r.Gather(ctx, parts...); err != nil {
		return nil, err //nolint:wrapcheck // List wraps it
	}
	for i := range plans {
		least := int64(narrowLimit + 1)
		for j, n := range sizes[i] {
			if n < least {
				least, plans[i].narrow = n, &sources[i][j]
			}
		}
	}
	return plans, nil
}

// size is the number of a source's rows, up to a bound.
func (s source) size(most int) query.Query[int64] {
	t := new(text)
	from := s.of(t, most)
	return query.Scalar[int64]("select count(*) from (select 1 as one from "+from+") e", t.args...)
}

// page is the query for the members of the page, and one more.
func (p plan) page() query.Query[[]User] {
	t := new(text)
	switch {
	case p.found != nil || p.narrow != nil:
		p.fetched(t)
		p.after(t, "u")
		t.WriteString(" order by " + p.order("u"))
	case p.along != nil:
		t.WriteString("select " + userColumns + " from " + p.along.table + " cross join users u where " +
			p.along.where(t) + " and u.id = " + p.along.id)
		if c := p.options.After; c != nil {
			t.and(p.along.id + p.options.Sort.beyond() + t.arg(c.ID))
		}
		t.and(p.side.of("u"))
		t.and(p.checks(t, "u")...)
		t.WriteString(" order by " + p.along.id + p.options.Sort.direction())
	case p.byKind():
		p.writeKinds(t)
		t.WriteString(" order by " + p.order("u"))
	default:
		t.WriteString("select " + userColumns + " from users u where " + p.side.of("u"))
		t.WriteString(p.bounds(t))
		t.and(p.checks(t, "u")...)
		p.after(t, "u")
		t.WriteString(" order by " + p.order("u"))
	}
	t.WriteString(" limit " + t.arg(p.options.Limit+1))
	return query.Many(t.String(), scanUser, t.args...)
}

// fetched writes the query for all that the narrowest filter lets pass and the
// others do as well.
func (p plan) fetched(t *text) {
	if p.found != nil {
		t.WriteString("select " + userColumns + " from users u where u.id {in_ids " + t.arg(p.found) + "}")
	} else {
		t.WriteString("select " + userColumns + " from (select " + p.narrow.id + " as id from " +
			p.narrow.of(t, narrowLimit) + ") n cross join users u where u.id = n.id")
	}
	t.and(p.side.of("u"))
	t.and(p.checks(t, "u")...)
}

// byKind reports whether the members can be read from the index of status and
// gender, in the order of age: as many short runs as there are pairs of these,
// made one by a sort.
func (p plan) byKind() bool {
	f := &p.options.Filter
	return p.options.Sort.By == ByCreated && p.side == live && p.match == nil && (len(f.Status) > 0 || len(f.Gender) > 0)
}

func (p plan) writeKinds(t *text) {
	statuses, genders := p.options.kinds()
	limit, first := t.arg(p.options.Limit+1), true
	t.WriteString("select " + userColumns + " from (")
	for _, status := range statuses {
		for _, gender := range genders {
			if !first {
				t.WriteString(" union all ")
			}
			first = false
			t.WriteString("select * from (select k.id from users k where k.status = " + t.arg(status) +
				" and k.gender = " + t.arg(gender) + " and k.deleted_at is null")
			t.and(p.checksBeside(t, "k")...)
			p.after(t, "k")
			t.WriteString(" order by k.id" + p.options.Sort.direction() + " limit " + limit + ") r")
		}
	}
	t.WriteString(") n cross join users u where u.id = n.id")
}

// after writes the condition that the page begins after the cursor.
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

// bounds is the filter on what the list is sorted by, as bounds of the index.
// SQLite takes one bound at each end, and the cursor is one.
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

// total is the query for the number of members: from the counters where these
// have it, exactly where one filter was fetched whole, else by looking at a
// bounded number.
func (p plan) total() query.Query[Total] {
	p.options.After = nil // a total is of the whole list
	o := &p.options
	statuses, genders := o.kinds()
	switch n := o.filters(); {
	case p.sample != nil:
		return p.sampledTotal()
	case p.found != nil || p.narrow != nil:
		return p.exactTotal()
	case p.side == live && (n == 0 || n == 1 && (len(o.Filter.Status) > 0 || len(o.Filter.Gender) > 0)):
		return query.Map(Counts(), func(list []KindCount) (t Total, _ error) {
			for _, c := range list {
				if slices.Contains(statuses, string(c.Status)) && slices.Contains(genders, string(c.Gender)) {
					t.Count += c.N
				}
			}
			t.Exact = true
			return t, nil
		})
	case n == 0:
		return indexTotal(p.all())
	}
	sources := append(o.ordered(), o.sources(p.side)...)
	if len(sources) == 0 {
		return p.examinedTotal(p.all())
	}
	if sources[0].covers {
		return indexTotal(sources[0])
	}
	return p.examinedTotal(sources[0])
}

// all are the members of the side.
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

// sampledTotal counts those of the sample that pass.
func (p plan) sampledTotal() query.Query[Total] {
	p.found, p.sample = p.sample, nil
	return query.Map(p.exactTotal(), func(t Total) (Total, error) { return Total{Count: t.Count}, nil })
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
