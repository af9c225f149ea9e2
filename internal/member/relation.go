package member

import (
	"reflect"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/query"
)

// relation is what belongs to a member in a table of its own. Its name is that
// of the table, and of the field of [Detail].
type relation interface {
	name() string
	descriptor() *field.Struct
	// shown is the field of [Detail].
	shown() *field.Field
	// load loads the rows of a member into d.
	load(d *Detail, id ids.Member) query.Part
	// loadAll is load for a page of members: the function that it returns sets the
	// rows of a member.
	loadAll(list []ids.Member) query.Query[func(*Detail)]
	// check checks what d has, and brings it into the form that is stored. It does
	// nothing for a relation that is not written with the member.
	check(d *Detail, at time.Time, wrong *fault.Fields)
	// change returns the changes that replace the rows of old with those of d.
	change(old, d *Detail, at time.Time) []query.Change
	// value returns a pointer to what d has, or nil; always nil for a list.
	value(d *Detail) any
}

// attached is a row with the member that it belongs to.
type attached[T any] struct {
	owner ids.Member
	value T
}

// table is what all relations have in common.
type table[T any] struct {
	fields  *field.Struct
	field   *field.Field
	scanner *field.Scanner[T]

	selectOne, selectAll, insert, replace, remove string
}

func newTable[T any](name, where string) table[T] {
	s := field.For[T]()
	columns := s.Columns("")
	set := s.ColumnNames()
	for i, column := range set {
		set[i] = column + " = excluded." + column
	}
	insert := s.Insert(name, "member_id")
	return table[T]{
		fields: s, field: field.For[Detail]().Field(name), scanner: field.NewScanner[T](),
		selectOne: "select " + columns + " from " + name + " where member_id = $1" + where,
		selectAll: "select member_id, " + columns + " from " + name + " where member_id {in_ids $1}" + where,
		insert:    insert,
		replace:   insert + " on conflict (member_id) do update set " + strings.Join(set, ", "),
		remove:    "delete from " + name + " where member_id = $1",
	}
}

func (t *table[T]) name() string { return t.field.Name }

func (t *table[T]) descriptor() *field.Struct { return t.fields }

func (t *table[T]) shown() *field.Field { return t.field }

func (t *table[T]) scan(r query.Row) (T, error) { return t.scanner.Scan(r) }

func (t *table[T]) scanAttached(r query.Row) (a attached[T], err error) {
	a.value, err = t.scanner.ScanAfter(r, &a.owner)
	return a, err
}

// single is a relation of which a member has at most one row.
type single[T any] struct {
	table[T]
	of func(*Detail) **T
}

// one returns a relation of which a member has at most one row, written with the
// member.
func one[T any](name string, of func(*Detail) **T) *single[T] {
	return &single[T]{newTable[T](name, ""), of}
}

func (s *single[T]) load(d *Detail, id ids.Member) query.Part {
	return query.Into(s.of(d), query.Maybe(s.selectOne, s.scan, id))
}

func (s *single[T]) loadAll(list []ids.Member) query.Query[func(*Detail)] {
	return query.Map(query.Many(s.selectAll, s.scanAttached, list), func(rows []attached[T]) (func(*Detail), error) {
		all := make(map[ids.Member]*T, len(rows))
		for i := range rows {
			all[rows[i].owner] = &rows[i].value
		}
		return func(d *Detail) { *s.of(d) = all[d.ID] }, nil
	})
}

func (s *single[T]) check(d *Detail, at time.Time, wrong *fault.Fields) {
	place := s.of(d)
	if *place == nil {
		return
	}
	v := **place
	if c, ok := any(&v).(interface{ complete(at time.Time) }); ok {
		c.complete(at)
	}
	s.fields.Check(&v, s.name()+".", wrong)
	*place = &v
}

func (s *single[T]) change(old, d *Detail, _ time.Time) []query.Change {
	was, is := *s.of(old), *s.of(d)
	switch {
	case reflect.DeepEqual(was, is):
		return nil
	case is == nil:
		return []query.Change{query.Exec(s.remove, d.ID)}
	case was == nil:
		return []query.Change{s.add(d.ID, is)}
	default:
		return []query.Change{query.Exec(s.replace, s.fields.Values([]any{d.ID}, is)...)}
	}
}

func (s *single[T]) add(id ids.Member, v *T) query.Change {
	return query.Exec(s.insert, s.fields.Values([]any{id}, v)...)
}

func (s *single[T]) value(d *Detail) any {
	if v := *s.of(d); v != nil {
		return v
	}
	return nil
}

// several is a relation of which a member has a list, not written with the
// member.
type several[T any] struct {
	table[T]
	of    func(*Detail) *[]T
	order string
}

// many returns a relation of which a member has a list, in an order: the rows
// that are not deleted, [media.MaxForMember] at most.
func many[T any](name string, of func(*Detail) *[]T, order string) *several[T] {
	return &several[T]{newTable[T](name, " and deleted_at is null"), of, order}
}

func (s *several[T]) load(d *Detail, id ids.Member) query.Part {
	return query.Into(s.of(d), query.Many(s.selectOne+" order by "+s.order+" limit $2", s.scan, id, media.MaxForMember))
}

func (s *several[T]) loadAll(list []ids.Member) query.Query[func(*Detail)] {
	rows := query.Many(s.selectAll+" order by member_id, "+s.order+" limit $2", s.scanAttached, list, len(list)*media.MaxForMember)
	return query.Map(rows, func(rows []attached[T]) (func(*Detail), error) {
		all := make(map[ids.Member][]T)
		for i := range rows {
			all[rows[i].owner] = append(all[rows[i].owner], rows[i].value)
		}
		return func(d *Detail) {
			if *s.of(d) = all[d.ID]; *s.of(d) == nil {
				*s.of(d) = []T{}
			}
		}, nil
	})
}

func (*several[T]) check(*Detail, time.Time, *fault.Fields) {}

func (*several[T]) change(_, _ *Detail, _ time.Time) []query.Change { return nil }

func (*several[T]) value(*Detail) any { return nil }

// plans is the relation of subscriptions. Earlier ones are kept.
type plans struct{ single[Subscription] }

func history(name string, of func(*Detail) **Subscription) *plans {
	p := &plans{single[Subscription]{newTable[Subscription](name, " and current"), of}}
	p.insert = strings.Replace(p.insert, "(member_id, ", "(current, member_id, ", 1)
	p.insert = strings.Replace(p.insert, "values (", "values (true, ", 1)
	return p
}

func (p *plans) change(old, d *Detail, at time.Time) []query.Change {
	was, is := old.Subscription, d.Subscription
	end := query.Exec("update subscription set current = $2 where member_id = $1 and current", d.ID, false)
	switch {
	case reflect.DeepEqual(was, is):
		return nil
	case is == nil:
		return []query.Change{end}
	case was == nil:
		return []query.Change{p.add(d.ID, is)}
	case was.Plan == is.Plan && was.StartedAt.Equal(is.StartedAt):
		return []query.Change{query.Exec("update subscription set status = $3, expires_at = $4 where member_id = $1 and id = $2",
			d.ID, is.ID, string(is.Status), is.ExpiresAt)}
	default:
		is.ID = ids.New[ids.Row](at)
		return []query.Change{end, p.add(d.ID, is)}
	}
}
