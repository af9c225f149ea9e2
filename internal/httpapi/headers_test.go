package httpapi_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/certificate"
	"github.com/musterhq/muster/internal/certificate/certificatetest"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/rest"
)

const (
	strictTransport = "Strict-Transport-Security"
	policy          = "Content-Security-Policy"
)

// kindsOfResponses asks for one of each kind.
func (b *bundle) kindsOfResponses(t *testing.T) map[string]response {
	t.Helper()
	path, _ := b.create(t, kim)
	link := func(key string, o blob.SignOptions) string {
		if err := b.blob.Put(t.Context(), key, 7, strings.NewReader("content")); err != nil {
			t.Fatal(err)
		}
		o.Expires = time.Minute
		url, err := b.blob.Sign(key, o, b.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return url
	}
	photo := link("members/x/photos/x.jpg", blob.SignOptions{})
	etag := b.call(t, "GET", path, "").header.Get("ETag")
	forget := func(r *http.Request) { r.Header.Del("Authorization") }
	return map[string]response{
		"list":          b.call(t, "GET", admin+"/members", "").want(t, 200),
		"detail":        b.call(t, "GET", path, "").want(t, 200),
		"known detail":  b.call(t, "GET", path, "", with("If-None-Match", etag)).want(t, 304),
		"head":          b.call(t, "HEAD", path, "").want(t, 200),
		"creation":      b.call(t, "POST", admin+"/members", person(1)).want(t, 201),
		"repetition":    b.call(t, "POST", admin+"/members", person(2), key("headers")).want(t, 201),
		"stale":         b.call(t, "PATCH", path, `{"name":"A"}`, with("If-Match", `"1-1"`)).want(t, 412),
		"deletion":      b.call(t, "DELETE", path, "").want(t, 200),
		"dashboard":     b.call(t, "GET", admin+"/dashboard", "").want(t, 200),
		"bad request":   b.call(t, "GET", admin+"/members?q=%zz", "").want(t, 400),
		"stranger":      b.call(t, "GET", admin+"/members", "", forget).want(t, 401),
		"other site":    b.call(t, "POST", admin+"/members", kim, with("Sec-Fetch-Site", "cross-site")).want(t, 403),
		"no member":     b.call(t, "GET", admin+"/members/"+someone, "").want(t, 404),
		"no path":       b.call(t, "GET", "/nothing", "").want(t, 404),
		"no method":     b.call(t, "PUT", admin+"/members", kim).want(t, 405),
		"a made-up one": b.call(t, "BREW", "/", "").want(t, 405),
		"not JSON":      b.call(t, "GET", admin+"/dashboard", "", with("Accept", "text/html")).want(t, 406),
		"large":         b.call(t, "POST", admin+"/members", strings.Repeat(" ", 10<<20)).want(t, 413),
		"invalid":       b.call(t, "POST", admin+"/members", `{"name":""}`).want(t, 422),
		"page":          b.call(t, "GET", "/docs", "").want(t, 200),
		"style":         b.call(t, "GET", "/docs/docs.css", "").want(t, 200),
		"script":        b.call(t, "GET", "/docs/docs.js", "").want(t, 200),
		"no file":       b.call(t, "GET", "/docs/nothing.js", "").want(t, 404),
		"openapi":       b.call(t, "GET", "/openapi.json", "").want(t, 200),
		"alive":         b.call(t, "GET", "/healthz", "").want(t, 200),
		"ready":         b.call(t, "GET", "/readyz", "").want(t, 200),
		"redirect":      b.call(t, "GET", "/", "").want(t, 302),
		"a better path": b.call(t, "GET", "//docs", ""),
		"photo":         b.call(t, "GET", photo, "").want(t, 200),
		"part of it":    b.call(t, "GET", photo, "", with("Range", "bytes=0-2")).want(t, 206),
		"download":      b.call(t, "GET", link("members/x/documents/x.pdf", blob.SignOptions{Filename: "identity.pdf"}), "").want(t, 200),
		"forged link":   b.call(t, "GET", photo+"x", "").want(t, 403),
		"media method":  b.call(t, "POST", photo, kim).want(t, 405),
	}
}

// public are the responses that hold nothing of anybody; a photo is kept by the
// browser that shows it for as long as its link lives.
var public = map[string]string{
	"page": "no-cache", "style": "no-cache", "script": "no-cache", "openapi": "no-cache",
	"photo": "private, max-age=82", "part of it": "private, max-age=82",
}

func TestHeadersOfEveryResponse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, r := range b.kindsOfResponses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for header, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", strictTransport: "", "Server": "", "X-Powered-By": "",
			} {
				if got := r.header.Get(header); got != want {
					t.Errorf("got %s %q, want %q", header, got, want)
				}
			}
			wantCache, known := public[name]
			if !known {
				wantCache = "no-store"
			}
			if got := r.header.Get("Cache-Control"); got != wantCache {
				t.Errorf("got Cache-Control %q, want %q", got, wantCache)
			}
			wantPolicy(t, r.header)
			for _, c := range r.header.Values("Set-Cookie") {
				t.Errorf("got the cookie %q, where there are no positions", c)
			}
			opener, permissions := r.header.Get("Cross-Origin-Opener-Policy"), r.header.Get("Permissions-Policy")
			if page := name == "page"; page != (opener == "same-origin") || page != strings.Contains(permissions, "camera=()") {
				t.Errorf("got the opener policy %q and the permissions policy %q", opener, permissions)
			}
		})
	}
}

