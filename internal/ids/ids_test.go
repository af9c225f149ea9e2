package ids_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/ids"
)

// moments are those that an identifier can hold: 1970 to 10889.
var moments = rapid.Custom(func(t *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, 1<<48*1000-1).Draw(t, "microseconds")).UTC()
})

func TestTimeComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := moments.Draw(t, "at")
		if got := ids.New[ids.Member](at).Time(); !got.Equal(at) {
			t.Fatalf("got %v, want %v", got, at)
		}
	})
}

func TestOrderIsTheOrderOfCreation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := moments.Draw(t, "a"), moments.Draw(t, "b")
		older, newer := ids.New[ids.Member](a), ids.New[ids.Member](b)
		if want := a.Compare(b); want != 0 && bytes.Compare(older[:], newer[:]) != want {
			t.Fatalf("%v of %v against %v of %v", older, a, newer, b)
		}
		if first := ids.First[ids.Member](a); bytes.Compare(first[:], older[:]) > 0 {
			t.Fatalf("%v is before the first of its moment, %v", older, first)
		}
	})
}

func TestForm(t *testing.T) {
	t.Parallel()
	seen := map[ids.Photo]bool{}
	for range 10_000 {
		id := ids.New[ids.Photo](time.UnixMicro(1_700_000_000_123_456))
		text := id.String()
		if text[14] != '7' || !strings.ContainsAny(text[19:20], "89ab") {
			t.Fatalf("%s is no UUIDv7", text)
		}
		if back, err := ids.Parse[ids.Photo](strings.ToUpper(text)); err != nil || back != id {
			t.Fatalf("%s came back as %s, %v", text, back, err)
		}
		if seen[id] {
			t.Fatalf("%s was made twice", id)
		}
		seen[id] = true
	}
}

func TestMalformedTextIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "0190a5c6", "0190a5c67d2e7b318f602f1c5d0e9a47", "{190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47}",
		"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a4", "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a477",
		"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a4g", "0190a5c6_7d2e-7b31-8f60-2f1c5d0e9a47", "바다바다바다바다바다바다",
	} {
		var id ids.Member
		if err := id.UnmarshalText([]byte(text)); !errors.Is(err, ids.ErrMalformed) || !id.IsZero() {
			t.Errorf("%q became %v, %v", text, id, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	id := ids.New[ids.Member](time.Now())
	text, err := json.Marshal(id)
	if err != nil || string(text) != `"`+id.String()+`"` {
		t.Errorf("got %s, %v", text, err)
	}
	var back ids.Member
	if err := json.Unmarshal(text, &back); err != nil || back != id {
		t.Errorf("got %v, %v", back, err)
	}
}
