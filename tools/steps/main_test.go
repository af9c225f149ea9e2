package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun runs lanes of a Makefile in which the second waits for the first to
// begin and the first for the second: they run at once.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	const makefile = `
first: ; @mkfifo a b 2>/dev/null; echo one; echo go > a; read x < b
second: ; @until [ -p a ] && [ -p b ]; do :; done; read x < a; echo two; echo go > b
third: ; @echo three; exit 1
fourth: ; @echo four
`
	if err := os.WriteFile(filepath.Join(folder, "Makefile"), []byte(makefile), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	steps := run(t.Context(), &out, []string{"first", "second,third,fourth"})
	var got []string
	for _, s := range steps {
		name := s.target
		if s.err != nil {
			name += " failed"
		}
		got = append(got, name)
	}
	if want := "first, second, third failed, fourth"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	at := 0
	for _, line := range []string{"== first\none\n", "== second\ntwo\n", "== third\nthree\n", "== fourth\nfour\n"} {
		i := strings.Index(out.String()[at:], line)
		if i < 0 {
			t.Fatalf("%q is missing or out of order in %q", line, out.String())
		}
		at += i
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	good := step{target: "race", wall: 90 * time.Second, busy: 100 * time.Second}
	bad := step{target: "lint", wall: 30 * time.Second, busy: 40 * time.Second, err: errors.New("exit status 1")}
	for name, test := range map[string]struct {
		steps []step
		ok    bool
		lines []string
	}{
		"all well":   {[]step{good}, true, []string{"race 90 100 ok", "all 95 100"}},
		"one failed": {[]step{good, bad}, false, []string{"race 90 100 ok", "lint 30 40 FAILED", "all 95 140"}},
	} {
		var out bytes.Buffer
		if ok := report(&out, test.steps, 95*time.Second); ok != test.ok {
			t.Errorf("%s: got %t", name, ok)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		if want := "step seconds processor seconds " + strings.Join(test.lines, " "); text != want {
			t.Errorf("%s: got %q, want %q", name, text, want)
		}
	}
}
