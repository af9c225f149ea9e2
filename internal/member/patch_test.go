package member_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patch string
		want  func(d *member.Detail) // what it makes of the whole member
	}{
		"name":          {`{"name": "  Kim  Bada "}`, func(d *member.Detail) { d.Name = "Kim  Bada" }},
		"phone":         {`{"phone": "010 9876 5432"}`, func(d *member.Detail) { d.Phone = new("+821098765432") }},
		"gender, year":  {`{"gender": "other", "birth_year": 1970}`, func(d *member.Detail) { d.Gender, d.BirthYear = member.Other, new(1970) }},
		"status":        {`{"status": "approved"}`, func(d *member.Detail) { d.Status = member.Approved }},
		"one field":     {`{"profile": {"height": 170}}`, func(d *member.Detail) { d.Profile.Height = new(170) }},
		"null field":    {`{"profile": {"employer": null}}`, func(d *member.Detail) { d.Profile.Employer = nil }},
		"empty field":   {`{"profile": {"employer": "  "}}`, func(d *member.Detail) { d.Profile.Employer = nil }},
		"null relation": {`{"lifestyle": null}`, func(d *member.Detail) { d.Lifestyle = nil }},
		"list":          {`{"lifestyle": {"pets": ["dog", " 고양이 "], "hobbies": null}}`, func(d *member.Detail) { d.Lifestyle.Pets, d.Lifestyle.Hobbies = []string{"dog", "고양이"}, nil }},
		"preference":    {`{"preference": {"age_min": 30, "regions": []}}`, func(d *member.Detail) { d.Preference.AgeMin, d.Preference.Regions = new(30), nil }},
		"state of plan": {`{"subscription": {"status": "paused"}}`, func(d *member.Detail) { d.Subscription.Status = member.SubscriptionPaused }},
		"end of plan":   {`{"subscription": {"expires_at": null}}`, func(d *member.Detail) { d.Subscription.ExpiresAt = nil }},
		"no plan":       {`{"subscription": null}`, func(d *member.Detail) { d.Subscription = nil }},
		"several at once": {`{"name": "X", "profile": {"region": "Jeju"}, "lifestyle": null}`, func(d *member.Detail) {
			d.Name, d.Profile.Region, d.Lifestyle = "X", new("Jeju"), nil
		}},
	} {
		b := setup(t)
		id := b.create(whole())
		want, err := b.load(id, member.WithAll)
		if err != nil {
			t.Fatal(err)
		}
		c.want(&want)
		want.Version, want.UpdatedAt = 2, now.Add(time.Hour)
		answer, err := b.update(id, c.patch, new(int64(1)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := b.load(id, member.WithAll)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if diff := cmp.Diff(got, answer); diff != "" {
			t.Errorf("%s: the answer is otherwise than what is stored (-stored +answer):\n%s", name, diff)
		}
		again, err := b.update(id, c.patch, nil)
		if err != nil || again.Version != 2 {
			t.Errorf("%s: made again: version %d, %v; want 2", name, again.Version, err)
		}
		b.checkCounters()
	}
}

func TestPatchMakesRelations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(person("Bare"))
	d, err := b.update(id, `{"phone": null, "profile": {"height": 170}, "lifestyle": {"pets": ["cat"]}, "preference": {}, "subscription": {"plan": "gold"}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *d.Profile.Height != 170 || d.Lifestyle.Pets[0] != "cat" || d.Preference == nil ||
		d.Subscription.Status != member.SubscriptionActive || !d.Subscription.StartedAt.Equal(now.Add(time.Hour)) {
		t.Errorf("got %+v", d)
	}
	got, err := b.load(id, member.WithAll)
	if diff := cmp.Diff(d, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestSubscriptionHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(whole())
	for _, patch := range []string{
		`{"subscription": {"status": "cancelled"}}`, `{"subscription": {"plan": "silver"}}`,
		`{"subscription": {"plan": "gold", "started_at": "2026-03-01T00:00:00Z", "expires_at": "2027-03-01T00:00:00+09:00"}}`,
	} {
		if _, err := b.update(id, patch, nil); err != nil {
			t.Fatal(err)
		}
	}
	var history []string
	err := b.db.Read(t.Context(), func(r *session.Read) (err error) {
		history, err = session.Run(t.Context(), r, query.Many(
			"select plan || ' ' || status, current from subscription where member_id = $1 order by current, id",
			func(r query.Row) (string, error) {
				var s string
				var current bool
				err := r.Scan(&s, &current)
				return fmt.Sprint(s, " ", current), err
			}, id))
		return err
	})
	slices.Sort(history)
	want := []string{"gold active true", "gold cancelled false", "silver active false"}
	if err != nil || !slices.Equal(history, want) {
		t.Errorf("got %q, %v; want %q", history, err, want)
	}
}

func TestPatchRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(whole())
	before, err := b.load(id, member.WithAll)
	if err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	for name, c := range map[string]struct{ patch, fields string }{
		"no object":       {`[1]`, "body wrong_type"},
		"null":            {`null`, "body wrong_type"},
		"text":            {`"x"`, "body wrong_type"},
		"nothing":         {``, ""},
		"trailing":        {`{} {}`, ""},
		"broken":          {`{"name": `, ""},
		"bad UTF-8":       {"{\"name\": \"a\xff\"}", ""},
		"deep":            {`{"profile": ` + deep + `}`, ""},
		"unknown":         {`{"nickname": "x"}`, "nickname unknown_field"},
		"unknown inside":  {`{"profile": {"shoe_size": 40}}`, "profile.shoe_size unknown_field"},
		"read-only":       {`{"id": "x", "version": 3, "created_at": null}`, "created_at read_only, id read_only, version read_only"},
		"photos":          {`{"photos": []}`, "photos read_only"},
		"subscription id": {`{"subscription": {"id": "x"}}`, "subscription.id read_only"},
		"types":           {`{"name": 5, "birth_year": "x", "gender": {}, "profile": [], "lifestyle": 3}`, "birth_year wrong_type, gender wrong_type, lifestyle wrong_type, name wrong_type, profile wrong_type"},
		"types inside":    {`{"profile": {"height": 1.5}, "lifestyle": {"pets": "cat"}, "subscription": {"started_at": "today"}}`, "lifestyle.pets wrong_type, profile.height wrong_type, subscription.started_at wrong_type"},
		"required":        {`{"name": null, "gender": null, "status": null, "phone": null, "birth_year": null}`, "birth_year required, gender required, name required, phone required, status required"},
		"values":          {`{"name": "a\u0007b", "gender": "x", "status": "y", "phone": "12", "birth_year": 2020}`, "birth_year out_of_range, gender not_a_choice, name invalid_text, phone invalid_phone, status not_a_choice"},
		"range inverted":  {`{"preference": {"age_min": 50}}`, "preference.age_max range_inverted"},
		"plan of nothing": {`{"subscription": {"plan": null}}`, "subscription.plan required"},
		"ends before":     {`{"subscription": {"expires_at": "2020-01-01T00:00:00Z"}}`, "subscription.expires_at range_inverted"},
		"empty entry":     {`{"lifestyle": {"pets": ["cat", ""]}}`, "lifestyle.pets.1 empty"},
		"long list":       {`{"lifestyle": {"pets": [` + strings.Repeat(`"a",`, 50) + `"a"]}}`, "lifestyle.pets too_many"},
		"long text":       {`{"profile": {"introduction": "` + strings.Repeat("가", 4001) + `"}}`, "profile.introduction too_long"},
		"direction":       {`{"name": "a\u202eb"}`, "name invalid_text"},
		"all of it":       {`{"x": 1, "name": "", "profile": {"height": 9, "y": 2}}`, "name required, profile.height out_of_range, profile.y unknown_field, x unknown_field"},
	} {
		_, err := b.update(id, c.patch, nil)
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Code != "invalid" {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		var got []string
		for _, field := range f.Fields {
			got = append(got, field.Name+" "+field.Code)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != c.fields {
			t.Errorf("%s: got %q, want %q", name, strings.Join(got, ", "), c.fields)
		}
	}
	after, err := b.load(id, member.WithAll)
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("refused changes changed something: %v\n%s", err, diff)
	}
}

func TestVersionMismatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(whole())
	if _, err := b.update(id, `{"name": "Theirs", "profile": {"height": 170}}`, nil); err != nil {
		t.Fatal(err)
	}
	_, err := b.update(id, `{"name": "Mine", "profile": {"height": 170}, "lifestyle": null}`, new(int64(1)))
	f := fault.As(err)
	if f == nil || f.Kind != fault.Stale || !errors.Is(err, member.ErrVersionMismatch) {
		t.Fatalf("got %v", err)
	}
	text, err := json.Marshal(f.Detail)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"version":2,"updated_at":%q,"fields":[`+
		`{"field":"lifestyle.diet","current":"fish"},{"field":"lifestyle.drinking","current":"seldom"},{"field":"lifestyle.exercise","current":"daily"},`+
		`{"field":"lifestyle.hobbies","current":["sailing","바둑"]},{"field":"lifestyle.pets","current":["cat"]},{"field":"lifestyle.smoking","current":"never"},`+
		`{"field":"name","current":"Theirs"}]}`, now.Add(time.Hour).Format(time.RFC3339Nano))
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
}

// TestImportedMemberIsPatched has neither phone nor birth year: a patch of
// something else is not refused for that.
func TestImportedMemberIsPatched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := person("Imported")
	n.BirthYear = nil
	id := b.create(n)
	d, err := b.update(id, `{"name": "Renamed", "birth_year": null}`, nil)
	if err != nil || d.Name != "Renamed" {
		t.Errorf("got %+v, %v", d.User, err)
	}
	if _, err := b.update(id, `{"birth_year": 1990}`, nil); err != nil {
		t.Error(err)
	}
	if _, err := b.update(id, `{"birth_year": null}`, nil); fault.As(err) == nil {
		t.Errorf("a birth year was taken away: %v", err)
	}
}

func TestUpdateRoundTrips(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(whole())
	trips := b.trips(func(ctx context.Context) {
		err := b.db.Write(ctx, func(w *session.Write) error {
			_, err := member.Update(ctx, w, testkit.Recorder(), korea, id, []byte(`{"name": "X", "status": "approved"}`), nil, now)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	want := 2 // load, then change and commit
	if testkit.OnPostgres() {
		want = 3 // that a row was changed is known before the commit
	}
	if trips != want {
		t.Errorf("an update costs %d round trips, want %d", trips, want)
	}
}
