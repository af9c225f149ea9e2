package audit

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// The queries of this file read the audit log as it is stored, to seal and to
// verify it. Somebody may have written what no column of ours can hold: such a row
// is damaged, and reading goes on.

// storedColumns returns the columns of an entry that is joined to its place, and
// may be missing. One number says which of the nullable columns are NULL, and
// those have another value then: it pays when reading a million entries.
func storedColumns(place string) string {
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

// place is a place for an entry: a seal, or a place in the queue.
type place struct {
	entry *row // nil: missing
	seal  seal
	// In the queue:
	queued bool
	key    []byte // an id, or what somebody has written in place of one
	sealed bool   // the entry is already in the chain
}

// rowID returns the identifier that a column holds; zero if it holds none.
func rowID(key []byte) (id ids.Row) {
	if len(key) == len(id) {
		id = ids.Row(key)
	}
	return id
}

// placeScanner reads the places of one run of a query. It reuses its buffers for
// the next row.
type placeScanner struct {
	place    place
	row      row
	mac, own []byte // of the entry, and of the seal
	dest     []any
}

// scan reads a row into s.place and the destinations.
func (s *placeScanner) scan(r query.Row) {
	e := &s.row
	s.place, s.row = place{}, row{}
	err := r.Scan(s.dest...)
	if e.has&hasID == 0 { // scanning has stopped at a column that cannot be NULL
		return
	}
	e.damaged = err != nil || len(s.mac) != macBytes
	copy(e.mac[:], s.mac)
	s.place.entry = new(s.row)
}

// into sets the destinations of the columns before those of the entry, and of these.
func (s *placeScanner) into(before ...any) {
	e := &s.row
	s.dest = append(s.dest, before...)
	s.dest = append(s.dest, &e.has, &e.id, &e.operator, &e.token, &e.member, &e.request, &e.target, &e.reason, &e.was, &e.became,
		&e.source, &e.action, &e.key, &e.at, &s.mac)
}

// places makes a query whose every run has a scanner of its own.
func places(ask func(*placeScanner) query.Query[[]place]) query.Query[[]place] {
	return query.Together(func(list *[]place) []query.Part {
		return []query.Part{query.Into(list, ask(new(placeScanner)))}
	})
}

// chainFrom returns the seals from a number on, in order, with their entries.
func chainFrom(seq int64, most int) query.Query[[]place] {
	text := "select s.seq, s.key_id, s.mac, s.entry_id, " + storedColumns("s.entry_id") + `
		from audit_seal s left join audit a on a.id = s.entry_id where s.seq >= $1 order by s.seq limit $2`
	return places(func(s *placeScanner) query.Query[[]place] {
		x := &s.place.seal
		s.into(&x.seq, &x.key, &s.own, &x.entry)
		return query.Many(text, func(r query.Row) (place, error) {
			s.scan(r)
			x.damaged = x.entry.IsZero() || len(s.own) != macBytes
			copy(x.mac[:], s.own)
			return s.place, nil
		}, seq, most)
	})
}

// queueAfter returns the places in the queue after one, in order, with their
// entries.
func queueAfter(after []byte, most int) query.Query[[]place] {
	args := []any{most}
	bound := ""
	if after != nil {
		args = append(args, after)
		bound = "where p.entry_id > $2"
	}
	text := "select p.entry_id, s.seq is not null, " + storedColumns("p.entry_id") + `
		from audit_pending p left join audit_seal s on s.entry_id = p.entry_id left join audit a on a.id = p.entry_id ` + bound + `
		order by p.entry_id limit $1`
	return places(func(s *placeScanner) query.Query[[]place] {
		s.into(&s.place.key, &s.place.sealed)
		return query.Many(text, func(r query.Row) (place, error) {
			s.scan(r)
			s.place.queued, s.place.key = true, bytes.Clone(s.place.key)
			return s.place, nil
		}, args...)
	})
}

// lastKey returns the name of the key of the last seal, or nil.
func lastKey() query.Query[*string] {
	return query.Maybe("select key_id from audit_seal order by seq desc limit 1",
		func(r query.Row) (key string, err error) { return key, r.Scan(&key) })
}

// waitingKeys returns the names of the keys of the waiting entries that are newer
// than the last seal.
func waitingKeys(most int) query.Query[[]string] {
	return query.Many(`
		select distinct a.key_id from (
			select entry_id from audit_pending
			where entry_id > coalesce((select entry_id from audit_seal order by seq desc limit 1), $1)
			order by entry_id limit $2) p cross join audit a where a.id = p.entry_id`,
		func(r query.Row) (key string, err error) { return key, r.Scan(&key) }, ids.Row{}, most)
}

// orphans returns entries after one, in order, each with whether it is an orphan:
// neither sealed nor waiting.
func orphans(after []byte, most int) query.Query[[]orphan] {
	args := []any{most}
	bound := ""
	if after != nil {
		args = append(args, after)
		bound = " where id > $2"
	}
	return query.Many("select a.id, s.seq is null and p.entry_id is null from (select id from audit"+bound+` order by id limit $1) a
		left join audit_seal s on s.entry_id = a.id left join audit_pending p on p.entry_id = a.id order by a.id`,
		func(r query.Row) (e orphan, err error) {
			err = r.Scan(&e.key, &e.orphaned)
			e.key = bytes.Clone(e.key)
			return e, err
		}, args...)
}

type orphan struct {
	key      []byte
	orphaned bool
}

func rowsOf(table string) query.Query[int64] {
	return query.Scalar[int64]("select count(*) from " + table)
}

func insertSeal(s *seal) query.Change {
	return query.Exec("insert into audit_seal (seq, entry_id, key_id, mac) values ($1, $2, $3, $4)", s.seq, s.entry, s.key, s.mac[:])
}

// dequeue takes entries out of the queue.
func dequeue(entries []ids.Row) query.Change {
	return query.Exec("delete from audit_pending where entry_id {in_ids $1}", entries)
}

// dequeueBroken takes a place out of the queue that does not hold an identifier.
func dequeueBroken(key []byte) query.Change {
	return query.Exec("delete from audit_pending where entry_id = $1", key)
}
