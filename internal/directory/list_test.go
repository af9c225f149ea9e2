package directory_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

// populate makes members of every sort, some of them alike, and gives all of
// them with their relations.
func (b bundle) populate(count int) []member.Detail {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	rules := korea
	rules.Imported = true
	family, given := []rune("김이박최"), []rune("바다민서준지우")
	latin := strings.Fields("Anna anna HANNAH Joanna Ned Šárka Øyvind O'Neil 50%_off Straße")
	regions := []string{"Seoul", "Busan", "Jeju"}
	var made []ids.Member
	make := func(w *session.Write, i int) {
		n := person("")
		switch r.IntN(3) {
		case 0:
			n.Name = string([]rune{family[r.IntN(len(family))], given[r.IntN(len(given))], given[r.IntN(len(given))]})
		case 1:
			n.Name = latin[r.IntN(len(latin))] + " " + latin[r.IntN(len(latin))]
		default:
			n.Name = latin[r.IntN(len(latin))] + string(family[r.IntN(len(family))])
		}
		n.Gender, n.Status = member.Genders()[r.IntN(3)], member.Statuses()[r.IntN(5)]
		if n.BirthYear = nil; r.IntN(8) > 0 {
			n.BirthYear = new(1960 + r.IntN(12))
		}
		if r.IntN(4) > 0 {
			n.Phone = new(fmt.Sprintf("+8210%08d", 10_000_000+i*271%10_000*7))
		}
		if r.IntN(2) == 0 {
			n.Profile = &member.Profile{Region: &regions[r.IntN(3)]}
		}
		if r.IntN(3) == 0 {
			n.Subscription = &member.Subscription{Plan: []string{"gold", "silver"}[r.IntN(2)], Status: member.SubscriptionStatus([]string{"active", "expired"}[r.IntN(2)])}
		}
		n.CreatedAt = now.Add(-time.Duration(r.IntN(200)) * time.Hour)
		if err := rules.Check(&n, now); err != nil {
			b.Fatal(err)
		}
		updated := now.Add(time.Duration(r.IntN(40)) * time.Minute)
		id := member.Create(w, testkit.Recorder(), rules, n, updated).ID
		if r.IntN(3) == 0 {
			p := media.Photo{ID: ids.New[ids.Photo](now), Key: "k", Status: media.Pending, ContentType: "image/png", SHA256: "0"}
			w.Add(media.AddPhoto(id, p))
			if r.IntN(4) == 0 {
				w.Add(media.DeletePhoto(id, p.ID, now))
			}
		}
		if r.IntN(3) == 0 {
			w.Add(media.AddDocument(id, media.Document{ID: ids.New[ids.Document](now), Key: "k", Kind: "id", Status: media.Pending, ContentType: "image/png", SHA256: "0"}))
		}
		if r.IntN(5) == 0 {
			if _, err := member.Delete(b.Context(), w, testkit.Recorder(), rules, id, nil, updated.Add(time.Second)); err != nil {
				b.Fatal(err)
			}
		}
		made = append(made, id)
	}
	for half := range 2 { // one is in the search index, the other waits
		b.write(func(w *session.Write) error {
			for i := half * count / 2; i < (half+1)*count/2; i++ {
				make(w, i)
			}
			return nil
		})
		if half == 0 {
			if _, err := nameindex.Update(b.Context(), b.db); err != nil {
				b.Fatal(err)
			}
		}
	}
	var all []member.Detail
	err := b.db.Read(b.Context(), func(s *session.Read) error {
		for _, id := range made {
			d, err := session.Run(b.Context(), s, member.Load(id, member.WithAll|member.IncludeDeleted))
			if err != nil {
				return err
			}
			all = append(all, d)
		}
		return nil
	})
	if err != nil || len(all) != count {
		b.Fatalf("loading all: %d, %v", len(all), err)
	}
	return all
}

