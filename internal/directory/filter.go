package directory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
)

// side is one half of the members: live or deleted. Each has its own indexes.
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

// of returns the condition for the members of a side.
func (s side) of(alias string) string {
	if s == gone {
		return alias + ".deleted_at is not null"
	}
	return alias + ".deleted_at is null"
}

// source is an index from which the members that pass a filter can be read.
type source struct {
	table   string             // with its alias
	id      string             // the column of the member's ID
	where   func(*text) string // the condition that the index serves
	newest  bool               // read it in the order of age, newest first
	ordered bool               // its rows are in the order of age
	native  bool               // it is in the order of the list
	kinds   bool               // it is the index of status and gender
	covers  bool               // its rows are of the side and pass the whole filter
	slow    bool               // a row costs as much as a member
}

// of returns what follows "select … from" for the rows of the source.
func (s source) of(t *text, limit int) string {
	from := s.table + " where " + s.where(t)
	if s.newest {
		from += " order by " + s.id + " desc"
	}
	return from + " limit " + t.arg(limit)
}

// sources returns the indexes that the filters can be read from on a side.
func (o *ListOptions) sources(s side) (list []source) {
	f, by := &o.Filter, o.Sort.By
	only := o.filters() == 1
	ofUsers := func(native, covers bool, where func(*text) string) {
		list = append(list, source{table: "users u", id: "u.id", native: native, covers: covers, where: where})
	}
	if f.BirthYearFrom != nil || f.BirthYearTo != nil {
		ofUsers(by == ByBirthYear, only, func(t *text) string {
			return s.of("u") + o.birthYears(t, "u.birth_year")
		})
	}
	if f.UpdatedFrom != nil || f.UpdatedTo != nil {
		ofUsers(by == ByUpdated, only, func(t *text) string { return s.of("u") + o.updated(t, "u.updated_at") })
	}
	if f.CreatedFrom != nil || f.CreatedTo != nil {
		ofUsers(by == ByCreated, only, func(t *text) string { return s.of("u") + o.created(t, "u.id") })
	}
	if o.byKind() && s == live {
		ofUsers(by == ByCreated, only, func(t *text) string {
			statuses, genders := o.kinds()
			return s.of("u") + " and u.status {in " + t.arg(statuses) + "} and u.gender {in " + t.arg(genders) + "}"
		})
		list[len(list)-1].kinds = true
	}
	return append(list, o.relationSources()...)
}

// relationSources returns the indexes of relations, whose rows are in the order
// of age. The first photo of a member stands for all of them.
func (o *ListOptions) relationSources() (list []source) {
	f := &o.Filter
	add := func(table string, where func(*text) string) {
		list = append(list, source{table: table + " p", id: "p.member_id", ordered: true, where: where})
	}
	if f.Region != "" {
		add("profile", func(t *text) string { return "p.region = " + t.arg(f.Region) })
	}
	if f.Subscription != "" && f.Subscription != NoSubscription {
		add("subscription", func(t *text) string { return "p.current and p.status = " + t.arg(string(f.Subscription)) })
	}
	if f.Plan != "" {
		add("subscription", func(t *text) string { return "p.current and p.plan = " + t.arg(f.Plan) })
	}
	first := func(table string, has *bool) {
		if has != nil && *has {
			add(table, func(*text) string {
				return "p.deleted_at is null and not exists (select 1 from " + table +
					" x where x.member_id = p.member_id and x.deleted_at is null and x.id < p.id)"
			})
			list[len(list)-1].slow = true
		}
	}
	first("photos", f.HasPhotos)
	first("documents", f.HasDocuments)
	return list
}

// byKind reports whether the list is filtered by status or gender.
func (o *ListOptions) byKind() bool { return len(o.Filter.Status) > 0 || len(o.Filter.Gender) > 0 }

// filters returns the number of filters. Status and gender count as one.
func (o *ListOptions) filters() (n int) {
	f := &o.Filter
	for _, on := range []bool{
		o.byKind(), f.BirthYearFrom != nil || f.BirthYearTo != nil,
		f.CreatedFrom != nil || f.CreatedTo != nil, f.UpdatedFrom != nil || f.UpdatedTo != nil,
		f.Region != "", f.HasPhotos != nil, f.HasDocuments != nil, f.Subscription != "", f.Plan != "", f.Text != "",
	} {
		if on {
			n++
		}
	}
	return n
}

// kinds returns the statuses and genders that pass: all of them without a filter.
func (o *ListOptions) kinds() (statuses, genders []string) {
	for _, s := range member.Statuses() {
		if len(o.Filter.Status) == 0 || slices.Contains(o.Filter.Status, s) {
			statuses = append(statuses, string(s))
		}
	}
	for _, g := range member.Genders() {
		if len(o.Filter.Gender) == 0 || slices.Contains(o.Filter.Gender, g) {
			genders = append(genders, string(g))
		}
	}
	return statuses, genders
}

func (s Sort) column(alias string) string {
	switch s.By {
	case ByUpdated:
		return alias + ".updated_at"
	case ByName:
		return alias + ".name_key"
	case ByBirthYear:
		return alias + ".birth_year"
	default:
		return alias + ".id"
	}
}

// value returns the value of a cursor as an argument.
func (s Sort) value(c *Cursor) any {
	switch s.By {
	case ByUpdated:
		t, _ := time.Parse(time.RFC3339Nano, c.Value) // fits has parsed it
		return t
	case ByBirthYear:
		n, _ := strconv.Atoi(c.Value) // fits has parsed it
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

// checks returns the conditions that a member must meet, written so that SQLite
// uses no index for them: the plan has chosen one.
func (p plan) checks(t *text, alias string) (list []string) {
	f := &p.options.Filter
	if len(f.Status) > 0 {
		list = append(list, "cast("+alias+".status as text) {in "+t.arg(field.Strings(f.Status))+"}")
	}
	if len(f.Gender) > 0 {
		list = append(list, "cast("+alias+".gender as text) {in "+t.arg(field.Strings(f.Gender))+"}")
	}
	return append(list, p.otherChecks(t, alias)...)
}

// otherChecks returns the conditions except those on status and gender.
func (p plan) otherChecks(t *text, alias string) (list []string) {
	o, f := &p.options, &p.options.Filter
	list = append(list,
		strings.TrimPrefix(o.birthYears(t, "cast("+alias+".birth_year as integer)"), " and "),
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

// createdCheck returns the condition on the time of creation: on the column,
// which has no index, where the list does not follow the index of IDs.
func (p plan) createdCheck(t *text, alias string) string {
	if o := &p.options; o.Sort.By != ByCreated {
		return within(t, alias+".created_at", o.Filter.CreatedFrom, o.Filter.CreatedTo, " < ")
	}
	return p.options.created(t, alias+".id")
}

func (o *ListOptions) birthYears(t *text, column string) string {
	low, high := o.Filter.BirthYearFrom, o.Filter.BirthYearTo
	if low == nil && high != nil {
		low = new(1) // an unknown year is stored as 0
	}
	return within(t, column, low, high, " <= ")
}

func (o *ListOptions) created(t *text, column string) string {
	low, high := firstID(o.Filter.CreatedFrom), firstID(o.Filter.CreatedTo)
	if o.After != nil && o.Sort.By == ByCreated { // the list starts at the cursor
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

// firstID returns the least ID of a member created at a time or later.
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
