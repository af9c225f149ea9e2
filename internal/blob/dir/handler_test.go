package dir_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
)

func fetch(s *dir.Store, method, link string, h http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, link, nil)
	if h != nil {
		r.Header = h
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestServe(t *testing.T) {
	t.Parallel()
	now := noon.Add(10*time.Second + 1)
	s := newStore(t, dir.Config{Now: func() time.Time { return now }})
	put(t, s, photoKey, "photo")
	put(t, s, "a/b.pdf", "document")
	shared := map[string]string{
		"Accept-Ranges":           "bytes",
		"Cache-Control":           "private, max-age=79",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
		"Referrer-Policy":         "no-referrer",
		"X-Content-Type-Options":  "nosniff",
	}
	for _, tt := range []struct {
		name, key, body string
		o               blob.SignOptions
		want            map[string]string
	}{
		{"photo", photoKey, "photo", blob.SignOptions{}, map[string]string{
			"Content-Type": "image/jpeg", "Content-Length": "5", "Content-Disposition": "inline",
		}},
		{"document", "a/b.pdf", "document", blob.SignOptions{Filename: "신분증.pdf"}, map[string]string{
			"Content-Type": "application/pdf", "Content-Length": "8", "Cache-Control": "no-store",
			"Content-Disposition": `attachment; filename="___.pdf"; filename*=UTF-8''%EC%8B%A0%EB%B6%84%EC%A6%9D.pdf`,
		}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				t.Parallel()
				w := fetch(s, method, sign(t, s, tt.key, tt.o, noon), nil)
				got := map[string]string{}
				for name := range w.Header() {
					got[name] = w.Header().Get(name)
				}
				if got["Etag"] == "" {
					t.Error("there is no ETag")
				}
				delete(got, "Etag")
				want := map[string]string{}
				for _, m := range []map[string]string{shared, tt.want} {
					maps.Copy(want, m)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
				body := tt.body
				if method == http.MethodHead {
					body = ""
				}
				if w.Code != http.StatusOK || w.Body.String() != body {
					t.Errorf("got %d %q, want 200 %q", w.Code, w.Body, body)
				}
			})
		}
	}
}

func TestServeKnownVersion(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{Now: clockAt(noon)})
	link := sign(t, s, photoKey, blob.SignOptions{}, noon)
	put(t, s, photoKey, "version 1")
	first := fetch(s, http.MethodGet, link, nil).Header().Get("Etag")
	known := http.Header{"If-None-Match": {first}}
	if w := fetch(s, http.MethodGet, link, known); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("the same version: got %d with %d bytes, want 304 with none", w.Code, w.Body.Len())
	}

	put(t, s, photoKey, "version 2") // as long, and an instant later
	if w := fetch(s, http.MethodGet, link, known); w.Code != http.StatusOK || w.Body.String() != "version 2" {
		t.Errorf("another version: got %d %q, want 200 and it", w.Code, w.Body)
	}
	part := http.Header{"Range": {"bytes=8-"}, "If-Range": {first}}
	if w := fetch(s, http.MethodGet, link, part); w.Code != http.StatusOK || w.Body.String() != "version 2" {
		t.Errorf("a part of another version: got %d %q, want 200 and the whole", w.Code, w.Body)
	}
}

