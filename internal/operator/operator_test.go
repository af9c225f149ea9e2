package operator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// create creates a token of an operator with the same name.
func create(t *testing.T, db *session.DB, name string, life time.Duration) (operator.Token, operator.Secret) {
	t.Helper()
	return testkit.Token(t, db, name, operator.Administrator, life, at)
}

func revoke(ctx context.Context, db *session.DB, text string, at time.Time) (token operator.Token, err error) {
	err = db.Write(ctx, func(w *session.Write) (err error) {
		if token, err = operator.FindToken(ctx, w, text); err == nil {
			token, err = operator.RevokeToken(ctx, w, testkit.Principal(at), ids.Operator{}, token.ID)
		}
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

// as calls fn with the principal of an operator with a role, whose token may have a
// scope.
func as(t *testing.T, db *session.DB, name, role string, scope []string, fn func(context.Context, *session.Write, operator.Principal) error) error {
	t.Helper()
	_, secret := testkit.Token(t, db, name, role, 0, at)
	if scope != nil {
		err := db.Write(t.Context(), func(w *session.Write) error {
			o, err := operator.Find(t.Context(), w, name)
			if err == nil {
				_, secret, err = operator.CreateToken(t.Context(), w, testkit.Principal(at), o.ID, operator.NewToken{Name: name, Scope: scope})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	caller, err := run(t.Context(), db, operator.Authenticate(secret, at, 0))
	if err != nil {
		t.Fatal(err)
	}
	return db.Write(t.Context(), func(w *session.Write) error {
		return fn(t.Context(), w, operator.Principal{Caller: caller, Recorder: testkit.Recorder(), At: at})
	})
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
	_, idle := create(t, db, "idle", 0)
	if _, err := run(t.Context(), db, operator.Authenticate(good, at.Add(time.Hour), time.Hour)); err != nil {
		t.Errorf("a token created an hour ago: got %v", err)
	}
	if _, err := run(t.Context(), db, operator.Authenticate(good, at.Add(time.Hour+time.Microsecond), time.Hour)); !errors.Is(err, operator.ErrIdle) {
		t.Errorf("a token unused for an hour: got %v, want idle_token", err)
	}
	disable(t, db, "idle")
	_, foreign := create(t, testkit.Open(t), "of another store", 0)
	for name, c := range map[string]struct {
		secret operator.Secret
		at     time.Time
		want   ids.Row
		err    error
	}{
		"good":                   {good, at, lasting.ID, nil},
		"just before its end":    {short, at.Add(time.Hour - time.Microsecond), ending.ID, nil},
		"at its end":             {short, at.Add(time.Hour), ids.Row{}, operator.ErrExpired},
		"revoked":                {ended, at, ids.Row{}, operator.ErrRevoked},
		"of a disabled operator": {idle, at, ids.Row{}, operator.ErrDisabled},
		"of another store":       {foreign, at, ids.Row{}, operator.ErrInvalid},
		"of nobody whatsoever":   {operator.Secret{}, at, ids.Row{}, operator.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := run(t.Context(), db, operator.Authenticate(c.secret, c.at, 0))
			if !errors.Is(err, c.err) || c.err == nil && got.Token != c.want {
				t.Errorf("got %v, %v, want %s, %v", got, err, c.want, c.err)
			}
		})
	}
}

func disable(t *testing.T, db *session.DB, name string) {
	t.Helper()
	change(t, db, name, operator.Patch{Disabled: new(true)})
}

func change(t *testing.T, db *session.DB, name string, p operator.Patch) {
	t.Helper()
	err := db.Write(t.Context(), func(w *session.Write) error {
		o, err := operator.Find(t.Context(), w, name)
		if err == nil {
			_, _, err = operator.Update(t.Context(), w, testkit.Principal(at), o.ID, p, nil)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A query after a bad token must not run at all.
func TestAuthenticateStopsWhatFollows(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	ran := false
	after := query.One("select 1", func(query.Row) (int, error) { ran = true; return 1, nil })
	err := db.Read(t.Context(), func(r *session.Read) error {
		var caller operator.Caller
		var n int
		return r.Gather(t.Context(), query.Into(&caller, operator.Authenticate(operator.Secret{}, at, 0)), query.Into(&n, after))
	})
	if !errors.Is(err, operator.ErrInvalid) || ran {
		t.Errorf("got %v, and the next query ran: %t; want invalid_token, and false", err, ran)
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
		t.Errorf("the row %q contains the secret, or lacks its prefix", rows[0])
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
			t.Errorf("revoking by %d characters: got %+v, %v; want it revoked at %s", len(text), got, err, moment)
		}
	}
}

// A token whose name is the prefix of another must not prevent its revocation.
func TestRevokeBehindDecoys(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	leaked, secret := create(t, db, "ci", 0)
	for range 3 {
		create(t, db, leaked.Prefix, 0)
	}
	for _, text := range []string{secret.Reveal(), "muster_" + leaked.Prefix, leaked.Prefix} {
		if got, err := revoke(t.Context(), db, text, at); err != nil || got.ID != leaked.ID {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// Disabling an operator disables all its tokens at once.
func TestTokensOfOperators(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, "root", 0)
	_, first := testkit.Token(t, db, "kim", operator.Reviewer, time.Hour, at)
	_, second := testkit.Token(t, db, "kim", operator.Reviewer, 0, at)
	var kim operator.Operator
	err := db.Read(t.Context(), func(r *session.Read) (err error) {
		kim, err = operator.Find(t.Context(), r, "Kim")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := run(t.Context(), db, operator.TokensOf(kim.ID))
	if err != nil || len(list) != 2 || list[0].Operator != kim.ID || list[0].Prefix == list[1].Prefix {
		t.Errorf("got %+v, %v, want the two of kim", list, err)
	}
	disable(t, db, "kim")
	for _, secret := range []operator.Secret{first, second} {
		if _, err := run(t.Context(), db, operator.Authenticate(secret, at, 0)); !errors.Is(err, operator.ErrDisabled) {
			t.Errorf("got %v, want disabled_operator", err)
		}
	}
	change(t, db, "kim", operator.Patch{Disabled: new(false)})
	if _, err := run(t.Context(), db, operator.Authenticate(second, at, 0)); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	token, _ := create(t, db, "ci", 0)
	var usage operator.Usage
	used := func(want time.Time) {
		t.Helper()
		if err := usage.Flush(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		list, err := run(t.Context(), db, operator.Tokens())
		if err != nil || len(list) != 1 || list[0].LastUsedAt == nil || !list[0].LastUsedAt.Equal(want) {
			t.Errorf("got %+v, %v, want one last used at %s", list, err, want)
		}
	}
	usage.Add(token.ID, at.Add(time.Second))
	usage.Add(token.ID, at) // a slower request
	used(at.Add(time.Second))
	usage.Add(token.ID, at) // from another server, later
	used(at.Add(time.Second))

	usage.Add(token.ID, at.Add(time.Minute))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := usage.Flush(cancelled, db); err == nil {
		t.Error("a cancelled flush: got nil, want an error")
	}
	used(at.Add(time.Minute)) // it was kept
}

// A caller may do what both the current role and the token allow.
func TestRoles(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, "root", 0)
	_, secret := testkit.Token(t, db, "kim", operator.Viewer, 0, at)
	may := func(want ...operator.Permission) {
		t.Helper()
		got, err := run(t.Context(), db, operator.Authenticate(secret, at, 0))
		if want := operator.Of(append(want, operator.Anyone)...); err != nil || got.May != want {
			t.Errorf("got %s, %v, want %s", got.May, err, want)
		}
	}
	set := func(role string, words ...string) {
		t.Helper()
		err := db.Write(t.Context(), func(w *session.Write) error {
			_, _, err := operator.SetRole(t.Context(), w, testkit.Principal(at), role, words, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	may(operator.ReadMembers, operator.ReadDashboard)
	set("accountant", "dashboard:read", "phones:reveal")
	change(t, db, "kim", operator.Patch{Role: new("accountant")})
	may(operator.ReadDashboard, operator.RevealPhones)
	set("accountant", "dashboard:read")
	may(operator.ReadDashboard)
	set("accountant")
	may()
	change(t, db, "kim", operator.Patch{Role: new(operator.Administrator)})
	may(operator.Grantable()...)
	// A row with the name of a standard role, or an unknown word, allows nothing.
	err := db.Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("insert into roles (name, permissions, created_at, updated_at, version) values ($1, $2, $3, $3, 1)", "viewer", "operators:write", at),
			query.Exec("update roles set permissions = $1 where name = $2", "anyone everything phones:reveal", "accountant"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	change(t, db, "kim", operator.Patch{Role: new("accountant")})
	may(operator.RevealPhones)
}

func TestStandardRolesGrow(t *testing.T) {
	t.Parallel()
	list := operator.StandardRoles()
	for i := range list[1:] {
		if !list[i].Permissions.Within(list[i+1].Permissions) || list[i].Permissions == list[i+1].Permissions {
			t.Errorf("%s allows %s, and %s only %s", list[i].Name, list[i].Permissions, list[i+1].Name, list[i+1].Permissions)
		}
	}
	if last := list[len(list)-1]; last.Permissions != operator.All() {
		t.Errorf("%s allows %s", last.Name, last.Permissions)
	}
	if operator.All().Has(0) || operator.Permission(200).Valid() || operator.Of(200) != 0 {
		t.Error("an invalid permission is valid")
	}
}

// Nobody can grant or take away permissions that they do not have; a token is never
// worth more than the one that it was created with.
func TestPrivilegesAreNotExceeded(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, "root", 0)
	err := db.Write(t.Context(), func(w *session.Write) error {
		_, _, err := operator.SetRole(t.Context(), w, testkit.Principal(at), "clerk", []string{"operators:read", "operators:write", "tokens:write", "members:read"}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	find := func(ctx context.Context, w *session.Write, name string) ids.Operator {
		o, err := operator.Find(ctx, w, name)
		if err != nil {
			t.Fatal(err)
		}
		return o.ID
	}
	soon := at.Add(time.Hour)
	for name, c := range map[string]struct {
		scope []string
		do    func(context.Context, *session.Write, operator.Principal) error
		want  string // the code of the fault, or the field; empty: it is allowed
	}{
		"an operator of a wider role": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, err := operator.Create(ctx, w, d, operator.New{Name: "friend", Role: operator.Viewer})
			return err
		}, "privilege_exceeded"},
		"an operator of one's own role": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, err := operator.Create(ctx, w, d, operator.New{Name: "colleague", Role: "clerk"})
			return err
		}, ""},
		"a wider role for oneself": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.Update(ctx, w, d, d.Caller.Operator, operator.Patch{Role: new(operator.Administrator)}, nil)
			return err
		}, "privilege_exceeded"},
		"the end of an administrator": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.Update(ctx, w, d, find(ctx, w, "root"), operator.Patch{Disabled: new(true)}, nil)
			return err
		}, "privilege_exceeded"},
		"a token of an administrator": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, find(ctx, w, "root"), operator.NewToken{Name: "x"})
			return err
		}, "privilege_exceeded"},
		"the token of an administrator": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			token, err := operator.FindToken(ctx, w, "root")
			if err == nil {
				_, err = operator.RevokeToken(ctx, w, d, ids.Operator{}, token.ID)
			}
			return err
		}, "privilege_exceeded"},
		"more for one's own role": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.SetRole(ctx, w, d, "clerk", []string{"operators:write", "phones:reveal"}, nil)
			return err
		}, "privilege_exceeded"},
		"a new role with more": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.SetRole(ctx, w, d, "other", []string{"phones:reveal"}, nil)
			return err
		}, "privilege_exceeded"},
		"a standard role": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.SetRole(ctx, w, d, "viewer", []string{"members:read"}, nil)
			return err
		}, "role"},
		"a whole token with a limited one": {[]string{"tokens:write"}, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x"})
			return err
		}, "scope"},
		"another scope with a limited one": {[]string{"tokens:write"}, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", Scope: []string{"operators:write"}})
			return err
		}, "privilege_exceeded"},
		"the same scope with a limited one": {[]string{"tokens:write"}, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", Scope: []string{"tokens:write"}, ExpiresAt: &soon})
			return err
		}, ""},
		"a scope beyond the role": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", Scope: []string{"phones:reveal"}})
			return err
		}, "scope"},
		"a scope of nothing": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", Scope: []string{}})
			return err
		}, "scope"},
		"a token that has ended": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", ExpiresAt: new(at)})
			return err
		}, "expires_at"},
		"a longer life than one's own": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			d.Caller.ExpiresAt = &soon
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x", ExpiresAt: new(soon.Add(time.Second))})
			return err
		}, "expires_at"},
		"for ever, with one that ends": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			d.Caller.ExpiresAt = &soon
			_, _, err := operator.CreateToken(ctx, w, d, d.Caller.Operator, operator.NewToken{Name: "x"})
			return err
		}, "expires_at"},
		"a role that is none": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, err := operator.Create(ctx, w, d, operator.New{Name: "x", Role: "emperor"})
			return err
		}, "role"},
		"a name that is taken": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, err := operator.Create(ctx, w, d, operator.New{Name: " ROOT ", Role: "clerk"})
			return err
		}, "operator_name_taken"},
		"a name that is none": {nil, func(ctx context.Context, w *session.Write, d operator.Principal) error {
			_, err := operator.Create(ctx, w, d, operator.New{Name: " \x1b[31m", Role: "clerk"})
			return err
		}, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fault.As(as(t, db, "clerk "+name, "clerk", c.scope, c.do))
			switch {
			case f == nil && c.want == "":
			case f == nil || f.Code != c.want && (len(f.Fields) == 0 || f.Fields[0].Name != c.want):
				t.Errorf("got %v, want %q", f, c.want)
			}
		})
	}
}

