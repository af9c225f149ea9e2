package audit_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// sealedEntries is the number of sealed entries in the store of tampered.
const sealedEntries = 12

// tampered returns a store with 12 sealed and 3 waiting entries, and their ids. Its
// log has two keys, one of them unused.
func tampered(t testing.TB) (bundle, []ids.Row) {
	t.Helper()
	b := setup(t)
	b.log = log(t, 1, 2)
	list := b.record(t, sealedEntries)
	b.seal(t)
	return b, append(list, b.record(t, 3)...)
}

// found returns a short form of the findings.
func found(r audit.Report, list []ids.Row) (texts []string) {
	for _, f := range r.Findings {
		text := string(f.Kind)
		if f.Seq != 0 {
			text += fmt.Sprintf(" %d", f.Seq)
		}
		if f.Until != 0 {
			text += fmt.Sprintf("-%d", f.Until)
		}
		if i := slices.Index(list, f.Entry); i >= 0 {
			text += fmt.Sprintf(" e%d", i+1)
		} else if !f.Entry.IsZero() {
			text += " other"
		}
		texts = append(texts, text)
	}
	return texts
}

// change is a statement on the store.
type change struct {
	sql  string
	args []any
}

func sql(text string, args ...any) change { return change{text, args} }

func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	fresh := ids.New[ids.Row](at.Add(time.Hour))
	set := func(column string, value any) func(e []ids.Row) []change {
		return func(e []ids.Row) []change {
			return []change{sql("update audit set "+column+" = $2 where id = $1", e[4], value)}
		}
	}
	queued := func(id any) change { return sql("insert into audit_pending (entry_id) values ($1)", id) }
	// copied adds an entry to the queue that is another one but for its id.
	copied := func(id, of ids.Row) []change {
		return []change{queued(id), sql(`
			insert into audit (id, at, operator_id, token_id, source, request_id, action, member_id, target, reason, was, became, key_id, mac)
			select p.entry_id, at, operator_id, token_id, source, request_id, action, member_id, target, reason, was, became, key_id, mac
			from audit_pending p cross join audit a where p.entry_id = $1 and a.id = $2`, id, of)}
	}
	unqueued := func(id ids.Row) change { return sql("delete from audit_pending where entry_id = $1", id) }
	type tampering struct {
		changes func(e []ids.Row) []change
		want    []string
	}
	cases := map[string]tampering{
		"nothing": {func([]ids.Row) []change { return nil }, nil},

		"time":              {set("at", at.Add(time.Hour).Truncate(time.Microsecond)), []string{"edited_entry 5 e5"}},
		"operator":          {set("operator_id", ids.New[ids.Operator](at)), []string{"edited_entry 5 e5"}},
		"operator is none":  {set("operator_id", nil), []string{"edited_entry 5 e5"}},
		"token":             {set("token_id", ids.New[ids.Row](at)), []string{"edited_entry 5 e5"}},
		"source":            {set("source", ""), []string{"edited_entry 5 e5"}},
		"request":           {set("request_id", "r2"), []string{"edited_entry 5 e5"}},
		"request is none":   {set("request_id", nil), []string{"edited_entry 5 e5"}},
		"request is empty":  {set("request_id", ""), []string{"edited_entry 5 e5"}},
		"action":            {set("action", "member.create"), []string{"edited_entry 5 e5"}},
		"member":            {set("member_id", ids.New[ids.Member](at)), []string{"edited_entry 5 e5"}},
		"target":            {set("target", "lifestyle"), []string{"edited_entry 5 e5"}},
		"reason":            {set("reason", "asked by phone "), []string{"edited_entry 5 e5"}},
		"was":               {set("was", `{"n":4, "status":"pending"}`), []string{"edited_entry 5 e5"}},
		"became":            {set("became", nil), []string{"edited_entry 5 e5"}},
		"became is no JSON": {set("became", "{"), []string{"edited_entry 5 e5"}},
		"key":               {set("key_id", "0011223344556677"), []string{"unknown_key 5 e5"}},
		"mac":               {set("mac", make([]byte, 32)), []string{"edited_entry 5 e5"}},
		"mac is empty":      {set("mac", []byte("x")), []string{"edited_entry 5 e5"}},
		"a column moved to its neighbour": {func(e []ids.Row) []change {
			return []change{sql("update audit set target = reason, reason = target where id = $1", e[4])}
		}, []string{"edited_entry 5 e5"}},
		"another id": {func(e []ids.Row) []change {
			return []change{sql("update audit set id = $2 where id = $1", e[4], fresh)}
		}, []string{"removed_entry 5 e5", "inserted_entry other"}},
		"two ids swapped": {func(e []ids.Row) []change {
			return []change{
				sql("update audit set id = $2 where id = $1", e[4], fresh),
				sql("update audit set id = $2 where id = $1", e[5], e[4]),
				sql("update audit set id = $2 where id = $1", fresh, e[5]),
			}
		}, []string{"edited_entry 5 e5", "wrong_seal 5 e5", "edited_entry 6 e6", "wrong_seal 6 e6"}},

		"an entry removed": {func(e []ids.Row) []change {
			return []change{sql("delete from audit where id = $1", e[4])}
		}, []string{"removed_entry 5 e5"}},
		"an entry inserted": {func(e []ids.Row) []change {
			return append(copied(fresh, e[4]), unqueued(fresh))
		}, []string{"inserted_entry other"}},
		"an entry inserted and queued": {func(e []ids.Row) []change {
			return copied(fresh, e[4])
		}, []string{"inserted_entry other"}},
		"an entry inserted and sealed": {func(e []ids.Row) []change {
			return append(copied(fresh, e[4]), unqueued(fresh), sql(`
				insert into audit_seal (seq, entry_id, key_id, mac)
				select 13, a.id, s.key_id, s.mac from audit a cross join audit_seal s where a.id = $1 and s.seq = 12`, fresh))
		}, []string{"edited_entry 13 other", "wrong_seal 13 other"}},
		"an entry removed with its seal": {func(e []ids.Row) []change {
			return []change{sql("delete from audit where id = $1", e[4]), sql("delete from audit_seal where seq = 5")}
		}, []string{"removed_seal 5"}},
		"removed, and the numbers closed up": {func(e []ids.Row) []change {
			changes := []change{sql("delete from audit where id = $1", e[10]), sql("delete from audit_seal where seq = 11")}
			return append(changes, sql("update audit_seal set seq = 11 where seq = 12"))
		}, []string{"wrong_seal 11 e12", "truncated 12"}},

		"a seal removed": {func([]ids.Row) []change {
			return []change{sql("delete from audit_seal where seq = 5")}
		}, []string{"removed_seal 5", "inserted_entry e5"}},
		"three seals removed": {func([]ids.Row) []change {
			return []change{sql("delete from audit_seal where seq between 5 and 7")}
		}, []string{"removed_seal 5-7", "inserted_entry e5", "inserted_entry e6", "inserted_entry e7"}},
		"the first seal removed": {func([]ids.Row) []change {
			return []change{sql("delete from audit_seal where seq = 1")}
		}, []string{"removed_seal 1", "inserted_entry e1"}},
		"the last seal removed": {func([]ids.Row) []change {
			return []change{sql("delete from audit_seal where seq = 12")}
		}, []string{"truncated 12", "inserted_entry e12"}},
		"a seal's number": {func([]ids.Row) []change {
			return []change{sql("update audit_seal set seq = $1 where seq = 12", int64(1)<<62)}
		}, []string{fmt.Sprintf("removed_seal 12-%d", int64(1)<<62-1), "replaced 12"}},
		"a seal's number below one": {func([]ids.Row) []change {
			return []change{sql("update audit_seal set seq = -3 where seq = 12")}
		}, []string{"wrong_seal -3 e12", "truncated 12"}},
		"a seal's mac": {func([]ids.Row) []change {
			return []change{sql("update audit_seal set mac = $1 where seq = 5", make([]byte, 32))}
		}, []string{"wrong_seal 5 e5", "wrong_seal 6 e6"}},
		"a seal's key": {func([]ids.Row) []change {
			return []change{sql("update audit_seal set key_id = 'x' where seq = 5")}
		}, []string{"unknown_key 5 e5"}},
		"two seals' entries swapped": {func(e []ids.Row) []change {
			return []change{
				sql("update audit_seal set entry_id = $2 where seq = $1", 5, fresh),
				sql("update audit_seal set entry_id = $2 where seq = $1", 6, e[4]),
				sql("update audit_seal set entry_id = $2 where seq = $1", 5, e[5]),
			}
		}, []string{"wrong_seal 5 e6", "wrong_seal 6 e5"}},
		"two seals' numbers swapped": {func([]ids.Row) []change {
			return []change{
				sql("update audit_seal set seq = 0 where seq = 5"), sql("update audit_seal set seq = 5 where seq = 6"),
				sql("update audit_seal set seq = 6 where seq = 0"),
			}
		}, []string{"wrong_seal 5 e6", "wrong_seal 6 e5", "wrong_seal 7 e7"}},

		"the end cut off": {func(e []ids.Row) []change {
			return []change{
				sql("delete from audit where id in ($1, $2)", e[10], e[11]), sql("delete from audit_seal where seq > 10"),
			}
		}, []string{"truncated 12"}},
		"all removed": {func([]ids.Row) []change {
			return []change{sql("delete from audit_seal"), sql("delete from audit"), sql("delete from audit_pending")}
		}, []string{"truncated 12"}},
		"all entries removed": {func([]ids.Row) []change { return []change{sql("delete from audit")} }, []string{
			"removed_entry 1 e1", "removed_entry 2 e2", "removed_entry 3 e3", "removed_entry 4 e4", "removed_entry 5 e5",
			"removed_entry 6 e6", "removed_entry 7 e7", "removed_entry 8 e8", "removed_entry 9 e9", "removed_entry 10 e10",
			"removed_entry 11 e11", "removed_entry 12 e12", "removed_entry e13", "removed_entry e14", "removed_entry e15",
		}},

		"one that waits edited": {func(e []ids.Row) []change {
			return []change{sql("update audit set source = 'x' where id = $1", e[13])}
		}, []string{"inserted_entry e14"}},
		"one that waits removed": {func(e []ids.Row) []change {
			return []change{sql("delete from audit where id = $1", e[13])}
		}, []string{"removed_entry e14"}},
		"one that waits taken out of the queue": {func(e []ids.Row) []change {
			return []change{unqueued(e[13])}
		}, []string{"inserted_entry e14"}},
		"one that waits with another key": {func(e []ids.Row) []change {
			return []change{sql("update audit set key_id = 'x' where id = $1", e[13])}
		}, []string{"unknown_key e14"}},
		"one that is sealed queued again": {func(e []ids.Row) []change { return []change{queued(e[4])} }, nil},
		"a seal of one that waits": {func(e []ids.Row) []change {
			return []change{sql("update audit_seal set entry_id = $1 where seq = 12", e[13])}
		}, []string{"wrong_seal 12 e14", "inserted_entry e12"}},
	}
	if !testkit.OnPostgres() { // whose types let nothing else in
		maps.Copy(cases, map[string]tampering{
			"a time that is none":      {set("at", "yesterday"), []string{"edited_entry 5 e5"}},
			"an operator that is none": {set("operator_id", []byte{1}), []string{"edited_entry 5 e5"}},
			"a text that is none":      {set("source", "\xff"), []string{"edited_entry 5 e5"}},
			"an id that is none": {func(e []ids.Row) []change {
				return []change{sql("update audit set id = $2 where id = $1", e[4], []byte{1})}
			}, []string{"removed_entry 5 e5", "inserted_entry"}},
			"ids that are none on both sides": {func(e []ids.Row) []change {
				return []change{
					sql("update audit set id = $2 where id = $1", e[4], []byte{1}),
					sql("update audit_seal set entry_id = $2 where seq = $1", 5, []byte{1}),
				}
			}, []string{"wrong_seal 5"}},
			"a place in the queue that is none": {func([]ids.Row) []change { return []change{queued([]byte{1, 2})} }, []string{"removed_entry"}},
		})
	}
	b, list := tampered(t)
	pin := ask(t, b, audit.LastHead())
	restore := b.save(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			defer restore()
			for _, x := range c.changes(list) {
				b.exec(t, x.sql, x.args...)
			}
			r := b.verify(t, pin)
			if got := found(r, list); !slices.Equal(got, c.want) || r.Found != int64(len(c.want)) {
				t.Errorf("got  %q, %d in all\nwant %q", got, r.Found, c.want)
			}
			for _, f := range r.Findings {
				if f.Kind.Meaning() == "" || !strings.Contains(f.String(), string(f.Kind)) {
					t.Errorf("%q has no meaning", f)
				}
			}
		})
	}
}