// However fast versions follow each other, none has the ETag of another.
func TestServeVersionsDiffer(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{Now: clockAt(noon)})
	link := sign(t, s, "a.txt", blob.SignOptions{}, noon)
	seen := map[string]bool{}
	for range 20 {
		put(t, s, "a.txt", "x")
		seen[fetch(s, http.MethodHead, link, nil).Header().Get("Etag")] = true
	}
	if len(seen) != 20 {
		t.Errorf("got %d ETags of 20 versions", len(seen))
	}
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	expiry := noon.Add(90 * time.Second)
	at := func(now time.Time) *dir.Store {
		s := newStore(t, dir.Config{Now: clockAt(now)})
		put(t, s, photoKey, "photo")
		return s
	}
	during, before, after := at(noon), at(expiry.Add(-1)), at(expiry)
	link := sign(t, during, photoKey, blob.SignOptions{}, noon)
	changed := strings.Replace(link, "e=18", "e=19", 1)
	path, query, _ := strings.Cut(link, "?")
	for _, tt := range []struct {
		name, method, link string
		store              *dir.Store
		status             int
		code               string
	}{
		{"good", "GET", link, during, 200, ""},
		{"good until the last instant", "GET", link, before, 200, ""},
		{"expired", "GET", link, after, 403, "link_expired"},
		{"expired and changed", "GET", changed, after, 403, "link_invalid"},
		{"changed", "GET", changed, during, 403, "link_invalid"},
		{"unsigned", "GET", path, during, 403, "link_invalid"},
		{"signature only", "GET", path + "?s=" + link[len(link)-43:], during, 403, "link_invalid"},
		{"empty signature", "GET", link[:len(link)-43], during, 403, "link_invalid"},
		{"cut off", "GET", link[:len(link)-1], during, 403, "link_invalid"},
		{"padded", "GET", link + "=", during, 403, "link_invalid"},
		{"escaped differently", "GET", strings.Replace(link, "members", "%6dembers", 1), during, 403, "link_invalid"},
		{"by way of another folder", "GET", strings.Replace(link, "members", "x/../members", 1), during, 403, "link_invalid"},
		{"malformed key", "GET", "/media/../../etc/passwd?" + query, during, 403, "link_invalid"},
		{"no key", "GET", "/media/?" + query, during, 403, "link_invalid"},
		{"elsewhere", "GET", strings.Replace(link, "/media/", "/other/", 1), during, 403, "link_invalid"},
		{"a query without end", "GET", path + "?" + strings.Repeat("a", 1<<20) + "&" + query, during, 403, "link_invalid"},
		{"broken query", "GET", path + "?e=%zz&s=" + link[len(link)-43:], during, 403, "link_invalid"},
		{"no object", "GET", sign(t, during, "no/such.jpg", blob.SignOptions{}, noon), during, 404, "object_not_found"},
		{"POST", "POST", link, during, 405, "method_not_allowed"},
		{"PUT", "PUT", link, during, 405, "method_not_allowed"},
		{"DELETE", "DELETE", link, during, 405, "method_not_allowed"},
		{"OPTIONS", "OPTIONS", link, during, 405, "method_not_allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := fetch(tt.store, tt.method, tt.link, nil)
			if w.Code != tt.status {
				t.Errorf("got %d, want %d", w.Code, tt.status)
			}
			if tt.code != "" {
				wantProblem(t, w, tt.code)
			}
			if allow := w.Header().Get("Allow"); (allow == "GET, HEAD") != (tt.status == 405) {
				t.Errorf("Allow: got %q", allow)
			}
		})
	}
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, code string) {
	t.Helper()
	var got struct {
		Title, Detail, Code string
		Status              int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %.200q", err, w.Body)
	}
	if got.Code != code || got.Status != w.Code || got.Title != http.StatusText(w.Code) || got.Detail == "" {
		t.Errorf("got %+v, want the code %s", got, code)
	}
	for name, want := range map[string]string{
		"Content-Type":           "application/problem+json",
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
	} {
		if h := w.Header().Get(name); h != want {
			t.Errorf("%s: got %q, want %q", name, h, want)
		}
	}
}

// A failure that is nobody's fault is logged with a number, and the number is
// all that is shown.
func TestServeFails(t *testing.T) {
	t.Parallel()
	folder, outside := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	s := newStore(t, dir.Config{Folder: folder, Now: clockAt(noon), Log: slog.New(slog.NewTextHandler(&log, nil))})
	writeFile(t, filepath.Join(outside, "b.jpg"), "secret")
	if err := os.Symlink(outside, filepath.Join(folder, "a")); err != nil {
		t.Fatal(err)
	}
	link := sign(t, s, "a/b.jpg", blob.SignOptions{}, noon)
	w := fetch(s, http.MethodGet, link, nil)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", w.Code)
	}
	wantProblem(t, w, "internal")
	body := w.Body.String()
	if strings.Contains(body, folder) || strings.Contains(body, outside) || strings.Contains(body, "secret") {
		t.Errorf("the answer tells too much: %s", body)
	}
	_, rest, _ := strings.Cut(body, "number ")
	number, _, _ := strings.Cut(rest, " ")
	if number == "" || !strings.Contains(log.String(), number) {
		t.Errorf("the number %q is not in the log: %s", number, &log)
	}
	if signature := link[len(link)-43:]; strings.Contains(log.String(), signature) {
		t.Error("the log holds a link that works")
	}
}

// With a client that leaves in the middle, the file is closed and the server
// goes on; the leak check of TestMain watches.
func TestServeToOneWhoLeaves(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	s := newStore(t, dir.Config{Base: "http://" + server.Listener.Addr().String(), Now: clockAt(noon)})
	server.Config.Handler = s.Handler()
	server.Start()
	defer server.Close()
	put(t, s, photoKey, strings.Repeat("x", 8<<20))
	link := sign(t, s, photoKey, blob.SignOptions{}, noon)
	for range 3 {
		res, err := server.Client().Get(link)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
			t.Error(err)
		}
		_ = res.Body.Close()
	}
}
