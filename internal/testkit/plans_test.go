package testkit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

const admin = "/api/v1/admin"

// now is when the requests are made whose plans are looked at.
var now = time.Date(2026, 3, 17, 4, 5, 6, 0, time.UTC)

// TestPlansOnPostgres makes every request of the API in many forms, on 200,000
// members, and has PostgreSQL explain each statement that it runs, in a session
// of the engine's: none reads a table of members, or an index of one, from one
// end to the other.
func TestPlansOnPostgres(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.requestAll(t)
	texts := c.seen()
	if len(texts) < 500 {
		t.Errorf("only %d texts were run", len(texts))
	}
	for _, text := range texts {
		if plan := c.planOf(t, text); unbounded(plan) {
			t.Errorf("%s\n%s\n%s", c.requests[text], text, plan)
		}
	}
}

// scanned finds a scan of a table that has rows for each member.
var scanned = regexp.MustCompile(`^( *)(?:->  )?(Seq|Bitmap Heap|Index|Index Only) Scan .*?on (?:users|profile|lifestyle|preference|subscription|photos|documents|member_gram)\b`)

// unbounded reports whether a plan has a scan of a table of members that nothing
// ends: neither a bound of its index nor a limit above it, with no sort between.
func unbounded(plan string) bool {
	type node struct {
		depth int
		text  string
	}
	var above []node
	lines := strings.Split(plan, "\n")
	for i, line := range lines {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		for len(above) > 0 && above[len(above)-1].depth >= depth {
			above = above[:len(above)-1]
		}
		above = append(above, node{depth, strings.TrimPrefix(strings.TrimSpace(line), "->  ")})
		found := scanned.FindStringSubmatch(line)
		switch {
		case found == nil:
			continue
		case found[2] == "Seq":
			return true
		case i+1 < len(lines) && strings.Contains(lines[i+1], "Index Cond:"):
			continue
		}
		ends := false
		for _, n := range slices.Backward(above[:len(above)-1]) {
			if strings.HasPrefix(n.text, "Limit") {
				ends = true
			}
			if ends || strings.HasPrefix(n.text, "Sort") || strings.HasPrefix(n.text, "Aggregate") || strings.HasPrefix(n.text, "Hash") {
				break
			}
		}
		if !ends {
			return true
		}
	}
	return false
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

// arguments is how many a text has.
func arguments(text string) (n int) {
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		if number, err := strconv.Atoi(match[1]); err == nil {
			n = max(n, number)
		}
	}
	return n
}

// planOf is the plan of a text for any arguments.
func (c *crowd) planOf(t *testing.T, text string) (plan string) {
	t.Helper()
	explain := "explain (costs off) execute p"
	if n := arguments(text); n > 0 {
		explain += "(" + strings.TrimSuffix(strings.Repeat("null, ", n), ", ") + ")"
	}
	err := session.New(c.Engine).Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("prepare p as " + text))
		lines, err := session.Run(t.Context(), w, query.Many(explain, func(r query.Row) (line string, err error) { return line, r.Scan(&line) }))
		w.Add(query.Exec("deallocate p"))
		plan = strings.Join(lines, "\n")
		return err
	})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return plan
}

// crowd is the API on a PostgreSQL database with many members.
type crowd struct {
	url   string
	api   http.Handler
	token string

	session.Engine
	mu       sync.Mutex
	request  string
	requests map[string]string // by the text that they ran
}

// seen are the texts of all requests.
func (c *crowd) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.requests))
}

func (c *crowd) note(plans ...*query.Plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range plans {
		for _, s := range p.Steps {
			if c.request != "" && c.requests[s.SQL] == "" {
				c.requests[s.SQL] = c.request
			}
		}
	}
}

// Snapshot implements [session.Engine].
func (c *crowd) Snapshot(ctx context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s, err := c.Engine.Snapshot(ctx, o)
	return notedSnapshot{s, c}, err
}

