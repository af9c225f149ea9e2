package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	short := b.token(t, "short", time.Minute)
	ended := b.token(t, "ended", 0)
	b.write(t, func(w *session.Write) error {
		token, err := operator.FindToken(context.Background(), w, "ended")
		if err == nil {
			_, err = operator.RevokeToken(context.Background(), w, testkit.Principal(start), ids.Operator{}, token.ID)
		}
		return err
	})
	other := setup(t).secret
	b.clock.set(start.Add(time.Minute))
	for name, c := range map[string]struct {
		header option
		code   string
	}{
		"missing":          {func(r *http.Request) { r.Header.Del("Authorization") }, "missing_token"},
		"empty":            {as(""), "invalid_token"},
		"another scheme":   {as("Basic bXVzdGVyOm11c3Rlcg=="), "invalid_token"},
		"without scheme":   {as(b.secret.Reveal()), "invalid_token"},
		"malformed":        {as("Bearer muster_abc_def"), "invalid_token"},
		"of another store": {as("Bearer " + other.Reveal()), "invalid_token"},
		"expired":          {as("Bearer " + short.Reveal()), "expired_token"},
		"revoked":          {as("Bearer " + ended.Reveal()), "revoked_token"},
		"two at once":      {func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+other.Reveal()) }, "invalid_token"},
	} {
		for _, call := range []struct{ method, path, body string }{
			{"GET", "/dashboard", ""},
			{"POST", "/members", kim},
			{"GET", "/members?limit=none", ""}, // that it is wrong is not said to strangers
			{"POST", "/members", `{"x":1}`},
			{"PATCH", "/members/not-an-id", `{}`},
		} {
			t.Run(name+" "+call.method+" "+call.path, func(t *testing.T) {
				t.Parallel()
				r := b.call(t, call.method, admin+call.path, call.body, c.header).problem(t, 401, c.code)
				if got := r.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="muster"`) {
					t.Errorf("got WWW-Authenticate %q", got)
				}
				if r.fields() != nil {
					t.Errorf("a stranger is told %v", r.fields())
				}
			})
		}
	}
}

func TestRevocationIsImmediate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(t, "GET", admin+"/dashboard", "").want(t, 200)
	b.write(t, func(w *session.Write) error {
		token, err := operator.FindToken(context.Background(), w, "tests")
		if err == nil {
			_, err = operator.RevokeToken(context.Background(), w, testkit.Principal(start), ids.Operator{}, token.ID)
		}
		return err
	})
	b.call(t, "GET", admin+"/dashboard", "").problem(t, 401, "revoked_token")
	b.call(t, "POST", admin+"/members", kim).problem(t, 401, "revoked_token")
}

func TestRequestsThatNoOperationTakes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		method, path, body string
		option             option
		status             int
		code               string
		header, value      string
	}{
		"no such path":           {"GET", "/nothing", "", nil, 404, "route_not_found", "", ""},
		"no such call":           {"GET", admin + "/memberz", "", nil, 404, "route_not_found", "", ""},
		"no such file":           {"GET", "/docs/page.html", "", nil, 404, "route_not_found", "", ""},
		"no such method":         {"PUT", admin + "/members", kim, nil, 405, "method_not_allowed", "Allow", "GET, HEAD, POST"},
		"no such method, member": {"POST", admin + "/members/x", kim, nil, 405, "method_not_allowed", "Allow", "DELETE, GET, HEAD, PATCH"},
		"a made-up method":       {"BREW", admin + "/dashboard", "", nil, 405, "method_not_allowed", "Allow", "GET, HEAD"},
		"HTML wanted":            {"GET", admin + "/dashboard", "", with("Accept", "text/html, application/json;q=0"), 406, "not_acceptable", "", ""},
		"another type":           {"POST", admin + "/members", kim, with("Content-Type", "text/plain"), 415, "media_type_not_supported", "Accept", "application/json"},
		"from another site":      {"POST", admin + "/members", kim, with("Sec-Fetch-Site", "cross-site"), 403, "cross_origin", "", ""},
		"10 MB":                  {"POST", admin + "/members", strings.Repeat(" ", 10<<20), nil, 413, "body_too_large", "", ""},
		"deep":                   {"POST", admin + "/members", strings.Repeat(`{"profile":`, 1000) + "{}" + strings.Repeat("}", 1000), nil, 400, "nested_too_deeply", "", ""},
		"deep patch":             {"PATCH", admin + "/members/" + someone, strings.Repeat(`{"profile":`, 1000) + "{}" + strings.Repeat("}", 1000), nil, 400, "nested_too_deeply", "", ""},
		"no body":                {"POST", admin + "/members", " ", nil, 400, "body_missing", "", ""},
		"trailing data":          {"POST", admin + "/members", kim + kim, nil, 400, "trailing_data", "", ""},
		"invalid UTF-8":          {"POST", admin + "/members", "{\"name\":\"\xff\"}", nil, 400, "malformed", "", ""},
		"NUL":                    {"PATCH", admin + "/members/" + someone, `{"name":"a\u0000b"}`, nil, 400, "malformed", "", ""},
		"bad query":              {"GET", admin + "/members?q=%zz", "", nil, 400, "malformed_query", "", ""},
		"query where none is":    {"GET", admin + "/dashboard?x=1", "", nil, 422, "invalid", "", ""},
		"not an id":              {"GET", admin + "/members/4711", "", nil, 422, "invalid", "", ""},
		"an id of nothing":       {"GET", admin + "/members/" + someone, "", nil, 404, "not_found", "", ""},
		"bad precondition":       {"DELETE", admin + "/members/" + someone, "", with("If-Match", "v7"), 400, "malformed", "", ""},
		"bad cursor":             {"GET", admin + "/members?cursor=abc", "", nil, 422, "invalid", "", ""},
		"days turned round":      {"GET", admin + "/dashboard/signups?from=2026-02-01&to=2026-01-01", "", nil, 422, "invalid", "", ""},
		"a day that is none":     {"GET", admin + "/dashboard/signups?from=2026-02-31", "", nil, 422, "invalid", "", ""},
		"a photo without link":   {"GET", "/media/members/x.jpg", "", nil, 403, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.option == nil {
				c.option = func(*http.Request) {}
			}
			r := b.call(t, c.method, c.path, c.body, c.option)
			if c.code == "" {
				r.want(t, c.status)
				return
			}
			r.problem(t, c.status, c.code)
			if got := r.header.Get(c.header); c.header != "" && got != c.value {
				t.Errorf("got %s: %q, want %q", c.header, got, c.value)
			}
		})
	}
}

const someone = "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47"

func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	for _, c := range []struct{ path, kind, holds string }{
		{"/healthz", "application/json", `{"status":"ok"}`},
		{"/readyz", "application/json", `{"status":"ready","nodes":[]}`},
		{"/openapi.json", "application/openapi+json;version=3.1", `"openapi": "3.1.0"`},
		{"/docs", "text/html; charset=utf-8", "Get a member"},
		{"/docs/docs.css", "text/css; charset=utf-8", "body"},
		{"/docs/docs.js", "text/javascript; charset=utf-8", "fetch"},
	} {
		r := b.call(t, "GET", c.path, "", none).want(t, 200)
		if got := r.header.Get("Content-Type"); got != c.kind || !strings.Contains(string(r.body), c.holds) {
			t.Errorf("%s: got %s without %q", c.path, got, c.holds)
		}
		head := b.call(t, "HEAD", c.path, "", none).want(t, 200)
		if len(head.body) > 0 || head.header.Get("Content-Length") != fmt.Sprint(len(r.body)) {
			t.Errorf("HEAD %s: got %d bytes and length %s, want the length %d", c.path, len(head.body), head.header.Get("Content-Length"), len(r.body))
		}
	}
	if r := b.call(t, "GET", "/", "", none).want(t, 302); r.header.Get("Location") != "/docs" {
		t.Errorf("/ leads to %q", r.header.Get("Location"))
	}
}

// The page must need nothing but this server.
func TestDocsAreSelfContained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call(t, "GET", "/docs", "").want(t, 200)
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(string(r.body), -1) {
		switch target := link[1]; {
		case strings.HasPrefix(target, "#"):
			if !strings.Contains(string(r.body), `id="`+target[1:]+`"`) {
				t.Errorf("%s leads nowhere", target)
			}
		default:
			b.call(t, "GET", target, "").want(t, 200)
		}
	}
	if policy := r.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("got the policy %q", policy)
	}
	for _, inline := range []string{"<style", "style=", "onclick", "javascript:"} {
		if strings.Contains(string(r.body), inline) {
			t.Errorf("the page has %q, which its policy refuses", inline)
		}
	}
	for _, o := range httpapi.Operations() {
		if !strings.Contains(string(r.body), `<article id="`+o.ID+`">`) {
			t.Errorf("%s is not on the page", o.ID)
		}
	}
}

func TestHeadersThatProtect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{admin + "/dashboard", "/nothing", admin + "/members?x=1"} {
		r := b.call(t, "GET", path, "")
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: got %s: %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const mine = "4bf92f3577b34da6a3ce929d0e0e4736"
	if got := b.call(t, "GET", "/healthz", "", with("X-Request-Id", mine)).header.Get("X-Request-Id"); got != mine {
		t.Errorf("got %q, want the caller's", got)
	}
	for _, bad := range []string{"", "short", "+821012345678", strings.Repeat("x", 65), "with spaces in between them", "0190a5c6\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"} {
		if got := b.call(t, "GET", "/healthz", "", with("X-Request-Id", bad)).header.Get("X-Request-Id"); got == bad || len(got) != 32 {
			t.Errorf("for %q got %q, want one of our own", bad, got)
		}
	}
}

// panicking is a store of objects that is broken.
type panicking struct{ blob.Store }

func (panicking) Sign(string, blob.SignOptions, time.Time) (string, error) { panic("a secret value") }

// failing is a store that cannot sign what a row names.
type failing struct{ blob.Store }

func (failing) Sign(string, blob.SignOptions, time.Time) (string, error) { return "", blob.ErrKey }

func TestFailuresOfOurOwn(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]blob.Store{"a panic": panicking{}, "an error": failing{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			path, _ := b.create(t, kim)
			b.addMedia(t, path)
			b.replace(t, store)
			r := b.call(t, "GET", path, "").problem(t, 500, "internal")
			if strings.Contains(string(r.body), "secret") || strings.Contains(string(r.body), "key") {
				t.Errorf("the answer tells what it should not: %s", r)
			}
			if !strings.Contains(b.log.String(), r.text("request_id")) {
				t.Error("the log does not have the number to quote")
			}
			b.call(t, "GET", path+"?include=profile", "").want(t, 200) // and it goes on
		})
	}
}

// replace serves the bundle's store with another store of objects.
func (b *bundle) replace(t *testing.T, store blob.Store) {
	t.Helper()
	api, err := httpapi.New(b.options(store))
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(api)
	t.Cleanup(b.server.Close)
}

func TestDatabaseThatIsGone(t *testing.T) {
	t.Parallel()
	var b *bundle
	t.Run("while it is there", func(inner *testing.T) { // it is closed when this ends
		b = setupOn(t, testkit.Open(inner))
		b.call(inner, "GET", "/readyz", "").want(inner, 200)
	})
	for _, call := range []struct{ method, path, body string }{
		{"GET", admin + "/dashboard", ""}, {"POST", admin + "/members", kim}, {"GET", "/readyz", ""}, {"GET", admin + "/members?x=1", ""},
	} {
		r := b.call(t, call.method, call.path, call.body).problem(t, 503, "unavailable")
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: there is no Retry-After", call.method, call.path)
		}
	}
	b.call(t, "GET", "/healthz", "").want(t, 200)
}

func TestServeFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := &rest.Server{Handler: b.api, Grace: 20 * time.Second}
	go func() { ended <- server.Serve(ctx, listener) }()

	// A request whose body is still on its way when the server is told to stop.
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s/members HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		admin, b.secret.Reveal(), len(kim))
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err) // from here on, the handler runs
	}
	stop()
	for refused := false; !refused; { // until the listener is closed
		c, err := net.Dial("tcp", listener.Addr().String())
		if refused = err != nil; !refused {
			c.Close()
		}
	}
	if _, err := io.WriteString(conn, kim); err != nil {
		t.Fatal(err)
	}
	_, _ = reader.ReadString('\n') // the empty line after 100
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("got %v, %v, want 201", response, err)
	}
	response.Body.Close()
	conn.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	b.call(t, "GET", "/readyz", "").problem(t, 503, "unavailable")
	if err := b.usage.Flush(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	var tokens []operator.Token
	err = b.db.Read(context.Background(), func(r *session.Read) (err error) {
		tokens, err = session.Run(context.Background(), r, operator.Tokens())
		return err
	})
	if err != nil || len(tokens) != 1 || tokens[0].LastUsedAt == nil {
		t.Errorf("got %+v, %v; want a last use", tokens, err)
	}
}

func TestServeCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := &rest.Server{Handler: b.api, Grace: time.Millisecond}
	go func() { ended <- server.Serve(ctx, listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s/members HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", admin, b.secret.Reveal())
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that a request was cut off", err)
	}
}
