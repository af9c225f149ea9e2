package httpapi

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// listOf is the list for a query, and what is wrong with the query.
func listOf(t *testing.T, query string) (in listMembers, wrong map[string]string) {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	var f fault.Fields
	field.For[listMembers]().DecodeQuery(values, &in, &f)
	if f.Err() == nil {
		in.Check(&f, "")
	}
	if err := fault.As(f.Err()); err != nil {
		wrong = map[string]string{}
		for _, w := range err.Fields {
			wrong[w.Name] = w.Code
		}
	}
	return in, wrong
}

func TestListParametersRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query string
		want  map[string]string
	}{
		"unknown":                  {"staus=pending", map[string]string{"staus": "unknown_parameter"}},
		"repeated":                 {"status=pending&status=approved", map[string]string{"status": "duplicate"}},
		"a status that is none":    {"status=pending,open", map[string]string{"status.1": "not_a_choice"}},
		"an empty choice":          {"status=pending,", map[string]string{"status.1": "empty"}},
		"a gender that is none":    {"gender=robot", map[string]string{"gender.0": "not_a_choice"}},
		"an empty text":            {"q=", map[string]string{"q": "empty"}},
		"a text too long":          {"q=" + url.QueryEscape(string(make([]rune, 101))), map[string]string{"q": "invalid_text"}},
		"a year that is none":      {"birth_year_from=MCM", map[string]string{"birth_year_from": "wrong_type"}},
		"a year out of range":      {"birth_year_to=1492", map[string]string{"birth_year_to": "out_of_range"}},
		"years turned round":       {"birth_year_from=1990&birth_year_to=1980", map[string]string{"birth_year_to": "range_inverted"}},
		"times turned round":       {"created_from=2026-02-01T00:00:00Z&created_to=2026-01-01T00:00:00Z", map[string]string{"created_to": "range_inverted"}},
		"a time that is none":      {"created_from=yesterday", map[string]string{"created_from": "wrong_type"}},
		"a time without zone":      {"created_from=2026-02-01T00:00:00", map[string]string{"created_from": "wrong_type"}},
		"a time too far":           {"created_to=9999-12-31T23:59:59Z", map[string]string{"created_to": "out_of_range"}},
		"a flag that is none":      {"has_photos=yes", map[string]string{"has_photos": "wrong_type"}},
		"an order that is none":    {"sort=phone", map[string]string{"sort": "not_a_choice"}},
		"a relation that is none":  {"include=photos,secrets", map[string]string{"include.1": "not_a_choice"}},
		"a limit of nothing":       {"limit=0", map[string]string{"limit": "out_of_range"}},
		"a limit of all":           {"limit=100000", map[string]string{"limit": "out_of_range"}},
		"a limit beyond integers":  {"limit=99999999999999999999", map[string]string{"limit": "wrong_type"}},
		"deleted, anyhow":          {"deleted=true", map[string]string{"deleted": "not_a_choice"}},
		"a subscription of none":   {"subscription=lifelong", map[string]string{"subscription": "not_a_choice"}},
		"NUL":                      {"q=a%00b", map[string]string{"q": "invalid_text"}},
		"invalid UTF-8":            {"q=%ff%fe", map[string]string{"q": "invalid_text"}},
		"every wrong one":          {"x=1&limit=0&gender=robot&has_photos=1", map[string]string{"x": "unknown_parameter", "limit": "out_of_range", "gender.0": "not_a_choice", "has_photos": "wrong_type"}},
		"a name that is a trap":    {"%0a%1b%5b=1", map[string]string{"??[": "unknown_parameter"}},
		"nothing":                  {"", nil},
		"all that there is at all": {"q=바다&status=pending,approved,pending&gender=male&birth_year_from=1980&birth_year_to=1990&created_from=2026-01-01T00:00:00%2B09:00&created_to=2026-02-01T00:00:00Z&has_photos=true&has_documents=false&region=Seoul&subscription=none&plan=gold&deleted=include&sort=-name&include=photos&limit=200", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, wrong := listOf(t, c.query); !cmp.Equal(c.want, wrong) {
				t.Errorf("(-want +got):\n%s", cmp.Diff(c.want, wrong))
			}
		})
	}
}

func TestScopeOfACursor(t *testing.T) {
	t.Parallel()
	scope := func(query string) string {
		in, wrong := listOf(t, query)
		if wrong != nil {
			t.Fatal(wrong)
		}
		return in.scope()
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

func FuzzParams(f *testing.F) {
	f.Add("status=pending&limit=5")
	f.Add("q=%00&x=;&sort=-")
	f.Fuzz(func(t *testing.T, query string) {
		if _, err := url.ParseQuery(query); err != nil {
			return
		}
		in, wrong := listOf(t, query)
		if o := in.options(); wrong == nil && (o.Limit < 1 || o.Limit > 200) {
			t.Errorf("%q: got a limit of %d", query, o.Limit)
		}
		in.scope()
	})
}
