package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// log returns a log with one secret per number.
func log(t testing.TB, numbers ...byte) *audit.Log {
	t.Helper()
	var secrets [][]byte
	for _, n := range numbers {
		secrets = append(secrets, bytes.Repeat([]byte{n}, 32))
	}
	l, err := audit.NewLog(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bundle is a store with a log.
type bundle struct {
	*session.DB

	log *audit.Log
}

func setup(t testing.TB) bundle {
	t.Helper()
	return bundle{testkit.Open(t), log(t, 1)}
}

func (b bundle) write(t testing.TB, fn func(w *session.Write)) {
	t.Helper()
	err := b.Write(t.Context(), func(w *session.Write) error {
		fn(w)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exec changes the store without the log.
func (b bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	b.write(t, func(w *session.Write) { w.Add(query.Exec(sql, args...).Else(errNothing)) })
}

var errNothing = errors.New("the statement changed nothing")

func ask[T any](t testing.TB, b bundle, q query.Query[T]) (answer T) {
	t.Helper()
	err := b.Read(t.Context(), func(r *session.Read) (err error) {
		answer, err = session.Run(t.Context(), r, q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// record adds entries, a second apart, and returns their ids in order.
func (b bundle) record(t testing.TB, n int) (list []ids.Row) {
	t.Helper()
	known := int(ask(t, b, query.Scalar[int64]("select count(*) from audit")))
	b.write(t, func(w *session.Write) {
		for i := range n {
			when := at.Add(time.Duration(known+i) * time.Second)
			recorder := b.log.Recorder(audit.Actor{
				Operator: ids.New[ids.Operator](at), Token: ids.New[ids.Row](at), Source: "203.0.113.7", Request: "r1", Reason: "asked by phone",
			})
			recorder.Record(w, audit.Event{
				Action: "member.update", Member: ids.New[ids.Member](at), Target: "profile",
				Was: map[string]any{"status": "pending", "n": i}, Became: map[string]any{"status": "approved"},
			}, when)
		}
	})
	from := at.Add(time.Duration(known) * time.Second)
	ask(t, b, audit.Each(audit.Filter{From: &from}, func(e audit.Entry) error {
		list = append(list, e.ID)
		return nil
	}))
	return list
}

// all returns all entries, the oldest first.
func (b bundle) all(t testing.TB) (list []audit.Entry) {
	t.Helper()
	ask(t, b, audit.Each(audit.Filter{}, func(e audit.Entry) error {
		list = append(list, e)
		return nil
	}))
	return list
}

func (b bundle) seal(t testing.TB) audit.Sealed {
	t.Helper()
	sealed, err := b.log.Seal(t.Context(), b.DB)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (b bundle) verify(t testing.TB, pins ...audit.Head) audit.Report {
	t.Helper()
	report, err := b.log.Verify(t.Context(), b.DB, audit.VerifyOptions{Pins: pins})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestEntryComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operator, token, member := ids.New[ids.Operator](at), ids.New[ids.Row](at), ids.New[ids.Member](at)
	b.write(t, func(w *session.Write) {
		w.Add(query.Exec("insert into operators (id, name, name_key, role, created_at, updated_at, version) values ($1, $2, $3, $4, $5, $5, 1)",
			operator, "Bada", "bada", "viewer", at.Truncate(time.Microsecond)))
		recorder := b.log.Recorder(audit.Actor{Operator: operator, Token: token, Source: "::1", Request: "r1"})
		recorder.WithReason("the <member> asked").Record(w, audit.Event{
			Action: "phone.reveal", Member: member, Target: "phone",
			Was: map[string]any{"b": 1, "a": "<x>\x00"}, Became: map[string]any{"a": nil},
		}, at)
		b.log.Recorder(audit.Actor{Source: "command\x00line\xff"}).Record(w, audit.Event{Action: "token.create"}, at.Add(time.Second))
	})
	list := b.all(t)
	if len(list) != 2 {
		t.Fatalf("got %d entries, want 2", len(list))
	}
	got, err := json.Marshal(list[0])
	want := fmt.Sprintf(`{"id":%q,"at":"2026-03-01T12:00:00.123456Z","operator_id":%q,"operator":"Bada","token_id":%q,"source":"::1",`+
		`"request_id":"r1","action":"phone.reveal","member_id":%q,"target":"phone","reason":"the \u003cmember\u003e asked",`+
		`"was":{"a":"\u003cx\u003e\u0000","b":1},"became":{"a":null},"seq":null}`, list[0].ID, operator, token, member)
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	got, err = json.Marshal(list[1])
	want = fmt.Sprintf(`{"id":%q,"at":"2026-03-01T12:00:01.123456Z","operator_id":null,"operator":null,"token_id":null,"source":"command`+"\uFFFD"+`line`+"\uFFFD"+`",`+
		`"request_id":null,"action":"token.create","member_id":null,"target":null,"reason":null,"was":null,"became":null,"seq":null}`, list[1].ID)
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	b.seal(t)
	for i, e := range b.all(t) {
		if e.Seq == nil || *e.Seq != int64(i+1) {
			t.Errorf("entry %d has the place %v in the chain", i+1, e.Seq)
		}
	}
	if r := b.verify(t); r.Found != 0 || r.Entries != 2 || r.Sealed != 2 || r.Waiting != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestRecordCostsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 1) // so that the texts are prepared
	ctx, cost := session.Track(t.Context(), "")
	err := b.Write(ctx, func(w *session.Write) error {
		b.log.Recorder(audit.Actor{Source: "a test"}).Record(w, audit.Event{Action: "member.create"}, at)
		return nil
	})
	if got := cost.Total().RoundTrips; err != nil || got != 1 {
		t.Errorf("got %d round trips, %v, want the one of the commit", got, err)
	}
	ctx, cost = session.Track(t.Context(), "")
	if _, err := b.log.Seal(ctx, b.DB); err != nil {
		t.Fatal(err)
	}
	if got := cost.Total().RoundTrips; got != 3 {
		t.Errorf("sealing a few: got %d round trips, want a peek, a read and a commit", got)
	}
	ctx, cost = session.Track(t.Context(), "")
	if _, err := b.log.Seal(ctx, b.DB); err != nil {
		t.Fatal(err)
	}
	if got := cost.Total().RoundTrips; got != 1 {
		t.Errorf("sealing nothing: got %d round trips, want 1", got)
	}
}

func TestRecordGoesWithItsSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.Write(t.Context(), func(w *session.Write) error {
		b.log.Recorder(audit.Actor{}).Record(w, audit.Event{Action: "member.create"}, at)
		if _, err := session.Run(t.Context(), w, audit.LastHead()); err != nil { // the entry is sent
			return err
		}
		return errNothing
	})
	if !errors.Is(err, errNothing) || ask(t, b, audit.HasHistory()) {
		t.Errorf("got %v, and something is left: %t", err, ask(t, b, audit.HasHistory()))
	}
}

func TestRecordPanics(t *testing.T) {
	t.Parallel()
	good := log(t, 1).Recorder(audit.Actor{})
	for name, c := range map[string]struct {
		recorder audit.Recorder
		e        audit.Event
	}{
		"the zero recorder":   {audit.Recorder{}, audit.Event{Action: "member.create"}},
		"an event of nothing": {good, audit.Event{}},
		"a function":          {good, audit.Event{Action: "x.y", Was: map[string]any{"f": func() {}}}},
		"no number":           {good, audit.Event{Action: "x.y", Became: map[string]any{"f": math.NaN()}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("got an entry")
				}
			}()
			c.recorder.Record(&session.Write{Read: new(session.Read)}, c.e, at)
		})
	}
}

func TestPenIsAValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operator := ids.New[ids.Operator](at)
	recorder := b.log.Recorder(audit.Actor{Operator: operator})
	other := recorder.WithReason("a reason")
	b.write(t, func(w *session.Write) {
		recorder.Record(w, audit.Event{Action: "a.b"}, at)
		other.Record(w, audit.Event{Action: "a.b"}, at.Add(time.Second))
	})
	list := b.all(t)
	if recorder.Operator() != operator || other.Operator() != operator || list[0].Reason != nil || list[1].Reason == nil {
		t.Errorf("got %+v", list)
	}
}

func TestSecretsAreChecked(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][][]byte{
		"none": nil, "too short": {bytes.Repeat([]byte{1}, 31)}, "one good, one short": {bytes.Repeat([]byte{1}, 32), {2}},
	} {
		if l, err := audit.NewLog(secrets); err == nil {
			t.Errorf("%s: got %v", name, l)
		}
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if h := ask(t, b, audit.LastHead()); !h.IsZero() || h.String() != "0:" {
		t.Errorf("nothing is sealed: got %s", h)
	}
	b.record(t, 3)
	sealed := b.seal(t)
	h := ask(t, b, audit.LastHead())
	if sealed.Count != 3 || h.Seq != 3 || !h.Equal(sealed.Head) || !h.Equal(ask(t, b, audit.HeadAt(3))) || !ask(t, b, audit.HeadAt(4)).IsZero() {
		t.Errorf("got %s, and %+v of sealing", h, sealed)
	}
	for _, text := range []string{h.String(), " " + h.String() + "\n", "0:"} {
		back, err := audit.ParseHead(text)
		if err != nil || back.String() != strings.TrimSpace(text) {
			t.Errorf("%q became %v, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "3", "3:", "x:" + h.String()[2:], "-" + h.String(), h.String() + "00", h.String()[:20], "0" + h.String()[1:], "3:zz"} {
		if back, err := audit.ParseHead(text); !errors.Is(err, audit.ErrHead) {
			t.Errorf("%q became %v, %v", text, back, err)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 2)
	b.seal(t)
	b.record(t, 1) // waits
	b.log = log(t, 2, 1)
	list := b.record(t, 2)
	if err := b.log.CheckKeys(t.Context(), b.DB); err != nil {
		t.Error(err)
	}
	if sealed := b.seal(t); sealed.Count != 3 || sealed.Unknown != 0 {
		t.Errorf("got %+v", sealed)
	}
	if r := b.verify(t); r.Found != 0 || r.Sealed != 5 {
		t.Errorf("with both keys: got %+v", r)
	}
	b.log = log(t, 2)
	if err := b.log.CheckKeys(t.Context(), b.DB); err != nil {
		t.Errorf("the last seal is of the new key: %v", err)
	}
	r := b.verify(t)
	if r.Found != 3 || slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind != audit.UnknownKey }) {
		t.Errorf("without the old key: got %+v", r)
	}
	b.log = log(t, 1)
	if err := b.log.CheckKeys(t.Context(), b.DB); !errors.Is(err, audit.ErrUnknownKey) {
		t.Errorf("without the new key: got %v", err)
	}
	if r := b.verify(t); r.Found != 3 || r.Findings[0].Kind != audit.UnknownKey {
		t.Errorf("without the new key: got %+v", r)
	}
	if list[1] != b.verify(t).Findings[2].Entry {
		t.Error("the entry is not named")
	}
}

func TestKeysOfWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.log.CheckKeys(t.Context(), b.DB); err != nil {
		t.Errorf("without entries: %v", err)
	}
	b.record(t, 2)
	other := log(t, 3)
	if err := other.CheckKeys(t.Context(), b.DB); !errors.Is(err, audit.ErrUnknownKey) {
		t.Errorf("entries wait: got %v", err)
	}
	sealed, err := other.Seal(t.Context(), b.DB)
	if err != nil || sealed.Count != 0 || sealed.Unknown != 2 || len(sealed.Forged) != 0 {
		t.Errorf("another server, which has another key: got %+v, %v", sealed, err)
	}
	if sealed := b.seal(t); sealed.Count != 2 {
		t.Errorf("the entries were not left in the queue: %+v", sealed)
	}
}

func TestListIsWhatAFilterGives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operators := []ids.Operator{ids.New[ids.Operator](at), ids.New[ids.Operator](at), {}}
	members := []ids.Member{ids.New[ids.Member](at), ids.New[ids.Member](at), {}}
	actions := []audit.Action{"member.create", "member.update"}
	const made = 90
	b.write(t, func(w *session.Write) {
		for i := range made {
			b.log.Recorder(audit.Actor{Operator: operators[i%3]}).
				Record(w, audit.Event{Action: actions[i%2], Member: members[i/3%3]}, at.Add(time.Duration(i/2)*time.Second))
		}
	})
	b.seal(t)
	all := b.all(t)
	slices.Reverse(all)
	early, late := at.Add(10*time.Second), at.Add(30*time.Second)
	for i, from := range []*time.Time{nil, &early} {
		for j, to := range []*time.Time{nil, &late} {
			for _, operator := range operators {
				for _, member := range members {
					for _, action := range []audit.Action{"", actions[0], "member.delete"} {
						f := audit.Filter{Operator: operator, Member: member, Action: action, From: from, To: to}
						want := slices.DeleteFunc(slices.Clone(all), func(e audit.Entry) bool { return !passes(f, e) })
						b.compare(t, fmt.Sprintf("%v %v %v %d %d", operator, member, action, i, j), f, want)
					}
				}
			}
		}
	}
}

func passes(f audit.Filter, e audit.Entry) bool {
	return (f.Operator.IsZero() || e.OperatorID != nil && *e.OperatorID == f.Operator) &&
		(f.Member.IsZero() || e.MemberID != nil && *e.MemberID == f.Member) &&
		(f.Action == "" || e.Action == f.Action) &&
		(f.From == nil || !e.At.Before(f.From.Truncate(time.Microsecond))) && (f.To == nil || e.At.Before(f.To.Truncate(time.Microsecond)))
}

// compare walks the pages of a list, and the export, and compares both with what
// the filter selects in Go.
func (b bundle) compare(t *testing.T, name string, f audit.Filter, want []audit.Entry) {
	t.Helper()
	const limit = 7
	var got []audit.Entry
	var after ids.Row
	for {
		page := ask(t, b, audit.List(f, after, limit))
		got = append(got, page.Items...)
		if page.Next == nil {
			break
		}
		if len(page.Items) != limit {
			t.Errorf("%s: a page of %d that has a next one", name, len(page.Items))
		}
		after = *page.Next
	}
	var each []audit.Entry
	n := ask(t, b, audit.Each(f, func(e audit.Entry) error {
		each = append(each, e)
		return nil
	}))
	slices.Reverse(each)
	same := func(a, b audit.Entry) bool { return a.ID == b.ID && *a.Seq == *b.Seq && a.Action == b.Action }
	if !slices.EqualFunc(got, want, same) || !slices.EqualFunc(each, want, same) || n != len(want) {
		t.Errorf("%s: %d in the list, %d exported, want %d", name, len(got), len(each), len(want))
	}
}

// A page has a bounded size, whatever the size of its entries, and at least one.
func TestPageOfLongEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := ids.New[ids.Member](at)
	sizes := []int{700_000, 700_000, 5_000_000, 1000, 700_000, 700_000, 700_000, 1000, 1000}
	b.write(t, func(w *session.Write) {
		for i, n := range sizes {
			e := audit.Event{Action: "member.change", Member: member, Became: map[string]any{"introduction": strings.Repeat("x", n)}}
			b.log.Recorder(audit.Actor{Source: strconv.Itoa(i)}).Record(w, e, at.Add(time.Duration(i)*time.Second))
		}
	})
	var after ids.Row
	got, pages := 0, 0
	for {
		page := ask(t, b, audit.List(audit.Filter{Member: member}, after, 100))
		length := 0
		for _, e := range page.Items {
			length += len(e.Became)
			if got++; e.Source != strconv.Itoa(len(sizes)-got) {
				t.Fatalf("entry %d is %q", got, e.Source)
			}
		}
		if pages++; length > 3<<20 && len(page.Items) > 1 {
			t.Errorf("a page of %d entries has %d bytes", len(page.Items), length)
		}
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	if got != len(sizes) || pages < 3 {
		t.Errorf("%d entries on %d pages", got, pages)
	}
}

// A page examines a bounded number of entries, and the next one continues there.
func TestPageIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	operator := ids.New[ids.Operator](at)
	const made = 4100
	rare := map[int]bool{0: true, 1: true, 2099: true, 4000: true, made - 1: true}
	for from := 0; from < made; from += 1000 {
		b.write(t, func(w *session.Write) {
			for i := from; i < min(from+1000, made); i++ {
				e := audit.Event{Action: "member.update"}
				if rare[i] {
					e.Action = "phone.reveal"
				}
				b.log.Recorder(audit.Actor{Operator: operator}).Record(w, e, at.Add(time.Duration(i)*time.Second))
			}
		})
	}
	f := audit.Filter{Operator: operator, Action: "phone.reveal"}
	var after ids.Row
	var sizes []int
	for {
		ctx, cost := session.Track(t.Context(), "")
		var page audit.Page
		err := b.Read(ctx, func(r *session.Read) (err error) {
			page, err = session.Run(ctx, r, audit.List(f, after, 10))
			return err
		}, session.Once)
		if err != nil || cost.Total().RoundTrips != 1 && len(sizes) > 0 { // the first prepares the texts
			t.Fatalf("%d round trips, %v", cost.Total().RoundTrips, err)
		}
		sizes = append(sizes, len(page.Items))
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	if want := []int{2, 1, 2}; !slices.Equal(sizes, want) {
		t.Errorf("got pages of %v, want %v", sizes, want)
	}
	if page := ask(t, b, audit.List(f, ids.Row{}, 1)); len(page.Items) != 1 || page.Next == nil || *page.Next != page.Items[0].ID {
		t.Errorf("a page that is full before the window ends: got %d, %v", len(page.Items), page.Next)
	}
	if page := ask(t, b, audit.List(audit.Filter{}, ids.Row{}, 5000)); len(page.Items) != audit.MaxLimit {
		t.Errorf("got a page of %d, want %d", len(page.Items), audit.MaxLimit)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, other := ids.New[ids.Operator](at), ids.New[ids.Operator](at)
	b.write(t, func(w *session.Write) {
		for i, action := range []audit.Action{"phone.reveal", "member.update", "document.reveal", "phone.reveal"} {
			b.log.Recorder(audit.Actor{Operator: one}).Record(w, audit.Event{Action: action}, at.Add(time.Duration(i)*time.Hour))
			b.log.Recorder(audit.Actor{Operator: other}).Record(w, audit.Event{Action: action}, at.Add(time.Duration(i)*time.Hour))
		}
	})
	reveals := []audit.Action{"phone.reveal", "document.reveal"}
	for since, want := range map[time.Time]int{
		at.Add(-time.Hour): 3, at: 3, at.Add(time.Microsecond): 2, at.Add(3 * time.Hour): 1, at.Add(4 * time.Hour): 0,
	} {
		if got := ask(t, b, audit.Count(one, reveals, since)); got != want {
			t.Errorf("since %s: got %d, want %d", since, got, want)
		}
	}
	if got := ask(t, b, audit.Count(ids.New[ids.Operator](at), reveals, at)); got != 0 {
		t.Errorf("of another operator: got %d", got)
	}
}

// TestIndexesLead has the engine explain the queries: an index leads to what they
// examine.
func TestIndexesLead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 20)
	b.seal(t)
	operator, member := ids.New[ids.Operator](at), ids.New[ids.Member](at)
	var page audit.Page
	var n int
	list := func(f audit.Filter) query.Part { return query.Into(&page, audit.List(f, ids.Row{}, 50)) }
	each := func(f audit.Filter) query.Part {
		return query.Into(&n, audit.Each(f, func(audit.Entry) error { return nil }))
	}
	for name, c := range map[string]struct {
		part  query.Part
		index string
	}{
		"all":                 {list(audit.Filter{}), ""},
		"of an operator":      {list(audit.Filter{Operator: operator}), "audit_operator"},
		"of a member":         {list(audit.Filter{Member: member}), "audit_member"},
		"of an action":        {list(audit.Filter{Action: "a.b"}), "audit_action"},
		"operator and action": {list(audit.Filter{Operator: operator, Action: "a.b"}), "audit_operator"},
		"all three":           {list(audit.Filter{Operator: operator, Member: member, Action: "a.b"}), "audit_member"},
		"count":               {query.Into(&n, audit.Count(operator, []audit.Action{"a.b"}, at)), "audit_operator"},
		"export":              {each(audit.Filter{}), ""},
		"export of a member":  {each(audit.Filter{Member: member}), "audit_member"},
	} {
		for _, text := range query.Statements(c.part) {
			plan := b.explain(t, text)
			for _, index := range []string{"audit_operator", "audit_member", "audit_action"} {
				if strings.Contains(plan, index) != (index == c.index) {
					t.Errorf("%s, with %s in place of %q:\n%s\n%s", name, index, c.index, text, plan)
				}
			}
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN audit") || strings.Contains(plan, "SCAN a ") || strings.Contains(plan, "AUTOMATIC") {
				t.Errorf("%s: a scan of all\n%s\n%s", name, text, plan)
			}
		}
	}
}

// explain returns the plan of a text for any arguments.
func (b bundle) explain(t *testing.T, text string) string {
	t.Helper()
	count := 0
	for strings.Contains(text, fmt.Sprintf("$%d", count+1)) {
		count++
	}
	var lines []string
	line := func(r query.Row) (s string, err error) { return s, r.Scan(&s) }
	if !testkit.OnPostgres() {
		lines = ask(t, b, query.Many("explain query plan "+text, func(r query.Row) (s string, err error) {
			var n int
			return s, r.Scan(&n, &n, &n, &s)
		}, make([]any, count)...))
		return strings.Join(lines, "\n")
	}
	err := b.Write(t.Context(), func(w *session.Write) (err error) {
		w.Add(query.Exec("prepare p as " + text))
		execute := "explain (costs off) execute p"
		if count > 0 {
			execute += "(" + strings.TrimSuffix(strings.Repeat("null, ", count), ", ") + ")"
		}
		lines, err = session.Run(t.Context(), w, query.Many(execute, line))
		w.Add(query.Exec("deallocate p"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestEachStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, 3)
	seen := 0
	err := b.Read(t.Context(), func(r *session.Read) error {
		_, err := session.Run(t.Context(), r, audit.Each(audit.Filter{}, func(audit.Entry) error {
			seen++
			return errNothing
		}))
		return err
	})
	if !errors.Is(err, errNothing) || seen != 1 {
		t.Errorf("got %v after %d entries", err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.log.Verify(ctx, b.DB, audit.VerifyOptions{}); err == nil {
		t.Error("a verification that was cancelled: got nil")
	}
}
