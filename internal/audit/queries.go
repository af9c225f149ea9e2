package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// LastHead returns the end of the chain in the session's snapshot; zero if nothing
// is sealed.
func LastHead() query.Query[Head] {
	return headOf("select seq, mac from audit_seal order by seq desc limit 1")
}

// HeadAt returns the end of the chain when it had seq seals; zero if it has fewer.
func HeadAt(seq int64) query.Query[Head] {
	return headOf("select seq, mac from audit_seal where seq = $1", seq)
}

func headOf(sql string, args ...any) query.Query[Head] {
	return query.Map(query.Maybe(sql, scanHead, args...), func(h *Head) (Head, error) {
		if h == nil {
			return Head{}, nil
		}
		return *h, nil
	})
}

func scanHead(r query.Row) (h Head, err error) {
	err = r.Scan(&h.Seq, &h.MAC)
	h.MAC = bytes.Clone(h.MAC)
	return h, err
}

// HasHistory reports whether anything was ever logged, so that a key must exist.
func HasHistory() query.Query[bool] {
	return query.Scalar[bool](`
		select exists (select 1 from audit) or exists (select 1 from audit_pending) or exists (select 1 from audit_seal)`)
}

// Count counts the entries of an operator with one of the actions since a time,
// in one range of an index.
func Count(operator ids.Operator, actions []Action, since time.Time) query.Query[int] {
	// The actions are in the filter of the sum, or PostgreSQL might take the
	// index that begins with them.
	return query.Scalar[int](`
		select count(*) filter (where action {in $3}) from audit where operator_id = $1 and id >= $2`,
		operator, ids.First[ids.Row](since), actions)
}

// window bounds the entries that a page examines if one index does not decide alone.
const window = 2000

// lastID sorts after every identifier.
var lastID = ids.Row(bytes.Repeat([]byte{0xff}, len(ids.Row{})))

// condition is one condition of a filter.
type condition struct {
	text string // with %s for the placeholder
	arg  any
}

// conditions returns the conditions of the filter, the one that is likely to be
// the narrowest first. Time is not among them: it is a range of identifiers.
func (f Filter) conditions() (list []condition) {
	if !f.Member.IsZero() {
		list = append(list, condition{"member_id = %s", f.Member})
	}
	if !f.Operator.IsZero() {
		list = append(list, condition{"operator_id = %s", f.Operator})
	}
	if f.Action != "" {
		list = append(list, condition{"action = %s", string(f.Action)})
	}
	return list
}

// between returns the identifiers that the times of the filter allow: from the
// first to before the second.
func (f Filter) between() (from, before ids.Row) {
	before = lastID
	if f.From != nil {
		from = ids.First[ids.Row](*f.From)
	}
	if f.To != nil {
		before = ids.First[ids.Row](*f.To)
	}
	return from, before
}

// statement is SQL that grows along with its arguments.
type statement struct {
	strings.Builder
	args []any
}

// bind adds an argument and returns its placeholder.
func (s *statement) bind(arg any) string {
	s.args = append(s.args, arg)
	return fmt.Sprintf("$%d", len(s.args))
}

// where writes conditions; table, such as an alias with its dot, precedes each column.
func (s *statement) where(table string, list []condition) {
	for _, c := range list {
		s.WriteString(" and " + table + fmt.Sprintf(c.text, s.bind(c.arg)))
	}
}

// columns are those that scanEntry reads, and joins what they are read from
// besides the table audit.
var (
	columns = entries.Columns("a.") + ", a.was, a.became, o.name, s.seq"
	joins   = " left join operators o on o.id = a.operator_id left join audit_seal s on s.entry_id = a.id"
)

