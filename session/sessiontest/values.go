package sessiontest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// identifier and word are named types, as domains have them.
type (
	identifier [16]byte
	word       string
)

func (i identifier) UUID() [16]byte      { return i }
func (i *identifier) SetUUID(b [16]byte) { *i = b }

// echo binds an argument and reads it back, cast to the SQL type.
func echo[T any](t *testing.T, b *bundle, sqlType string, arg any) T {
	t.Helper()
	return ask(t, b, query.Scalar[T](`select cast($1 as `+sqlType+`)`, arg))
}

var valueTests = map[string]func(*testing.T, *bundle){
	"scalars come back": func(t *testing.T, b *bundle) {
		equal(t, "text", echo[string](t, b, "text", "o'김바다\u0301 \"$1 ?"), "o'김바다\u0301 \"$1 ?")
		equal(t, "empty text", echo[string](t, b, "text", ""), "")
		equal(t, "word", echo[word](t, b, "text", word("approved")), "approved")
		equal(t, "integer", echo[int64](t, b, "bigint", int64(-1<<63)), -1<<63)
		equal(t, "int", echo[int](t, b, "bigint", 1<<53+1), 1<<53+1)
		equal(t, "float", echo[float64](t, b, "double precision", 0.1), 0.1)
		equal(t, "true", ask(t, b, query.Scalar[bool](`select cast($1 as boolean) and 1 = 1`, true)), true)
		equal(t, "false", ask(t, b, query.Scalar[bool](`select cast($1 as boolean)`, false)), false)
	},

	"null is nil": func(t *testing.T, b *bundle) {
		if s := echo[*string](t, b, "text", (*string)(nil)); s != nil {
			t.Errorf("got %q, want nil", *s)
		}
		if n := echo[*int](t, b, "bigint", nil); n != nil {
			t.Errorf("got %d, want nil", *n)
		}
		if w := echo[*word](t, b, "text", (*word)(nil)); w != nil {
			t.Errorf("got %q, want nil", *w)
		}
		text := "here"
		equal(t, "pointer", *echo[*string](t, b, "text", &text), text)
		equal(t, "pointer to a word", *echo[*word](t, b, "text", word("here")), "here")
	},

	"a nil list is NULL, and nothing is in an empty list": func(t *testing.T, b *bundle) {
		b.write(t, query.Exec(`create table listed (list jsonb)`))
		b.write(t, query.Exec(`insert into listed (list) values ($1)`, []string(nil)))
		equal(t, "rows", ask(t, b, query.Scalar[int](`select count(*) from listed where list is null`)), 1)
		if got := ask(t, b, query.Scalar[[]string](`select list from listed`)); got != nil {
			t.Errorf("got %v, want nil", got)
		}
		equal(t, "rows in nothing", ask(t, b, query.Scalar[int](`select count(*) from account where name {in $1}`, []string(nil))), 0)
	},

	"stored values come back": func(t *testing.T, b *bundle) {
		uuid, blob := "uuid", "bytea"
		err := b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(query.Exec(`create table stored (id ` + uuid + ` primary key, at timestamptz, raw ` + blob + `, list jsonb)`))
			return nil
		})
		wantErr(t, err, nil)
		type stored struct {
			id   identifier
			at   *time.Time
			raw  []byte
			list []string
		}
		for i := range 200 {
			in := stored{id: randomID(), raw: []byte{0, 1, byte(i)}, list: []string{"a \"b\"", "바다", ""}[:i%4]}
			if i%2 == 0 {
				at := time.UnixMicro(rand.Int64N(4e15)).In(time.FixedZone("", 9*3600))
				in.at = &at
			}
			b.write(t, query.Exec(`insert into stored (id, at, raw, list) values ($1, $2, $3, $4)`, in.id, in.at, in.raw, in.list))
			out := ask(t, b, query.One(`select id, at, raw, list from stored where id = $1`, func(r query.Row) (s stored, err error) {
				return s, r.Scan(&s.id, &s.at, &s.raw, &s.list)
			}, in.id))
			if out.id != in.id || !bytes.Equal(out.raw, in.raw) || !slices.Equal(out.list, in.list) {
				t.Fatalf("got %v, want %v", out, in)
			}
			if (out.at == nil) != (in.at == nil) || in.at != nil && (!out.at.Equal(*in.at) || out.at.Location() != time.UTC) {
				t.Fatalf("got %v, want %v in UTC", out.at, in.at)
			}
		}
		times := ask(t, b, query.Many(`select at from stored where at is not null order by at`,
			func(r query.Row) (at time.Time, err error) { return at, r.Scan(&at) }))
		if !slices.IsSortedFunc(times, time.Time.Compare) || len(times) != 100 {
			t.Error("the database does not sort times as Go does")
		}
	},

	"identifiers sort by their bytes": func(t *testing.T, b *bundle) {
		b.write(t, query.Exec(`create table thing (id uuid primary key)`))
		for range 50 {
			b.write(t, query.Exec(`insert into thing (id) values ($1)`, randomID()))
		}
		got := ask(t, b, query.Many(`select id from thing order by id`,
			func(r query.Row) (id identifier, err error) { return id, r.Scan(&id) }))
		if !slices.IsSortedFunc(got, func(a, b identifier) int { return bytes.Compare(a[:], b[:]) }) {
			t.Error("the database does not sort identifiers as Go does")
		}
		wanted := []identifier{got[3], got[7], randomID()}
		found := ask(t, b, query.Many(`select id from thing where id {in_ids $1} order by id`,
			func(r query.Row) (id identifier, err error) { return id, r.Scan(&id) }, wanted))
		if !slices.Equal(found, wanted[:2]) {
			t.Errorf("got %x, want %x", found, wanted[:2])
		}
	},

	"lists": func(t *testing.T, b *bundle) {
		scan := func(r query.Row) (s string, err error) { return s, r.Scan(&s) }
		got := ask(t, b, query.Many(`select name from account where name {in $1} order by name`, scan, []string{"a", "c", "z"}))
		if !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("got %v", got)
		}
		got = ask(t, b, query.Many(`select name from account where name {in $1}`, scan, []string{}))
		if len(got) != 0 {
			t.Errorf("got %v for an empty list", got)
		}
		got = ask(t, b, query.Many(`select value from {texts $1} order by value`, scan, []string{"y", "x'"}))
		if !slices.Equal(got, []string{"x'", "y"}) {
			t.Errorf("got %v", got)
		}
		b.write(t, query.Exec(`insert into note (id, label) values (1, 'b')`))
		got = ask(t, b, query.Many(`select name from account where name {in $1} and name <> $2`, scan, []word{"a", "b"}, word("a")))
		if !slices.Equal(got, []string{"b"}) {
			t.Errorf("got %v", got)
		}
	},

	"the schema": func(t *testing.T, b *bundle) {
		got := ask(t, b, query.Many(`select table_name || '.' || column_name, nullable, key_order, refers_to from {columns $1} as c
			where table_name in ('account', 'note') order by table_order, column_order`,
			func(r query.Row) (c schemaColumn, err error) {
				return c, r.Scan(&c.name, &c.nullable, &c.key, &c.refersTo)
			}, "goose%"))
		want := []schemaColumn{
			{"account.name", false, 1, ""}, {"account.balance", false, 0, ""},
			{"note.id", false, 1, ""}, {"note.label", true, 0, ""}, {"note.owner", true, 0, "account"},
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	},

	"placeholders go by number": func(t *testing.T, b *bundle) {
		got := ask(t, b, query.Scalar[string](`select cast($2 as text) || '$1' || cast($1 as text) || cast($2 as text) -- $3
			/* $4 */`, "one", "two"))
		equal(t, "text", got, "two$1onetwo")
	},

	"a text is found in any case": func(t *testing.T, b *bundle) {
		got := ask(t, b, query.Scalar[int](`select count(*) from account where lower(name) like lower($1) escape '\'`, "A%"))
		equal(t, "rows", got, 1)
	},
}

func randomID() (id identifier) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return id
}

// schemaColumn is a row of the fragment {columns $1}.
type schemaColumn struct {
	name     string
	nullable bool
	key      int
	refersTo string
}
