package member

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
)

// side is one half of the members, each with indexes of its own.
type side bool

const (
	live side = false
	gone side = true
)

func (d Deleted) sides() []side {
	switch d {
	case OnlyDeleted:
		return []side{gone}
	case AlsoDeleted:
		return []side{live, gone}
	default:
		return []side{live}
	}
}

// of is the condition that holds for the members of a side.
func (s side) of(alias string) string {
	if s == gone {
		return alias + ".deleted_at is not null"
	}
	return alias + ".deleted_at is null"
}

// source is an index that one filter can be read from.
type source struct {
	table  string             // with its alias
	id     string             // the column of the member's id
	where  func(*text) string // the condition that the index serves
	newest bool               // read in the order of age, the newest first
	covers bool               // its rows are of the side and pass the whole filter
}

// of writes the source as what follows "select … from".
func (s source) of(t *text, limit int) string {
	from := s.table + " where " + s.where(t)
	if s.newest {
		from += " order by " + s.id + " desc"
	}
	return from + " limit " + t.arg(limit)
}

// text is SQL text in the making, with its arguments. All that is written into
// it is of this package; what comes from outside is an argument.
type text struct {
	strings.Builder
	args []any
}

// arg adds an argument and gives its placeholder.
func (t *text) arg(v any) string {
	t.args = append(t.args, v)
	return "$" + strconv.Itoa(len(t.args))
}

func (t *text) and(conditions ...string) {
	for _, c := range conditions {
		if c != "" {
			t.WriteString(" and " + c)
		}
	}
}

// sources are the indexes that the filters of a side can be read from.
func (o *ListOptions) sources(s side) (list []source) {
	f := &o.Filter
	only := o.filters() == 1 && s == live
	if f.BirthYearFrom != nil || f.BirthYearTo != nil {
		list = append(list, source{table: "users u", id: "u.id", covers: only, where: func(t *text) string {
			return s.of("u") + o.birthYears(t, "coalesce(u.birth_year, 0)")
		}})
	}
	if f.UpdatedFrom != nil || f.UpdatedTo != nil {
		list = append(list, source{table: "users u", id: "u.id", covers: only, where: func(t *text) string {
			return s.of("u") + o.updated(t, "u.updated_at")
		}})
	}
	if f.CreatedFrom != nil || f.CreatedTo != nil {
		list = append(list, source{table: "users u", id: "u.id", where: func(t *text) string {
			return s.of("u") + o.created(t, "u.id")
		}})
	}
	if (len(f.Status) > 0 || len(f.Gender) > 0) && s == live {
		list = append(list, source{table: "users u", id: "u.id", covers: only, where: func(t *text) string {
			statuses, genders := o.kinds()
			return "u.status {in " + t.arg(statuses) + "} and u.gender {in " + t.arg(genders) + "} and " + s.of("u")
		}})
	}
	return append(list, o.ordered()...)
}

// ordered are the indexes that have their rows in the order of age.
func (o *ListOptions) ordered() (list []source) {
	f := &o.Filter
	if f.Region != "" {
		list = append(list, source{table: "profile p", id: "p.member_id", where: func(t *text) string {
			return "p.region = " + t.arg(f.Region)
		}})
	}
	if f.Subscription != "" && f.Subscription != NoSubscription {
		list = append(list, source{table: "subscription p", id: "p.member_id", where: func(t *text) string {
			return "p.current and p.status = " + t.arg(f.Subscription)
		}})
	}
	if f.Plan != "" {
		list = append(list, source{table: "subscription p", id: "p.member_id", where: func(t *text) string {
			return "p.current and p.plan = " + t.arg(f.Plan)
		}})
	}
	return list
}

// filters is the number of filters, status and gender being one.
func (o *ListOptions) filters() (n int) {
	f := &o.Filter
	for _, on := range []bool{
		len(f.Status) > 0 || len(f.Gender) > 0, f.BirthYearFrom != nil || f.BirthYearTo != nil,
		f.CreatedFrom != nil || f.CreatedTo != nil, f.UpdatedFrom != nil || f.UpdatedTo != nil,
		f.Region != "", f.HasPhotos != nil, f.HasDocuments != nil, f.Subscription != "", f.Plan != "", f.Text != "",
	} {
		if on {
			n++
		}
	}
	return n
}

// kinds are the statuses and genders that pass, all of them for those that are
// not filtered by.
func (o *ListOptions) kinds() (statuses, genders []string) {
	for _, s := range Statuses() {
		if len(o.Filter.Status) == 0 || slices.Contains(o.Filter.Status, s) {
			statuses = append(statuses, string(s))
		}
	}
	for _, g := range Genders() {
		if len(o.Filter.Gender) == 0 || slices.Contains(o.Filter.Gender, g) {
			genders = append(genders, string(g))
		}
	}
	return statuses, genders
}

func words[T ~string](list []T) []string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return texts
}

