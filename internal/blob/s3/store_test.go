package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/s3"
	"github.com/musterhq/muster/internal/blob/s3test"
)

// short is a Timeout for what is to fail.
const short = 300 * time.Millisecond

const key = "members/42/photos/7.jpg"

// newProxy puts something between a store and its server. Before it passes a
// request on, it asks tamper, which may answer itself and says so.
func newProxy(t *testing.T, server *s3test.Server, tamper func(w http.ResponseWriter, r *http.Request) (answered bool)) string {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server.Address})
			r.Out.Host = r.In.Host // it is signed
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !tamper(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func put(t testing.TB, s *s3.Store, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), key, int64(len(content)), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, s *s3.Store, key string) *blob.Object {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// Whatever the bucket's server does, links are signed, and the rest fails as
// unavailable within a bound.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	dead, hung := s3test.Start(t), s3test.Start(t)
	if err := errors.Join(dead.Stop(), hung.Suspend()); err != nil {
		t.Fatal(err)
	}
	for name, server := range map[string]*s3test.Server{"dead": dead, "hung": hung} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, server.URL("muster"), s3test.Owner)
			c.Timeout = short
			s := newStore(t, c)
			begin := time.Now()
			_, openErr := s.Open(t.Context(), key)
			for what, err := range map[string]error{
				"put":    s.Put(t.Context(), key, 5, strings.NewReader("photo")),
				"open":   openErr,
				"delete": s.Delete(t.Context(), key),
				"check":  s.Check(t.Context()),
			} {
				if !errors.Is(err, blob.ErrUnavailable) || errors.Is(err, context.Canceled) {
					t.Errorf("%s: got %v, want %v", what, err, blob.ErrUnavailable)
				}
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("failing took %v", took)
			}
			if _, err := s.Sign(key, blob.SignOptions{Expires: time.Minute}, time.Now()); err != nil {
				t.Errorf("signing: %v", err)
			}
		})
	}
}

func TestCallersDeadlineIsTheirs(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL("muster"), s3test.Owner))
	if err := server.Suspend(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	for what, err := range map[string]error{
		"put":   s.Put(ctx, key, 5, strings.NewReader("photo")),
		"check": s.Check(ctx),
	} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want %v", what, err, context.DeadlineExceeded)
		}
	}
}

// A store that stops halfway through an object fails the read; once it goes on,
// the object can be read on from there.
func TestStoreThatStopsHalfway(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	c := parse(t, server.URL(server.NewBucket(t)), s3test.Owner)
	content := strings.Repeat("0123456789abcdef", 1<<20) // more than what is on its way
	put(t, newStore(t, c), key, content)

	c.Timeout = 2 * time.Second
	o := open(t, newStore(t, c), key)
	head := make([]byte, 1<<10)
	if _, err := io.ReadFull(o, head); err != nil {
		t.Fatal(err)
	}
	if err := server.Suspend(); err != nil {
		t.Fatal(err)
	}
	some, err := io.ReadAll(o)
	if !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("after %d bytes got %v, want %v", len(some), err, blob.ErrUnavailable)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(o)
	for tries := 0; errors.Is(err, blob.ErrUnavailable) && tries < 20; tries++ { // it may be slow to wake
		var more []byte
		more, err = io.ReadAll(o)
		rest = append(rest, more...)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := string(head) + string(some) + string(rest); got != content {
		t.Errorf("got %d bytes that are not the %d stored", len(got), len(content))
	}
}

// What a caller takes its time with is not held against the store.
func TestSlowCaller(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	c := parse(t, server.URL(server.NewBucket(t)), s3test.Owner)
	c.Timeout = 2 * time.Second
	s := newStore(t, c)
	content := strings.Repeat("photo", 1<<20)
	slow := &slowReader{r: strings.NewReader(content), wait: 3 * time.Second}
	if err := s.Put(t.Context(), key, int64(len(content)), slow); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(&slowReader{r: open(t, s, key), wait: 3 * time.Second, after: 1})
	if err != nil || string(got) != content {
		t.Errorf("got %d bytes (%v), want the %d stored", len(got), err, len(content))
	}
}

// slowReader waits once, after some reads.
type slowReader struct {
	r     io.Reader
	wait  time.Duration
	after int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.after--; s.after == -1 {
		<-time.After(s.wait)
	}
	return s.r.Read(p)
}

// What fails in passing is tried again, if what is sent can be sent again.
func TestRetries(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for _, tt := range []struct {
		name     string
		failures int32
		r        io.Reader
		want     error
		asked    int32
	}{
		{"once", 1, strings.NewReader("photo"), nil, 2},
		{"always", 1000, strings.NewReader("photo"), blob.ErrUnavailable, 3},
		{"once, with what cannot be sent again", 1, io.MultiReader(strings.NewReader("photo")), blob.ErrUnavailable, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			proxy := newProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
				if asked.Add(1) > tt.failures {
					return false
				}
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			})
			s := newStore(t, parse(t, s3test.URL(bucket, proxy), s3test.Owner))
			if err := s.Put(t.Context(), key, 5, tt.r); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if got := asked.Load(); got != tt.asked {
				t.Errorf("asked %d times, want %d", got, tt.asked)
			}
		})
	}
}

