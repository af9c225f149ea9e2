package idempotency_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/idempotency"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type bundle struct {
	db    *session.DB
	token ids.Row
	hash  []byte
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{db: testkit.Open(t)}
	token, secret := testkit.Token(t, b.db, "ci", operator.Administrator, 0, at)
	b.token, b.hash = token.ID, secret.Hash()
	return b
}

func (b bundle) keep(ctx context.Context, q idempotency.Request, body string, at time.Time) error {
	return b.db.Write(ctx, func(w *session.Write) error {
		w.Add(idempotency.Store(b.token, q, idempotency.Response{Status: 201, ETag: `"v1"`, Location: "/m/1", Body: []byte(body)}, at)...)
		return nil
	})
}

func (b bundle) find(t *testing.T, key string, at time.Time) (rec *idempotency.Response) {
	t.Helper()
	err := b.db.Read(t.Context(), func(r *session.Read) (err error) {
		rec, err = session.Run(t.Context(), r, idempotency.Find(b.hash, key, at))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func request(key, body string) idempotency.Request {
	return idempotency.Request{Key: key, Method: "POST", Path: "/members", Body: sha256.Sum256([]byte(body))}
}

func TestRecordComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if rec := b.find(t, "k", at); rec != nil {
		t.Fatalf("nothing was kept: got %+v", rec)
	}
	if err := b.keep(t.Context(), request("k", "one"), "answer", at); err != nil {
		t.Fatal(err)
	}
	rec := b.find(t, "k", at.Add(idempotency.TTL-time.Microsecond))
	if rec == nil || rec.Status != 201 || rec.ETag != `"v1"` || rec.Location != "/m/1" || string(rec.Body) != "answer" {
		t.Fatalf("got %+v", rec)
	}
	other := request("k", "one")
	other.Path = "/other"
	for name, c := range map[string]struct {
		q    idempotency.Request
		want error
	}{
		"the same":     {request("k", "one"), nil},
		"another body": {request("k", "two"), idempotency.ErrReused},
		"another call": {other, idempotency.ErrReused},
	} {
		if err := rec.Check(c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if rec := b.find(t, "k", at.Add(idempotency.TTL)); rec != nil {
		t.Errorf("after its TTL: got %+v", rec)
	}
}

func TestSecondRecordConflicts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.keep(t.Context(), request("k", "one"), "first", at); err != nil {
		t.Fatal(err)
	}
	if err := b.keep(t.Context(), request("k", "one"), "second", at); !errors.Is(err, idempotency.ErrAnswered) {
		t.Errorf("got %v, want %v", err, idempotency.ErrAnswered)
	}
	if err := b.keep(t.Context(), request("k", "two"), "next", at.Add(idempotency.TTL)); err != nil {
		t.Errorf("after the TTL of the first: %v", err)
	}
	if rec := b.find(t, "k", at.Add(idempotency.TTL)); rec == nil || string(rec.Body) != "next" {
		t.Errorf("got %+v, want the next", rec)
	}
}

func TestSweepIsBoundedAndComplete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const over, left = 1201, 3
	err := b.db.Write(t.Context(), func(w *session.Write) error {
		for i := range over + left {
			when := at
			if i >= over {
				when = at.Add(time.Hour)
			}
			w.Add(idempotency.Store(b.token, request(fmt.Sprint(i), ""), idempotency.Response{Status: 201, Body: []byte("x")}, when)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	swept, err := idempotency.Sweep(t.Context(), b.db, at.Add(idempotency.TTL))
	if err != nil || swept != over {
		t.Errorf("got %d, %v, want %d", swept, err, over)
	}
	if again, err := idempotency.Sweep(t.Context(), b.db, at.Add(idempotency.TTL)); err != nil || again != 0 {
		t.Errorf("again: got %d, %v, want 0", again, err)
	}
	if rec := b.find(t, fmt.Sprint(over), at.Add(idempotency.TTL)); rec == nil {
		t.Error("a response that has not expired was deleted")
	}
}
