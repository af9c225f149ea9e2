package s3_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/s3test"
)

// fetch does what a browser does, and returns the status and the body.
func fetch(t *testing.T, link string) (int, string) {
	t.Helper()
	response, err := http.Get(link)
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
			got, body := fetch(t, tt.link)
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