// An r that was read from already is sent again from there.
func TestRetryFromTheMiddle(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	var asked atomic.Int32
	proxy := newProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) > 1 {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	s := newStore(t, parse(t, s3test.URL(server.NewBucket(t), proxy), s3test.Owner))
	r := strings.NewReader("header photo")
	if _, err := r.Seek(7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), key, 5, r); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(open(t, s, key)); err != nil || string(got) != "photo" {
		t.Errorf("got %q (%v), want %q", got, err, "photo")
	}
}

// What the store says of itself becomes a fault, and its words the cause.
func TestFaults(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for _, tt := range []struct {
		name   string
		status int
		code   string
		want   error
	}{
		{"full", http.StatusForbidden, "QuotaExceeded", blob.ErrFull},
		{"full, by its status", http.StatusInsufficientStorage, "Other", blob.ErrFull},
		{"forbidden", http.StatusForbidden, "AccessDenied", blob.ErrReadOnly},
		{"key is gone", http.StatusForbidden, "InvalidAccessKeyId", blob.ErrReadOnly},
		{"session is over", http.StatusBadRequest, "InvalidToken", blob.ErrReadOnly},
		{"bucket is gone", http.StatusNotFound, "NoSuchBucket", blob.ErrUnavailable},
		{"clock is off", http.StatusForbidden, "RequestTimeTooSkewed", blob.ErrUnavailable},
		{"moved", http.StatusMovedPermanently, "PermanentRedirect", blob.ErrUnavailable},
		{"object is gone", http.StatusNotFound, "NoSuchKey", blob.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxy := newProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
				w.WriteHeader(tt.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>words of the store</Message></Error>", tt.code)
				return true
			})
			s := newStore(t, parse(t, s3test.URL(bucket, proxy), s3test.Owner))
			_, err := s.Open(t.Context(), key)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "words of the store") {
				t.Errorf("%q shows the store's words", err)
			}
		})
	}
}

func TestOpenedObjectWasReplaced(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL(server.NewBucket(t)), s3test.Owner))
	put(t, s, key, "the old one")
	o := open(t, s, key)
	put(t, s, key, "the new one")
	if _, err := o.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err == nil {
		t.Errorf("got %q, want it to fail rather than to mix two objects", got)
	}
}

func TestObjectSeeks(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	s := newStore(t, parse(t, server.URL(server.NewBucket(t)), s3test.Owner))
	put(t, s, key, "0123456789")
	o := open(t, s, key)
	for _, tt := range []struct {
		offset int64
		whence int
		at     int64
		rest   string
	}{
		{3, io.SeekStart, 3, "3456789"},
		{0, io.SeekCurrent, 10, ""},
		{-2, io.SeekCurrent, 8, "89"},
		{-1, io.SeekEnd, 9, "9"},
		{5, io.SeekEnd, 15, ""},
		{0, io.SeekStart, 0, "0123456789"},
	} {
		at, err := o.Seek(tt.offset, tt.whence)
		if err != nil || at != tt.at {
			t.Fatalf("seeking %d of %d: got %d (%v), want %d", tt.offset, tt.whence, at, err, tt.at)
		}
		if rest, err := io.ReadAll(o); err != nil || string(rest) != tt.rest {
			t.Errorf("from %d: got %q (%v), want %q", at, rest, err, tt.rest)
		}
	}
	for _, whence := range []int{io.SeekStart, 3} {
		if _, err := o.Seek(-1, whence); err == nil {
			t.Errorf("sought -1 of %d", whence)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	_, readErr := o.Read(make([]byte, 1))
	_, seekErr := o.Seek(0, io.SeekStart)
	if readErr == nil || seekErr == nil {
		t.Errorf("closed: got %v from Read and %v from Seek", readErr, seekErr)
	}
}

// When Put has returned, its reader is the caller's again.
func TestPutLetsGoOfItsReader(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	c := parse(t, server.URL("muster"), s3test.Owner)
	c.Timeout = short
	s := newStore(t, c)
	if err := server.Suspend(); err != nil {
		t.Fatal(err)
	}
	content := bytes.NewReader(make([]byte, 32<<20)) // more than a socket takes
	if err := s.Put(t.Context(), key, content.Size(), io.LimitReader(content, content.Size())); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, blob.ErrUnavailable)
	}
	left := content.Len() // a data race, if it is still read
	if left == 0 || left == int(content.Size()) {
		t.Errorf("%d bytes are left, want some to be read and some not", left)
	}
}

// In virtual-host style the bucket is in the host's name, which the server's
// signature covers.
func TestVirtualHost(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	s := newStore(t, parse(t, "s3://"+bucket+"?endpoint=http://"+s3test.Domain+":7070&region="+s3test.Region, s3test.Owner))
	s.DialTo(server.Address)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, s, key, "photo")
	if got, err := io.ReadAll(open(t, s, key)); err != nil || string(got) != "photo" {
		t.Errorf("got %q (%v), want %q", got, err, "photo")
	}
	link, err := s.Sign(key, blob.SignOptions{Expires: time.Minute}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://" + bucket + "." + s3test.Domain + ":7070/" + key + "?"; !strings.HasPrefix(link, want) {
		t.Errorf("got %s, want it to begin with %s", link, want)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}
