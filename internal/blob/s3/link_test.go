package s3_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/s3"
	"github.com/musterhq/muster/internal/blob/s3test"
)

// send does what a browser does, and gives the status and the body.
func send(t *testing.T, method, link, contentType, content string) (int, string) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPut {
		body = strings.NewReader(content)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, link, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(got)
}

func signPut(t *testing.T, s *s3.Store, key string, size int64, now time.Time) string {
	t.Helper()
	link, err := s.SignPut(key, size, time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestUpload(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for _, account := range []s3test.Account{s3test.Owner, s3test.Session} {
		s := newStore(t, parse(t, server.URL(bucket), account))
		now := time.Now()
		for _, tt := range []struct {
			name, content, contentType string
			link                       string
			want                       int
		}{
			{"as signed", "photo", "image/jpeg", signPut(t, s, key, 5, now), http.StatusOK},
			{"again", "phot2", "image/jpeg", signPut(t, s, key, 5, now), http.StatusOK},
			{"nothing", "", "image/jpeg", signPut(t, s, key, 0, now), http.StatusOK},
			{"longer", "photo!", "image/jpeg", signPut(t, s, key, 5, now), http.StatusForbidden},
			{"shorter", "phot", "image/jpeg", signPut(t, s, key, 5, now), http.StatusForbidden},
			{"another type", "photo", "text/html", signPut(t, s, key, 5, now), http.StatusForbidden},
			{"no type", "photo", "", signPut(t, s, key, 5, now), http.StatusForbidden},
			{"too late", "photo", "image/jpeg", signPut(t, s, key, 5, now.Add(-62*time.Second)), http.StatusForbidden},
			{"in time", "photo", "image/jpeg", signPut(t, s, key, 5, now.Add(-30*time.Second)), http.StatusOK},
		} {
			t.Run(tt.name, func(t *testing.T) {
				put(t, s, key, "before")
				got, answer := send(t, http.MethodPut, tt.link, tt.contentType, tt.content)
				if got != tt.want {
					t.Errorf("got %d, want %d: %s", got, tt.want, answer)
				}
				want := tt.content
				if tt.want != http.StatusOK {
					want = "before"
				}
				if stored, err := io.ReadAll(open(t, s, key)); err != nil || string(stored) != want {
					t.Errorf("stored is %q (%v), want %q", stored, err, want)
				}
			})
		}
	}
}

// A link to upload one object is for that, and for nothing else.
func TestUploadIsForOneObject(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL(server.NewBucket(t)), s3test.Session))
	put(t, s, key, "secret")
	link := signPut(t, s, key, 5, time.Now())
	for name, tt := range map[string]struct{ method, link string }{
		"reading":     {http.MethodGet, link},
		"deleting":    {http.MethodDelete, link},
		"another key": {http.MethodPut, strings.Replace(link, "photos/7", "photos/8", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, answer := send(t, tt.method, tt.link, "image/jpeg", "photo"); got != http.StatusForbidden || strings.Contains(answer, "secret") {
				t.Errorf("got %d %s, want it refused", got, answer)
			}
		})
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	for name := range u.Query() {
		t.Run("tampered "+name, func(t *testing.T) {
			t.Parallel()
			changed, query := *u, u.Query()
			query.Set(name, tamper(query.Get(name)))
			changed.RawQuery = query.Encode()
			if got, answer := send(t, http.MethodPut, changed.String(), "image/jpeg", "photo"); got < 400 || got > 499 {
				t.Errorf("got %d %s, want it refused", got, answer)
			}
		})
	}
}

// tamper changes the last digit or letter.
func tamper(value string) string {
	last := value[len(value)-1]
	if last == '9' || last == 'z' || last == 'Z' {
		return value[:len(value)-1] + string(last-1)
	}
	return value[:len(value)-1] + string(last+1)
}

// A session's token is part of its links, and of what is signed.
func TestSessionLink(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL(server.NewBucket(t)), s3test.Session))
	put(t, s, key, "secret")
	link, err := s.Sign(key, blob.SignOptions{Expires: time.Minute}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	token := "&X-Amz-Security-Token=" + url.QueryEscape(s3test.Session.Token)
	for name, tt := range map[string]struct {
		link string
		want int
	}{
		"with it":      {link, http.StatusOK},
		"without it":   {strings.Replace(link, token, "", 1), http.StatusForbidden},
		"with another": {strings.Replace(link, token, token+"x", 1), http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, body := send(t, http.MethodGet, tt.link, "", "")
			if got != tt.want && (tt.want == http.StatusOK || got < 400 || got > 499) {
				t.Errorf("got %d, want %d: %s", got, tt.want, body)
			}
			if (got == http.StatusOK) != (body == "secret") {
				t.Errorf("got %d with %q", got, body)
			}
		})
	}
}

// An object is shown as the link says, whatever was said when it was stored.
func TestLinkSaysWhatIsShown(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL(server.NewBucket(t)), s3test.Owner))
	put(t, s, key, "photo")
	link, err := s.Sign(key, blob.SignOptions{Expires: 90 * time.Second, Filename: "바다.jpg"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for name, want := range map[string]string{
		"Cache-Control":       "no-store",
		"Content-Disposition": `attachment; filename="__.jpg"; filename*=UTF-8''%EB%B0%94%EB%8B%A4.jpg`,
		"Content-Type":        "image/jpeg",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestSignPutRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t, parse(t, s3test.URL("muster", "http://localhost"), s3test.Owner))
	for _, tt := range []struct {
		name, key string
		size      int64
		expires   time.Duration
		want      error
	}{
		{"malformed key", "A.jpg", 5, time.Minute, blob.ErrKey},
		{"negative size", key, -1, time.Minute, blob.ErrSize},
		{"too large", key, blob.MaxSize + 1, time.Minute, blob.ErrSize},
		{"no life", key, 5, 0, blob.ErrOptions},
		{"long life", key, 5, blob.MaxExpires + 1, blob.ErrOptions},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := s.SignPut(tt.key, tt.size, tt.expires, time.Now()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
