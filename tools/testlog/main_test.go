package main

import (
	"slices"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events, shown string
		bad           []string
	}{
		"a package that passes": {
			`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"PASS\n"}
			{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
			{"Action":"pass","Package":"p"}`,
			"ok  \tp\t0.1s\n", nil,
		},
		"a test that fails": {
			`{"Action":"output","Package":"p","Test":"TestA","Output":"got 1, want 2\n"}
			{"Action":"fail","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
			{"Action":"fail","Package":"p"}`,
			"got 1, want 2\nFAIL\tp\t0.1s\n", []string{"fail p TestA", "fail p"},
		},
		"a test that is skipped": {
			`{"Action":"output","Package":"p","Test":"TestA","Output":"no server\n"}
			{"Action":"skip","Package":"p","Test":"TestA"}
			{"Action":"pass","Package":"p"}`,
			"no server\n", []string{"skip p TestA"},
		},
		"a package that ends early": {
			`{"Action":"output","Package":"p","Output":"panic: x\n"}
			{"Action":"fail","Package":"p"}`,
			"panic: x\n", []string{"fail p"},
		},
		"a package that does not build": {
			`{"Action":"build-output","ImportPath":"p","Output":"undefined: x\n"}
			{"Action":"build-fail","ImportPath":"p"}`,
			"undefined: x\n", []string{"fail p"},
		},
		"a package without tests": {
			`{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
			{"Action":"skip","Package":"p"}`,
			"?   \tp\t[no test files]\n", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shown strings.Builder
			bad, err := show(strings.NewReader(c.events+"\n"), &shown)
			if err != nil || shown.String() != c.shown || !slices.Equal(bad, c.bad) {
				t.Errorf("got %q and %q, %v, want %q and %q", shown.String(), bad, err, c.shown, c.bad)
			}
		})
	}
}
