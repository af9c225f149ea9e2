package postgres

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestDropSparesWhatIsNeeded makes room for new statements in an exchange that
// needs the oldest, too.
func TestDropSparesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	s := &statements{byText: make(map[string]*prepared)}
	text := func(i int) string { return fmt.Sprint("select ", i) }
	for i := range maxStatements {
		s.add(&prepared{StatementDescription: &pgconn.StatementDescription{Name: text(i)}, text: text(i)})
	}
	dropped := s.drop(3, []statement{{text: text(0)}, {text: text(2)}, {text: "new"}})
	if len(dropped) != 3 || len(s.byText) != maxStatements-3 || len(s.order) != maxStatements-3 {
		t.Fatalf("%d were dropped, %d are known", len(dropped), len(s.byText))
	}
	for i, want := range map[int]bool{0: true, 1: false, 2: true, 3: false, 4: false, 5: true} {
		if known := s.byText[text(i)] != nil; known != want {
			t.Errorf("statement %d is known: %t, want %t", i, known, want)
		}
	}
}
