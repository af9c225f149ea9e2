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

// LastHead is where the chain ends at the session's moment; zero if nothing is
// sealed.
func LastHead() query.Query[Head] {
	return headOf("select seq, mac from audit_seal order by seq desc limit 1")
}

// HeadAt is where the chain was when it had so many seals; zero if it has not.
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

// HasHistory reports whether anything was ever recorded here, or left of it: then
// there was a key.
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

// Bounds of what a page looks at when the narrowest index does not decide alone.
const window = 2000

// lastID is after every identifier.
var lastID = ids.Row(bytes.Repeat([]byte{0xff}, len(ids.Row{})))

// condition is one of a filter.
type condition struct {
	text string // with %s for the placeholder
	arg  any
}

// conditions are those of the filter, the one that is likely to be the narrowest
// first. Time is not among them: it is a range of identifiers.
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

// between are the identifiers from the one to before the other that the times of
// the filter allow.
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

// statement is a text that grows with its arguments.
type statement struct {
	strings.Builder
	args []any
}

// bind adds an argument and gives its placeholder.
func (s *statement) bind(arg any) string {
	s.args = append(s.args, arg)
	return fmt.Sprintf("$%d", len(s.args))
}

// where writes conditions on the columns of a table with a name before each.
func (s *statement) where(table string, list []condition) {
	for _, c := range list {
		s.WriteString(" and " + table + fmt.Sprintf(c.text, s.bind(c.arg)))
	}
}

const (
	columns = `a.id, a.at, a.operator_id, a.token_id, a.source, a.request_id, a.action, a.member_id, a.target, a.reason,
		a.was, a.became`
	shown = columns + `, o.name, s.seq`
	names = ` left join operators o on o.id = a.operator_id left join audit_seal s on s.entry_id = a.id`
)