// wantPolicy fails the test unless the policy lets nothing in but what this
// server has, no text of the page run, and no other page show this one.
func wantPolicy(t *testing.T, h http.Header) {
	t.Helper()
	values := h.Values(policy)
	if len(values) != 1 {
		t.Fatalf("got the policies %q, want one", values)
	}
	directives := strings.Split(values[0], "; ")
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !slices.Contains(directives, want) {
			t.Errorf("got the policy %q without %s", values[0], want)
		}
	}
	for _, bad := range []string{"unsafe", "*", "data:", "http", "nonce", "sha256"} {
		if strings.Contains(values[0], bad) {
			t.Errorf("got the policy %q with %s", values[0], bad)
		}
	}
}

func TestFailuresOfOurOwnHaveTheHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	b.replace(t, panicking{})
	r := b.call(t, "GET", path+"?include=photos", "").problem(t, 500, "internal")
	wantPolicy(t, r.header)
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q", got)
	}
}

// overTLS serves the bundle's API over real TLS, and says where; calls of the
// bundle then go there.
func (b *bundle) overTLS(t *testing.T) {
	t.Helper()
	pair := certificatetest.SelfSigned(t, "muster.test", time.Hour)
	file, key := pair.Write(t, t.TempDir())
	files, err := certificate.LoadFiles(file, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		server := &rest.Server{Handler: b.api, TLS: files.Config()}
		ended <- server.Serve(ctx, listener)
	}()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certificatetest.Pool(string(pair.Certificate))}, ForceAttemptHTTP2: true}
	b.server, b.transport = &httptest.Server{URL: "https://" + listener.Addr().String()}, transport
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestOverRealTLS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.overTLS(t)
	for name, r := range b.kindsOfResponses(t) {
		if got := r.header.Get(strictTransport); got != "max-age=31536000; includeSubDomains" {
			t.Errorf("%s: got %s %q", name, strictTransport, got)
		}
		if r.proto != "HTTP/2.0" {
			t.Errorf("%s: got %s", name, r.proto)
		}
	}
	// Who speaks no TLS is told so, and nothing else.
	plain, err := http.Get("http://" + strings.TrimPrefix(b.server.URL, "https://") + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if body, _ := io.ReadAll(plain.Body); plain.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS server") {
		t.Errorf("got %d %s", plain.StatusCode, body)
	}
	if strings.Contains(b.log.String(), "127.0.0.1") {
		t.Errorf("the log has an address: %s", b.log)
	}
}

// loopback is where the tests call from.
var loopback = netip.MustParsePrefix("127.0.0.1/32")

