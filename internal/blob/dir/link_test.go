package dir_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
)

// The form of a link is a promise: those in flight outlive an upgrade. The
// signatures were computed with openssl dgst -sha256 -hmac.
func TestSignGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, base, key string
		o               blob.SignOptions
		want            string
	}{
		{
			"photo", "", "members/42/photos/7.jpg", blob.SignOptions{},
			"/media/members/42/photos/7.jpg?e=1800000090&s=p9shV6zoGjbLtzrsgszvw_N5UW2ggE0L-y7TwMW7SZ4",
		},
		{
			"document", "https://example.org/", "members/42/7.pdf", blob.SignOptions{Filename: "가 b&c.pdf", ContentType: "text/plain; charset=utf-8"},
			"https://example.org/media/members/42/7.pdf?e=1800000090&n=%EA%B0%80%20b%26c.pdf&t=text%2Fplain%3B%20charset%3Dutf-8&s=wiyIRmw5UVvkHE-tKMSIHwK3GRepsY71aH39eF8hvKg",
		},
		{
			"base with a path", "http://example.org:81/muster", "a.jpg", blob.SignOptions{},
			"http://example.org:81/muster/media/a.jpg?e=1800000090&s=o3CUn3PbcdAoOdM0OAjqWIr6RLslmS2BUygi4QO6Urs",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, dir.Config{Base: tt.base})
			if got := sign(t, s, tt.key, tt.o, noon); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open := func(secrets ...[]byte) *dir.Store {
		return newStore(t, dir.Config{Folder: folder, Secrets: secrets, Now: clockAt(noon)})
	}
	before, both, after := open(secretA), open(secretB, secretA), open(secretB)
	put(t, before, photoKey, "photo")
	oldLink, newLink := sign(t, before, photoKey, blob.SignOptions{}, noon), sign(t, both, photoKey, blob.SignOptions{}, noon)
	for _, tt := range []struct {
		name  string
		store *dir.Store
		link  string
		want  int
	}{
		{"the old link before", before, oldLink, http.StatusOK},
		{"the old link meanwhile", both, oldLink, http.StatusOK},
		{"the old link after", after, oldLink, http.StatusForbidden},
		{"the new link before", before, newLink, http.StatusForbidden},
		{"the new link meanwhile", both, newLink, http.StatusOK},
		{"the new link after", after, newLink, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fetch(tt.store, http.MethodGet, tt.link, nil).Code; got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// The store keeps a copy of what signs.
func TestSecretsAreCopied(t *testing.T) {
	t.Parallel()
	mine := append([]byte(nil), secretA...)
	s := newStore(t, dir.Config{Secrets: [][]byte{mine}})
	clear(mine)
	want := sign(t, newStore(t, dir.Config{}), photoKey, blob.SignOptions{}, noon)
	if got := sign(t, s, photoKey, blob.SignOptions{}, noon); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSignAtOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{})
	want := sign(t, s, photoKey, blob.SignOptions{}, noon)
	done := make(chan string)
	for range 8 {
		go func() {
			var last string
			for range 500 {
				if last, _ = s.Sign(photoKey, blob.SignOptions{Expires: time.Minute}, noon); last != want {
					break
				}
			}
			done <- last
		}()
	}
	for range 8 {
		if got := <-done; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Allocations can only be counted while no other test runs.
func TestSignAllocates(t *testing.T) {
	s := newStore(t, dir.Config{})
	got := testing.AllocsPerRun(1000, func() {
		if _, err := s.Sign(photoKey, blob.SignOptions{Expires: time.Minute}, noon); err != nil {
			t.Error(err)
		}
	})
	want := 1.0 // the URL
	if hasRaceDetector() {
		want = 7 // it makes a sync.Pool forget at random; without pools, 14
	}
	if got > want {
		t.Errorf("got %.1f allocations, want at most %.0f", got, want)
	}
}

func hasRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestSignNeedsNoObject(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{})
	if _, err := s.Sign("no/such.jpg", blob.SignOptions{Expires: time.Minute}, noon); err != nil {
		t.Error(err)
	}
	if _, err := s.Sign("no/../such.jpg", blob.SignOptions{Expires: time.Minute}, noon); !errors.Is(err, blob.ErrKey) {
		t.Errorf("got %v, want %v", err, blob.ErrKey)
	}
}

// The longest link that Sign makes is one that the handler takes, however long
// the name was.
func TestLongestLink(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{Now: clockAt(noon)})
	put(t, s, photoKey, "photo")
	link := sign(t, s, photoKey, blob.SignOptions{
		Filename:    strings.Repeat("바다", 5000) + ".pdf",
		ContentType: "a/" + strings.Repeat(";", 125),
	}, noon)
	if w := fetch(s, http.MethodGet, link, nil); w.Code != http.StatusOK {
		t.Errorf("got %d for a link of %d bytes, want 200", w.Code, len(link))
	}
}

// What bears a signature and is no link all the same: of another version of
// Muster, or signed for another purpose.
func TestSignedButNoLink(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{Now: clockAt(noon)})
	put(t, s, "a/b.jpg", "photo")
	for _, tt := range []struct {
		name, purpose, key, query string
		want                      int
	}{
		{"a link", "GET ", "a/b.jpg", "e=1800000001", http.StatusOK},
		{"for writing", "PUT ", "a/b.jpg", "e=1800000001", http.StatusForbidden},
		{"a malformed key", "GET ", "A/b.jpg", "e=1800000001", http.StatusForbidden},
		{"no expiry", "GET ", "a/b.jpg", "n=b", http.StatusForbidden},
		{"an expiry that is no number", "GET ", "a/b.jpg", "e=x", http.StatusForbidden},
		{"a broken query", "GET ", "a/b.jpg", "e=1800000001&n=%zz", http.StatusForbidden},
		{"too long", "GET ", "a/b.jpg", "e=1800000001&n=" + strings.Repeat("b", 2000), http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mac := hmac.New(sha256.New, secretA)
			mac.Write([]byte(tt.purpose + tt.key + "?" + tt.query))
			link := "/media/" + tt.key + "?" + tt.query + "&s=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
			w := fetch(s, http.MethodGet, link, nil)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
			if tt.want == http.StatusForbidden {
				wantProblem(t, w, "link_invalid")
			}
		})
	}
}

