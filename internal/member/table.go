package member

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// record is what profile, lifestyle, preference and subscription have in
// common: pointers to their columns, in one order, for select, insert and
// replace alike.
type record[T any] interface {
	*T
	fields() []any
}

// table is a relation of which a member has at most one row. Its texts are made
// once, so that a load makes none.
type table[T any, R record[T]] struct {
	name, columns                   string
	names                           []string // of the columns, and on the wire
	selectOne, selectAll            string
	insertText, replaceText, remove string
}

func newTable[T any, R record[T]](name, columns string) table[T, R] {
	t := table[T, R]{name: name, columns: columns, names: strings.Split(columns, ", ")}
	var set []string
	for _, column := range t.names {
		set = append(set, column+" = excluded."+column)
	}
	t.selectOne = "select " + columns + " from " + name + " where member_id = $1"
	t.selectAll = "select member_id, " + columns + " from " + name + " where member_id {in_ids $1}"
	t.insertText = "insert into " + name + " (member_id, " + columns + ") values (" + placeholders(1+len(set)) + ")"
	t.replaceText = t.insertText + " on conflict (member_id) do update set " + strings.Join(set, ", ")
	t.remove = "delete from " + name + " where member_id = $1"
	return t
}

// where is the table of the rows for which a column is true.
func (t table[T, R]) where(column string) table[T, R] {
	t.selectOne += " and " + column
	t.selectAll += " and " + column
	t.insertText = strings.Replace(t.insertText, "(member_id, ", "("+column+", member_id, ", 1)
	t.insertText = strings.Replace(t.insertText, "values (", "values (true, ", 1)
	return t
}

// of is the row that a member has, or nil.
func (t table[T, R]) of(id ids.Member) query.Query[*T] {
	return query.Maybe(t.selectOne, func(r query.Row) (v T, err error) { return v, r.Scan(R(&v).fields()...) }, id)
}

// ofAll are the rows that a page of members has.
func (t table[T, R]) ofAll(list []ids.Member) query.Query[map[ids.Member]*T] {
	type owned struct {
		owner ids.Member
		value T
	}
	rows := query.Many(t.selectAll, func(r query.Row) (o owned, err error) {
		return o, r.Scan(append([]any{&o.owner}, R(&o.value).fields()...)...)
	}, list)
	return query.Map(rows, func(rows []owned) (map[ids.Member]*T, error) {
		all := make(map[ids.Member]*T, len(rows))
		for i := range rows {
			all[rows[i].owner] = &rows[i].value
		}
		return all, nil
	})
}

// insert adds the row of a member.
func (t table[T, R]) insert(id ids.Member, v *T) query.Change {
	return query.Exec(t.insertText, append([]any{id}, values(R(v).fields())...)...)
}

// replace adds the row of a member, or takes the place of the one there is.
func (t table[T, R]) replace(id ids.Member, v *T) query.Change {
	return query.Exec(t.replaceText, append([]any{id}, values(R(v).fields())...)...)
}

// delete removes the row of a member.
func (t table[T, R]) delete(id ids.Member) query.Change { return query.Exec(t.remove, id) }

// values are what the pointers point to, so that a change keeps its arguments
// whatever becomes of the struct.
func values(fields []any) []any {
	list := make([]any, len(fields))
	for i, f := range fields {
		switch p := f.(type) {
		case *ids.Row:
			list[i] = *p
		case *string:
			list[i] = *p
		case *time.Time:
			list[i] = *p
		case **string:
			list[i] = valueOf(*p)
		case **int:
			list[i] = valueOf(*p)
		case **int64:
			list[i] = valueOf(*p)
		case **time.Time:
			list[i] = valueOf(*p)
		case *[]string:
			if *p != nil {
				list[i] = slices.Clone(*p)
			}
		default:
			panic("member: a field of a type that values does not know") // a test makes every struct
		}
	}
	return list
}

func valueOf[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// placeholders are $1 to $n.
func placeholders(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}