// passes is the filter once more, in Go.
func passes(f directory.Filter, d member.Detail) bool {
	none := func(is bool) bool { return !is }
	within := func(t time.Time, from, to *time.Time) bool {
		return (from == nil || !t.Before(*from)) && (to == nil || t.Before(*to))
	}
	region, plan, status := "", "", "none"
	if d.Profile != nil && d.Profile.Region != nil {
		region = *d.Profile.Region
	}
	if s := d.Subscription; s != nil {
		plan, status = s.Plan, string(s.Status)
	}
	switch {
	case f.Deleted == directory.WithoutDeleted && d.DeletedAt != nil, f.Deleted == directory.OnlyDeleted && d.DeletedAt == nil,
		len(f.Status) > 0 && !slices.Contains(f.Status, d.Status), len(f.Gender) > 0 && !slices.Contains(f.Gender, d.Gender),
		f.BirthYearFrom != nil && (d.BirthYear == nil || *d.BirthYear < *f.BirthYearFrom),
		f.BirthYearTo != nil && (d.BirthYear == nil || *d.BirthYear > *f.BirthYearTo),
		none(within(d.CreatedAt, f.CreatedFrom, f.CreatedTo)), none(within(d.UpdatedAt, f.UpdatedFrom, f.UpdatedTo)),
		f.Region != "" && f.Region != region, f.Plan != "" && f.Plan != plan, f.Subscription != "" && string(f.Subscription) != status,
		f.HasPhotos != nil && *f.HasPhotos != (len(d.Photos) > 0), f.HasDocuments != nil && *f.HasDocuments != (len(d.Documents) > 0):
		return false
	}
	return true
}

func order(s directory.Sort, a, b member.Detail) int {
	n := 0
	year := func(d member.Detail) int {
		if d.BirthYear == nil {
			return 0
		}
		return *d.BirthYear
	}
	switch s.By {
	case directory.ByUpdated:
		n = a.UpdatedAt.Compare(b.UpdatedAt)
	case directory.ByName:
		n = cmp.Compare(nameindex.Normalize(a.Name), nameindex.Normalize(b.Name))
	case directory.ByBirthYear:
		n = cmp.Compare(year(a), year(b))
	}
	n = cmp.Or(n, strings.Compare(a.ID.String(), b.ID.String()))
	if !s.Ascending {
		n = -n
	}
	return n
}

// walk reads a list to its end.
func (b bundle) walk(o directory.ListOptions) (list []member.Detail, total directory.Total) {
	b.Helper()
	for pages := 0; ; pages++ {
		var p directory.Page
		trips := b.trips(func(ctx context.Context) {
			var options []session.Option
			if o.Once() {
				options = append(options, session.Once)
			}
			err := b.db.Read(ctx, func(r *session.Read) (err error) {
				p, err = directory.List(ctx, r, korea, o)
				return err
			}, options...)
			if err != nil {
				b.Fatalf("listing %+v: %v", o, err)
			}
		})
		if o.Once() != (trips == 1) && len(p.Items) > 0 && o.Filter.Text == "" {
			b.Errorf("%+v: %d round trips, Once is %v", o, trips, o.Once())
		}
		if pages == 0 {
			total = p.Total
		}
		list = append(list, p.Items...)
		if len(p.Items) > o.Limit || len(list) > 10_000 {
			b.Fatalf("%+v: a page of %d members, %d in all", o, len(p.Items), len(list))
		}
		if o.After = p.Next; o.After == nil {
			return list, total
		}
	}
}

func idsOf(list []member.Detail) []string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.ID.String()
	}
	return texts
}

