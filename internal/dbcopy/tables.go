package dbcopy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// kind says how a column is read and written; each may be NULL, but for an
// identifier that is not optional.
type kind uint8

const (
	identifier kind = iota + 1
	optional        // an identifier, or NULL
	word
	number
	flag
	moment
	raw
	list // of texts
)

var kinds = map[string]kind{
	"id": identifier, "id?": optional, "text": word, "number": number, "flag": flag, "moment": moment, "raw": raw, "list": list,
}

// table is one of the store's. Its rows are read in the order of its key.
type table struct {
	name  string
	names []string
	kinds []kind
	keys  []int // of the columns by which a row is known
	where string
}

// tables are all that there are, those first to whose rows others refer. A test
// holds them against the schema.
var tables = []table{
	tableOf("users", "id", `id id, external_id text, phone text, name text, name_key text, gender text, birth_year number,
		status text, created_at moment, updated_at moment, deleted_at moment, version number`),
	tableOf("profile", "member_id", `member_id id, height number, education text, occupation text, employer text,
		income number, region text, religion text, introduction text`),
	tableOf("lifestyle", "member_id", `member_id id, smoking text, drinking text, exercise text, diet text, pets list, hobbies list`),
	tableOf("preference", "member_id", `member_id id, age_min number, age_max number, height_min number, height_max number,
		genders list, regions list, educations list, religions list, qualities list, goal text`),
	tableOf("subscription", "member_id id", `member_id id, id id, plan text, status text, started_at moment, expires_at moment, current flag`),
	tableOf("photos", "member_id id", `member_id id, id id, s3_key text, display_order number, status text, content_type text,
		bytes number, width number, height number, sha256 text, created_at moment, deleted_at moment`),
	tableOf("documents", "member_id id", `member_id id, id id, s3_key text, kind text, status text, content_type text, bytes number,
		sha256 text, reviewer text, reason text, expires_at moment, created_at moment, deleted_at moment`),
	tableOf("member_gram", "gram first", `gram text, first id, ids raw`),
	tableOf("member_unindexed", "member_id", `member_id id`),
	tableOf("member_delta", "id", `id id, day text, slot number, gender text, status text, n number`),
	tableOf("member_total", "gender status", `gender text, status text, n number`),
	tableOf("member_day", "day gender status", `day text, gender text, status text, n number`),
	tableOf("member_day_total", "day", `day text, n number`),
	tableOf("member_quarter", "slot", `slot number, n number`),
	tableOf("setting", "key", `key text, value text`).but("key <> '" + marker + "'"),
	tableOf("operators", "id", `id id, name text, name_key text, role text, created_at moment, updated_at moment, disabled_at moment,
		version number`),
	tableOf("roles", "name", `name text, permissions text, created_at moment, updated_at moment, version number`),
	tableOf("api_tokens", "id", `id id, name text, prefix text, token_hash raw, created_at moment, expires_at moment,
		revoked_at moment, last_used_at moment, operator_id id?, scope text`),
	tableOf("idempotency", "token_id key", `token_id id, key text, method_path text, body_hash raw, status number, headers text,
		body raw, created_at moment, expires_at moment`),
	tableOf("import_job", "file_hash map_hash", `file_hash text, map_hash text, line number, imported number, known number,
		rejected number, started_at moment, updated_at moment`),
	tableOf("audit", "id", `id id, at moment, operator_id id?, token_id id?, source text, request_id text, action text, member_id id?,
		target text, reason text, was text, became text, key_id text, mac raw`),
	tableOf("audit_pending", "entry_id", `entry_id id`),
	tableOf("audit_seal", "seq", `seq number, entry_id id, key_id text, mac raw`),
}

func tableOf(name, key, columns string) table {
	t := table{name: name, where: "1 = 1"}
	for column := range strings.SplitSeq(columns, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(column), " ")
		t.names = append(t.names, name)
		t.kinds = append(t.kinds, kinds[kind])
	}
	for column := range strings.FieldsSeq(key) {
		for i, name := range t.names {
			if name == column {
				t.keys = append(t.keys, i)
			}
		}
	}
	return t
}

// but is the table without the rows for which a condition does not hold.
func (t table) but(condition string) table {
	t.where = condition
	return t
}