// FuzzVerify replaces a part of a signed URL, sends it as a request, and wants
// it refused unless it is the URL again.
func FuzzVerify(f *testing.F) {
	s := newStore(f, dir.Config{Secrets: [][]byte{secretB, secretA}, Now: clockAt(noon)})
	links := []string{
		sign(f, s, "a/b.pdf", blob.SignOptions{Filename: "가 b.pdf", ContentType: "image/png"}, noon),
		sign(f, s, "a/b.jpg", blob.SignOptions{}, noon),
	}
	put(f, s, "a/b.pdf", "document")
	put(f, s, "a/b.jpg", "photo")
	for i := range links {
		f.Add(i, uint16(0), uint16(0), "")
		f.Add(i, uint16(7), uint16(1), "%61")
		f.Add(i, uint16(7), uint16(0), "./")
		f.Add(i, uint16(7), uint16(0), "/")
		f.Add(i, uint16(9), uint16(5), "b.jpg")
		f.Add(i, uint16(len(links[i])-1), uint16(1), "B")
		f.Add(i, uint16(len(links[i])), uint16(0), "=")
		f.Add(i, uint16(len(links[i])), uint16(0), "&s=")
		f.Add(i, uint16(len(links[i])), uint16(0), "#fragment")
		f.Add(i, uint16(0), uint16(0), "http://other")
		f.Add(i, uint16(0), uint16(0), "http://other?")
		f.Add(i, uint16(0), uint16(0), "A:")
		f.Add(i, uint16(15), uint16(0), "e=9999999999&")
		f.Add(i, uint16(17), uint16(10), "1800000091")
	}
	handler := s.Handler()
	f.Fuzz(func(t *testing.T, which int, at, cut uint16, insert string) {
		link := links[uint(which)%2]
		from := min(int(at), len(link))
		to := min(from+int(cut), len(link))
		mutated := link[:from] + insert + link[to:]

		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + mutated + " HTTP/1.1\r\nHost: muster\r\n\r\n")))
		if err != nil {
			return // not even a request
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code == http.StatusForbidden {
			return
		}
		if w.Code != http.StatusOK {
			t.Fatalf("got %d for %q, want it refused", w.Code, r.RequestURI)
		}
		// A request may name a scheme and a host before the path; they are
		// not signed.
		for _, link := range links {
			if strings.HasSuffix(r.RequestURI, link) && strings.HasPrefix(link, r.URL.Path+"?") {
				return
			}
		}
		t.Errorf("%q was served, and is not what was signed", r.RequestURI)
	})
}

func BenchmarkSign(b *testing.B) {
	s := newStore(b, dir.Config{Base: "https://media.example.org"})
	now := time.Now()
	for name, o := range map[string]blob.SignOptions{
		"photo":    {Expires: 10 * time.Minute},
		"document": {Expires: time.Minute, Filename: "identity card.pdf", ContentType: "application/pdf"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(photoKey, o, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
