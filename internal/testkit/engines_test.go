package testkit_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/testkit"
)

// domains are the rooms whose tests run on PostgreSQL as well as on SQLite.
var domains = []string{"dashboard", "demo", "extract", "httpapi", "idempotency", "intake", "media", "member", "operator", "transfer"}

// TestDomainsOnPostgres runs the tests of every domain again, on PostgreSQL.
func TestDomainsOnPostgres(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, "fsync = off")
	args := []string{"test", "-short"}
	for _, d := range domains {
		args = append(args, "github.com/musterhq/muster/internal/"+d)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), testkit.ServerVariable+"="+server.URL())
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v:\n%s", err, out)
	}
}