// behind serves the bundle's API behind a network.
func (b *bundle) behind(t *testing.T, n rest.Network) {
	t.Helper()
	b.network = n
	b.replace(t, b.blob)
}

func TestTransportSecurityBehindAProxy(t *testing.T) {
	t.Parallel()
	https := with("X-Forwarded-Proto", "https")
	b := setup(t)
	if got := b.call(t, "GET", "/healthz", "", https).header.Get(strictTransport); got != "" {
		t.Errorf("a stranger is believed: got %q", got)
	}
	b.behind(t, rest.Network{TrustedProxies: []netip.Prefix{loopback}})
	if got := b.call(t, "GET", "/healthz", "", https).header.Get(strictTransport); got == "" {
		t.Error("a trusted proxy is not believed")
	}
	for _, not := range []option{with("X-Forwarded-Proto", "http"), with("Forwarded", "proto=https")} {
		if got := b.call(t, "GET", "/healthz", "", not).header.Get(strictTransport); got != "" {
			t.Errorf("got %q without TLS", got)
		}
	}
}

func TestAllowFrom(t *testing.T) {
	t.Parallel()
	office := netip.MustParsePrefix("203.0.113.0/24")
	for name, c := range map[string]struct {
		network rest.Network
		forward string
		in      bool
	}{
		"from there":                  {rest.Network{AllowFrom: []netip.Prefix{office, loopback}}, "", true},
		"from elsewhere":              {rest.Network{AllowFrom: []netip.Prefix{office}}, "", false},
		"a stranger's word":           {rest.Network{AllowFrom: []netip.Prefix{office}}, "203.0.113.9", false},
		"from there by a proxy":       {rest.Network{AllowFrom: []netip.Prefix{office}, TrustedProxies: []netip.Prefix{loopback}}, "203.0.113.9", true},
		"from elsewhere by a proxy":   {rest.Network{AllowFrom: []netip.Prefix{office}, TrustedProxies: []netip.Prefix{loopback}}, "198.51.100.9", false},
		"made up, by a proxy":         {rest.Network{AllowFrom: []netip.Prefix{office}, TrustedProxies: []netip.Prefix{loopback}}, "203.0.113.9, 198.51.100.9", false},
		"the proxy itself":            {rest.Network{AllowFrom: []netip.Prefix{office}, TrustedProxies: []netip.Prefix{loopback}}, "", false},
		"the proxy itself, which may": {rest.Network{AllowFrom: []netip.Prefix{loopback}, TrustedProxies: []netip.Prefix{loopback}}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.behind(t, c.network)
			forwarded := func(r *http.Request) {
				if c.forward != "" {
					r.Header.Set("X-Forwarded-For", c.forward)
				}
			}
			b.call(t, "GET", "/healthz", "", forwarded).want(t, 200)
			b.call(t, "GET", "/readyz", "", forwarded).want(t, 200)
			if c.in {
				b.call(t, "GET", admin+"/dashboard", "", forwarded).want(t, 200)
				b.call(t, "GET", "/docs", "", forwarded).want(t, 200)
				return
			}
			seen := map[string]bool{}
			for _, call := range []struct{ method, path, body, token string }{
				{"GET", admin + "/dashboard", "", ""}, {"GET", admin + "/dashboard", "", "Bearer none"}, {"POST", admin + "/members", kim, ""},
				{"GET", admin + "/members/" + someone, "", ""}, {"GET", "/docs", "", ""}, {"GET", "/openapi.json", "", ""}, {"GET", "/", "", ""},
				{"GET", "/nothing", "", ""}, {"PUT", admin + "/members", "", ""}, {"GET", "/media/x.jpg", "", ""}, {"GET", "/healthz/", "", ""}, {"GET", "//healthz", "", ""},
			} {
				option := forwarded
				if call.token != "" {
					option = func(r *http.Request) { forwarded(r); r.Header.Set("Authorization", call.token) }
				}
				r := b.call(t, call.method, call.path, call.body, option).problem(t, 403, "address_not_allowed")
				if timing := r.header.Get("Server-Timing"); timing != "" {
					t.Errorf("%s %s: the database was asked: %s", call.method, call.path, timing)
				}
				wantPolicy(t, r.header)
				seen[strings.ReplaceAll(string(r.body), r.text("request_id"), "")] = true
			}
			if len(seen) != 1 {
				t.Errorf("got %d answers, want that all are alike: %v", len(seen), seen)
			}
			if n := strings.Count(b.log.String(), `"from":"`); n != 12 { // so that the list can be mended
				t.Errorf("the log tells %d addresses, want those of 12 refusals: %s", n, b.log)
			}
		})
	}
}