// One administrator always remains, even when two demote each other at once.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	change := func(caller, target string, p operator.Patch) error {
		return db.Write(t.Context(), func(w *session.Write) error {
			d := testkit.Principal(at)
			c, err := operator.Find(t.Context(), w, caller)
			if err != nil {
				return err
			}
			o, err := operator.Find(t.Context(), w, target)
			if err != nil {
				return err
			}
			if c.Role != operator.Administrator {
				return operator.ErrPrivilegeExceeded // as authentication would report
			}
			d.Caller.Operator = c.ID
			_, _, err = operator.Update(t.Context(), w, d, o.ID, p, nil)
			return err
		})
	}
	create(t, db, "a", 0)
	for what, p := range map[string]operator.Patch{"demoted": {Role: new(operator.Viewer)}, "disabled": {Disabled: new(true)}} {
		if err := change("a", "a", p); !errors.Is(err, operator.ErrLastAdministrator) {
			t.Errorf("%s: got %v, want last_administrator", what, err)
		}
	}
	for range 20 {
		testkit.Token(t, db, "b", operator.Administrator, 0, at)
		if err := db.Write(t.Context(), func(w *session.Write) error {
			b, err := operator.Find(t.Context(), w, "b")
			if err == nil {
				_, _, err = operator.Update(t.Context(), w, testkit.Principal(at), b.ID, operator.Patch{Role: new(operator.Administrator)}, nil)
			}
			a, errA := operator.Find(t.Context(), w, "a")
			if errA == nil {
				_, _, errA = operator.Update(t.Context(), w, testkit.Principal(at), a.ID, operator.Patch{Role: new(operator.Administrator)}, nil)
			}
			return errors.Join(err, errA)
		}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = change("a", "b", operator.Patch{Role: new(operator.Viewer)}) })
		wg.Go(func() { errs[1] = change("b", "a", operator.Patch{Role: new(operator.Viewer)}) })
		wg.Wait()
		list, err := run(t.Context(), db, operator.Operators())
		left := 0
		for _, o := range list {
			if o.Role == operator.Administrator {
				left++
			}
		}
		if err != nil || left != 1 || (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%d administrators are left, %v; the two got %v", left, err, errs)
		}
	}
}

