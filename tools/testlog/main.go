// Testlog reads the output of go test -json and prints what a person wants of it:
// a line for each package, and the output of failed tests. It fails when a test
// failed or was skipped: a test that does not run proves nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	bad, err := show(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
	if len(bad) > 0 {
		fmt.Printf("\n%d tests or packages failed or were skipped:\n%s\n", len(bad), strings.Join(bad, "\n"))
		os.Exit(1)
	}
}

// event is a line of go test -json (see go doc test2json).
type event struct{ Action, Package, ImportPath, Test, Output string }

// show copies to w what a person wants, and returns what failed or was skipped.
func show(r io.Reader, w io.Writer) (bad []string, err error) {
	said := make(map[string]*strings.Builder) // by package and test
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return bad, nil
		}
		if err != nil {
			return bad, err
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(w, "%s", line) // not of the protocol: go itself
			continue
		}
		name := strings.TrimSpace(e.Package + " " + e.Test)
		switch e.Action {
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "build-fail":
			bad = append(bad, "fail "+e.ImportPath)
		case "output":
			if e.Test == "" && isVerdict(e.Output) {
				fmt.Fprint(w, e.Output)
				continue
			}
			if said[name] == nil {
				said[name] = new(strings.Builder)
			}
			said[name].WriteString(e.Output)
		case "pass":
			delete(said, name)
		case "fail", "skip":
			if e.Action == "skip" && e.Test == "" {
				continue // a package without tests
			}
			bad = append(bad, e.Action+" "+name)
			if b := said[name]; b != nil {
				fmt.Fprint(w, b.String())
			}
			delete(said, name)
		}
	}
}

// isVerdict reports whether a line of go test is about a whole package.
func isVerdict(line string) bool {
	for _, start := range []string{"ok  ", "FAIL\t", "?   "} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}
