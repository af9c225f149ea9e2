package blobtest

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

func testLinkPhoto(t *testing.T, s blob.Store) {
	key, content := newKey("jpg"), random(t, 50<<10)
	put(t, s, key, content)
	got := get(t, sign(t, s, key, blob.SignOptions{Expires: minute}))
	wantStatus(t, got, http.StatusOK)
	wantHeader(t, got, "Content-Type", "image/jpeg")
	wantHeader(t, got, "Content-Disposition", "inline")
	if !bytes.Equal(got.body, content) {
		t.Errorf("got %d bytes that differ from the %d stored", len(got.body), len(content))
	}
}

func testLinkDocument(t *testing.T, s blob.Store) {
	for _, tt := range []struct{ name, filename, want string }{
		{"plain", "contract.pdf", "contract.pdf"},
		{"another script", "가족 관계.pdf", "가족 관계.pdf"},
		{"quotes and separators", `a"b\c/d;e.pdf`, "a_b_c_d;e.pdf"},
		{"reserved in URLs", "100% a&b=c+d?#.pdf", "100% a&b=c+d_#.pdf"},
		{"a header of its own", "a\r\nSet-Cookie: x=y.pdf", "a__Set-Cookie_ x=y.pdf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newKey("pdf")
			put(t, s, key, []byte("%PDF-1.7"))
			got := get(t, sign(t, s, key, blob.SignOptions{Expires: minute, Filename: tt.filename}))
			wantStatus(t, got, http.StatusOK)
			wantHeader(t, got, "Content-Type", "application/pdf")
			wantHeader(t, got, "Cache-Control", "no-store")
			kind, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
			if err != nil || kind != "attachment" || params["filename"] != tt.want {
				t.Errorf("content disposition: got %q of %q (%v), want an attachment %q", kind, params["filename"], err, tt.want)
			}
		})
	}
}

func testLinkType(t *testing.T, s blob.Store) {
	key := newKey("bin")
	put(t, s, key, []byte("RIFF"))
	got := get(t, sign(t, s, key, blob.SignOptions{Expires: minute, ContentType: "image/webp"}))
	wantStatus(t, got, http.StatusOK)
	wantHeader(t, got, "Content-Type", "image/webp")
	wantHeader(t, got, "Content-Disposition", "inline")

	got = get(t, sign(t, s, key, blob.SignOptions{Expires: minute, ContentType: "text/html"}))
	wantStatus(t, got, http.StatusOK)
	wantHeader(t, got, "Content-Disposition", "attachment")
}

func testLinkRange(t *testing.T, s blob.Store) {
	key := newKey("mp4")
	put(t, s, key, []byte("0123456789"))
	link := sign(t, s, key, blob.SignOptions{Expires: minute})
	for _, tt := range []struct {
		name, ask, body, is string
		status              int
	}{
		{"the middle", "bytes=2-4", "234", "bytes 2-4/10", http.StatusPartialContent},
		{"from a byte on", "bytes=7-", "789", "bytes 7-9/10", http.StatusPartialContent},
		{"the last", "bytes=-2", "89", "bytes 8-9/10", http.StatusPartialContent},
		{"past the end", "bytes=5-99", "56789", "bytes 5-9/10", http.StatusPartialContent},
		{"beyond", "bytes=10-", "", "", http.StatusRequestedRangeNotSatisfiable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := do(t, http.MethodGet, link, http.Header{"Range": {tt.ask}})
			wantStatus(t, got, tt.status)
			if tt.status != http.StatusPartialContent {
				return
			}
			wantHeader(t, got, "Content-Range", tt.is)
			if string(got.body) != tt.body {
				t.Errorf("got %q, want %q", got.body, tt.body)
			}
		})
	}
}

func testLinkMissing(t *testing.T, s blob.Store) {
	wantStatus(t, get(t, sign(t, s, newKey("jpg"), blob.SignOptions{Expires: minute})), http.StatusNotFound)
}

func testLinkExpired(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	put(t, s, key, secretContent)
	at := func(age time.Duration) response {
		link, err := s.Sign(key, blob.SignOptions{Expires: time.Hour}, time.Now().Add(-age))
		if err != nil {
			t.Fatal(err)
		}
		return get(t, link)
	}
	wantStatus(t, at(59*time.Minute), http.StatusOK)
	got := at(91 * time.Minute)
	wantStatus(t, got, http.StatusForbidden)
	wantNothingLeaks(t, got)
}

// testLinkTampered changes each byte after the host, in turn, and omits and repeats
// parameters. A server may use the first of repeated parameters if it returns what
// was signed and nothing else.
func testLinkTampered(t *testing.T, s blob.Store) {
	key := newKey("pdf")
	put(t, s, key, secretContent)
	link := sign(t, s, key, blob.SignOptions{Expires: minute, Filename: "a.pdf", ContentType: "application/pdf"})
	want := get(t, link)
	wantStatus(t, want, http.StatusOK)

	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Scheme + "://" + u.Host + "/"
	for i := len(host); i < len(link); i++ {
		wantRefused(t, link[:i]+another(link[i])+link[i+1:])
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		rest := append(append([]string(nil), parts[:i]...), parts[i+1:]...)
		wantRefused(t, host+u.Path[1:]+"?"+strings.Join(rest, "&"))
		if got := get(t, link+"&"+part+"x"); !isSame(got, want) {
			wantRefusal(t, got, link+"&"+part+"x")
		}
	}
	wantRefused(t, host+u.Path[1:])
}