// save returns a function that restores the audit log as it is now.
func (b bundle) save(t *testing.T) (restore func()) {
	t.Helper()
	rows := map[string][][]any{}
	for table, columns := range columnsOf {
		names := sorted(columns)
		rows[table] = ask(t, b, query.Many("select "+strings.Join(names, ", ")+" from "+table,
			func(r query.Row) ([]any, error) { return scanAll(r, table, names) }))
	}
	return func() {
		b.write(t, func(w *session.Write) {
			for table, list := range rows {
				w.Add(query.Exec("delete from " + table))
				for _, values := range list {
					w.Add(insertInto(table, sorted(columnsOf[table]), values))
				}
			}
		})
	}
}

// Only a later head reveals a chain that continues from an older backup.
func TestChainThatWasWrittenAnew(t *testing.T) {
	t.Parallel()
	b, list := tampered(t)
	pin, early := ask(t, b, audit.LastHead()), ask(t, b, audit.HeadAt(9))
	b.exec(t, "delete from audit_seal where seq > 9")
	b.exec(t, "delete from audit where id in ($1, $2, $3)", list[9], list[10], list[11])
	b.record(t, 5)
	if sealed := b.seal(t); sealed.Count != 8 || len(sealed.Forged) != 0 {
		t.Fatalf("got %+v", sealed)
	}
	if r := b.verify(t, early); r.Found != 0 {
		t.Errorf("without a later head: got %+v", r)
	}
	r := b.verify(t, early, pin, audit.Head{})
	if got := found(r, nil); !slices.Equal(got, []string{"replaced 12"}) || !r.Findings[0].Pin.Equal(pin) {
		t.Errorf("got %q", got)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 150)
	b.seal(t)
	b.exec(t, "delete from audit_seal where seq > 10")
	r := b.verify(t)
	if r.Found != 140 || len(r.Findings) != audit.MaxFindings || r.Entries != 150 || r.Sealed != 10 {
		t.Errorf("got %d findings, of which %d are named; %d entries, %d sealed", r.Found, len(r.Findings), r.Entries, r.Sealed)
	}
}

