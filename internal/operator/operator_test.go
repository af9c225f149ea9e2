package operator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func create(t *testing.T, db *session.DB, name string, life time.Duration) (operator.Token, operator.Secret) {
	t.Helper()
	var token operator.Token
	var secret operator.Secret
	err := db.Write(t.Context(), func(w *session.Write) (err error) {
		token, secret, err = operator.Create(w, name, life, at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

func revoke(ctx context.Context, db *session.DB, text string, at time.Time) (token operator.Token, err error) {
	err = db.Write(ctx, func(w *session.Write) (err error) {
		token, err = operator.Revoke(ctx, w, text, at)
		return err
	})
	return token, err
}

func run[T any](ctx context.Context, db *session.DB, q query.Query[T]) (answer T, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		answer, err = session.Run(ctx, r, q)
		return err
	})
	return answer, err
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	lasting, good := create(t, db, "ci", 0)
	ending, short := create(t, db, "short", time.Hour)
	_, ended := create(t, db, "ended", 0)
	if _, err := revoke(t.Context(), db, "ended", at); err != nil {
		t.Fatal(err)
	}
	_, foreign := create(t, testkit.Open(t), "of another store", 0)
	for name, c := range map[string]struct {
		secret operator.Secret
		at     time.Time
		want   string
		err    error
	}{
		"good":                 {good, at, lasting.ID.String(), nil},
		"just before its end":  {short, at.Add(time.Hour - time.Microsecond), ending.ID.String(), nil},
		"at its end":           {short, at.Add(time.Hour), "", operator.ErrExpired},
		"revoked":              {ended, at, "", operator.ErrRevoked},
		"of another store":     {foreign, at, "", operator.ErrInvalid},
		"of nobody whatsoever": {operator.Secret{}, at, "", operator.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := run(t.Context(), db, operator.Authenticate(c.secret, c.at))
			if !errors.Is(err, c.err) || c.err == nil && got.ID.String() != c.want {
				t.Errorf("got %v, %v, want %s, %v", got, err, c.want, c.err)
			}
		})
	}
}

// A query that runs behind a bad token must not run at all.
func TestAuthenticateStopsWhatFollows(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	ran := false
	after := query.One("select 1", func(query.Row) (int, error) { ran = true; return 1, nil })
	err := db.Read(t.Context(), func(r *session.Read) error {
		var token operator.Token
		var n int
		return r.Gather(t.Context(), query.Into(&token, operator.Authenticate(operator.Secret{}, at)), query.Into(&n, after))
	})
	if !errors.Is(err, operator.ErrInvalid) || ran {
		t.Errorf("got %v, and what follows ran: %t; want invalid_token, and not", err, ran)
	}
}

func TestOnlyAHashIsStored(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	_, secret := create(t, db, "ci", time.Hour)
	rows, err := run(t.Context(), db, query.Many("select token_hash, prefix, name from api_tokens",
		func(r query.Row) (string, error) {
			var hash []byte
			var prefix, name string
			err := r.Scan(&hash, &prefix, &name)
			return fmt.Sprintf("%x %q %s %s", hash, hash, prefix, name), err
		}))
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	hidden := secret.Reveal()[len("muster_")+len(secret.Prefix())+1:]
	if strings.Contains(rows[0], hidden) || !strings.Contains(rows[0], secret.Prefix()) {
		t.Errorf("the row %q holds the secret, or not its prefix", rows[0])
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	first, secret := create(t, db, "ci", 0)
	create(t, db, "twice", 0)
	create(t, db, "twice", 0)
	for name, c := range map[string]struct {
		text string
		err  error
	}{
		"unknown name":   {"nobody", operator.ErrNoToken},
		"unknown id":     {"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47", operator.ErrNoToken},
		"ambiguous name": {"twice", operator.ErrAmbiguous},
	} {
		if _, err := revoke(t.Context(), db, c.text, at); !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", name, err, c.err)
		}
	}
	moment := at.Add(time.Minute)
	for i, text := range []string{"muster_" + secret.Prefix(), first.ID.String(), "ci", secret.Prefix(), secret.Reveal()} {
		got, err := revoke(t.Context(), db, text, moment.Add(time.Duration(i)*time.Hour))
		if err != nil || got.ID != first.ID || got.RevokedAt == nil || !got.RevokedAt.Equal(moment) {
			t.Errorf("revoking by %d characters: got %+v, %v; revoked for good at %s", len(text), got, err, moment)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name  string
		life  time.Duration
		field string
	}{
		"no name":          {"  ", 0, "name"},
		"a name too long":  {strings.Repeat("x", 101), 0, "name"},
		"control in name":  {"a\x1b[31m", 0, "name"},
		"an end in a past": {"ci", -time.Second, "expires"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := operator.Create(&session.Write{Read: new(session.Read)}, c.name, c.life, at)
			f := fault.As(err)
			if f == nil || len(f.Fields) == 0 || f.Fields[0].Name != c.field {
				t.Errorf("got %v, want a fault in %s", err, c.field)
			}
		})
	}
}

func TestUses(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	token, _ := create(t, db, "ci", 0)
	var uses operator.Uses
	used := func(want time.Time) {
		t.Helper()
		if err := uses.Flush(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		list, err := run(t.Context(), db, operator.Tokens())
		if err != nil || len(list) != 1 || list[0].LastUsedAt == nil || !list[0].LastUsedAt.Equal(want) {
			t.Errorf("got %+v, %v, want one last used at %s", list, err, want)
		}
	}
	uses.Note(token.ID, at.Add(time.Second))
	uses.Note(token.ID, at) // a request that took longer
	used(at.Add(time.Second))
	uses.Note(token.ID, at) // of another server, noted later
	used(at.Add(time.Second))

	uses.Note(token.ID, at.Add(time.Minute))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := uses.Flush(cancelled, db); err == nil {
		t.Error("a cancelled flush: got nil, want an error")
	}
	used(at.Add(time.Minute)) // it was kept
}
