package limit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/bench/limit"
	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// now is when all requests of the tests are made.
var now = time.Date(2026, 3, 17, 4, 5, 6, 700_000_000, time.UTC)

const (
	members     = 120
	illustrated = 15 // the newest, which have photos and documents
)

// pair is both servers on one database.
type pair struct {
	muster, limit http.Handler
	token, url    string
	statements    *recorder
}

func setup(tb testing.TB, zone *time.Location) pair {
	tb.Helper()
	ctx := tb.Context()
	path := filepath.Join(tb.TempDir(), "muster.db")
	if _, err := schema.Migrate(ctx, path); err != nil {
		tb.Fatal(err)
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		tb.Fatal(err)
	}
	p := muster(tb, zone, engine)
	l, err := limit.New(limit.Options{Path: path, Zone: zone, Region: "KR", Group: true, Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	p.limit = l
	return p
}

// onPostgres is both servers on one PostgreSQL database.
func onPostgres(tb testing.TB, zone *time.Location, oneAtATime bool) pair {
	tb.Helper()
	ctx := tb.Context()
	url := postgrestest.Start(tb, "fsync = off").Database(tb)
	if _, err := schema.MigratePostgres(ctx, url); err != nil {
		tb.Fatal(err)
	}
	engine, err := postgres.Open(ctx, postgres.Options{Primary: url})
	if err != nil {
		tb.Fatal(err)
	}
	p := muster(tb, zone, engine)
	p.url = url
	l, err := limit.NewPostgres(ctx, url, oneAtATime, limit.Options{Zone: zone, Region: "KR", Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	p.limit = l
	return p
}

func clock() time.Time { return now }

// muster is Muster's half of a pair, on an engine whose store it fills.
func muster(tb testing.TB, zone *time.Location, engine session.Engine) pair {
	tb.Helper()
	ctx, folder := tb.Context(), tb.TempDir()
	tb.Cleanup(func() { _ = engine.Close() })
	r := &recorder{Engine: engine}
	db := session.New(r)
	media, err := dir.New(dir.Config{Folder: filepath.Join(folder, "media"), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = media.Close() })
	rules := member.Rules{Region: "KR", Zone: zone}
	if err := counters.UseZone(ctx, db, zone); err != nil {
		tb.Fatal(err)
	}
	err = demo.Fill(ctx, db, unstored{media}, demo.Options{By: testkit.Recorder(), Members: members, Media: illustrated, Seed: 1, Now: now, Rules: rules})
	if err != nil {
		tb.Fatal(err)
	}
	_, secret := testkit.Token(tb, db, "bench", operator.Administrator, 0, now)
	api, err := httpapi.New(httpapi.Options{DB: db, Blob: media, Rules: rules, CursorSecret: make([]byte, 32), AuditLog: testkit.AuditLog(), Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	return pair{muster: api, token: secret.Reveal(), statements: r}
}

// unstored keeps no objects: their links are compared, and nobody follows them.
type unstored struct{ blob.Store }

func (unstored) Put(context.Context, string, int64, io.Reader) error { return nil }

func ask(tb testing.TB, h http.Handler, token, method, path, body string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, "/api/v1/admin"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// decode gives a response's body as a tree without what is random: signatures,
// cursors and, where asked for, what is made at the request.
func decode(tb testing.TB, w *httptest.ResponseRecorder, without ...string) any {
	tb.Helper()
	var tree any
	if err := json.Unmarshal(w.Body.Bytes(), &tree); err != nil {
		tb.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	var clean func(any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				text, isText := value.(string)
				switch {
				case isText && (name == "url" || name == "next_cursor"):
					v[name] = fmt.Sprintf("%s… of %d characters", strings.Split(text, "&s=")[0], len(text))
					if name == "next_cursor" {
						v[name] = "a cursor"
					}
				case slices.Contains(without, name):
					v[name] = "left out"
				default:
					clean(value)
				}
			}
		case []any:
			for _, x := range v {
				clean(x)
			}
		}
	}
	clean(tree)
	return tree
}

// both asks both servers the same and compares the answers.
func (p pair) both(t *testing.T, status int, method, path, body string, without ...string) any {
	t.Helper()
	ours := ask(t, p.muster, p.token, method, path, body)
	theirs := ask(t, p.limit, p.token, method, path, strings.Replace(body, "1234", "4321", 1))
	if ours.Code != status || theirs.Code != status {
		t.Fatalf("%s %s: got %d %s and %d %s, want %d", method, path, ours.Code, ours.Body, theirs.Code, theirs.Body, status)
	}
	got := decode(t, theirs, without...)
	if diff := cmp.Diff(decode(t, ours, without...), got); diff != "" {
		t.Errorf("%s %s: Muster (-) and the limit (+) answer otherwise:\n%s", method, path, diff)
	}
	return got
}

const create = `{"phone":"010-1234-5678","name":" 김바다 ","gender":"female","birth_year":1992,
	"profile":{"height":168,"occupation":"architect","region":"Seoul"}}`

func TestBothAnswerTheSame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Asia/Seoul", "America/St_Johns"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			p := setup(t, zone)
			p.answerTheSame(t)
		})
	}
}

// TestBothAnswerTheSameOnPostgres is the same on PostgreSQL, together and one
// statement at a time.
func TestBothAnswerTheSameOnPostgres(t *testing.T) {
	t.Parallel()
	for name, oneAtATime := range map[string]bool{"together": false, "one at a time": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, time.FixedZone("Asia/Seoul", 9*60*60), oneAtATime).answerTheSame(t)
		})
	}
}

