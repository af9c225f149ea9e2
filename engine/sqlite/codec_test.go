package sqlite

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzList compares the fast way to read a list with encoding/json: the lists and
// the errors must be the same.
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
