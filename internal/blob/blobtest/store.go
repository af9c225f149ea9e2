package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

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
	folder := newDir()
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
	folder := newDir()
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
	folder := newDir()
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
