package directory_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/session"
)

// find gives the names that a search finds, sorted.
func (b bundle) find(text string) []string {
	b.Helper()
	list, _ := b.walk(directory.ListOptions{Filter: directory.Filter{Text: text}, Limit: 50})
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Name
	}
	slices.Sort(names)
	return names
}

func TestSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	phones := map[string]string{"김바다": "010-1234-5678", "Zoë Saldaña": "+1 201 555 0123", "김 바다": "02-312-3456"}
	names := []string{
		"김바다", "김 바다", "박서준", "李小龍", "田中さくら", "Zoë Saldaña", "Ελένη Παπαδοπούλου", "Мария Иванова",
		"נועה כהן", "ﬁona Łuczak", "STRASSE Straße", "100% Real_Name", `Back\slash`, "Anna-Maria O’Neil", "ＦＵＬＬ Ｗｉｄｔｈ",
	}
	made := make(map[string]ids.Member)
	for _, name := range names {
		n := person(name)
		if phone, has := phones[name]; has {
			n.Phone = &phone
		}
		made[name] = b.create(n)
	}
	cases := []struct {
		name, text string
		want       []string
	}{
		{"two characters", "바다", []string{"김 바다", "김바다"}},
		{"one that is a word", "김", []string{"김 바다", "김바다"}},
		{"whole name", "박서준", []string{"박서준"}},
		{"decomposed", "\u1107\u1161\u1103\u1161", []string{"김 바다", "김바다"}},
		{"Han", "小龍", []string{"李小龍"}},
		{"kana", "さくら", []string{"田中さくら"}},
		{"case", "zOË", []string{"Zoë Saldaña"}},
		{"middle", "aldañ", []string{"Zoë Saldaña"}},
		{"Greek, final sigma aside", "ΕΛΈΝΗ", []string{"Ελένη Παπαδοπούλου"}},
		{"Cyrillic", "иван", []string{"Мария Иванова"}},
		{"Hebrew", "נועה", []string{"נועה כהן"}},
		{"ligature", "fiona", []string{"ﬁona Łuczak"}},
		{"sharp s", "strasse", []string{"STRASSE Straße"}},
		{"full width", "full width", []string{"ＦＵＬＬ Ｗｉｄｔｈ"}},
		{"two words in another order", "saldaña zoë", []string{"Zoë Saldaña"}},
		{"a word and a letter", "anna o", []string{"Anna-Maria O’Neil"}},
		{"percent is no wildcard", "0%", []string{"100% Real_Name"}},
		{"underscore is no wildcard", "l_n", []string{"100% Real_Name"}},
		{"backslash", `k\s`, []string{`Back\slash`}},
		{"nothing", "qqqq", []string{}},
		{"one word misses", "zoë qqqq", []string{}},
		{"phone as dialled here", "010-1234-5678", []string{"김바다"}},
		{"phone without punctuation", "01012345678", []string{"김바다"}},
		{"phone of the world", "+82 10 1234 5678", []string{"김바다"}},
		{"phone abroad", "+1 (201) 555-0123", []string{"Zoë Saldaña"}},
		{"landline", "02 312 3456", []string{"김 바다"}},
		{"end of a phone", "5678", []string{"김바다"}},
		{"longer end of a phone", "234-5678", []string{"김바다"}},
		{"full-width digits", "５６７８", []string{"김바다"}},
		{"wrong phone", "010-9999-5678", []string{}},
		{"id", made["박서준"].String(), []string{"박서준"}},
		{"id in capitals", strings.ToUpper(made["박서준"].String()), []string{"박서준"}},
		{"id without dashes", strings.ReplaceAll(made["李小龍"].String(), "-", ""), []string{"李小龍"}},
		{"beginning of an id", made["Мария Иванова"].String()[:30], []string{"Мария Иванова"}},
	}
	for _, when := range []string{"waiting for the index", "in the index"} {
		for _, c := range cases {
			if got := b.find(c.text); !slices.Equal(got, c.want) {
				t.Errorf("%s (%s): %q found %q, want %q", c.name, when, c.text, got, c.want)
			}
		}
		if _, err := nameindex.Update(t.Context(), b.db); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSearchAfterChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(person("Johanna"))
	update := func() {
		if _, err := nameindex.Update(t.Context(), b.db); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, text string, want ...string) {
		t.Helper()
		if got := b.find(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q found %q, want %q", when, text, got, want)
		}
	}
	update()
	if _, err := b.update(id, `{"name": "Margit", "phone": "010-2222-3333"}`, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		expect("renamed", "johanna")
		expect("renamed", "argi", "Margit")
		expect("with a phone", "2222-3333", "Margit")
		update()
	}
	if _, err := b.do(member.Delete, id, nil); err != nil {
		t.Fatal(err)
	}
	expect("deleted", "margit")
	gone, _ := b.walk(directory.ListOptions{Filter: directory.Filter{Text: "margit", Deleted: directory.OnlyDeleted}, Limit: 5})
	if len(gone) != 1 {
		t.Errorf("among the deleted: found %d, want 1", len(gone))
	}
	if _, err := b.do(member.Restore, id, nil); err != nil {
		t.Fatal(err)
	}
	expect("restored", "margit", "Margit")
}