func filters() map[string]directory.Filter {
	at := func(h int) *time.Time { return new(now.Add(time.Duration(h) * time.Hour)) }
	minute := func(m int) *time.Time { return new(now.Add(time.Duration(m) * time.Minute)) }
	return map[string]directory.Filter{
		"none":              {},
		"a status":          {Status: []member.Status{member.NeedsInfo}},
		"statuses":          {Status: []member.Status{member.Pending, member.Rejected}},
		"a gender":          {Gender: []member.Gender{member.Other}},
		"status and gender": {Status: []member.Status{member.Approved, member.Pending}, Gender: []member.Gender{member.Male, member.Female}},
		"birth years":       {BirthYearFrom: new(1963), BirthYearTo: new(1966)},
		"born from":         {BirthYearFrom: new(1968)},
		"born to":           {BirthYearTo: new(1962)},
		"born long ago":     {BirthYearTo: new(1900)},
		"created":           {CreatedFrom: at(-100), CreatedTo: at(-20)},
		"created from":      {CreatedFrom: at(-50)},
		"created to":        {CreatedTo: at(-150)},
		"updated":           {UpdatedFrom: minute(5), UpdatedTo: minute(30)},
		"region":            {Region: "Busan"},
		"unknown region":    {Region: "Nowhere"},
		"photos":            {HasPhotos: new(true)},
		"no photos":         {HasPhotos: new(false)},
		"documents":         {HasDocuments: new(true)},
		"no documents":      {HasDocuments: new(false)},
		"subscribed":        {Subscription: "active"},
		"not subscribed":    {Subscription: "none"},
		"plan":              {Plan: "gold"},
		"plan and status":   {Plan: "gold", Subscription: "expired"},
		"everything": {
			Status: []member.Status{member.Pending, member.Approved, member.Rejected}, Gender: []member.Gender{member.Male, member.Female},
			BirthYearFrom: new(1961), CreatedFrom: at(-190), UpdatedTo: minute(35), Region: "Seoul", HasPhotos: new(false),
		},
	}
}

// TestList walks every filter with every sort and compares with Go.
func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := b.populate(240)
	for name, f := range filters() {
		for _, f.Deleted = range []directory.Deleted{directory.WithoutDeleted, directory.OnlyDeleted, directory.AlsoDeleted} {
			want := slices.DeleteFunc(slices.Clone(all), func(d member.Detail) bool { return !passes(f, d) })
			for _, by := range []directory.SortKey{directory.ByCreated, directory.ByUpdated, directory.ByName, directory.ByBirthYear} {
				for _, ascending := range []bool{false, true} {
					o := directory.ListOptions{Filter: f, Sort: directory.Sort{By: by, Ascending: ascending}, Limit: 61}
					slices.SortFunc(want, func(a, b member.Detail) int { return order(o.Sort, a, b) })
					got, total := b.walk(o)
					if !slices.Equal(idsOf(got), idsOf(want)) {
						t.Errorf("%s, deleted %q, sort %s: got %d members, want %d, or in another order", name, f.Deleted, o.Sort, len(got), len(want))
					}
					if want := (directory.Total{Count: int64(len(want)), Exact: true}); total != want {
						t.Errorf("%s, deleted %q, sort %s: total %+v, want %+v", name, f.Deleted, o.Sort, total, want)
					}
				}
			}
		}
	}
}

