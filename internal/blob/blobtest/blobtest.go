package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

// Run proves that what open returns keeps the contract of blob.Store. Each call
// of open gives a store whose signed URLs are absolute, and served, by the
// clock of the machine, until the test ends. Stores may share what they hold:
// every test uses keys of its own.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, s blob.Store)
	}{
		{"put then open", testPutOpen},
		{"put an empty object", testPutEmpty},
		{"put replaces", testPutReplaces},
		{"put of another length", testPutLength},
		{"put of an impossible length", testPutImpossible},
		{"put of a reader that fails", testPutFails},
		{"put that is cancelled midway", testPutCancelled},
		{"puts of one key at once", testPutSameKey},
		{"puts of many keys at once", testPutManyKeys},
		{"a name that is the start of a folder", testPrefixes},
		{"seek in an object", testSeek},
		{"delete, twice", testDelete},
		{"missing", testMissing},
		{"malformed keys", testBadKeys},
		{"done context", testDoneContext},
		{"link shows a photo", testLinkPhoto},
		{"link saves a document", testLinkDocument},
		{"link says another type", testLinkType},
		{"link to a range", testLinkRange},
		{"link to nothing", testLinkMissing},
		{"link expired", testLinkExpired},
		{"link tampered with", testLinkTampered},
		{"link to another key", testLinkOtherKey},
		{"link is for reading", testLinkReadOnly},
		{"link is the same within a window", testLinkStable},
		{"link options", testLinkOptions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}

const minute = time.Minute

func testPutOpen(t *testing.T, s blob.Store) {
	key, content := newKey("jpg"), random(t, 300<<10)
	before := time.Now().Add(-minute)
	put(t, s, key, content)

	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got := readAll(t, o); !bytes.Equal(got, content) {
		t.Errorf("got %d bytes that differ from the %d stored", len(got), len(content))
	}
	if o.Size != int64(len(content)) {
		t.Errorf("size: got %d, want %d", o.Size, len(content))
	}
	if want := "image/jpeg"; o.ContentType != want {
		t.Errorf("content type: got %q, want %q", o.ContentType, want)
	}
	if o.Modified.Before(before) || o.Modified.After(time.Now().Add(minute)) {
		t.Errorf("modified: got %v, want about now", o.Modified)
	}
}

func testPutEmpty(t *testing.T, s blob.Store) {
	key := newKey("txt")
	put(t, s, key, nil)
	wantContent(t, s, key, nil)
}

func testPutReplaces(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	put(t, s, key, []byte("the first, which is longer"))
	put(t, s, key, []byte("the second"))
	wantContent(t, s, key, []byte("the second"))
}

func testPutLength(t *testing.T, s blob.Store) {
	content := random(t, 100<<10)
	for _, tt := range []struct {
		name string
		size int64
	}{
		{"one byte more", int64(len(content)) - 1},
		{"one byte fewer", int64(len(content)) + 1},
		{"all of it too much", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newKey("jpg")
			wantPutFails(t, s, key, tt.size, bytes.NewReader(content), blob.ErrSize)
			wantMissing(t, s, key)

			put(t, s, key, []byte("before"))
			wantPutFails(t, s, key, tt.size, bytes.NewReader(content), blob.ErrSize)
			wantContent(t, s, key, []byte("before"))
		})
	}
}

func testPutImpossible(t *testing.T, s blob.Store) {
	for _, size := range []int64{-1, blob.MaxSize + 1} {
		key := newKey("jpg")
		wantPutFails(t, s, key, size, failingReader{errors.New("was read")}, blob.ErrSize)
		wantMissing(t, s, key)
	}
}

func testPutFails(t *testing.T, s blob.Store) {
	key, broken := newKey("jpg"), errors.New("the line was cut")
	r := io.MultiReader(strings.NewReader("some of it"), failingReader{broken})
	wantPutFails(t, s, key, 1000, r, broken)
	wantMissing(t, s, key)
}

func testPutCancelled(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := io.MultiReader(bytes.NewReader(random(t, 64<<10)), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "more"), nil
	}))
	if err := s.Put(ctx, key, 1<<20, r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	wantMissing(t, s, key)
}