// The first start creates an administrator, who gets the existing tokens.
func TestEnsureAdministrator(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	_, secret := create(t, db, "old", 0)
	err := db.Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("update api_tokens set operator_id = null"), query.Exec("delete from operators"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), db, operator.Authenticate(secret, at, 0)); !errors.Is(err, operator.ErrInvalid) {
		t.Errorf("a token without an operator: got %v, want invalid_token", err)
	}
	for range 2 {
		if err := db.Write(t.Context(), func(w *session.Write) error {
			return operator.EnsureAdministrator(t.Context(), w, testkit.Principal(at))
		}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := run(t.Context(), db, operator.Authenticate(secret, at, 0))
	if err != nil || c.Role != operator.Administrator || c.May != operator.All() {
		t.Errorf("got %+v, %v", c, err)
	}
	list, err := run(t.Context(), db, operator.Operators())
	if err != nil || len(list) != 1 {
		t.Errorf("got %v, %v, want one", list, err)
	}
}

func TestRoleInUse(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	set := func(ifVersion *int64) (role operator.Role, err error) {
		err = db.Write(t.Context(), func(w *session.Write) (err error) {
			role, _, err = operator.SetRole(t.Context(), w, testkit.Principal(at), "clerk", []string{"members:read"}, ifVersion)
			return err
		})
		return role, err
	}
	remove := func() error {
		return db.Write(t.Context(), func(w *session.Write) error {
			_, err := operator.DeleteRole(t.Context(), w, testkit.Principal(at), "clerk")
			return err
		})
	}
	if _, err := set(new(int64(1))); !errors.Is(err, operator.ErrVersionMismatch) {
		t.Errorf("a version of a missing role: got %v", err)
	}
	if role, err := set(nil); err != nil || role.Version != 1 {
		t.Fatal(role, err)
	}
	testkit.Token(t, db, "kim", "clerk", 0, at)
	if err := remove(); !errors.Is(err, operator.ErrRoleInUse) {
		t.Errorf("got %v, want role_in_use", err)
	}
	change(t, db, "kim", operator.Patch{Role: new(operator.Viewer)})
	if err := remove(); err != nil {
		t.Error(err)
	}
	if err := remove(); !errors.Is(err, operator.ErrNoRole) {
		t.Errorf("got %v, want role_not_found", err)
	}
}