// Transaction implements [session.Engine].
func (c *crowd) Transaction(ctx context.Context) (session.Transaction, error) {
	tx, err := c.Engine.Transaction(ctx)
	return notedTransaction{tx, c}, err
}

type notedSnapshot struct {
	session.Snapshot
	c *crowd
}

func (s notedSnapshot) Gather(ctx context.Context, p *query.Plan) error {
	s.c.note(p)
	return s.Snapshot.Gather(ctx, p)
}

type notedTransaction struct {
	session.Transaction
	c *crowd
}

func (t notedTransaction) Gather(ctx context.Context, p *query.Plan) error {
	t.c.note(p)
	return t.Transaction.Gather(ctx, p)
}

func (t notedTransaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	t.c.note(p)
	return t.Transaction.Commit(ctx, p)
}

// pattern is how many members are made one by one, and copies how often each is
// copied.
const (
	pattern = 2000
	copies  = 99
)

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	ctx := t.Context()
	server := postgrestest.Start(t, "fsync = off", "autovacuum = off", "jit = off")
	c := &crowd{url: server.Database(t), requests: make(map[string]string)}
	if _, err := schema.MigratePostgres(ctx, c.url); err != nil {
		t.Fatal(err)
	}
	engine, err := postgres.Open(ctx, postgres.Options{Primary: c.url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	c.Engine = engine
	db := session.New(c)
	if err := demo.Fill(ctx, db, nil, demo.Options{By: testkit.Recorder(), Members: pattern, Seed: 1, Now: now}); err != nil {
		t.Fatal(err)
	}
	c.grow(t)
	_, secret := testkit.Token(t, db, "plans", operator.Administrator, 0, now)
	c.token = secret.Reveal()
	media, err := dir.New(dir.Config{Folder: t.TempDir(), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = media.Close() })
	c.api, err = httpapi.New(httpapi.Options{
		DB: db, Blob: media, Rules: member.Rules{Region: "KR", Zone: time.UTC}, CursorSecret: make([]byte, 32), AuditLog: testkit.AuditLog(),
		Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// grow copies the members, each copy some hours older than the last, and gives
// most of them photos and documents.
func (c *crowd) grow(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	statements := []string{
		`create function older(id uuid, n bigint) returns uuid immutable language sql as $$
			select cast(lpad(to_hex(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint - n * 5000000), 12, '0')
				|| substr(replace(id::text, '-', ''), 13) as uuid) $$`,
		"create table copies as select n from generate_series(1, " + fmt.Sprint(copies) + ") s(n)",
		`insert into users select older(u.id, n), u.external_id || ' ' || n,
			'+1' || lpad(cast(n * 10000 + row_number() over (partition by n order by u.id) as text), 10, '0'),
			u.name, u.name_key, u.gender, u.birth_year, u.status, u.created_at - n * interval '5000 seconds',
			u.updated_at - n * interval '5000 seconds', u.deleted_at, u.version
			from users u cross join copies`,
	}
	for table, columns := range map[string]string{
		"profile":      "height, education, occupation, employer, income, region, religion, introduction",
		"lifestyle":    "smoking, drinking, exercise, diet, pets, hobbies",
		"preference":   "age_min, age_max, height_min, height_max, genders, regions, educations, religions, qualities, goal",
		"subscription": "id, plan, status, started_at, expires_at, current",
	} {
		statements = append(statements, fmt.Sprintf(
			"insert into %[1]s (member_id, %[2]s) select older(member_id, n), %[2]s from %[1]s cross join copies", table, columns))
	}
	statements = append(statements,
		"insert into member_gram select gram, older(first, n), ids from member_gram cross join copies",
		`insert into photos select id, gen_random_uuid(), 'photos/' || n || '.jpg', n, 'approved', 'image/jpeg', 1, 1, 1, '', created_at
			from users cross join generate_series(1, 2) s(n) where birth_year % 5 > 0`,
		`insert into documents select id, gen_random_uuid(), 'documents/1.pdf', 'identity', 'approved', 'application/pdf', 1, '', null, null, null, created_at
			from users where birth_year % 5 > 2`,
		"drop table copies", "drop function older", "analyze")
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
}

// requestAll makes every request of the API, in the forms in which its
// statements differ.
func (c *crowd) requestAll(t *testing.T) {
	t.Helper()
	for _, path := range lists() {
		page := c.do(t, http.MethodGet, path, "")
		if next, ok := page["next_cursor"].(string); ok {
			c.do(t, http.MethodGet, path+"&cursor="+url.QueryEscape(next), "")
		}
	}
	items, _ := c.do(t, http.MethodGet, "/members?has_documents=true", "")["items"].([]any)
	id, _ := items[0].(map[string]any)["id"].(string)
	documents, _ := c.do(t, http.MethodGet, "/members/"+id, "")["documents"].([]any)
	document, _ := documents[0].(map[string]any)["id"].(string)
	const why = `{"fields": ["phone"], "reason": "the plans are looked at"}`
	c.do(t, http.MethodPut, "/roles/clerk", `{"permissions": ["members:read"]}`)
	other, _ := c.do(t, http.MethodPost, "/operators", `{"name": "other", "role": "clerk"}`)["id"].(string)
	own, _ := c.do(t, http.MethodPost, "/me/tokens", `{"name": "own"}`)["id"].(string)
	token, _ := c.do(t, http.MethodPost, "/operators/"+other+"/tokens", `{"name": "other"}`)["id"].(string)
	done := map[string]bool{"GET /members": true, "POST /operators": true, "POST /me/tokens": true, "POST /operators/{operator_id}/tokens": true, "PUT /roles/{role}": true}
	for _, r := range [][3]string{
		{"POST /members/search", "", `{"q": "바다", "status": ["pending"]}`}, {"GET /dashboard"}, {"GET /dashboard/signups"}, {"GET /members/{user_id}"}, {"GET /members/{user_id}", "?deleted=include"},
		{"POST /members", "", `{"name": "New", "phone": "010-5555-0000", "gender": "male", "birth_year": 1990, "profile": {"height": 180}}`},
		{"PATCH /members/{user_id}", "", `{"name": "Another", "phone": "010-5555-0001", "profile": {"height": 180}, "lifestyle": {"diet": "x"},
			"preference": {"goal": "x"}, "subscription": {"plan": "other"}}`},
		{"PATCH /members/{user_id}", "", `{"profile": null, "lifestyle": null, "preference": null, "subscription": {"status": "paused"}}`},
		{"PATCH /members/{user_id}", "", `{"subscription": null}`},
		{"POST /members/{user_id}/reveal", "", why}, {"POST /members/{user_id}/documents/{document_id}/reveal", "", `{"reason": "the plans are looked at"}`},
		{"DELETE /members/{user_id}"}, {"POST /members/{user_id}/restore"},
		{"GET /audit"}, {"GET /audit", "?member_id=" + id}, {"GET /audit", "?operator_id=" + other}, {"GET /audit", "?action=member.change"},
		{"GET /audit", "?action=member.change&operator_id=" + other + "&from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z"},
		{"GET /me"}, {"GET /me/tokens"}, {"DELETE /me/tokens/{token_id}"}, {"GET /operators"}, {"GET /operators/{operator_id}"},
		{"GET /operators/{operator_id}/tokens"}, {"DELETE /operators/{operator_id}/tokens/{token_id}"},
		{"PATCH /operators/{operator_id}", "", `{"name": "third", "role": "viewer"}`}, {"GET /roles"}, {"DELETE /roles/{role}"},
	} {
		done[r[0]] = true
		method, path, _ := strings.Cut(r[0], " ")
		key := own
		if strings.HasPrefix(path, "/operators") {
			key = token
		}
		path = strings.NewReplacer("{user_id}", id, "{document_id}", document, "{operator_id}", other, "{token_id}", key, "{role}", "clerk").Replace(path)
		c.do(t, method, path+r[1], r[2])
	}
	for _, o := range httpapi.Operations() {
		if !done[o.Method+" "+o.Path] {
			t.Errorf("%s %s is not looked at", o.Method, o.Path)
		}
	}
}

// lists are the paths of lists with each filter, some pairs of them, and each
// order.
func lists() (paths []string) {
	filters := []string{
		"", "status=pending", "status=pending,approved", "gender=other", "status=pending&gender=male", "birth_year_from=1990&birth_year_to=1991", "birth_year_to=1980",
		"created_from=2026-03-10T00:00:00Z", "created_from=2025-03-01T00:00:00Z&created_to=2025-06-01T00:00:00Z", "updated_from=2026-03-01T00:00:00Z",
		"updated_to=2025-09-01T00:00:00Z", "region=서울", "region=nowhere", "has_photos=true", "has_photos=false", "has_documents=true", "has_documents=false",
		"subscription=active", "subscription=paused", "subscription=none", "plan=gold", "plan=nothing",
		"region=서울&status=pending", "has_photos=true&gender=female", "plan=gold&region=서울", "birth_year_from=1990&has_documents=true", "created_from=2026-03-10T00:00:00Z&subscription=active",
		"q=바다", "q=김", "q=0105", "q=5678", "q=Emma Smith", "q=0190a5c6", "q=바다&status=pending", "q=바다&region=서울",
	}
	for _, filter := range filters {
		for _, order := range []string{"created_at", "updated_at", "name", "birth_year"} {
			for _, direction := range []string{"", "-"} {
				if strings.HasPrefix(filter, "q=") && order != "created_at" && order != "name" {
					continue
				}
				for _, deleted := range []string{"", "&deleted=only", "&deleted=include"} {
					paths = append(paths, "/members?sort="+direction+order+deleted+"&"+escape(filter))
				}
			}
		}
	}
	return append(paths, "/members?include=profile,lifestyle,preference,subscription,photos,documents")
}

// escape is a query as it is sent.
func escape(filter string) string {
	values, err := url.ParseQuery(filter)
	if err != nil {
		panic(err)
	}
	return values.Encode()
}

func (c *crowd) do(t *testing.T, method, path, body string) (answer map[string]any) {
	t.Helper()
	c.mu.Lock()
	c.request = method + " " + path
	c.mu.Unlock()
	r := httptest.NewRequestWithContext(t.Context(), method, admin+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(path, "/members") {
		r.Header.Set("If-Match", `"v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"`)
	}
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", path)
	}
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	if w.Code >= http.StatusBadRequest && !bytes.Contains(w.Body.Bytes(), []byte("too_broad")) {
		t.Errorf("%s %s: got %d %s", method, path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil && w.Body.Len() > 0 {
		t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	return answer
}

func TestUnbounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan string
		want bool
	}{
		"a table":           {"Limit\n  ->  Seq Scan on users u\n        Filter: (id = $1)", true},
		"another's table":   {"Aggregate\n  ->  Seq Scan on member_delta d", false},
		"a key":             {"Index Scan using users_pkey on users u\n  Index Cond: (id = $1)", false},
		"a whole index":     {"Hash Join\n  ->  Index Scan using users_pkey on users u\n  ->  Hash", true},
		"an index in order": {"Limit\n  ->  Index Scan Backward using users_pkey on users u\n        Filter: (deleted_at IS NULL)", false},
		"a sort of all":     {"Limit\n  ->  Sort\n        ->  Index Scan using users_pkey on users u", true},
		"beside a limit":    {"Nested Loop\n  ->  Limit\n        ->  Seq Scan on member_delta\n  ->  Index Only Scan using users_kind on users u", true},
	} {
		if got := unbounded(test.plan); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
