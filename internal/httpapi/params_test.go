package httpapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListParametersRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query string
		want  map[string]string
	}{
		"unknown":                  {"staus=pending", map[string]string{"staus": "unknown_parameter"}},
		"repeated":                 {"status=pending&status=approved", map[string]string{"status": "repeated"}},
		"a status that is none":    {"status=pending,open", map[string]string{"status": "not_a_choice"}},
		"an empty choice":          {"status=pending,", map[string]string{"status": "empty"}},
		"a gender that is none":    {"gender=robot", map[string]string{"gender": "not_a_choice"}},
		"an empty text":            {"q=", map[string]string{"q": "out_of_range"}},
		"a year that is none":      {"birth_year_from=MCM", map[string]string{"birth_year_from": "not_a_number"}},
		"a year out of range":      {"birth_year_to=1492", map[string]string{"birth_year_to": "out_of_range"}},
		"years turned round":       {"birth_year_from=1990&birth_year_to=1980", map[string]string{"birth_year_to": "range_inverted"}},
		"times turned round":       {"created_from=2026-02-01T00:00:00Z&created_to=2026-01-01T00:00:00Z", map[string]string{"created_to": "range_inverted"}},
		"a time that is none":      {"created_from=yesterday", map[string]string{"created_from": "not_a_time"}},
		"a time without zone":      {"created_from=2026-02-01T00:00:00", map[string]string{"created_from": "not_a_time"}},
		"a time too far":           {"created_to=9999-12-31T23:59:59Z", map[string]string{"created_to": "out_of_range"}},
		"a flag that is none":      {"has_photos=yes", map[string]string{"has_photos": "not_a_choice"}},
		"an order that is none":    {"sort=phone", map[string]string{"sort": "not_a_choice"}},
		"a relation that is none":  {"include=photos,secrets", map[string]string{"include": "not_a_choice"}},
		"a limit of nothing":       {"limit=0", map[string]string{"limit": "out_of_range"}},
		"a limit of all":           {"limit=100000", map[string]string{"limit": "out_of_range"}},
		"a limit beyond integers":  {"limit=99999999999999999999", map[string]string{"limit": "not_a_number"}},
		"deleted, anyhow":          {"deleted=true", map[string]string{"deleted": "not_a_choice"}},
		"a subscription of none":   {"subscription=lifelong", map[string]string{"subscription": "not_a_choice"}},
		"NUL":                      {"q=a%00b", map[string]string{"q": "nul"}},
		"invalid UTF-8":            {"q=%ff%fe", map[string]string{"q": "invalid_utf8"}},
		"every wrong one":          {"x=1&limit=0&gender=robot&has_photos=1", map[string]string{"x": "unknown_parameter", "limit": "out_of_range", "gender": "not_a_choice", "has_photos": "not_a_choice"}},
		"a name that is a trap":    {"%0a%1b%5b=1", map[string]string{"??[": "unknown_parameter"}},
		"bad escape":               {"q=%zz", map[string]string{"": "malformed_query"}},
		"semicolons between":       {"q=a;limit=1", map[string]string{"": "malformed_query"}},
		"nothing":                  {"", nil},
		"all that there is at all": {"q=바다&status=pending,approved,pending&gender=male&birth_year_from=1980&birth_year_to=1990&created_from=2026-01-01T00:00:00%2B09:00&created_to=2026-02-01T00:00:00Z&has_photos=true&has_documents=false&region=Seoul&subscription=none&plan=gold&deleted=include&sort=-name&include=photos&limit=200", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parseParams(c.query, listParams())
			if err == nil {
				in := &input{params: p}
				listOptions(in)
				err = in.err()
			}
			if diff := cmp.Diff(c.want, told(err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestScopeOfACursor(t *testing.T) {
	t.Parallel()
	scope := func(query string) string {
		p, err := parseParams(query, listParams())
		if err != nil {
			t.Fatal(err)
		}
		return scopeOf("members", &input{params: p})
	}
	if scope("status=pending&limit=5&include=photos") != scope("limit=7&status=pending&cursor=x") {
		t.Error("how much a page shows tells lists apart")
	}
	for name, other := range map[string]string{"filter": "status=approved", "order": "status=pending&sort=name", "text": "status=pending&q=a"} {
		if scope("status=pending") == scope(other) {
			t.Errorf("another %s is the same list", name)
		}
	}
}

func TestDayIsOfTheZone(t *testing.T) {
	t.Parallel()
	seoul := time.FixedZone("KST", 9*60*60)
	p, err := parseParams("from=2026-01-31", []param{{name: "from"}})
	if err != nil {
		t.Fatal(err)
	}
	got := p.day("from", seoul)
	if want := time.Date(2026, 1, 30, 15, 0, 0, 0, time.UTC); got == nil || !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParams(f *testing.F) {
	f.Add("status=pending&limit=5")
	f.Add("q=%00&x=;&sort=-")
	f.Fuzz(func(t *testing.T, query string) {
		p, err := parseParams(query, listParams())
		if err != nil {
			return
		}
		in := &input{params: p}
		o := listOptions(in)
		if in.err() == nil && (o.Limit < 0 || o.Limit > maxPage) {
			t.Errorf("%q: got a limit of %d", query, o.Limit)
		}
	})
}