// List gives the entries that pass the filter, the newest first, from after an
// entry on; after the zero row from the beginning. The limit is 1 to MaxLimit.
// One index leads to what is looked at: entries of a member, of an operator, of
// an action, or of a time. If there are more conditions than that, at most 2,000
// are looked at, and the page may be short and still have a next one; and so may
// one whose entries are long.
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
	look := func(s *statement, names string, most int) {
		fmt.Fprintf(s, "select %s from audit where id >= %s and id < %s", names, s.bind(from), s.bind(before))
		s.where("", narrow)
		fmt.Fprintf(s, " order by id desc limit %s", s.bind(most))
	}
	var items, end statement
	items.WriteString("select " + shown + ", p.found from (select l.id, count(*) over () as found, row_number() over (order by l.id desc) as n, " + lengths + " as bytes from (")
	if len(rest) == 0 {
		look(&items, "id", limit+1)
	} else {
		items.WriteString("select id from (")
		look(&items, "id, operator_id, action", window)
		items.WriteString(") w where true")
		items.where("", rest)
		fmt.Fprintf(&items, " order by id desc limit %s", items.bind(limit+1))
	}
	fmt.Fprintf(&items, ") l cross join audit a where a.id = l.id) p cross join audit a%s where a.id = p.id and (p.n = 1 or p.bytes <= %s) order by a.id desc",
		names, items.bind(maxBytes))
	if len(rest) > 0 {
		end.WriteString("select w.id, w.n from (select id, row_number() over (order by id desc) as n from (")
		look(&end, "id", window)
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

// listed is what the statements of a page answer.
type listed struct {
	items []Entry
	end   *windowEnd
	found int // entries, of which some may be too much for the page
}

// lengths are the bytes of an entry of a page and of those before it.
const lengths = "sum(coalesce(octet_length(a.was), 0) + coalesce(octet_length(a.became), 0)) over (order by l.id desc)"

// maxBytes bounds what the entries of a page were and became. Of a member with
// long texts, one can take a good part of a megabyte.
const maxBytes = 2 << 20

// scan reads an entry of the page, with how many there are.
func (l *listed) scan(r query.Row) (Entry, error) { return scanEntry(r, &l.found) }

// windowEnd is the last entry that was looked at, and its number.
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

// Each hands every entry that passes the filter to yield, the oldest first, all
// of the session's moment; its answer is their number. See [query.Each].
func Each(f Filter, yield func(Entry) error) query.Query[int] {
	from, before := f.between()
	var s statement
	fmt.Fprintf(&s, "select "+shown+" from audit a"+names+" where a.id >= %s and a.id < %s", s.bind(from), s.bind(before))
	s.where("a.", f.conditions())
	s.WriteString(" order by a.id")
	return query.Each(s.String(), func(r query.Row) (Entry, error) { return scanEntry(r) }, yield, s.args...)
}

// scanEntry reads an entry, and what else the query asks for.
func scanEntry(r query.Row, more ...any) (e Entry, err error) {
	var was, became *string
	err = r.Scan(append([]any{&e.ID, &e.At, &e.OperatorID, &e.TokenID, &e.Source, &e.RequestID, (*string)(&e.Action), &e.MemberID,
		&e.Target, &e.Reason, &was, &became, &e.Operator, &e.Seq}, more...)...)
	e.Was, e.Became = fields(was), fields(became)
	return e, err
}

// fields is a stored document. One that somebody has changed into what is no
// JSON is shown as a text.
func fields(text *string) json.RawMessage {
	switch {
	case text == nil:
		return nil
	case json.Valid([]byte(*text)):
		return json.RawMessage(*text)
	}
	quoted, err := json.Marshal(*text)
	if err != nil {
		return nil // a text always encodes
	}
	return quoted
}

// The rest reads the record as it is stored, to seal and to verify it. Somebody
// may have written there what no column of ours holds: such a row is damaged,
// and the reading goes on.

// stored are the columns of an entry that is joined to its place, and may not be
// there. What may be NULL is told by one number, and has another value then: to
// read a million of them, that is worth it.
func stored(place string) string {
	var b strings.Builder
	for i, column := range []string{"id", "operator_id", "token_id", "request_id", "member_id", "target", "reason", "was", "became"} {
		if i > 0 {
			b.WriteString(" + ")
		}
		fmt.Fprintf(&b, "case when a.%s is null then 0 else %d end", column, 1<<i)
	}
	for _, column := range []string{"id", "operator_id", "token_id", "member_id"} {
		fmt.Fprintf(&b, ", coalesce(a.%s, %s)", column, place)
	}
	for _, column := range []string{"request_id", "target", "reason", "was", "became"} {
		fmt.Fprintf(&b, ", coalesce(a.%s, '')", column)
	}
	return b.String() + ", a.source, a.action, a.key_id, a.at, a.mac"
}

// place is where an entry belongs: a seal, or a place in the queue.
type place struct {
	entry *line // nil: it is not there
	seal  seal
	// Of one in the queue:
	queued bool
	key    []byte // what it holds: an id, or what somebody has put there
	sealed bool   // the entry is in the chain already
}

// rowOf is an identifier that was read as it is stored; zero for what is none.
func rowOf(key []byte) (id ids.Row) {
	if len(key) == len(id) {
		id = ids.Row(key)
	}
	return id
}

// placeScanner reads places. It has what it can use again for the next row, so
// that a query with it runs once.
type placeScanner struct {
	place    place
	line     line
	mac, own []byte // of the entry, and of the seal
	dest     []any
}

// scan reads the row into s.place and into what was named to it.
func (s *placeScanner) scan(r query.Row) {
	e := &s.line
	s.place, s.line = place{}, line{}
	err := r.Scan(s.dest...)
	if e.has&hasID == 0 { // then reading has stopped at what cannot be NULL
		return
	}
	e.damaged = err != nil || len(s.mac) != macBytes
	copy(e.mac[:], s.mac)
	s.place.entry = new(s.line)
}

// with names what is before the entry.
func (s *placeScanner) with(before ...any) {
	e := &s.line
	s.dest = append(s.dest, before...)
	s.dest = append(s.dest, &e.has, &e.id, &e.operator, &e.token, &e.member, &e.request, &e.target, &e.reason, &e.was, &e.became,
		&e.source, &e.action, &e.key, &e.at, &s.mac)
}

// chainFrom are the seals from a number on, in order, with their entries. It is
// run once.
func chainFrom(seq int64, most int) query.Query[[]place] {
	var s placeScanner
	x := &s.place.seal
	s.with(&x.seq, &x.key, &s.own, &x.entry)
	return query.Many("select s.seq, s.key_id, s.mac, s.entry_id, "+stored("s.entry_id")+`
		from audit_seal s left join audit a on a.id = s.entry_id where s.seq >= $1 order by s.seq limit $2`,
		func(r query.Row) (place, error) {
			s.scan(r)
			x.damaged = x.entry.IsZero() || len(s.own) != macBytes
			copy(x.mac[:], s.own)
			return s.place, nil
		}, seq, most)
}

// queueAfter are the places in the queue after one, in order, with their entries.
// It is run once.
func queueAfter(after []byte, most int) query.Query[[]place] {
	var s placeScanner
	s.with(&s.place.key, &s.place.sealed)
	args := []any{most}
	bound := ""
	if after != nil {
		args = append(args, after)
		bound = "where p.entry_id > $2"
	}
	return query.Many("select p.entry_id, s.seq is not null, "+stored("p.entry_id")+`
		from audit_pending p left join audit_seal s on s.entry_id = p.entry_id left join audit a on a.id = p.entry_id `+bound+`
		order by p.entry_id limit $1`,
		func(r query.Row) (place, error) {
			s.scan(r)
			s.place.queued, s.place.key = true, bytes.Clone(s.place.key)
			return s.place, nil
		}, args...)
}

// lastKey is the one with which the last seal was made, or nil.
func lastKey() query.Query[*string] {
	return query.Maybe("select key_id from audit_seal order by seq desc limit 1",
		func(r query.Row) (key string, err error) { return key, r.Scan(&key) })
}

// waitingKeys are the keys with which the entries were made that wait and are
// newer than what was sealed last.
func waitingKeys(most int) query.Query[[]string] {
	return query.Many(`
		select distinct a.key_id from (
			select entry_id from audit_pending
			where entry_id > coalesce((select entry_id from audit_seal order by seq desc limit 1), $1)
			order by entry_id limit $2) p cross join audit a where a.id = p.entry_id`,
		func(r query.Row) (key string, err error) { return key, r.Scan(&key) }, ids.Row{}, most)
}

// loose are entries after one, in order, each with whether it is neither sealed
// nor waiting.
func loose(after []byte, most int) query.Query[[]looseEntry] {
	args := []any{most}
	bound := ""
	if after != nil {
		args = append(args, after)
		bound = " where id > $2"
	}
	return query.Many("select a.id, s.seq is null and p.entry_id is null from (select id from audit"+bound+` order by id limit $1) a
		left join audit_seal s on s.entry_id = a.id left join audit_pending p on p.entry_id = a.id order by a.id`,
		func(r query.Row) (e looseEntry, err error) {
			err = r.Scan(&e.key, &e.loose)
			e.key = bytes.Clone(e.key)
			return e, err
		}, args...)
}

type looseEntry struct {
	key   []byte
	loose bool
}

func rowsOf(table string) query.Query[int64] {
	return query.Scalar[int64]("select count(*) from " + table)
}

func insertSeal(s *seal) query.Change {
	return query.Exec("insert into audit_seal (seq, entry_id, key_id, mac) values ($1, $2, $3, $4)", s.seq, s.entry, s.key, s.mac[:])
}

// leave takes entries out of the queue.
func leave(entries []ids.Row) query.Change {
	return query.Exec("delete from audit_pending where entry_id {in_ids $1}", entries)
}

// leaveBroken takes a place out of the queue that is no identifier.
func leaveBroken(key []byte) query.Change {
	return query.Exec("delete from audit_pending where entry_id = $1", key)
}