// TestListBeyondBounds has more members than a filter fetches whole and a total
// looks at.
func TestListBeyondBounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const count = 2500
	list := make([]member.Detail, count)
	for i := range list {
		list[i] = person(fmt.Sprintf("Anna %d", i%1700))
		list[i].Status = member.Statuses()[i%2]
		list[i].BirthYear = new(1950 + i%10)
		list[i].Profile = &member.Profile{Region: new("Seoul")}
		list[i].CreatedAt = now.Add(-time.Duration(i*7919%count) * time.Minute)
	}
	b.createMany(korea, list)
	sorts := []directory.SortKey{directory.ByCreated, directory.ByUpdated, directory.ByName, directory.ByBirthYear}
	if testkit.Racing {
		sorts = sorts[:1]
	}
	for name, c := range map[string]struct {
		filter  directory.Filter
		members int
		total   directory.Total
	}{
		"region":            {directory.Filter{Region: "Seoul"}, count, directory.Total{Count: 1001}},
		"region and years":  {directory.Filter{Region: "Seoul", BirthYearTo: new(1955)}, 1500, directory.Total{Count: 1500, Exact: true}},
		"years":             {directory.Filter{BirthYearFrom: new(1952)}, 2000, directory.Total{Count: 2000, Exact: true}},
		"more years":        {directory.Filter{BirthYearFrom: new(1951)}, 2250, directory.Total{Count: 2250, Exact: true}},
		"status and photos": {directory.Filter{Status: []member.Status{member.Pending}, HasPhotos: new(false)}, -1, directory.Total{Count: -1}},
		"no photos":         {directory.Filter{HasPhotos: new(false)}, count, directory.Total{Count: 1001}},
		"created":           {directory.Filter{CreatedFrom: new(now.Add(-1800 * time.Minute))}, 1801, directory.Total{Count: 1801, Exact: true}},
		"region and status": {directory.Filter{Region: "Seoul", Status: []member.Status{member.Pending, member.Approved}}, count, directory.Total{Count: 1001}},
		"text":              {directory.Filter{Text: "an"}, count, directory.Total{Count: -1}},
		"text of words":     {directory.Filter{Text: "ann 12"}, -1, directory.Total{Count: -1}},
	} {
		for i, by := range sorts {
			o := directory.ListOptions{Filter: c.filter, Sort: directory.Sort{By: by, Ascending: i%2 == 1}, Limit: 200}
			got, total := b.walk(o)
			seen := make(map[ids.Member]bool)
			for i, d := range got {
				if seen[d.ID] || i > 0 && order(o.Sort, got[i-1], d) >= 0 {
					t.Fatalf("%s by %s: member %d is twice there or out of order", name, o.Sort, i)
				}
				seen[d.ID] = true
			}
			if c.members >= 0 && len(got) != c.members {
				t.Errorf("%s by %s: got %d members, want %d", name, o.Sort, len(got), c.members)
			}
			if c.total.Count >= 0 && total != c.total {
				t.Errorf("%s by %s: total %+v, want %+v", name, o.Sort, total, c.total)
			}
			if total.Exact && total.Count != int64(len(got)) || !total.Exact && total.Count > int64(len(got)) {
				t.Errorf("%s by %s: total %+v of %d", name, o.Sort, total, len(got))
			}
		}
	}
}

func TestListWithRelations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := b.populate(60)
	got, _ := b.walk(directory.ListOptions{Limit: 25, Include: member.WithAll})
	want := slices.DeleteFunc(all, func(d member.Detail) bool { return d.DeletedAt != nil })
	slices.SortFunc(want, func(a, b member.Detail) int { return order(directory.Sort{}, a, b) })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	trips := b.trips(func(ctx context.Context) {
		err := b.db.Read(ctx, func(r *session.Read) error {
			_, err := directory.List(ctx, r, korea, directory.ListOptions{Include: member.WithAll})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if trips != 2 {
		t.Errorf("a list with relations costs %d round trips, want 2", trips)
	}
}

// TestKeysetUnderChange walks a list while members come and go: those that stay
// are seen once each.
func TestKeysetUnderChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var stay []string
	for i := range 60 {
		id := b.create(person(fmt.Sprint("Member ", i)))
		if i%3 > 0 {
			stay = append(stay, id.String())
		} else if i%2 == 0 {
			defer func() { _, _ = b.do(member.Delete, id, nil) }()
		}
	}
	o := directory.ListOptions{Limit: 7, Sort: directory.Sort{By: directory.ByName}}
	var seen []string
	for {
		var p directory.Page
		err := b.db.Read(t.Context(), func(r *session.Read) (err error) {
			p, err = directory.List(t.Context(), r, korea, o)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, idsOf(p.Items)...)
		b.create(person("Member 3x")) // before and after the cursor, in turn
		if _, err := b.do(member.Delete, p.Items[len(p.Items)-1].ID, nil); err != nil {
			t.Fatal(err)
		}
		if o.After = p.Next; o.After == nil {
			break
		}
	}
	for _, id := range stay {
		if n := len(seen) - len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s == id })); n != 1 {
			t.Errorf("a member that stayed was seen %d times", n)
		}
	}
}

func TestListOptionsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cursor := func(sort, value string) *directory.Cursor {
		return &directory.Cursor{Sort: sort, Value: value, ID: ids.New[ids.Member](now)}
	}
	for name, c := range map[string]struct {
		options directory.ListOptions
		fields  string
	}{
		"limit":             {directory.ListOptions{Limit: 201}, "limit"},
		"negative limit":    {directory.ListOptions{Limit: -1}, "limit"},
		"sort":              {directory.ListOptions{Sort: directory.Sort{By: "phone"}}, "sort"},
		"several":           {directory.ListOptions{Limit: 999, Filter: directory.Filter{Status: []member.Status{"x"}, Gender: []member.Gender{"y"}}}, "limit status.0 gender.0"},
		"inverted years":    {directory.ListOptions{Filter: directory.Filter{BirthYearFrom: new(1990), BirthYearTo: new(1980)}}, "birth_year_to"},
		"inverted times":    {directory.ListOptions{Filter: directory.Filter{CreatedFrom: new(now), CreatedTo: new(now.Add(-1))}}, "created_to"},
		"far times":         {directory.ListOptions{Filter: directory.Filter{UpdatedFrom: new(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))}}, "updated_from"},
		"subscription":      {directory.ListOptions{Filter: directory.Filter{Subscription: "gold"}}, "subscription"},
		"deleted":           {directory.ListOptions{Filter: directory.Filter{Deleted: "yes"}}, "deleted"},
		"region":            {directory.ListOptions{Filter: directory.Filter{Region: "a\x00b"}}, "region"},
		"other list":        {directory.ListOptions{After: cursor("name", "x")}, "cursor"},
		"value of no time":  {directory.ListOptions{Sort: directory.Sort{By: directory.ByUpdated}, After: cursor("-updated_at", "x")}, "cursor"},
		"value of no year":  {directory.ListOptions{Sort: directory.Sort{By: directory.ByBirthYear}, After: cursor("-birth_year", "x")}, "cursor"},
		"no id":             {directory.ListOptions{After: &directory.Cursor{Sort: "-created_at"}}, "cursor"},
		"short text":        {directory.ListOptions{Filter: directory.Filter{Text: "a"}}, "q"},
		"short words":       {directory.ListOptions{Filter: directory.Filter{Text: "a b c"}}, "q"},
		"long text":         {directory.ListOptions{Filter: directory.Filter{Text: strings.Repeat("ab", 60)}}, "q"},
		"text of another":   {directory.ListOptions{Filter: directory.Filter{Text: "ab\x00cd"}}, "q"},
		"text of bad UTF-8": {directory.ListOptions{Filter: directory.Filter{Text: "ab\xffcd"}}, "q"},
	} {
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			_, err := directory.List(t.Context(), r, korea, c.options)
			return err
		})
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		var got []string
		for _, field := range f.Fields {
			got = append(got, field.Name)
		}
		if strings.Join(got, " ") != c.fields {
			t.Errorf("%s: got fields %v, want %s", name, got, c.fields)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for order, want := range map[directory.Order]directory.Sort{
		"": {By: directory.ByCreated}, "name": {By: directory.ByName, Ascending: true}, "-updated_at": {By: directory.ByUpdated},
	} {
		if got := order.Sort(); got != want {
			t.Errorf("order %q: got %+v", order, got)
		}
	}
	for _, order := range directory.Order("").Choices() {
		if got := directory.Order(order).Sort().String(); got != order {
			t.Errorf("order %q: got %q", order, got)
		}
	}
}
