package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nyaruka/phonenumbers"

	"github.com/musterhq/muster/internal/member"
)

var now = time.Date(2026, time.May, 13, 15, 4, 5, 0, time.UTC)

func TestPhonesAreValidAndUnique(t *testing.T) {
	t.Parallel()
	const many = 50_000
	seen := make(map[string]bool, many)
	countries := make(map[int32]int)
	for i := range many {
		p := phone(i)
		if seen[p] {
			t.Fatalf("member %d has the phone %s of another", i, p)
		}
		seen[p] = true
		if i%97 != 0 && i > 2000 {
			continue // the library costs more than everything else
		}
		number, err := phonenumbers.Parse(p, "")
		if err != nil || !phonenumbers.IsValidNumber(number) {
			t.Fatalf("member %d has the phone %s, which is not valid: %v", i, p, err)
		}
		countries[number.GetCountryCode()]++
	}
	for _, code := range []int32{82, 33, 44, 1, 46} {
		if countries[code] == 0 {
			t.Errorf("no member has a phone of country %d: %v", code, countries)
		}
	}
}

func TestPeopleFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	make100 := func(seed uint64) []person {
		var list []person
		for i := range 100 {
			list = append(list, personOf(seed, i, now.AddDate(0, 0, -i), now))
		}
		return list
	}
	unexported := cmp.Options{cmp.AllowUnexported(person{}, picture{}, paper{}), cmpopts.IgnoreUnexported(member.Detail{})}
	if diff := cmp.Diff(make100(1), make100(1), unexported); diff != "" {
		t.Errorf("the same seed produces other people:\n%s", diff)
	}
	if cmp.Equal(make100(1), make100(2), unexported) {
		t.Error("another seed produces the same people")
	}
}

func TestPeoplePassTheRules(t *testing.T) {
	t.Parallel()
	for i := range 2000 {
		p := personOf(7, i, now.Add(-time.Duration(i)*time.Hour), now)
		want := p.Name
		if err := (member.Rules{Imported: true}).Check(&p.Detail, now); err != nil {
			t.Fatalf("member %d: %v", i, err)
		}
		if p.Name != want {
			t.Fatalf("member %d has the name %q, want %q unchanged", i, p.Name, want)
		}
		for _, s := range append(p.former, deref(p.Subscription)...) {
			if s.ExpiresAt.Sub(s.StartedAt) != term {
				t.Fatalf("member %d has a subscription from %s to %s", i, s.StartedAt, s.ExpiresAt)
			}
		}
	}
}

func deref[T any](v *T) []T {
	if v == nil {
		return nil
	}
	return []T{*v}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	const many = 100_000
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	c := newCalendar(now, seoul)
	var before time.Time
	var weekdays [7]int
	var quarters [4]int
	for i := range many {
		at := c.at(float64(i) / many)
		if at.Before(before) || at.Before(c.start) || !at.Before(now) {
			t.Fatalf("sign-up %d is at %s, after one at %s", i, at, before)
		}
		before = at
		weekdays[at.In(seoul).Weekday()]++
		quarters[4*at.Sub(c.start)/(year*time.Hour)]++
	}
	if last := c.at(1); !last.Before(now) {
		t.Errorf("got %s for the last share, want a moment before %s", last, now)
	}
	if weekdays[time.Sunday] < weekdays[time.Friday]*3/2 {
		t.Errorf("got %v sign-ups from Sunday to Saturday, want far more on Sunday than on Friday", weekdays)
	}
	for i := 1; i < len(quarters); i++ {
		if quarters[i] <= quarters[i-1] {
			t.Errorf("got %v sign-ups by quarter, want each to have more than the one before", quarters)
		}
	}
}
