package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func key(k string) option { return with("Idempotency-Key", k) }

func TestRepetition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.call(t, "POST", admin+"/members", kim, key("k1")).want(t, 201)
	if first.header.Get("Idempotent-Replayed") != "" {
		t.Error("the first says that it is a repetition")
	}
	b.clock.set(start.Add(24*time.Hour - time.Second))
	again := b.call(t, "POST", admin+"/members", kim, key("k1")).want(t, 201)
	if again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("a repetition does not say so")
	}
	for _, name := range []string{"Location", "ETag", "Content-Type"} {
		if first.header.Get(name) != again.header.Get(name) {
			t.Errorf("got %s %q, then %q", name, first.header.Get(name), again.header.Get(name))
		}
	}
	if string(first.body) != string(again.body) {
		t.Errorf("got %s, then %s", first, again)
	}
	b.call(t, "POST", admin+"/members", person(1), key("k1")).problem(t, 422, "idempotency_key_reused")
	b.call(t, "POST", admin+"/members", kim, key("k2")).problem(t, 409, "phone_taken")
	b.call(t, "POST", admin+"/members", kim, key("k1"), as("Bearer "+b.token(t, "other", 0).Reveal())).problem(t, 409, "phone_taken")

	b.clock.set(start.Add(24 * time.Hour))
	b.call(t, "POST", admin+"/members", person(1), key("k1")).want(t, 201) // its time is over
}

func TestFailureIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.call(t, "POST", admin+"/members", kim, key("k")).problem(t, 409, "phone_taken")
	b.call(t, "DELETE", path, "").want(t, 200)
	b.call(t, "POST", admin+"/members", kim, key("k")).want(t, 201)
}

func TestIdempotencyKeysRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, o := range map[string]option{
		"empty":      func(r *http.Request) { r.Header["Idempotency-Key"] = []string{""} },
		"a space":    key("a b"),
		"not ASCII":  key("키"),
		"too long":   key(strings.Repeat("k", 256)),
		"two of one": func(r *http.Request) { r.Header["Idempotency-Key"] = []string{"a", "b"} },
	} {
		if r := b.call(t, "POST", admin+"/members", kim, o).problem(t, 400, "malformed"); r.fields()["Idempotency-Key"] == "" {
			t.Errorf("%s: got %s", name, r)
		}
	}
	b.call(t, "POST", admin+"/members", kim, key(strings.Repeat("k", 255))).want(t, 201)
}

func TestRepetitionsAtOnceMakeOneMember(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const callers = 32
	answers := make([]response, callers)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.call(t, "POST", admin+"/members", kim, key("at-once")) })
	}
	all.Wait()
	fresh := 0
	for i, r := range answers {
		r.want(t, 201)
		if r.header.Get("Idempotent-Replayed") == "" {
			fresh++
		}
		if string(r.body) != string(answers[0].body) {
			t.Errorf("answer %d is %s, the first is %s", i, r, answers[0])
		}
	}
	if fresh != 1 {
		t.Errorf("%d answers say that they are the first, want 1", fresh)
	}
	r := b.call(t, "GET", admin+"/dashboard", "").want(t, 200)
	if r.object["total_members"] != 1.0 {
		t.Errorf("got %v members, want 1", r.object["total_members"])
	}
}

// Who breaks off before the answer may repeat, and finds one member.
func TestBrokenOffAndRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := io.MultiReader(strings.NewReader(kim[:20]), cutOff{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+admin+"/members", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.secret.Reveal())
	r.Header.Set("Content-Type", "application/json")
	key("k")(r)
	if got, err := b.server.Client().Do(r); err == nil {
		got.Body.Close()
		t.Fatalf("got %s, want an error", got.Status)
	}
	b.call(t, "POST", admin+"/members", kim, key("k")).want(t, 201)
	b.call(t, "POST", admin+"/members", kim, key("k")).want(t, 201)
	if got := b.call(t, "GET", admin+"/dashboard", "").object["total_members"]; got != 1.0 {
		t.Errorf("got %v members, want 1", got)
	}
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, fmt.Errorf("the line went dead") }
