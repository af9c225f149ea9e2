package blobtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

const minute = time.Minute

func newDir() string { return "conformance/" + strings.ToLower(rand.Text()) }

func newKey(ext string) string { return newDir() + "/object." + ext }

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func put(t *testing.T, s blob.Store, key string, content []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatalf("putting %s: %v", key, err)
	}
}

func open(t *testing.T, s blob.Store, key string) []byte {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("opening %s: %v", key, err)
	}
	defer o.Close()
	return readAll(t, o)
}

func readAll(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantContent(t *testing.T, s blob.Store, key string, want []byte) {
	t.Helper()
	if got := open(t, s, key); !bytes.Equal(got, want) {
		t.Errorf("content of %s: got %.40q, want %.40q", key, got, want)
	}
}

func wantMissing(t *testing.T, s blob.Store, key string) {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err == nil {
		_ = o.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("opening %s: got %v, want %v", key, err, blob.ErrNotFound)
	}
}

func wantPutFails(t *testing.T, s blob.Store, key string, size int64, r io.Reader, want error) {
	t.Helper()
	if err := s.Put(t.Context(), key, size, r); !errors.Is(err, want) {
		t.Errorf("putting %s: got %v, want %v", key, err, want)
	}
}

func inParallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// client does not follow redirects.
var client = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
