package postgres_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/session"
	"github.com/musterhq/muster/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	base := os.Getenv("PGTEST")
	n := 0
	sessiontest.Run(t, func(t testing.TB) session.Engine {
		c, err := pgx.Connect(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		n++
		db := fmt.Sprintf("t%d_%d", os.Getpid(), n)
		if _, err := c.Exec(t.Context(), "create database "+db); err != nil {
			t.Fatal(err)
		}
		c.Close(t.Context())
		e, err := postgres.Open(t.Context(), postgres.Options{Primary: base + " dbname=" + db})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