// List returns the entries that match the filter, the newest first, after an entry
// or, if that is zero, from the newest on. The limit is 1 to MaxLimit. One index
// leads to the entries: those of a member, an operator, an action or a time. With
// more conditions than that, the query examines at most 2,000 entries, and the
// page may be short and still have a next one; so may a page of long entries.
func List(f Filter, after ids.Row, limit int) query.Query[Page] {
	limit = min(max(limit, 1), MaxLimit)
	from, before := f.between()
	if !after.IsZero() && bytes.Compare(after[:], before[:]) < 0 {
		before = after
	}
	narrow, rest := f.conditions(), []condition(nil)
	if len(narrow) > 1 {
		narrow, rest = narrow[:1], narrow[1:]
	}
	find := func(s *statement, names string, most int) {
		fmt.Fprintf(s, "select %s from audit where id >= %s and id < %s", names, s.bind(from), s.bind(before))
		s.where("", narrow)
		fmt.Fprintf(s, " order by id desc limit %s", s.bind(most))
	}
	var items, end statement
	items.WriteString("select " + columns + ", p.found from (select l.id, count(*) over () as found, row_number() over (order by l.id desc) as n, " + lengths + " as bytes from (")
	if len(rest) == 0 {
		find(&items, "id", limit+1)
	} else {
		items.WriteString("select id from (")
		find(&items, "id, operator_id, action", window)
		items.WriteString(") w where true")
		items.where("", rest)
		fmt.Fprintf(&items, " order by id desc limit %s", items.bind(limit+1))
	}
	fmt.Fprintf(&items, ") l cross join audit a where a.id = l.id) p cross join audit a%s where a.id = p.id and (p.n = 1 or p.bytes <= %s) order by a.id desc",
		joins, items.bind(maxBytes))
	if len(rest) > 0 {
		end.WriteString("select w.id, w.n from (select id, row_number() over (order by id desc) as n from (")
		find(&end, "id", window)
		end.WriteString(") l) w order by w.id limit 1")
	}
	return query.Map(query.Together(func(l *listed) []query.Part {
		parts := []query.Part{query.Into(&l.items, query.Many(items.String(), l.scan, items.args...))}
		if len(rest) > 0 {
			parts = append(parts, query.Into(&l.end, query.Maybe(end.String(), scanEnd, end.args...)))
		}
		return parts
	}), func(l listed) (Page, error) { return l.page(limit), nil })
}

// listed holds the results of the statements of a page.
type listed struct {
	items []Entry
	end   *windowEnd
	found int // entries, of which some may not fit on the page
}

// lengths sums the bytes of an entry of a page and of those before it.
const lengths = "sum(coalesce(octet_length(a.was), 0) + coalesce(octet_length(a.became), 0)) over (order by l.id desc)"

// maxBytes bounds the values of the entries of a page: those of a member with long
// texts can take a good part of a megabyte.
const maxBytes = 2 << 20

// scan reads an entry of the page, and the number of entries.
func (l *listed) scan(r query.Row) (Entry, error) { return scanEntry(r, &l.found) }

// windowEnd is the last entry that was examined, and its number.
type windowEnd struct {
	id ids.Row
	n  int
}

func scanEnd(r query.Row) (e windowEnd, err error) { return e, r.Scan(&e.id, &e.n) }

func (l listed) page(limit int) Page {
	p := Page{Items: l.items}
	switch {
	case l.found > min(limit, len(p.Items)):
		p.Items = p.Items[:min(limit, len(p.Items))]
		p.Next = new(p.Items[len(p.Items)-1].ID)
	case l.end != nil && l.end.n == window:
		p.Next = new(l.end.id)
	}
	return p
}

// Each calls yield with every entry that matches the filter, the oldest first, in
// the session's snapshot, and returns their number. See [query.Each].
func Each(f Filter, yield func(Entry) error) query.Query[int] {
	from, before := f.between()
	var s statement
	fmt.Fprintf(&s, "select "+columns+" from audit a"+joins+" where a.id >= %s and a.id < %s", s.bind(from), s.bind(before))
	s.where("a.", f.conditions())
	s.WriteString(" order by a.id")
	return query.Each(s.String(), func(r query.Row) (Entry, error) { return scanEntry(r) }, yield, s.args...)
}

// scanEntry reads the columns, and what else the query selects.
func scanEntry(r query.Row, more ...any) (e Entry, err error) {
	var was, became *string
	to := entries.Pointers(make([]any, 0, 16), &e)
	err = r.Scan(append(append(to, &was, &became, &e.Operator, &e.Seq), more...)...)
	e.Was, e.Became = jsonOf(was), jsonOf(became)
	return e, err
}

// jsonOf returns stored JSON. What somebody has changed into something else becomes
// a JSON string.
func jsonOf(text *string) json.RawMessage {
	switch {
	case text == nil:
		return nil
	case json.Valid([]byte(*text)):
		return json.RawMessage(*text)
	}
	quoted, err := json.Marshal(*text)
	if err != nil {
		return nil // a string always encodes
	}
	return quoted
}
