package blob_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/musterhq/muster/internal/blob"
)

func TestExactly(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name    string
		content string
		size    int64
		tail    error // what the content ends with
		want    error
	}{
		{"as long", "hello", 5, io.EOF, nil},
		{"empty", "", 0, io.EOF, nil},
		{"shorter", "hell", 5, io.EOF, blob.ErrSize},
		{"longer", "hello!", 5, io.EOF, blob.ErrSize},
		{"not empty", "h", 0, io.EOF, blob.ErrSize},
		{"broken before the end", "he", 5, broken, broken},
		{"broken at the end", "hello", 5, broken, broken},
	} {
		for how, wrap := range map[string]func(io.Reader) io.Reader{
			"whole":              func(r io.Reader) io.Reader { return r },
			"byte by byte":       iotest.OneByteReader,
			"end with last byte": iotest.DataErrReader,
		} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				t.Parallel()
				r := wrap(io.MultiReader(strings.NewReader(tt.content), iotest.ErrReader(tt.tail)))
				var got bytes.Buffer
				n, err := io.Copy(&got, blob.Exactly(r, tt.size))
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if tt.want == nil && got.String() != tt.content {
					t.Errorf("got %q, want %q", got.String(), tt.content)
				}
				if tt.want != nil && n >= tt.size && tt.size > 0 {
					t.Errorf("got all %d bytes of what failed", n)
				}
			})
		}
	}
}

// A store that reads only as far as the size was told must still hear of what
// follows.
func TestExactlyIsHeardBySizedReaders(t *testing.T) {
	t.Parallel()
	buf := make([]byte, 5)
	if n, err := io.ReadFull(blob.Exactly(strings.NewReader("hello!"), 5), buf); !errors.Is(err, blob.ErrSize) {
		t.Errorf("got %d bytes and %v, want %v", n, err, blob.ErrSize)
	}
}