// Verifying and sealing in several steps is the same as in one.
func TestSeveralSteps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var list []ids.Row
	for range 5 {
		list = append(list, b.record(t, 490)...)
	}
	slices.SortFunc(list, func(a, b ids.Row) int { return bytes.Compare(a[:], b[:]) })
	b.exec(t, "update audit set source = 'x' where id = $1", list[1500])
	calls := 0
	verify := func() audit.Report {
		r, err := b.log.Verify(t.Context(), b.DB, audit.VerifyOptions{Progress: func(done, all int64) {
			if calls++; done > all || all != int64(len(list)) && all != int64(len(list)-1) {
				t.Errorf("%d of %d are done", done, all)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verify(); r.Found != 1 || r.Waiting != 2450 || r.Findings[0].Entry != list[1500] || calls < 3 {
		t.Errorf("got %+v after %d steps", r, calls)
	}
	sealed := b.seal(t)
	if sealed.Count != 2449 || !slices.Equal(sealed.Forged, []ids.Row{list[1500]}) || sealed.Head.Seq != 2449 {
		t.Errorf("got %d sealed, %v forged, %s", sealed.Count, sealed.Forged, sealed.Head)
	}
	r := verify()
	if r.Found != 1 || r.Findings[0].Kind != audit.InsertedEntry || r.Findings[0].Entry != list[1500] || r.Sealed != 2449 || r.Waiting != 0 {
		t.Errorf("got %+v", r)
	}
	for i, e := range b.all(t) {
		if e.ID != list[i] || (e.Seq == nil) != (i == 1500) {
			t.Fatalf("entry %d is %s, at %v", i, e.ID, e.Seq)
		}
	}
}

// A waiting entry that was changed leaves the queue and is never sealed; the others
// are.
func TestSealLeavesOutWhatIsForged(t *testing.T) {
	t.Parallel()
	b, list := tampered(t)
	fresh := ids.New[ids.Row](at)
	b.exec(t, "update audit set action = 'a.b' where id = $1", list[12])
	b.exec(t, "delete from audit where id = $1", list[13])
	b.exec(t, "insert into audit_pending (entry_id) values ($1)", fresh)
	b.exec(t, "insert into audit_pending (entry_id) values ($1)", list[3]) // which is sealed
	want := []ids.Row{fresh, list[12], list[13]}
	if !testkit.OnPostgres() {
		b.exec(t, "insert into audit_pending (entry_id) values ($1)", []byte{0, 1})
		want = append([]ids.Row{{}}, want...)
	}
	sealed := b.seal(t)
	if sealed.Count != 1 || !slices.Equal(sealed.Forged, want) || sealed.Head.Seq != 13 {
		t.Errorf("got %+v, want 1 and %v", sealed, want)
	}
	if r := b.verify(t); !slices.Equal(found(r, list), []string{"inserted_entry e13"}) || r.Waiting != 0 {
		t.Errorf("got %q, %d wait", found(r, list), r.Waiting)
	}
	if again := b.seal(t); again.Count != 0 || len(again.Forged) != 0 || !again.Head.Equal(sealed.Head) {
		t.Errorf("again: got %+v", again)
	}
}

// Somebody may write the highest number: then Seal cannot add a seal, and says so.
func TestNoNumberLeft(t *testing.T) {
	t.Parallel()
	b, _ := tampered(t)
	b.exec(t, "update audit_seal set seq = 9223372036854775807 where seq = 12")
	if sealed, err := b.log.Seal(t.Context(), b.DB); err == nil {
		t.Errorf("got %+v", sealed)
	}
	if r := b.verify(t); len(r.Findings) != 1 || r.Findings[0].Kind != audit.RemovedSeal {
		t.Errorf("got %+v", r)
	}
}

// columnsOf lists the columns that a random change may hit, by the kind of their
// values; a question mark marks nullable columns, and a key unique ones.
var columnsOf = map[string]map[string]string{
	"audit": {
		"id": "id key", "at": "time", "operator_id": "id?", "token_id": "id?", "source": "text", "request_id": "text?", "action": "text",
		"member_id": "id?", "target": "text?", "reason": "text?", "was": "text?", "became": "text?", "key_id": "text", "mac": "bytes",
	},
	"audit_pending": {"entry_id": "id key"},
	"audit_seal":    {"seq": "number key", "entry_id": "id key", "key_id": "text", "mac": "bytes"},
}

var keyOf = map[string]string{"audit": "id", "audit_seal": "seq"}

// TestEveryMutationIsFound creates random sequences of entries and seals, changes
// one thing anywhere, and expects a finding; after undoing the change, none.
func TestEveryMutationIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 3)
	b.seal(t)
	b.record(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 3).Draw(rt, "writes") {
			b.record(t, rapid.IntRange(1, 4).Draw(rt, "entries"))
			if rapid.Bool().Draw(rt, "sealed") {
				b.seal(t)
			}
		}
		var pins []audit.Head
		head := ask(t, b, audit.LastHead())
		if n := rapid.Int64Range(0, head.Seq).Draw(rt, "pin"); n > 0 {
			pins = append(pins, ask(t, b, audit.HeadAt(n)))
		}
		if r := b.verify(t, pins...); r.Found != 0 {
			rt.Fatalf("nothing was changed: got %+v", r)
		}
		what, undo := b.mutate(t, rt)
		if r := b.verify(t, pins...); r.Found == 0 {
			rt.Fatalf("%s was not found", what)
		}
		undo()
		if r := b.verify(t, pins...); r.Found != 0 {
			rt.Fatalf("%s was put back: got %+v", what, r)
		}
	})
}