// another returns a different character of the same kind, so that the URL stays a
// URL.
func another(c byte) string {
	switch {
	case c == '9', c == 'z', c == 'Z':
		return string(c - 1)
	case '0' <= c && c < '9', 'a' <= c && c < 'z', 'A' <= c && c < 'Z':
		return string(c + 1)
	}
	return "x"
}

func testLinkOtherKey(t *testing.T, s blob.Store) {
	mine, theirs := newKey("jpg"), newKey("jpg")
	put(t, s, mine, []byte("mine"))
	put(t, s, theirs, secretContent)
	link := sign(t, s, mine, blob.SignOptions{Expires: minute})
	if !strings.Contains(link, mine) {
		t.Fatalf("the key %s is not in the link %s", mine, link)
	}
	wantRefused(t, strings.Replace(link, mine, theirs, 1))
}

func testLinkReadOnly(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	put(t, s, key, secretContent)
	link := sign(t, s, key, blob.SignOptions{Expires: minute})
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
		got := do(t, method, link, nil)
		if got.status < 400 || got.status > 499 {
			t.Errorf("%s: got %d, want it refused", method, got.status)
		}
	}
	wantContent(t, s, key, secretContent)
}

func testLinkStable(t *testing.T, s blob.Store) {
	key, now := newKey("jpg"), time.Unix(1_800_000_000, 0) // a multiple of 30 s
	at := func(d time.Duration) string {
		link, err := s.Sign(key, blob.SignOptions{Expires: minute}, now.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	if got, want := at(29*time.Second), at(0); got != want {
		t.Errorf("within one window: got %s, want %s", got, want)
	}
	if at(30*time.Second) == at(0) {
		t.Error("in the next window: got the same link, want another")
	}
}

func testLinkOptions(t *testing.T, s blob.Store) {
	for _, tt := range []struct {
		name string
		o    blob.SignOptions
		want error
	}{
		{"shortest", blob.SignOptions{Expires: blob.MinExpires}, nil},
		{"longest", blob.SignOptions{Expires: blob.MaxExpires}, nil},
		{"none", blob.SignOptions{}, blob.ErrOptions},
		{"negative", blob.SignOptions{Expires: -minute}, blob.ErrOptions},
		{"too long", blob.SignOptions{Expires: blob.MaxExpires + 1}, blob.ErrOptions},
		{"no type", blob.SignOptions{Expires: minute, ContentType: "jpeg"}, blob.ErrOptions},
		{"a long type", blob.SignOptions{Expires: minute, ContentType: "image/" + strings.Repeat("a", 122)}, blob.ErrOptions},
		{"a type and a header", blob.SignOptions{Expires: minute, ContentType: "image/png\r\nX: y"}, blob.ErrOptions},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := s.Sign(newKey("jpg"), tt.o, time.Now()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

var secretContent = []byte("what only the holder of a link may see")

type response struct {
	status int
	header http.Header
	body   []byte
}

func sign(t *testing.T, s blob.Store, key string, o blob.SignOptions) string {
	t.Helper()
	link, err := s.Sign(key, o, time.Now())
	if err != nil {
		t.Fatalf("signing %s: %v", key, err)
	}
	return link
}

func get(t *testing.T, link string) response {
	t.Helper()
	return do(t, http.MethodGet, link, nil)
}

func do(t *testing.T, method, link string, h http.Header) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h != nil {
		req.Header = h
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return response{res.StatusCode, res.Header, readAll(t, res.Body)}
}

func wantStatus(t *testing.T, got response, want int) {
	t.Helper()
	if got.status != want {
		t.Errorf("status: got %d, want %d: %.200s", got.status, want, got.body)
	}
}

func wantHeader(t *testing.T, got response, name, want string) {
	t.Helper()
	if h := got.header.Get(name); h != want {
		t.Errorf("%s: got %q, want %q", name, h, want)
	}
}

// isSame compares what matters to a browser.
func isSame(a, b response) bool {
	for _, name := range []string{"Cache-Control", "Content-Disposition", "Content-Type"} {
		if a.header.Get(name) != b.header.Get(name) {
			return false
		}
	}
	return a.status == b.status && bytes.Equal(a.body, b.body)
}

func wantRefused(t *testing.T, link string) {
	t.Helper()
	wantRefusal(t, get(t, link), link)
}

func wantRefusal(t *testing.T, got response, link string) {
	t.Helper()
	if got.status < 400 || got.status > 499 {
		t.Errorf("got %d, want it refused: %s", got.status, link)
	}
	wantNothingLeaks(t, got)
}

func wantNothingLeaks(t *testing.T, got response) {
	t.Helper()
	if bytes.Contains(got.body, secretContent) {
		t.Error("the refusal holds the content")
	}
}
