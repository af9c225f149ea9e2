package progress

import (
	"bytes"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBar(&out)
	b.Set(1, 4, "first") // too early
	b.last = time.Now().Add(-lineEvery)
	b.Set(1, 4, "second")
	b.Set(2, 4, "third") // too early again
	b.last = time.Now().Add(-lineEvery)
	b.Set(9, 0, "without an end")
	b.Close()
	if got, want := out.String(), " 25 %  second\nwithout an end\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
