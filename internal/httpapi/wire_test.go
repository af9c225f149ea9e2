package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/rest"
)

// A caller and a proxy that find different ends of one request would let a
// stranger put a request of its own into another's connection.
func TestLengthsThatDisagree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&rest.Server{Handler: b.api}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	// The second request is hidden in the body of the first, if that is as long
	// as the chunks say, and is the next one, if it is as long as the length says.
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	for name, c := range map[string]struct {
		headers, body string
		statuses      []int // of all answers
	}{
		"two lengths":                  {"Content-Length: 0\r\nContent-Length: 34\r\n", hidden, []int{400}},
		"a length that is a list":      {"Content-Length: 0, 34\r\n", hidden, []int{400}},
		"a length with a sign":         {"Content-Length: +0\r\n", hidden, []int{400}},
		"chunks and a length":          {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", chunked, []int{405}},
		"chunks, obscured":             {"Transfer-Encoding: xchunked\r\n", chunked, []int{501}},
		"chunks, and something else":   {"Transfer-Encoding: chunked, identity\r\n", chunked, []int{501}},
		"chunks twice":                 {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked, []int{501}},
		"chunks with a space before :": {"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n", chunked, []int{400}},
		"a header on two lines":        {"X-A: b\r\n Content-Length: 34\r\n", hidden, []int{405, 404}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n%s", c.headers, c.body)
			_ = conn.(*net.TCPConn).CloseWrite()
			var got []int
			for in := bufio.NewReader(conn); ; {
				r, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				r.Body.Close()
				if r.StatusCode == 499 && len(got) < len(c.statuses) { // the server saw the end of the connection before it looked up the path
					r.StatusCode = c.statuses[len(got)]
				}
				got = append(got, r.StatusCode)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.statuses) {
				t.Errorf("got the answers %v, want %v", got, c.statuses)
			}
		})
	}
}

// Who closes its own side of the connection before the answer is there is told
// of no success that did not come.
func TestHalfClosedIsNoSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := strings.TrimPrefix(b.server.URL, "http://")
	refused := 0
	for n := 0; refused < 5 && n < 3000; n++ {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		body := person(n)
		fmt.Fprintf(conn, "POST %s/members HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			admin, b.secret.Reveal(), len(body), body)
		_ = conn.(*net.TCPConn).CloseWrite()
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		conn.Close()
		if r.StatusCode != http.StatusCreated {
			refused++
		}
		list, _ := b.call(t, "GET", admin+"/members?q="+url.QueryEscape(fmt.Sprintf("Person %d", n)), "").want(t, 200).object["items"].([]any)
		there := slices.ContainsFunc(list, func(item any) bool { return item.(map[string]any)["name"] == fmt.Sprintf("Person %d", n) })
		if r.StatusCode < 300 && !there {
			t.Errorf("member %d: got %d, and there is none", n, r.StatusCode)
		}
	}
	if refused < 5 {
		t.Errorf("only %d were given up, so that the test shows little", refused)
	}
}

// Every refusal leaves a line that says what was asked for, how it was refused
// and, if the token is a real one, whose it was.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		method, path, body string
		option             option
		code               string
	}{
		"no token":         {"GET", "/dashboard", "", func(r *http.Request) { r.Header.Del("Authorization") }, "missing_token"},
		"a made-up token":  {"GET", "/dashboard", "", as("Bearer muster_abc_def"), "invalid_token"},
		"a wrong value":    {"GET", "/members?limit=none", "", nil, "invalid"},
		"an unknown field": {"POST", "/members", `{"x":1}`, nil, "invalid"},
		"another site's":   {"POST", "/members", kim, with("Sec-Fetch-Site", "cross-site"), "cross_origin"},
		"an unknown path":  {"GET", "/nothing", "", nil, "route_not_found"},
		"an id of nobody":  {"PATCH", "/members/" + someone, `{"status":"approved"}`, nil, "not_found"},
		"a cursor made up": {"GET", "/members?cursor=abc", "", nil, "invalid"},
		"a body too long":  {"POST", "/members", strings.Repeat(" ", 10<<20), nil, "body_too_large"},
		"another type":     {"POST", "/members", kim, with("Content-Type", "text/plain"), "media_type_not_supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.option == nil {
				c.option = func(*http.Request) {}
			}
			id := "refusal-" + strings.Map(func(r rune) rune {
				if r == ' ' || r == '\'' {
					return '-'
				}
				return r
			}, name) + "-0123456789"
			r := b.call(t, c.method, admin+c.path, c.body, c.option, with("X-Request-Id", id))
			if r.text("code") != c.code {
				t.Fatalf("got %s, want %s", r, c.code)
			}
			for line := range strings.Lines(b.log.String()) {
				if strings.Contains(line, `"request_id":"`+id+`"`) {
					if !strings.Contains(line, `"code":"`+c.code+`"`) || !strings.Contains(line, fmt.Sprintf(`"status":%d`, r.status)) {
						t.Errorf("the log says %s", line)
					}
					return
				}
			}
			t.Error("the log does not have it")
		})
	}
}

// What is sent is named as what it is, and a browser takes it for nothing else.
func TestAnswersSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	member := b.call(t, "GET", path, "").want(t, 200)
	photo, _ := member.object["photos"].([]any)[0].(map[string]any)["url"].(string)
	for _, c := range []struct{ method, path, kind string }{
		{"GET", path, "application/json"},
		{"GET", admin + "/members", "application/json"},
		{"GET", admin + "/dashboard", "application/json"},
		{"GET", admin + "/nothing", "application/problem+json"},
		{"GET", admin + "/members?x=1", "application/problem+json"},
		{"PUT", admin + "/members", "application/problem+json"},
		{"GET", photo, "image/jpeg"},
		{"GET", photo + "x", "application/problem+json"},
		{"GET", "/docs", "text/html; charset=utf-8"},
		{"GET", "/docs/docs.js", "text/javascript; charset=utf-8"},
		{"GET", "/docs/docs.css", "text/css; charset=utf-8"},
	} {
		r := b.call(t, c.method, c.path, "")
		if got := r.header.Get("Content-Type"); got != c.kind {
			t.Errorf("%s %s: got %q, want %q", c.method, c.path, got, c.kind)
		}
		if got := r.header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s %s: got X-Content-Type-Options %q, want nosniff", c.method, c.path, got)
		}
	}
}

// TRACE would send back what a proxy has added for us alone.
func TestTraceIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/", "/healthz", "/docs", admin + "/members", "/media/members/x.jpg", "/nothing"} {
		r := b.call(t, http.MethodTrace, path, "", with("X-Added-By-A-Proxy", "its secret"))
		if r.status != http.StatusMethodNotAllowed && r.status != http.StatusNotFound || strings.Contains(string(r.body), "its secret") {
			t.Errorf("%s: got %s", path, r)
		}
	}
}
