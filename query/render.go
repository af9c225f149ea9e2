package query

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is a database's way to spell SQL.
type Dialect uint8

// The dialects that a text can be rendered to.
const (
	Postgres Dialect = iota + 1
	SQLite
)

// fragments spells for each dialect what the two databases spell differently. The
// verb %s stands for the rendered placeholder.
var fragments = map[string]map[Dialect]string{
	"in":     {Postgres: "= any(%s)", SQLite: "in (select value from json_each(%s))"},
	"in_ids": {Postgres: "= any(cast(%s as uuid[]))", SQLite: "in (select unhex(value) from json_each(%s))"},
	"texts":  {Postgres: "unnest(cast(%s as text[])) as t(value)", SQLite: "json_each(%s)"},

	// A key is the primary key or, without one, the oldest unique index on all rows
	// whose columns are never NULL.
	"columns": {Postgres: `(
		select cast(t.oid as bigint) as table_order, cast(t.relname as text) as table_name,
			cast(c.attnum as bigint) as column_order, cast(c.attname as text) as column_name,
			format_type(c.atttypid, null) as column_type, not c.attnotnull as nullable,
			coalesce(array_position(cast((select x.indkey from pg_index x
				where x.indrelid = t.oid and x.indisunique and x.indpred is null and x.indexprs is null
					and not exists (select 1 from pg_attribute n where n.attrelid = t.oid and n.attnum = any(x.indkey) and not n.attnotnull)
				order by x.indisprimary desc, x.indexrelid limit 1) as smallint[]), c.attnum) + 1, 0) as key_order,
			coalesce((select string_agg(cast(cast(f.confrelid as regclass) as text), ' ') from pg_constraint f
				where f.conrelid = t.oid and f.contype = 'f' and c.attnum = any(f.conkey)), '') as refers_to
		from pg_class t join pg_attribute c on c.attrelid = t.oid
		where t.relnamespace = cast(current_schema() as regnamespace) and t.relkind in ('r', 'p') and not t.relispartition
			and c.attnum > 0 and not c.attisdropped and t.relname not like %s)`, SQLite: `(
		select t.rowid as table_order, t.name as table_name, c.cid as column_order, c.name as column_name,
			lower(c.type) as column_type, not c."notnull" as nullable,
			coalesce(nullif(c.pk, 0), (select k.seqno + 1 from pragma_index_info((select i.name from pragma_index_list(t.name) i
				where i."unique" and not i.partial and not exists (select 1 from pragma_table_info(t.name) p where p.pk > 0)
					and not exists (select 1 from pragma_index_info(i.name) e left join pragma_table_info(t.name) n on n.name = e.name
						where n."notnull" is not 1)
				order by i.seq desc limit 1)) k where k.name = c.name), 0) as key_order,
			coalesce((select group_concat(f."table", ' ') from pragma_foreign_key_list(t.name) f where f."from" = c.name), '') as refers_to
		from sqlite_schema t join pragma_table_info(t.name) c
		where t.type = 'table' and t.name not like 'sqlite%' and t.name not like %s)`},
}

// maxPlaceholder is the number of arguments that both databases take.
const maxPlaceholder = 32766

// Render returns a text of the common language in the dialect: it rewrites
// placeholders and fragments, and nothing inside strings, quoted identifiers and
// comments. It refuses what the two databases would read differently, and names
// the byte: dollar-quoted strings, question marks, nested comments, and anything
// left open.
func Render(d Dialect, sql string) (string, error) {
	r := renderer{dialect: d, sql: sql}
	r.out.Grow(len(sql) + 32)
	for r.pos < len(r.sql) {
		if err := r.token(); err != nil {
			return "", fmt.Errorf("sql at byte %d: %w", r.pos, err)
		}
	}
	return r.out.String(), nil
}

type renderer struct {
	dialect Dialect
	sql     string
	pos     int
	out     strings.Builder
}

func (r *renderer) token() error {
	rest := r.sql[r.pos:]
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		return r.quoted(c)
	case strings.HasPrefix(rest, "--"):
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		r.copy(end)
	case strings.HasPrefix(rest, "/*"):
		return r.comment()
	case c == '$':
		text, n, err := r.placeholder(rest)
		if err != nil {
			return err
		}
		r.out.WriteString(text)
		r.pos += n
	case c == '{':
		return r.fragment(rest)
	case c == '?' || c == '}' || c == '`' || c == '[' || c == 0:
		return fmt.Errorf("%q is not part of the common language", c)
	case startsWord(c):
		n := 1
		for n < len(rest) && (startsWord(rest[n]) || isDigit(rest[n]) || rest[n] == '$') {
			n++
		}
		r.copy(n)
		if r.pos < len(r.sql) && r.sql[r.pos] == '\'' {
			return fmt.Errorf("a string with a prefix is not part of the common language")
		}
	default:
		r.copy(1)
	}
	return nil
}

func (r *renderer) copy(n int) {
	r.out.WriteString(r.sql[r.pos : r.pos+n])
	r.pos += n
}

// quoted copies a string or a quoted identifier. A doubled quote in it is a
// quote; reading it as two neighbours has the same effect.
func (r *renderer) quoted(quote byte) error {
	end := strings.IndexByte(r.sql[r.pos+1:], quote)
	if end < 0 {
		return fmt.Errorf("%c is not closed", quote)
	}
	r.copy(end + 2)
	return nil
}

func (r *renderer) comment() error {
	body := r.sql[r.pos+2:]
	end := strings.Index(body, "*/")
	if end < 0 {
		return fmt.Errorf("/* is not closed")
	}
	if strings.Contains(body[:end], "/*") {
		return fmt.Errorf("a nested comment is not part of the common language")
	}
	r.copy(end + 4)
	return nil
}

// placeholder reads $n at the start of text and returns it in the dialect, with
// the number of bytes read.
func (r *renderer) placeholder(text string) (string, int, error) {
	n := 1
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	number, err := strconv.Atoi(text[1:n])
	if err != nil || number < 1 || number > maxPlaceholder || text[1] == '0' {
		return "", 0, fmt.Errorf("a placeholder is $1 to $%d", maxPlaceholder)
	}
	if n < len(text) && (startsWord(text[n]) || text[n] == '$') {
		return "", 0, fmt.Errorf("a placeholder is $1 to $%d, followed by no letter", maxPlaceholder)
	}
	if r.dialect == SQLite {
		return "?" + text[1:n], n, nil // ?n is a number; $n would be a name, numbered by first appearance
	}
	return text[:n], n, nil
}

func (r *renderer) fragment(rest string) error {
	end := strings.IndexByte(rest, '}')
	name, argument, found := strings.Cut(rest[1:max(end, 1)], " ")
	if end < 0 || !found || !strings.HasPrefix(argument, "$") {
		return fmt.Errorf("a fragment is {name $n}")
	}
	spelling, known := fragments[name][r.dialect]
	if !known {
		return fmt.Errorf("the fragment %q is unknown", name)
	}
	text, n, err := r.placeholder(argument)
	if err != nil {
		return err
	}
	if n != len(argument) {
		return fmt.Errorf("a fragment is {name $n}")
	}
	r.out.WriteString(strings.Replace(spelling, "%s", text, 1))
	r.pos += end + 1
	return nil
}

func startsWord(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