// row is the values of a row, in the order of the columns; nil is NULL.
type row []any

// key is the part of the row by which it is known.
func (t *table) key(r row) []any {
	key := make([]any, len(t.keys))
	for i, k := range t.keys {
		key[i] = r[k]
	}
	return key
}

// columns are the key's, or all.
func (t *table) keyColumns() string {
	names := make([]string, len(t.keys))
	for i, k := range t.keys {
		names[i] = t.names[k]
	}
	return strings.Join(names, ", ")
}

// chunk are the rows after a key, in order, at most so many; after nil from the
// beginning.
func (t *table) chunk(after []any, most int) query.Query[[]row] {
	return t.rows(after, nil, most)
}

// between are the rows after a key, or from the beginning, up to another.
func (t *table) between(after, last []any) query.Query[[]row] {
	return t.rows(after, last, 0)
}

func (t *table) rows(after, last []any, most int) query.Query[[]row] {
	var args []any
	bound := func(key []any) string {
		places := make([]string, len(key))
		for i, v := range key {
			args = append(args, v)
			places[i] = "$" + strconv.Itoa(len(args))
		}
		return "(" + strings.Join(places, ", ") + ")"
	}
	text := "select " + strings.Join(t.names, ", ") + " from " + t.name + " where " + t.where
	if after != nil {
		text += " and (" + t.keyColumns() + ") > " + bound(after)
	}
	if last != nil {
		text += " and (" + t.keyColumns() + ") <= " + bound(last)
	}
	text += " order by " + t.keyColumns()
	if most > 0 {
		args = append(args, most)
		text += " limit $" + strconv.Itoa(len(args))
	}
	return query.Many(text, t.scan, args...)
}

func (t *table) scan(r query.Row) (row, error) {
	dest := make([]any, len(t.kinds))
	for i, k := range t.kinds {
		switch k {
		case identifier:
			dest[i] = new(ids.Row)
		case optional:
			dest[i] = new(*ids.Row)
		case word:
			dest[i] = new(*string)
		case number:
			dest[i] = new(*int64)
		case flag:
			dest[i] = new(*bool)
		case moment:
			dest[i] = new(*time.Time)
		case raw:
			dest[i] = new([]byte)
		case list:
			dest[i] = new([]string)
		}
	}
	if err := r.Scan(dest...); err != nil {
		return nil, fmt.Errorf("reading a row of %s: %w", t.name, err)
	}
	for i, d := range dest {
		dest[i] = value(d)
	}
	return dest, nil
}

// value is what a destination holds.
func value(dest any) any {
	switch d := dest.(type) {
	case *ids.Row:
		return *d
	case **ids.Row:
		return pointed(*d)
	case **string:
		return pointed(*d)
	case **int64:
		return pointed(*d)
	case **bool:
		return pointed(*d)
	case **time.Time:
		return pointed(*d)
	case *[]byte:
		if *d != nil {
			return append([]byte{}, *d...)
		}
	case *[]string:
		if *d != nil {
			return *d
		}
	}
	return nil
}

func pointed[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// together is how many rows one statement inserts.
const together = 50

// insert adds rows, many by one statement.
func (t *table) insert(rows []row) (changes []query.Change) {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= together {
			n = together
		}
		changes = append(changes, query.Exec(t.insertText(n), flat(rows[:n])...))
		rows = rows[n:]
	}
	return changes
}

func (t *table) insertText(n int) string {
	var b strings.Builder
	b.WriteString("insert into " + t.name + " (" + strings.Join(t.names, ", ") + ") values ")
	place := 0
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		for j := range t.names {
			if j == 0 {
				b.WriteByte('(')
			} else {
				b.WriteString(", ")
			}
			place++
			b.WriteString("$" + strconv.Itoa(place))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func flat(rows []row) []any {
	args := make([]any, 0, len(rows)*len(rows[0]))
	for _, r := range rows {
		args = append(args, r...)
	}
	return args
}

// remove takes a row away.
func (t *table) remove(r row) query.Change {
	conditions := make([]string, len(t.keys))
	for i, k := range t.keys {
		conditions[i] = t.names[k] + " = $" + strconv.Itoa(i+1)
	}
	return query.Exec("delete from "+t.name+" where "+strings.Join(conditions, " and "), t.key(r)...)
}
