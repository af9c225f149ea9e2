package sqlite

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzList holds the short way to read a list to encoding/json: the same lists,
// and the same refusals.
func FuzzList(f *testing.F) {
	for _, seed := range []string{
		`[]`, `["a"]`, `["a","바다",""]`, `["a\\n"]`, `["a" ,"b"]`, `null`, `[1,2]`, `["a",1]`, `["a"`, `["a"x"b"]`,
		`["a",]`, `[,"a"]`, `"a"`, `{"a":"b"}`, `["a"]]`, `[["a"]]`, "[\"\x01\"]", "[\"\xff\"]", ``, `[`, `]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got, want []string
		errGot := parseList([]byte(text), &got)
		errWant := json.Unmarshal([]byte(text), &want)
		if (errGot == nil) != (errWant == nil) {
			t.Fatalf("%q: got error %v, want %v", text, errGot, errWant)
		}
		if errWant == nil && (!slices.Equal(got, want) || (got == nil) != (want == nil)) {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	})
}
