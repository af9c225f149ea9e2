package blob_test

import (
	"errors"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/blob"
)

const uuid = "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47"

func TestCheckKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200-len(".jpg")) + ".jpg"
	for _, tt := range []struct {
		name, key string
		want      error
	}{
		{"a photo", "members/" + uuid + "/photos/" + uuid + ".jpg", nil},
		{"no folder", "a.jpg", nil},
		{"shortest", "a.b", nil},
		{"two extensions", "a.tar.gz", nil},
		{"dashes inside", "a-_-/b_.c-", nil},
		{"longest", long, nil},
		{"deepest", strings.Repeat("a/", 7) + "b.c", nil},
		{"empty", "", blob.ErrKey},
		{"too long", "a" + long, blob.ErrKey},
		{"too deep", strings.Repeat("a/", 8) + "b.c", blob.ErrKey},
		{"no extension", "a/b", blob.ErrKey},
		{"empty extension", "a.", blob.ErrKey},
		{"empty stem", ".jpg", blob.ErrKey},
		{"dot in a folder", "a.b/c.d", blob.ErrKey},
		{"two dots", "a..b", blob.ErrKey},
		{"parent", "../a.b", blob.ErrKey},
		{"parent inside", "a/../b.c", blob.ErrKey},
		{"parent at the end", "a/..", blob.ErrKey},
		{"here", "./a.b", blob.ErrKey},
		{"absolute", "/a.b", blob.ErrKey},
		{"empty part", "a//b.c", blob.ErrKey},
		{"folder", "a.b/", blob.ErrKey},
		{"leading dash", "-a.b", blob.ErrKey},
		{"upper case", "A.b", blob.ErrKey},
		{"space", "a b.c", blob.ErrKey},
		{"escaped", "a%2eb.c", blob.ErrKey},
		{"backslash", `a\b.c`, blob.ErrKey},
		{"NUL", "a.b\x00", blob.ErrKey},
		{"new line", "a.b\n", blob.ErrKey},
		{"another script", "바다.jpg", blob.ErrKey},
		{"invalid UTF-8", "a\xff.jpg", blob.ErrKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := blob.CheckKey(tt.key); !errors.Is(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a/b.jpg":  "image/jpeg",
		"b.pdf":    "application/pdf",
		"b.txt":    "text/plain; charset=utf-8",
		"b.svg":    "application/octet-stream",
		"b.html":   "application/octet-stream",
		"b.jpg.gz": "application/octet-stream",
	} {
		if got := blob.TypeOf(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

// FuzzKey holds the validator against the grammar, written a second time, and
// against what makes a key safe wherever it is used.
func FuzzKey(f *testing.F) {
	for _, key := range []string{
		"members/" + uuid + "/photos/" + uuid + ".jpg", "a.b", "a", "", "../a.b", "a/./b.c", "a//b.c",
		"a..b", "a.b/c.d", "A.b", "a.b\n", "a%2fb.c", strings.Repeat("a/", 8) + "b.c", strings.Repeat("a", 201),
	} {
		f.Add(key)
	}
	grammar := regexp.MustCompile(`\A([a-z0-9][a-z0-9_-]*/){0,7}[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+\z`)
	f.Fuzz(func(t *testing.T, key string) {
		got := blob.CheckKey(key) == nil
		if want := len(key) <= 200 && grammar.MatchString(key); got != want {
			t.Fatalf("CheckKey(%q): got legal %t, want %t", key, got, want)
		}
		if !got {
			return
		}
		if path.Clean(key) != key || path.IsAbs(key) || !filepath.IsLocal(key) {
			t.Errorf("%q is legal but is not a clean path inside a folder", key)
		}
		if escaped := string(blob.AppendEscape(nil, key)); strings.ReplaceAll(escaped, "%2F", "/") != key {
			t.Errorf("%q is legal but is %q in a URL", key, escaped)
		}
		if blob.CheckKey(path.Dir(key)) == nil || blob.CheckKey(key+"/a.b") == nil {
			t.Errorf("%q is legal and so is a key that has it as a folder, or that is its folder", key)
		}
	})
}