// mutate changes one value or row.
func (b bundle) mutate(t *testing.T, rt *rapid.T) (what string, undo func()) {
	table := rapid.SampledFrom([]string{"audit", "audit_seal"}).Draw(rt, "table")
	key := keyOf[table]
	keys := ask(t, b, query.Many("select "+key+" from "+table+" order by "+key, scanAny(table, key)))
	row := rapid.SampledFrom(keys).Draw(rt, "row")
	names := sorted(columnsOf[table])
	switch rapid.SampledFrom([]string{"column", "column", "column", "delete", "insert"}).Draw(rt, "change") {
	case "delete":
		old := b.row(t, table, names, row)
		b.exec(t, "delete from "+table+" where "+key+" = $1", row)
		return "a row of " + table + " removed", func() { b.insert(t, table, names, old) }
	case "insert":
		old := b.row(t, table, names, row)
		for i, name := range names {
			if strings.Contains(columnsOf[table][name], "key") {
				old[i] = other(rt, columnsOf[table][name], old[i])
			}
		}
		b.insert(t, table, names, old)
		return "a row of " + table + " added", func() {
			b.exec(t, "delete from "+table+" where "+key+" = $1", old[slices.Index(names, key)])
		}
	}
	column := rapid.SampledFrom(names).Draw(rt, "column")
	old := b.row(t, table, []string{column}, row)[0]
	value := other(rt, columnsOf[table][column], old)
	if value == nil {
		value = (*string)(nil)
	}
	b.exec(t, "update "+table+" set "+column+" = $2 where "+key+" = $1", row, value)
	now := row
	if column == key {
		now = value
	}
	return fmt.Sprintf("%s of a row of %s: %v in place of %v", column, table, value, old), func() {
		b.exec(t, "update "+table+" set "+column+" = $2 where "+key+" = $1", now, old)
	}
}