func (p pair) answerTheSame(t *testing.T) {
	t.Helper()
	page := p.both(t, http.StatusOK, http.MethodGet, "/members", "")
	items, _ := page.(map[string]any)["items"].([]any)
	if len(items) != 50 {
		t.Fatalf("a page has %d members, want 50", len(items))
	}
	for _, item := range items {
		id, _ := item.(map[string]any)["id"].(string)
		p.both(t, http.StatusOK, http.MethodGet, "/members/"+id, "")
	}
	p.both(t, http.StatusOK, http.MethodGet, "/dashboard", "")
	p.both(t, http.StatusCreated, http.MethodPost, "/members", create, "id", "phone")
	p.both(t, http.StatusOK, http.MethodGet, "/dashboard", "")
}

func TestTheLimitRefuses(t *testing.T) {
	t.Parallel()
	p := setup(t, time.UTC)
	for name, c := range map[string]struct {
		token, method, path, body string
		want                      int
	}{
		"another token":        {p.token + "x", http.MethodGet, "/dashboard", "", http.StatusUnauthorized},
		"nobody":               {p.token, http.MethodGet, "/members/0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47", "", http.StatusNotFound},
		"no id":                {p.token, http.MethodGet, "/members/1", "", http.StatusNotFound},
		"a token for a create": {p.token + "x", http.MethodPost, "/members", create, http.StatusUnauthorized},
		"an unknown field":     {p.token, http.MethodPost, "/members", `{"nme":"x"}`, http.StatusUnprocessableEntity},
		"no phone":             {p.token, http.MethodPost, "/members", strings.Replace(create, "010-1234-5678", "1", 1), http.StatusUnprocessableEntity},
		"two values":           {p.token, http.MethodPost, "/members", create + "{}", http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, p.limit, c.token, c.method, c.path, c.body); w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
		})
	}
}

// TestCreatesTogether makes members at once, half of them with the phone of
// another: each phone is there once, however the commits were shared.
func TestCreatesTogether(t *testing.T) {
	t.Parallel()
	p := setup(t, time.UTC)
	const phones = 64
	var wg sync.WaitGroup
	codes := make([]int, 2*phones)
	for i := range codes {
		wg.Go(func() {
			body := strings.Replace(create, "1234-5678", fmt.Sprintf("2222-%04d", i%phones), 1)
			codes[i] = ask(t, p.limit, p.token, http.MethodPost, "/members", body).Code
		})
	}
	wg.Wait()
	for i := range phones {
		pair := []int{codes[i], codes[i+phones]}
		slices.Sort(pair)
		if want := []int{http.StatusCreated, http.StatusConflict}; !slices.Equal(pair, want) {
			t.Errorf("phone %d: got %v, want %v", i, pair, want)
		}
	}
	total, _ := p.both(t, http.StatusOK, http.MethodGet, "/dashboard", "").(map[string]any)["pending_reviews"].(float64)
	if total < phones {
		t.Errorf("%v are pending, want %d more than before", total, phones)
	}
}

// TestBothRunTheSameStatements holds the texts of the limit against what Muster
// runs for the same requests.
func TestBothRunTheSameStatements(t *testing.T) {
	t.Parallel()
	p := setup(t, time.UTC)
	page, _ := p.both(t, http.StatusOK, http.MethodGet, "/members", "").(map[string]any)["items"].([]any)
	id, _ := page[0].(map[string]any)["id"].(string)
	for name, c := range map[string]struct{ method, path, body string }{
		"list":      {http.MethodGet, "/members", ""},
		"detail":    {http.MethodGet, "/members/" + id, ""},
		"dashboard": {http.MethodGet, "/dashboard", ""},
		"create":    {http.MethodPost, "/members", create},
	} {
		p.statements.take()
		if w := ask(t, p.muster, p.token, c.method, c.path, c.body); w.Code >= http.StatusBadRequest {
			t.Fatalf("%s: got %d %s", name, w.Code, w.Body)
		}
		ours := p.statements.take()
		if name == "create" { // what it answers, Muster reads back and the limit knows
			ours = slices.DeleteFunc(ours, func(s string) bool {
				return strings.HasPrefix(s, "select") && !strings.Contains(s, "api_tokens")
			})
		}
		if diff := cmp.Diff(ours, limit.Statements(name)); diff != "" {
			t.Errorf("%s: Muster (-) and the limit (+) run other statements:\n%s", name, diff)
		}
	}
}