// TestSearchProperty compares with strings.Contains on names in several
// scripts, with filters and sorts.
func TestSearchProperty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := b.populate(300)
	letters := []rune("김이박바다민서준annohšøy'50%_")
	rapid.Check(t, func(rt *rapid.T) {
		var text string
		if rapid.Bool().Draw(rt, "of a name") {
			name := []rune(all[rapid.IntRange(0, len(all)-1).Draw(rt, "member")].Name)
			from := rapid.IntRange(0, len(name)-1).Draw(rt, "from")
			text = string(name[from:min(len(name), from+rapid.IntRange(2, 9).Draw(rt, "length"))])
		} else {
			text = rapid.StringOfN(rapid.SampledFrom(letters), 2, 4, -1).Draw(rt, "text")
		}
		words := strings.Fields(nameindex.Normalize(text))
		long := slices.ContainsFunc(words, func(w string) bool { return len([]rune(w)) > 1 || len(w) == 3 })
		if !long {
			return
		}
		o := directory.ListOptions{Limit: 20, Filter: directory.Filter{Text: text}}
		o.Filter.Deleted = rapid.SampledFrom([]directory.Deleted{directory.WithoutDeleted, directory.OnlyDeleted, directory.AlsoDeleted}).Draw(rt, "deleted")
		o.Sort = directory.Sort{By: rapid.SampledFrom([]directory.SortKey{directory.ByCreated, directory.ByName}).Draw(rt, "sort"), Ascending: rapid.Bool().Draw(rt, "ascending")}
		if rapid.Bool().Draw(rt, "filtered") {
			o.Filter.Gender = []member.Gender{member.Male, member.Other}
		}
		var want []member.Detail
		for _, d := range all {
			missing := func(w string) bool { return !strings.Contains(nameindex.Normalize(d.Name), w) }
			if passes(o.Filter, d) && !slices.ContainsFunc(words, missing) {
				want = append(want, d)
			}
		}
		slices.SortFunc(want, func(a, b member.Detail) int { return order(o.Sort, a, b) })
		got, total := b.walk(o)
		if !slices.Equal(idsOf(got), idsOf(want)) {
			rt.Fatalf("%q: got %d members, want %d, or in another order", text, len(got), len(want))
		}
		if total.Count != int64(len(want)) || !total.Exact {
			rt.Fatalf("%q: total %+v, want %d", text, total, len(want))
		}
	})
}

// TestSearchOfMany has more members with a piece of a name than one round looks
// at, and more than are sorted.
func TestSearchOfMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rules := korea
	rules.Imported = true
	const count = 5500
	list := make([]member.Detail, count)
	for i := range list {
		list[i] = person("Anna " + []string{"Kim", "Lee", "Park"}[i%3])
		list[i].Status = member.Approved
		list[i].Profile = &member.Profile{Region: new("Seoul")}
		if i%500 == 0 {
			list[i].Status = member.Rejected
		}
		if i%2 == 0 {
			list[i].Profile = nil
		}
	}
	b.createMany(rules, list)
	region := directory.Filter{Region: "Seoul"}
	for name, c := range map[string]struct {
		text   string
		filter directory.Filter
		want   int
		exact  bool
	}{
		"one piece":              {"an", directory.Filter{}, count, false},
		"word":                   {"anna", directory.Filter{}, count, false},
		"words":                  {"lee anna", directory.Filter{}, 1833, false},
		"word that is rarer":     {"park", directory.Filter{}, 1833, false},
		"with a narrow filter":   {"an", directory.Filter{Status: []member.Status{member.Rejected}}, 11, true},
		"with a wide filter":     {"an", region, 2750, false},
		"with a filter and rare": {"kim", region, 917, false},
	} {
		o := directory.ListOptions{Limit: 200, Filter: c.filter}
		o.Filter.Text = c.text
		got, total := b.walk(o)
		if len(got) != c.want || total.Exact != c.exact || total.Count > int64(len(got)) {
			t.Errorf("%s: found %d of %d, total %+v", name, len(got), c.want, total)
		}
		if !slices.IsSortedFunc(got, func(a, b member.Detail) int { return order(o.Sort, a, b) }) {
			t.Errorf("%s: the members are not sorted", name)
		}
	}
	byName := directory.ListOptions{Limit: 200, Sort: directory.Sort{By: directory.ByName}, Filter: directory.Filter{Text: "park"}}
	if got, total := b.walk(byName); len(got) != 1833 || total != (directory.Total{Count: 1833, Exact: true}) {
		t.Errorf("by name: found %d, total %+v", len(got), total)
	}
	byName.Filter.Text = "anna"
	err := b.db.Read(t.Context(), func(r *session.Read) error {
		_, err := directory.List(t.Context(), r, korea, byName)
		return err
	})
	if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Fields[0].Code != "too_broad" {
		t.Errorf("too many by name: got %v", err)
	}
	trips := b.trips(func(ctx context.Context) {
		err := b.db.Read(ctx, func(s *session.Read) error {
			p, err := directory.List(ctx, s, korea, directory.ListOptions{Filter: directory.Filter{Text: "an"}})
			if len(p.Items) != 50 {
				t.Errorf("a common piece: %d members, want 50", len(p.Items))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if trips != 2 {
		t.Errorf("a search for two characters costs %d round trips, want 2", trips)
	}
}

// The last four digits are what a mask shows, also where so few can be a number.
func TestSearchesPhone(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"", "KR", "DE", "AT", "US"} {
		rules := member.Rules{Region: region}
		for text, want := range map[string]bool{
			"1234": false, " 12-34 ": false, "０１２３４": false, "바다": false, "a1234567": false, "123": false, "": false,
			"12345": true, "1234 5678": true, "010-1234-5678": true, "+49 30 12345": true, "１２３４５": true,
		} {
			if got := directory.SearchesPhone(rules, text); got != want {
				t.Errorf("%q in %q: got %t, want %t", text, region, got, want)
			}
		}
	}
}
