package rest

import (
	"slices"
	"testing"
)

func TestParseTags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines    []string
		versions []int64
		bad      bool
	}{
		"absent":                  {nil, nil, false},
		"any":                     {[]string{" * "}, nil, false},
		"one":                     {[]string{`"v7"`}, []int64{7}, false},
		"one with windows":        {[]string{`"v7.abc.def"`}, []int64{7}, false},
		"a list":                  {[]string{`"v7", "v8" ,"v9"`}, []int64{7, 8, 9}, false},
		"two lines":               {[]string{`"v7"`, `"v8"`}, []int64{7, 8}, false},
		"empty members of a list": {[]string{`, "v7",, "v8",`}, []int64{7, 8}, false},
		"weak":                    {[]string{`W/"v7"`}, []int64{}, false},
		"weak and strong":         {[]string{`W/"v7", "v8"`}, []int64{8}, false},
		"of another server":       {[]string{`"abc"`}, []int64{}, false},
		"a comma inside":          {[]string{`"a,b", "v7"`}, []int64{7}, false},
		"empty":                   {[]string{""}, nil, true},
		"only commas":             {[]string{" , ,"}, nil, true},
		"without quotes":          {[]string{"v7"}, nil, true},
		"open":                    {[]string{`"v7`}, nil, true},
		"two without comma":       {[]string{`"v7" "v8"`}, nil, true},
		"any and one":             {[]string{`*, "v7"`}, nil, true},
		"a space inside":          {[]string{`"v 7"`}, nil, true},
		"lower-case w":            {[]string{`w/"v7"`}, nil, true},
		"too many":                {slices.Repeat([]string{`"v1"`}, maxTags+1), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseTags("If-Match", c.lines)
			if (err != nil) != c.bad {
				t.Fatalf("got %v, want an error: %t", err, c.bad)
			}
			if err != nil && statusOf(err) != 400 {
				t.Errorf("got status %d, want 400", statusOf(err))
			}
			if v := got.versions(); !slices.Equal(v, c.versions) || (v == nil) != (c.versions == nil) {
				t.Errorf("got %v, want %v", v, c.versions)
			}
		})
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	now := ETag(7, 1_700_000_000)
	for name, c := range map[string]struct {
		header string
		want   bool
	}{
		"the same":           {now, true},
		"the same, weak":     {"W/" + now, true},
		"any":                {"*", true},
		"in a list":          {`"x", ` + now, true},
		"another window":     {ETag(7, 1_700_000_001), false},
		"another version":    {ETag(8, 1_700_000_000), false},
		"the version, alone": {ETag(7), false},
	} {
		tags, err := parseTags("If-None-Match", []string{c.header})
		if err != nil || tags.unchanged(now) != c.want {
			t.Errorf("%s: got %t, %v, want %t", name, tags.unchanged(now), err, c.want)
		}
	}
	if none, _ := parseTags("If-None-Match", nil); none.unchanged(now) {
		t.Error("without a header: got unchanged")
	}
}

func FuzzTags(f *testing.F) {
	f.Add(`"v7", W/"x"`)
	f.Add(`*`)
	f.Fuzz(func(t *testing.T, header string) {
		tags, err := parseTags("If-Match", []string{header})
		if err == nil && !tags.any && len(tags.list) == 0 {
			t.Errorf("%q is taken and has no tags", header)
		}
	})
}

func TestAcceptsJSON(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"*/*": true, "application/json": true, "application/*;q=0.1": true, "text/html, */*;q=0.8": true, "": true,
		"Application/JSON; charset=utf-8": true, "text/html": false, "application/json;q=0": false, "application/json; q=0.000, text/*": false,
	} {
		if got := acceptsJSON(map[string][]string{"Accept": {accept}}); got != want {
			t.Errorf("%q: got %t, want %t", accept, got, want)
		}
	}
}