// Addresses are in the log of who was refused, and of nobody else.
func TestAddressesInTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(t, "GET", admin+"/dashboard", "").want(t, 200)
	b.call(t, "GET", admin+"/members/"+someone, "").want(t, 404)
	b.call(t, "GET", admin+"/dashboard", "", func(r *http.Request) { r.Header.Del("Authorization") }).want(t, 401)
	if strings.Contains(b.log.String(), "127.0.0.1") {
		t.Errorf("the log has an address: %s", b.log)
	}
	b.call(t, "GET", admin+"/dashboard", "", as("Bearer none")).want(t, 401)
	if !strings.Contains(b.log.String(), `"code":"invalid_token","from":"127.0.0.1"`) {
		t.Errorf("the log does not say who tried a token: %s", b.log)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	challenges := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "an answer") })
	serve := func(h http.Handler) {
		b.server = httptest.NewServer(h)
		t.Cleanup(b.server.Close)
	}
	serve(b.api.Plain("https://members.example.org", "443", challenges))
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	for path, want := range map[string]string{
		"/": "https://members.example.org/", "/docs": "https://members.example.org/docs", "/docs/docs.css": "https://members.example.org/docs/docs.css",
		"/docs/a%20b%0d%0aX:": "https://members.example.org/docs/a%20b%0D%0AX:", "/docs?token=secret": "https://members.example.org/docs",
	} {
		r := b.call(t, "GET", path, "", none).want(t, 308)
		if got := r.header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
		wantPolicy(t, r.header)
		if r.header.Get(strictTransport) != "" {
			t.Errorf("%s: got %s without TLS", path, strictTransport)
		}
	}
	for _, call := range []struct {
		method, path, body string
		option             option
	}{
		{"GET", admin + "/dashboard", "", none}, {"GET", admin + "/dashboard", "", with("X", "y")}, {"POST", admin + "/members", kim, none},
		{"GET", "/docs", "", with("X", "y")}, {"POST", "/docs", "{}", none}, {"GET", "/media/x.jpg?s=1", "", none}, {"GET", "/healthz", "", none}, {"GET", "/nothing", "", none},
	} {
		r := b.call(t, call.method, call.path, call.body, call.option).problem(t, 403, "tls_needed")
		wantPolicy(t, r.header)
	}
	if r := b.call(t, "GET", "/.well-known/acme-challenge/x", "", none).want(t, 200); string(r.body) != "an answer" {
		t.Errorf("got %s", r.body)
	}
	serve(b.api.Plain("", "8443", nil))
	if got := b.call(t, "GET", "/docs", "", none).want(t, 308).header.Get("Location"); got != "https://127.0.0.1:8443/docs" {
		t.Errorf("got %q, want the name that was called", got)
	}
	b.call(t, "GET", "/.well-known/acme-challenge/x", "", none).problem(t, 403, "tls_needed")
	serve(b.api.Plain("", "443", nil))
	if got := b.call(t, "GET", "/docs", "", none, func(r *http.Request) { r.Host = "[::1]:80" }).want(t, 308).header.Get("Location"); got != "https://[::1]/docs" {
		t.Errorf("got %q, want the name that was called", got)
	}
	b.network.AllowFrom = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	api, err := httpapi.New(b.options(b.blob))
	if err != nil {
		t.Fatal(err)
	}
	serve(api.Plain("https://members.example.org", "443", challenges))
	b.call(t, "GET", "/docs", "", none).problem(t, 403, "address_not_allowed")
	b.call(t, "GET", "/.well-known/acme-challenge/x", "", none).want(t, 200) // authorities do not tell their addresses
}
