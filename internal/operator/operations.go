package operator

import (
	"context"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/session"
)

// Create makes a token that is good for so long from now on, or for ever if
// life is zero. The secret is given here and never again. Faults: invalid,
// fields name and expires.
func Create(w *session.Write, name string, life time.Duration, at time.Time) (Token, Secret, error) {
	name = strings.TrimSpace(name)
	if err := checkName(name); err != nil {
		return Token{}, Secret{}, err
	}
	if life < 0 {
		var f fault.Fields
		f.Add("expires", "out_of_range", "is a time to come, such as 720h")
		return Token{}, Secret{}, f.Err()
	}
	secret := newSecret()
	t := Token{ID: ids.New[ids.Row](at), Name: name, Prefix: secret.Prefix()}
	t.CreatedAt = t.ID.Time()
	if life > 0 {
		end := t.CreatedAt.Add(life).Truncate(time.Microsecond)
		t.ExpiresAt = &end
	}
	w.Add(insert(t, secret.Hash()))
	return t, secret, nil
}

// Revoke ends a token, named by its id, its prefix (with or without muster_) or
// its name, and gives it as it is then. One that is revoked already stays so.
// The next request that comes with it is refused. Faults: token_not_found,
// token_ambiguous.
func Revoke(ctx context.Context, w *session.Write, text string, at time.Time) (Token, error) {
	t, err := find(ctx, w, text)
	if err != nil || t.RevokedAt != nil {
		return t, err
	}
	at = at.UTC().Truncate(time.Microsecond)
	w.Add(revoke(t.ID, at))
	t.RevokedAt = &at
	return t, nil
}

func find(ctx context.Context, r session.Reader, text string) (Token, error) {
	if id, err := ids.Parse[ids.Row](text); err == nil {
		return session.Run(ctx, r, byID(id))
	}
	prefix, _, _ := strings.Cut(strings.TrimPrefix(text, scheme), "_")
	if !strings.HasPrefix(text, scheme) {
		prefix = text
	}
	found, err := session.Run(ctx, r, matching(prefix))
	switch {
	case err != nil:
		return Token{}, err
	case len(found) == 0:
		return Token{}, ErrNoToken
	case len(found) == 2 && found[1].RevokedAt == nil:
		return Token{}, ErrAmbiguous
	}
	return found[0], nil
}
