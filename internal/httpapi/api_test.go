package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const admin = "/api/v1/admin"

// bundle is a whole API over real HTTP, on a real store.
type bundle struct {
	db     *session.DB
	blob   *dir.Store
	api    *rest.Handler
	server *httptest.Server
	secret operator.Secret
	usage  operator.Usage
	log    *buffer
	clock  *clock

	network   rest.Network      // of the next server
	transport http.RoundTripper // nil is the server's own
}

// clock is a time that a test moves.
type clock struct{ now atomic.Pointer[time.Time] }

func (c *clock) Now() time.Time { return *c.now.Load() }

func (c *clock) set(t time.Time) { c.now.Store(&t) }

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupOn(t, testkit.Open(t))
}

func setupOn(t *testing.T, db *session.DB) *bundle {
	t.Helper()
	b := &bundle{db: db, log: new(buffer), clock: new(clock)}
	b.clock.set(start)
	var err error
	if b.blob, err = dir.New(dir.Config{Folder: t.TempDir(), Secrets: [][]byte{bytes.Repeat([]byte("s"), 32)}, Now: b.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.blob.Close() })
	if b.api, err = httpapi.New(b.options(b.blob)); err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(b.api)
	t.Cleanup(b.server.Close)
	b.secret = b.token(t, "tests", 0)
	return b
}

func (b *bundle) options(store blob.Store) httpapi.Options {
	return httpapi.Options{
		DB: b.db, Blob: store, MediaHandler: b.blob.Handler(),
		Rules: member.Rules{Region: "KR", Zone: time.UTC}, CursorSecret: []byte("a secret of the tests"), AuditLog: testkit.AuditLog(), Usage: &b.usage,
		Clock: b.clock.Now, Network: b.network, Log: slog.New(slog.NewJSONHandler(b.log, nil)),
	}
}

// token makes an operator of that name, an administrator, with a token.
func (b *bundle) token(t *testing.T, name string, life time.Duration) operator.Secret {
	t.Helper()
	_, secret := testkit.Token(t, b.db, name, operator.Administrator, life, b.clock.Now())
	return secret
}

func (b *bundle) write(t *testing.T, fn func(*session.Write) error) {
	t.Helper()
	if err := b.db.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// response is what came back.
type response struct {
	status int
	proto  string
	header http.Header
	body   []byte
	object map[string]any
}

func (r response) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

func (r response) text(keys ...string) string {
	var v any = r.object
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	s, _ := v.(string)
	return s
}

// fields are the codes of the fields that a problem lists.
func (r response) fields() map[string]string {
	list, _ := r.object["errors"].([]any)
	if len(list) == 0 {
		return nil
	}
	fields := map[string]string{}
	for _, f := range list {
		f, _ := f.(map[string]any)
		fields[f["field"].(string)] = f["code"].(string)
	}
	return fields
}

// option changes a request before it is sent.
type option func(*http.Request)

func with(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func as(token string) option { return with("Authorization", token) }

// call sends a request as the bundle's token; a body is sent as JSON.
func (b *bundle) call(t testing.TB, method, path, body string, options ...option) response {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, b.server.URL+path, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.secret.Reveal())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(r)
	}
	return b.send(t, r)
}

func (b *bundle) send(t testing.TB, r *http.Request) response {
	t.Helper()
	transport := b.transport
	if transport == nil {
		transport = b.server.Client().Transport
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	answer := response{status: got.StatusCode, proto: got.Proto, header: got.Header}
	if answer.body, err = io.ReadAll(got.Body); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(answer.body, &answer.object) // not all is JSON
	return answer
}

// want fails the test unless the response has the status.
func (r response) want(t testing.TB, status int) response {
	t.Helper()
	if r.status != status {
		t.Fatalf("got %s, want %d", r, status)
	}
	return r
}

// problem fails the test unless the response is a problem as it should be.
func (r response) problem(t testing.TB, status int, code string) response {
	t.Helper()
	r.want(t, status)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got content type %q", got)
	}
	if r.text("code") != code {
		t.Errorf("got %s, want the code %s", r, code)
	}
	if r.text("type") == "" || r.text("title") == "" || r.text("detail") == "" || r.object["status"] != float64(status) {
		t.Errorf("the problem is not whole: %s", r)
	}
	if id := r.text("request_id"); id == "" || id != r.header.Get("X-Request-Id") {
		t.Errorf("got request_id %q and header %q", id, r.header.Get("X-Request-Id"))
	}
	return r
}

const kim = `{"phone":"010-2345-6789","name":"김바다","gender":"female","birth_year":1992,"profile":{"height":168,"region":"Seoul"}}`

// create makes a member and gives its path and its entity tag.
func (b *bundle) create(t testing.TB, body string, options ...option) (path, etag string) {
	t.Helper()
	r := b.call(t, "POST", admin+"/members", body, options...).want(t, 201)
	return r.header.Get("Location"), r.header.Get("ETag")
}

func person(n int) string {
	return fmt.Sprintf(`{"phone":"010-3%03d-%04d","name":"Person %d","gender":"male","birth_year":1990}`, n/10000, n%10000, n)
}

// addMedia gives a member a photo and a document, with their objects.
func (b *bundle) addMedia(t *testing.T, path string) {
	t.Helper()
	owner, err := ids.Parse[ids.Member](path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	photo, document := ids.New[ids.Photo](start), ids.New[ids.Document](start)
	photoKey := fmt.Sprintf("members/%s/photos/%s.jpg", owner, photo)
	documentKey := fmt.Sprintf("members/%s/documents/%s.pdf", owner, document)
	for key, content := range map[string]string{photoKey: "a photo", documentKey: "a document"} {
		if err := b.blob.Put(t.Context(), key, int64(len(content)), strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	b.write(t, func(w *session.Write) error {
		w.Add(
			query.Exec(`insert into photos (id, member_id, s3_key, display_order, status, content_type, bytes, width, height, sha256, created_at)
				values ($1, $2, $3, 0, 'approved', 'image/jpeg', 7, 10, 10, $4, $5)`, photo, owner, photoKey, strings.Repeat("0", 64), start),
			query.Exec(`insert into documents (id, member_id, s3_key, kind, status, content_type, bytes, sha256, created_at)
				values ($1, $2, $3, 'identity', 'pending', 'application/pdf', 10, $4, $5)`, document, owner, documentKey, strings.Repeat("0", 64), start),
		)
		return nil
	})
}
