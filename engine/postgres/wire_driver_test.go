package postgres

import (
	"os"
	"regexp"
	"testing"
)

// TestDriver compares the version of pgx in go.mod with the one that wire.go was
// checked against.
func TestDriver(t *testing.T) {
	t.Parallel()
	used := find(t, "../../go.mod", `(?m)github\.com/jackc/pgx/v5 (v\S+)`)
	checked := find(t, "wire.go", `checked against pgx (v\d+\.\d+\.\d+)`)
	if used != checked {
		t.Errorf("pgx is %s, and wire.go, which writes past it, was checked against %s: read what wire.go relies on (its numbered list), "+
			"compare StartPipeline, SendPipelineSync, Flush, GetResults, Close and receiveMessage in pgconn/pgconn.go and pgproto3/frontend.go of the two versions, "+
			"run this package's tests with -race, then name the new version in wire.go", used, checked)
	}
}

// find returns what the first group of the pattern matches in a file.
func find(t *testing.T, file, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(pattern).FindSubmatch(text)
	if match == nil {
		t.Fatalf("%s does not name the version of pgx", file)
	}
	return string(match[1])
}