func (s Sort) column(alias string) string {
	switch s.By {
	case ByUpdated:
		return alias + ".updated_at"
	case ByName:
		return alias + ".name_key"
	case ByBirthYear:
		return "coalesce(" + alias + ".birth_year, 0)"
	default:
		return alias + ".id"
	}
}

// value is a cursor's value as an argument.
func (s Sort) value(c *Cursor) any {
	switch s.By {
	case ByUpdated:
		t, _ := time.Parse(time.RFC3339Nano, c.Value) // check has read it
		return t
	case ByBirthYear:
		n, _ := strconv.Atoi(c.Value) // check has read it
		return n
	default:
		return c.Value
	}
}

func (s Sort) direction() string {
	if s.Ascending {
		return ""
	}
	return " desc"
}

func (s Sort) beyond() string {
	if s.Ascending {
		return " > "
	}
	return " < "
}

// checks are the conditions that a member must meet. They are written so that
// SQLite reads no index for them: the plan has chosen one.
func (p plan) checks(t *text, alias string) (list []string) {
	f := &p.options.Filter
	if len(f.Status) > 0 {
		list = append(list, "cast("+alias+".status as text) {in "+t.arg(words(f.Status))+"}")
	}
	if len(f.Gender) > 0 {
		list = append(list, "cast("+alias+".gender as text) {in "+t.arg(words(f.Gender))+"}")
	}
	return append(list, p.checksBeside(t, alias)...)
}

// checksBeside are the conditions beside those on status and gender.
func (p plan) checksBeside(t *text, alias string) (list []string) {
	o, f := &p.options, &p.options.Filter
	list = append(list,
		strings.TrimPrefix(o.birthYears(t, alias+".birth_year"), " and "),
		strings.TrimPrefix(p.createdCheck(t, alias), " and "),
		strings.TrimPrefix(o.updated(t, "coalesce("+alias+".updated_at, "+alias+".created_at)"), " and "))
	exists := func(has bool, condition string) {
		not := ""
		if !has {
			not = "not "
		}
		list = append(list, not+"exists (select 1 from "+condition+")")
	}
	if f.Region != "" {
		exists(true, "profile p where p.member_id = "+alias+".id and p.region = "+t.arg(f.Region))
	}
	if f.HasPhotos != nil {
		exists(*f.HasPhotos, "photos p where p.member_id = "+alias+".id and p.deleted_at is null")
	}
	if f.HasDocuments != nil {
		exists(*f.HasDocuments, "documents p where p.member_id = "+alias+".id and p.deleted_at is null")
	}
	if f.Subscription == NoSubscription {
		exists(false, "subscription p where p.member_id = "+alias+".id and p.current")
	} else if f.Subscription != "" {
		exists(true, "subscription p where p.member_id = "+alias+".id and p.current and p.status = "+t.arg(f.Subscription))
	}
	if f.Plan != "" {
		exists(true, "subscription p where p.member_id = "+alias+".id and p.current and p.plan = "+t.arg(f.Plan))
	}
	if p.match != nil {
		list = append(list, p.match.condition(t, alias))
	}
	return list
}

// createdCheck is on the column, which has no index, where the list follows
// another index than that of ids.
func (p plan) createdCheck(t *text, alias string) string {
	if o := &p.options; o.Sort.By != ByCreated {
		return within(t, alias+".created_at", o.Filter.CreatedFrom, o.Filter.CreatedTo, " < ")
	}
	return p.options.created(t, alias+".id")
}

func (o *ListOptions) birthYears(t *text, column string) string {
	low, high := o.Filter.BirthYearFrom, o.Filter.BirthYearTo
	if low == nil && high != nil || low != nil && *low < 1 {
		low = new(1) // an unknown year is 0 in the index
	}
	return within(t, column, low, high, " <= ")
}

func (o *ListOptions) created(t *text, column string) string {
	low, high := firstID(o.Filter.CreatedFrom), firstID(o.Filter.CreatedTo)
	if o.After != nil && o.Sort.By == ByCreated { // it begins where the cursor is
		if o.Sort.Ascending {
			low = nil
		} else {
			high = nil
		}
	}
	return within(t, column, low, high, " < ")
}

func (o *ListOptions) updated(t *text, column string) string {
	return within(t, column, o.Filter.UpdatedFrom, o.Filter.UpdatedTo, " < ")
}

func within[T any](t *text, column string, low, high *T, below string) (s string) {
	if low != nil {
		s = " and " + column + " >= " + t.arg(*low)
	}
	if high != nil {
		s += " and " + column + below + t.arg(*high)
	}
	return s
}

// firstID is the least id that a member created at or after a time can have.
func firstID(t *time.Time) *ids.Member {
	if t == nil {
		return nil
	}
	up := t.Truncate(time.Microsecond)
	if up.Before(*t) {
		up = up.Add(time.Microsecond)
	}
	return new(ids.First[ids.Member](up))
}
