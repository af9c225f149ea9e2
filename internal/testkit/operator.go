package testkit

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// AuditLog returns the audit log, with the key of all tests.
var AuditLog = sync.OnceValue(func() *audit.Log {
	l, err := audit.NewLog([][]byte{bytes.Repeat([]byte("a key of the tests "), 4)})
	if err != nil {
		panic(err)
	}
	return l
})

// Recorder returns what writes to the audit log on behalf of a test.
func Recorder() audit.Recorder { return AuditLog().Recorder(audit.Actor{Source: "test"}) }

// Principal returns one that may do everything, as Root.
func Principal(at time.Time) operator.Principal {
	return operator.Principal{Caller: operator.Root(), Recorder: Recorder(), At: at}
}

// Token creates a token that expires after life, or never if life is zero. Its
// operator is created with the role, unless one has the name already.
func Token(t testing.TB, db *session.DB, name, role string, life time.Duration, at time.Time) (token operator.Token, secret operator.Secret) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	err := db.Write(ctx, func(w *session.Write) error {
		o, err := operator.Find(ctx, w, name)
		if err != nil {
			if o, err = operator.Create(ctx, w, Principal(at), operator.New{Name: name, Role: role}); err != nil {
				return err
			}
		}
		n := operator.NewToken{Name: name}
		if life != 0 {
			n.ExpiresAt = new(at.Add(life))
		}
		token, secret, err = operator.CreateToken(ctx, w, Principal(at), o.ID, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}