func testPutSameKey(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	inParallel(t, 8, func(i int) error {
		content := bytes.Repeat([]byte{byte('a' + i)}, 50<<10+i)
		return s.Put(t.Context(), key, int64(len(content)), bytes.NewReader(content))
	})
	got := open(t, s, key)
	if len(got) == 0 {
		t.Fatal("got nothing")
	}
	want := bytes.Repeat(got[:1], 50<<10+int(got[0]-'a'))
	if !bytes.Equal(got, want) {
		t.Errorf("got a mixture of %d bytes, want one of what was put", len(got))
	}
}

func testPutManyKeys(t *testing.T, s blob.Store) {
	folder := newFolder()
	name := func(i int) string { return fmt.Sprintf("%s/%d.jpg", folder, i) }
	const n = 24
	inParallel(t, n, func(i int) error {
		content := fmt.Sprintf("object %d", i)
		return s.Put(t.Context(), name(i), int64(len(content)), strings.NewReader(content))
	})
	for i := range n {
		wantContent(t, s, name(i), fmt.Appendf(nil, "object %d", i))
	}
}

func testPrefixes(t *testing.T, s blob.Store) {
	folder := newFolder()
	keys := []string{folder + ".jpg", folder + "/a.jpg", folder + "/a.jpg.txt", folder + "/a/b.jpg"}
	for _, key := range keys {
		put(t, s, key, []byte(key))
	}
	for _, key := range keys {
		wantContent(t, s, key, []byte(key))
	}
}

func testSeek(t *testing.T, s blob.Store) {
	key := newKey("txt")
	put(t, s, key, []byte("0123456789"))
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.Seek(-3, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if got := string(readAll(t, o)); got != "789" {
		t.Errorf("got %q, want %q", got, "789")
	}
}

func testDelete(t *testing.T, s blob.Store) {
	folder := newFolder()
	gone, stays := folder+"/gone.jpg", folder+"/stays.jpg"
	put(t, s, gone, []byte("gone"))
	put(t, s, stays, []byte("stays"))
	for range 2 {
		if err := s.Delete(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, s, gone)
	}
	wantContent(t, s, stays, []byte("stays"))

	put(t, s, gone, []byte("back"))
	wantContent(t, s, gone, []byte("back"))
}

func testMissing(t *testing.T, s blob.Store) {
	key := newKey("jpg")
	wantMissing(t, s, key)
	put(t, s, strings.TrimSuffix(key, ".jpg")+"/below.jpg", []byte("x"))
	wantMissing(t, s, key)
}

func testBadKeys(t *testing.T, s blob.Store) {
	for _, key := range []string{
		"", "/", ".", "..", "a", "a/b", "../a.jpg", "a/../b.jpg", "/a.jpg", "a//b.jpg", "a.jpg/",
		"a.jpg/b.jpg", ".a.jpg", "a..jpg", "A.jpg", "a b.jpg", "a%2fb.jpg", `a\b.jpg`, "a\x00.jpg",
		"바다.jpg", "a.jpg\n", strings.Repeat("a", 200) + ".jpg", strings.Repeat("a/", 8) + "a.jpg",
	} {
		t.Run(fmt.Sprintf("%.20q", key), func(t *testing.T) {
			_, openErr := s.Open(t.Context(), key)
			_, signErr := s.Sign(key, blob.SignOptions{Expires: minute}, time.Now())
			for what, err := range map[string]error{
				"put":    s.Put(t.Context(), key, 1, strings.NewReader("x")),
				"open":   openErr,
				"delete": s.Delete(t.Context(), key),
				"sign":   signErr,
			} {
				if !errors.Is(err, blob.ErrKey) {
					t.Errorf("%s: got %v, want %v", what, err, blob.ErrKey)
				}
			}
		})
	}
}

func testDoneContext(t *testing.T, s blob.Store) {
	kept, key := newKey("jpg"), newKey("jpg")
	put(t, s, kept, []byte("kept"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, openErr := s.Open(ctx, kept)
	for what, err := range map[string]error{
		"put":    s.Put(ctx, key, 1, strings.NewReader("x")),
		"open":   openErr,
		"delete": s.Delete(ctx, kept),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", what, err, context.Canceled)
		}
	}
	wantMissing(t, s, key)
	wantContent(t, s, kept, []byte("kept"))
}

func newFolder() string { return "conformance/" + strings.ToLower(rand.Text()) }

func newKey(ext string) string { return newFolder() + "/object." + ext }

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

// client follows nothing: a redirect is an answer like any other.
var client = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
