package query_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/musterhq/muster/query"
)

type place struct {
	After string `json:"after"`
	N     int    `json:"n"`
}

var secret = []byte("sixteen bytes and a few more")

func cursorKey(t testing.TB, secret []byte) *query.CursorKey {
	t.Helper()
	k, err := query.NewCursorKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t testing.TB, k *query.CursorKey, scope string, v any) string {
	t.Helper()
	token, err := k.Seal(scope, v)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	want := place{After: "김바다", N: 7}
	token := seal(t, cursorKey(t, secret), "members", want)
	if strings.Contains(token, "바다") || strings.ContainsAny(token, "+/=") {
		t.Errorf("the cursor %q is readable or not fit for a URL", token)
	}
	var got place // by another key of the same secret, as after a restart
	if err := cursorKey(t, bytes.Clone(secret)).Open("members", token, &got); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestCursorRefused(t *testing.T) {
	t.Parallel()
	k := cursorKey(t, secret)
	good := seal(t, k, "members", place{After: "x"})
	flip := []byte(good)
	flip[len(flip)/2] ^= 1
	for name, c := range map[string]struct{ scope, token string }{
		"empty":            {"members", ""},
		"made up":          {"members", "abcd"},
		"not base64":       {"members", "%%%"},
		"padded":           {"members", good + "="},
		"with a line end":  {"members", good + "\n"},
		"cut":              {"members", good[:len(good)-4]},
		"one bit changed":  {"members", string(flip)},
		"of another list":  {"photos", good},
		"of another key":   {"members", seal(t, cursorKey(t, []byte("quite another secret")), "members", place{})},
		"of other content": {"members", seal(t, k, "members", map[string]int{"other": 1})},
		"far too long":     {"members", strings.Repeat("A", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got place
			if err := k.Open(c.scope, c.token, &got); !errors.Is(err, query.ErrCursor) {
				t.Errorf("got %v and %v, want ErrCursor", got, err)
			}
		})
	}
}

func TestCursorIsBounded(t *testing.T) {
	t.Parallel()
	if token, err := cursorKey(t, secret).Seal("members", place{After: strings.Repeat("x", 2000)}); err == nil {
		t.Errorf("got a cursor of %d characters, want an error", len(token))
	}
	if _, err := query.NewCursorKey([]byte("short")); err == nil {
		t.Error("got a key of a secret of 5 bytes, want an error")
	}
}

func FuzzCursor(f *testing.F) {
	k := cursorKey(f, secret)
	f.Add("members", "members", seal(f, k, "members", place{After: "x"}), "x")
	f.Add("members", "photos", "", "")
	f.Add("", "a", "====", "\x00\xff")
	f.Fuzz(func(t *testing.T, scope, other, token, after string) {
		var got place
		if err := k.Open(scope, token, &got); err == nil && !errors.Is(k.Open(scope+"x", token, &got), query.ErrCursor) {
			t.Fatalf("%q opens for two scopes", token)
		}
		after = strings.ToValidUTF8(after, "?")
		sealed, err := k.Seal(scope, place{After: after})
		if err != nil {
			return // too long
		}
		if err := k.Open(scope, sealed, &got); err != nil || got.After != after {
			t.Fatalf("got %q, %v, want %q", got.After, err, after)
		}
		if scope != other && !errors.Is(k.Open(other, sealed, &got), query.ErrCursor) {
			t.Fatalf("sealed for %q, opened for %q", scope, other)
		}
	})
}
