package schema_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/schema"
)

func TestMigratePostgres(t *testing.T) {
	t.Parallel()
	url := postgrestest.Start(t).Database(t)
	s, err := schema.InspectPostgres(t.Context(), url)
	if err != nil || s.Version != 0 || len(s.Pending) == 0 {
		t.Fatalf("an empty database: got %+v, %v", s, err)
	}
	var wg sync.WaitGroup
	states := make([]schema.State, 4)
	for i := range states {
		wg.Go(func() {
			var err error
			if states[i], err = schema.MigratePostgres(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	applied := 0
	for _, s := range states {
		applied += len(s.Applied)
		if s.Version != s.Latest || len(s.Pending) != 0 {
			t.Errorf("got %+v", s)
		}
	}
	if applied != int(states[0].Latest) {
		t.Errorf("%d migrations were applied by four at once, want each once: %d", applied, states[0].Latest)
	}
}

func TestPostgresErrorsNameNobody(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://someone:geheim@127.0.0.1:1/db", "postgres://someone:geheim@[::1/db", "no address geheim"} {
		_, err := schema.InspectPostgres(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "someone") {
			t.Errorf("got %v", err)
		}
	}
}