// recorder is an engine that notes the texts that pass through it, sorted and
// as they are spelled for SQLite.
type recorder struct {
	session.Engine
	mu    sync.Mutex
	texts map[string]bool
}

// take gives what was noted since the last time, and notes from now on.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Sorted(maps.Keys(r.texts))
	r.texts = make(map[string]bool)
	return list
}

func (r *recorder) note(p *query.Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.texts == nil {
		return
	}
	for _, s := range p.Steps {
		text, err := query.Render(query.SQLite, s.SQL)
		if err != nil {
			panic(err)
		}
		r.texts[limit.Plain(text)] = true
	}
}

func (r *recorder) Snapshot(ctx context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s, err := r.Engine.Snapshot(ctx, o)
	return recordedSnapshot{s, r}, err
}

func (r *recorder) Transaction(ctx context.Context) (session.Transaction, error) {
	t, err := r.Engine.Transaction(ctx)
	return recordedTransaction{t, r}, err
}

type recordedSnapshot struct {
	session.Snapshot
	r *recorder
}

func (s recordedSnapshot) Gather(ctx context.Context, p *query.Plan) error {
	s.r.note(p)
	return s.Snapshot.Gather(ctx, p)
}

type recordedTransaction struct {
	session.Transaction
	r *recorder
}

func (t recordedTransaction) Gather(ctx context.Context, p *query.Plan) error {
	t.r.note(p)
	return t.Transaction.Gather(ctx, p)
}

func (t recordedTransaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	t.r.note(p)
	return t.Transaction.Commit(ctx, p)
}

// BenchmarkHandlers runs both servers without a network, for profiles:
//
//	go test -bench Handlers/detail/muster -cpuprofile cpu.out ./bench/limit
func BenchmarkHandlers(b *testing.B) {
	p := setup(b, time.UTC)
	p.measure(b, map[string]http.Handler{"muster": p.muster, "limit": p.limit})
}

// BenchmarkPostgres is the same on PostgreSQL; the limit also one statement at
// a time.
func BenchmarkPostgres(b *testing.B) {
	p := onPostgres(b, time.UTC, false)
	once, err := limit.NewPostgres(b.Context(), p.url, true, limit.Options{Zone: time.UTC, Region: "KR", Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	defer once.Close()
	p.measure(b, map[string]http.Handler{"muster": p.muster, "limit": p.limit, "one at a time": once})
}

// measure runs the same requests on each of the servers.
func (p pair) measure(b *testing.B, servers map[string]http.Handler) {
	b.Helper()
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(ask(b, p.limit, p.token, http.MethodGet, "/members", "").Body.Bytes(), &page); err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, operation := range []struct {
		name    string
		request func() (method, path, body string)
	}{ // create last: what it leaves to be folded is not folded here
		{"detail", func() (string, string, string) {
			n++
			return http.MethodGet, "/members/" + page.Items[n%len(page.Items)].ID, ""
		}},
		{"list", func() (string, string, string) { return http.MethodGet, "/members", "" }},
		{"dashboard", func() (string, string, string) { return http.MethodGet, "/dashboard", "" }},
		{"create", func() (string, string, string) {
			n++
			return http.MethodPost, "/members", strings.Replace(create, "010-1234-5678", fmt.Sprintf("+8210%08d", 20_000_000+n), 1)
		}},
	} {
		for server, h := range servers {
			b.Run(operation.name+"/"+server, func(b *testing.B) {
				b.ReportAllocs()
				spent := cpu(b)
				for b.Loop() {
					method, path, body := operation.request()
					r, err := http.NewRequestWithContext(b.Context(), method, "/api/v1/admin"+path, bytes.NewReader([]byte(body)))
					if err != nil {
						b.Fatal(err)
					}
					r.Header["Authorization"] = []string{"Bearer " + p.token}
					r.Header["Content-Type"] = []string{"application/json"}
					w := discard{header: http.Header{}}
					if h.ServeHTTP(&w, r); w.status >= http.StatusBadRequest {
						b.Fatalf("%s: %d", operation.name, w.status)
					}
				}
				b.ReportMetric(float64((cpu(b)-spent).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// cpu is what this process has spent, which says more than the time on a
// machine that does something else as well.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return io.Discard.Write(b) }