// other returns a different value of the kind.
func other(rt *rapid.T, kind string, old any) any {
	if strings.Contains(kind, "?") && old != nil && rapid.Bool().Draw(rt, "null") {
		return nil
	}
	switch {
	case strings.HasPrefix(kind, "id"):
		return ids.New[ids.Row](at)
	case kind == "time":
		return old.(time.Time).Add(time.Duration(rapid.Int64Range(1, 1e9).Draw(rt, "later")) * time.Microsecond)
	case strings.HasPrefix(kind, "text"):
		text, _ := old.(string)
		for {
			if s := rapid.StringMatching(`[a-z{}":,]{0,4}`).Draw(rt, "text"); s != text || old == nil {
				return s
			}
		}
	case kind == "bytes":
		changed := bytes.Clone(old.([]byte))
		changed[rapid.IntRange(0, len(changed)-1).Draw(rt, "byte")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		return changed
	default:
		return old.(int64) + rapid.SampledFrom([]int64{-1e6, 1e6, 1e12}).Draw(rt, "away")
	}
}

func sorted(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// scanAny reads a value of a column.
func scanAny(table, column string) func(query.Row) (any, error) {
	return func(r query.Row) (any, error) {
		list, err := scanAll(r, table, []string{column})
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
}

func scanAll(r query.Row, table string, names []string) ([]any, error) {
	dest := make([]any, len(names))
	for i, name := range names {
		switch kind := columnsOf[table][name]; {
		case strings.HasPrefix(kind, "id"):
			dest[i] = new(*ids.Row)
		case kind == "time":
			dest[i] = new(*time.Time)
		case strings.HasPrefix(kind, "text"):
			dest[i] = new(*string)
		case kind == "bytes":
			dest[i] = new([]byte)
		default:
			dest[i] = new(*int64)
		}
	}
	if err := r.Scan(dest...); err != nil {
		return nil, err
	}
	for i, d := range dest {
		dest[i] = nil
		switch v := d.(type) {
		case **ids.Row:
			if *v != nil {
				dest[i] = **v
			}
		case **time.Time:
			dest[i] = **v
		case **string:
			if *v != nil {
				dest[i] = **v
			}
		case *[]byte:
			dest[i] = bytes.Clone(*v)
		case **int64:
			dest[i] = **v
		}
	}
	return dest, nil
}

func (b bundle) row(t *testing.T, table string, names []string, key any) []any {
	t.Helper()
	return ask(t, b, query.One("select "+strings.Join(names, ", ")+" from "+table+" where "+keyOf[table]+" = $1",
		func(r query.Row) ([]any, error) { return scanAll(r, table, names) }, key))
}

func (b bundle) insert(t *testing.T, table string, names []string, values []any) {
	t.Helper()
	b.write(t, func(w *session.Write) { w.Add(insertInto(table, names, values)) })
}

func insertInto(table string, names []string, values []any) query.Change {
	places := make([]string, len(names))
	for i := range names {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	return query.Exec("insert into "+table+" ("+strings.Join(names, ", ")+") values ("+strings.Join(places, ", ")+")", values...)
}

// TestSealersAtOnce runs several sealers while others add entries: the chain has no
// fork and no gap, and there are no errors.
func TestSealersAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const writers, sealers, atLeast, patience = 3, 3, 40, 30 * time.Second
	var sealed [sealers]atomic.Int64
	var recorded atomic.Int64
	shared := func() bool { // the work, by two sealers or more
		busy := 0
		for i := range sealed {
			if sealed[i].Load() > 0 {
				busy++
			}
		}
		return busy > 1
	}
	until := time.Now().Add(patience)
	var recording, sealing sync.WaitGroup
	for i := range writers {
		recording.Go(func() {
			for n := 0; n < atLeast || !shared() && time.Now().Before(until); n++ {
				err := b.Write(t.Context(), func(w *session.Write) error {
					b.log.Recorder(audit.Actor{Source: "a writer"}).Record(w, audit.Event{Action: "a.b"}, at.Add(time.Duration(n*writers+i)*time.Millisecond))
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				recorded.Add(1)
			}
		})
	}
	done := make(chan struct{})
	for i := range sealers {
		sealing.Go(func() {
			for last := false; !last; {
				select {
				case <-done:
					last = true // seal the last entries, too
				default:
				}
				s, err := b.log.Seal(t.Context(), b.DB)
				if err != nil || len(s.Forged) > 0 || s.Unknown > 0 {
					t.Errorf("got %+v, %v", s, err)
					return
				}
				sealed[i].Add(int64(s.Count))
			}
		})
	}
	recording.Wait()
	close(done)
	sealing.Wait()
	if !shared() {
		t.Error("one sealer did everything, so the test shows little")
	}
	if r := b.verify(t); r.Found != 0 || r.Sealed != recorded.Load() || r.Waiting != 0 {
		t.Errorf("got %+v of %d", r, recorded.Load())
	}
}
