package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/operator"
)

func TestMemberFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.call(t, "POST", admin+"/members", kim).want(t, 201)
	path := made.header.Get("Location")
	if want := admin + "/members/" + made.text("id"); path != want {
		t.Errorf("got Location %q, want %q", path, want)
	}
	if made.text("phone") != "+82 10-••••-6789" || made.text("status") != "pending" || made.text("profile", "region") != "Seoul" {
		t.Errorf("got %s", made)
	}
	if made.header.Get("ETag") == "" {
		t.Error("there is no ETag")
	}

	opened := b.call(t, "GET", path, "").want(t, 200)
	if diff := cmp.Diff(made.object, opened.object); diff != "" {
		t.Errorf("what was answered and what is there differ (-made +opened):\n%s", diff)
	}
	if opened.header.Get("ETag") != made.header.Get("ETag") {
		t.Errorf("got ETag %s, then %s", made.header.Get("ETag"), opened.header.Get("ETag"))
	}

	patched := b.call(t, "PATCH", path, `{"status":"approved","profile":{"region":"Busan","height":null}}`,
		with("Content-Type", "application/merge-patch+json"), with("If-Match", opened.header.Get("ETag"))).want(t, 200)
	if patched.text("status") != "approved" || patched.text("profile", "region") != "Busan" || patched.text("name") != "김바다" {
		t.Errorf("got %s", patched)
	}

	b.call(t, "DELETE", path, "", with("If-Match", patched.header.Get("ETag"))).want(t, 200)
	gone := b.call(t, "GET", path, "").problem(t, 404, "not_found")
	if want := "User " + made.text("id") + " not found"; gone.text("detail") != want {
		t.Errorf("got %q, want %q", gone.text("detail"), want)
	}
	for name, query := range map[string]string{"only": "deleted=only", "include": "deleted=include"} {
		if r := b.call(t, "GET", path+"?"+query, "").want(t, 200); r.text("deleted_at") == "" {
			t.Errorf("%s: got %s", name, r)
		}
	}

	back := b.call(t, "POST", path+"/restore", "").want(t, 200)
	if back.text("status") != "approved" || back.object["deleted_at"] != nil {
		t.Errorf("got %s", back)
	}
	b.call(t, "GET", path+"?deleted=only", "").problem(t, 404, "not_found")
	b.call(t, "GET", path, "").want(t, 200)
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	change := func(field, value string) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(kim), &m); err != nil {
			t.Fatal(err)
		}
		if m[field] = json.RawMessage(value); value == "" {
			delete(m, field)
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for name, c := range map[string]struct{ body, field string }{
		"no phone":               {change("phone", ""), "phone"},
		"a phone too short":      {change("phone", `"1"`), "phone"},
		"a phone too long":       {change("phone", `"+82 10 1234 5678 9012 34"`), "phone"},
		"a country that is none": {change("phone", `"+999 1234 5678"`), "phone"},
		"letters for a phone":    {change("phone", `"call me"`), "phone"},
		"an empty phone":         {change("phone", `""`), "phone"},
		"no name":                {change("name", ""), "name"},
		"an empty name":          {change("name", `"  "`), "name"},
		"an endless name":        {change("name", `"`+strings.Repeat("x", 5000)+`"`), "name"},
		"no gender":              {change("gender", ""), "gender"},
		"a gender that is none":  {change("gender", `"robot"`), "gender"},
		"no birth year":          {change("birth_year", ""), "birth_year"},
		"born before all others": {change("birth_year", "1492"), "birth_year"},
		"not born yet":           {change("birth_year", "2190"), "birth_year"},
		"a birth year in words":  {change("birth_year", `"1992"`), "birth_year"},
		"a height of a tower":    {change("profile", `{"height":33000}`), "profile.height"},
		"an unknown profile":     {change("profile", `{"heihgt":1}`), "profile.heihgt"},
		"ages turned round":      {change("preference", `{"age_min":40,"age_max":30}`), "preference.age_max"},
		"heights turned round":   {change("preference", `{"height_min":180,"height_max":150}`), "preference.height_max"},
		"a status of its own":    {change("status", `"approved"`), "status"},
		"an id of its own":       {change("id", `"`+someone+`"`), "id"},
		"a subscription of none": {change("subscription", `{"plan":"gold","status":"lifelong"}`), "subscription.status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.call(t, "POST", admin+"/members", c.body).problem(t, 422, "invalid")
			if r.fields()[c.field] == "" {
				t.Errorf("got %s, want %s to be named", r, c.field)
			}
		})
	}
	t.Run("every wrong field", func(t *testing.T) {
		t.Parallel()
		r := b.call(t, "POST", admin+"/members", `{"phone":"1","name":"","gender":"x","birth_year":1}`).problem(t, 422, "invalid")
		for _, field := range []string{"phone", "name", "gender", "birth_year"} {
			if r.fields()[field] == "" {
				t.Errorf("%s is not named in %s", field, r)
			}
		}
	})
}

func TestPhoneIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, kim)
	b.call(t, "POST", admin+"/members", strings.Replace(kim, "010-2345-6789", "+82 10 2345 6789", 1)).problem(t, 409, "phone_taken")
	path, _ := b.create(t, person(1))
	b.call(t, "PATCH", path, `{"phone":"010 2345 6789"}`).problem(t, 409, "phone_taken")
}

func TestPatchRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	for name, c := range map[string]struct {
		body, field string
	}{
		"a field that does not exist":     {`{"nickname":"x"}`, "nickname"},
		"a profile field that is none":    {`{"profile":{"shoe_size":42}}`, "profile.shoe_size"},
		"the id":                          {`{"id":"` + someone + `"}`, "id"},
		"the version":                     {`{"version":9}`, "version"},
		"the moment of creation":          {`{"created_at":"2020-01-01T00:00:00Z"}`, "created_at"},
		"the moment of deletion":          {`{"deleted_at":"2020-01-01T00:00:00Z"}`, "deleted_at"},
		"the photos":                      {`{"photos":[]}`, "photos"},
		"a name taken away":               {`{"name":null}`, "name"},
		"a phone taken away":              {`{"phone":null}`, "phone"},
		"a gender that is none":           {`{"gender":"robot"}`, "gender"},
		"a status that is none":           {`{"status":"open"}`, "status"},
		"a type that does not fit":        {`{"birth_year":"old"}`, "birth_year"},
		"a profile that is none":          {`{"profile":7}`, "profile"},
		"a range turned round":            {`{"preference":{"age_min":50,"age_max":20}}`, "preference.age_max"},
		"an impossible phone":             {`{"phone":"12"}`, "phone"},
		"an impossible year":              {`{"birth_year":1066}`, "birth_year"},
		"a subscription without its plan": {`{"subscription":{"plan":null}}`, "subscription.plan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.call(t, "PATCH", path, c.body).problem(t, 422, "invalid")
			if r.fields()[c.field] == "" {
				t.Errorf("got %s, want %s to be named", r, c.field)
			}
		})
	}
	t.Run("a list for a patch", func(t *testing.T) {
		t.Parallel()
		b.call(t, "PATCH", path, `[]`).problem(t, 422, "invalid")
	})
	t.Run("a state that may not follow", func(t *testing.T) {
		t.Parallel()
		b.call(t, "PATCH", path, `{"status":"suspended"}`).problem(t, 409, "illegal_transition")
	})
}

func TestPreconditions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, first := b.create(t, kim)
	second := b.call(t, "PATCH", path, `{"name":"김하늘"}`, with("If-Match", first)).want(t, 200).header.Get("ETag")

	stale := b.call(t, "PATCH", path, `{"name":"김구름"}`, with("If-Match", first)).problem(t, 412, "version_mismatch")
	if stale.object["current"] == nil || !strings.Contains(string(stale.body), "김하늘") {
		t.Errorf("got %s, want it to show what changed", stale)
	}
	b.call(t, "DELETE", path, "", with("If-Match", first)).problem(t, 412, "version_mismatch")
	for name, header := range map[string]string{"weak": "W/" + second, "of another server": `"abc"`, "a list of others": `"v98", "v99"`} {
		if r := b.call(t, "PATCH", path, `{"name":"x"}`, with("If-Match", header)); r.status != 412 {
			t.Errorf("%s: got %s, want 412", name, r)
		}
	}
	if name := b.call(t, "GET", path, "").text("name"); name != "김하늘" {
		t.Errorf("a refused change was made: the name is %q", name)
	}
	b.call(t, "PATCH", path, `{"name":"a"}`, with("If-Match", first+", "+second)).want(t, 200)
	b.call(t, "PATCH", path, `{"name":"b"}`, with("If-Match", "*")).want(t, 200)
	b.call(t, "PATCH", path, `{"name":"c"}`).want(t, 200)
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, etag := b.create(t, kim)
	r := b.call(t, "GET", path, "", with("If-None-Match", etag)).want(t, 304)
	if len(r.body) > 0 || r.header.Get("ETag") != etag {
		t.Errorf("got %d bytes and ETag %s", len(r.body), r.header.Get("ETag"))
	}
	b.call(t, "PATCH", path, `{"name":"x"}`).want(t, 200)
	b.call(t, "GET", path, "", with("If-None-Match", etag)).want(t, 200)
}

// An entity tag may stay the same only while the links in it do.
func TestETagFollowsTheLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	first := b.call(t, "GET", path, "").want(t, 200)
	again := b.call(t, "GET", path, "").want(t, 200)
	if string(first.body) != string(again.body) || first.header.Get("ETag") != again.header.Get("ETag") {
		t.Error("at the same time: two representations, or two tags")
	}
	b.clock.set(start.Add(20 * time.Minute))
	later := b.call(t, "GET", path, "", with("If-None-Match", first.header.Get("ETag"))).want(t, 200)
	if later.header.Get("ETag") == first.header.Get("ETag") {
		t.Error("the links changed and the tag did not")
	}
	b.call(t, "PATCH", path, `{"name":"x"}`, with("If-Match", first.header.Get("ETag"))).want(t, 200) // the version did not
}

func TestLinksOfPhotos(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	list, _ := b.call(t, "GET", path, "").want(t, 200).object["photos"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %d photos, want 1", len(list))
	}
	item, _ := list[0].(map[string]any)
	link, _ := item["url"].(string)
	got := b.call(t, "GET", link, "").want(t, 200)
	if string(got.body) != "a photo" || got.header.Get("Content-Type") != "image/jpeg" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %q as %s", got.body, got.header.Get("Content-Type"))
	}
	if shown := got.header.Get("Content-Disposition"); !strings.HasPrefix(shown, "inline") {
		t.Errorf("got Content-Disposition %q", shown)
	}
	const life = 15 * time.Minute
	until, err := time.Parse(time.RFC3339, item["url_expires_at"].(string))
	if err != nil || until.Before(start.Add(life)) || until.After(start.Add(2*life)) {
		t.Errorf("the link ends at %s, %v", until, err)
	}
	for _, secret := range []string{"s3_key", "Key"} {
		if item[secret] != nil {
			t.Error("the photo shows the key of its object")
		}
	}
	b.clock.set(until.Add(time.Second))
	b.call(t, "GET", link, "").want(t, 403)
}

func TestInclude(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	all := []string{"profile", "lifestyle", "preference", "subscription", "photos", "documents"}
	for _, include := range [][]string{{"profile"}, {"photos", "lifestyle"}, all} {
		r := b.call(t, "GET", path+"?include="+strings.Join(include, ","), "").want(t, 200)
		for _, relation := range all {
			if _, shown := r.object[relation]; shown != slices.Contains(include, relation) {
				t.Errorf("include=%v: %s is shown: %t", include, relation, shown)
			}
		}
	}
	r := b.call(t, "GET", path, "").want(t, 200)
	if v, shown := r.object["lifestyle"]; !shown || v != nil {
		t.Errorf("a relation that is not there: got %v, shown: %t; want null", v, shown)
	}
	if v, _ := r.object["photos"].([]any); v == nil {
		t.Errorf("no photos: got %v, want an empty list", r.object["photos"])
	}
	for name, query := range map[string]string{"unknown": "include=secrets", "empty": "include=", "repeated": "include=photos&include=profile"} {
		if r := b.call(t, "GET", path+"?"+query, "").problem(t, 422, "invalid"); r.fields()["include"]+r.fields()["include.0"] == "" {
			t.Errorf("%s: got %s", name, r)
		}
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const members = 23
	for n := range members {
		b.clock.set(start.Add(time.Duration(n) * time.Second))
		b.create(t, person(n))
	}
	var names []string
	query := url.Values{"gender": {"male"}, "limit": {"5"}, "include": {"profile"}}
	for pages := 1; ; pages++ {
		r := b.call(t, "GET", admin+"/members?"+query.Encode(), "").want(t, 200)
		items, _ := r.object["items"].([]any)
		for _, item := range items {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		total, _ := r.object["total"].(map[string]any)
		if total["count"] != float64(members) || total["exact"] != true {
			t.Errorf("got a total of %v", total)
		}
		if r.text("next_cursor") == "" {
			if pages != 5 {
				t.Errorf("got %d pages, want 5", pages)
			}
			break
		}
		query.Set("cursor", r.text("next_cursor"))
	}
	var want []string
	for n := range members {
		want = append(want, fmt.Sprintf("Person %d", members-1-n))
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the pages together (-want +got):\n%s", diff)
	}
}

func TestCursorsRefused(t *testing.T) {
	t.Parallel()
	b, other := setup(t), setup(t)
	for n := range 3 {
		b.create(t, person(n))
		other.create(t, person(n))
	}
	cursor := func(b *bundle, query string) string {
		return b.call(t, "GET", admin+"/members?limit=1&"+query, "").want(t, 200).text("next_cursor")
	}
	good := cursor(b, "sort=name")
	b.call(t, "GET", admin+"/members?limit=2&sort=name&cursor="+good, "").want(t, 200)
	for name, query := range map[string]string{
		"malformed":            "sort=name&cursor=%2e%2e%2f",
		"cut":                  "sort=name&cursor=" + good[:len(good)-2],
		"of another order":     "sort=-name&cursor=" + good,
		"of another filter":    "sort=name&gender=male&cursor=" + good,
		"of another parameter": "sort=name&q=Person&cursor=" + good,
		"far too long":         "sort=name&cursor=" + strings.Repeat("a", 5000),
	} {
		if r := b.call(t, "GET", admin+"/members?"+query, "").problem(t, 422, "invalid"); r.fields()["cursor"] == "" {
			t.Errorf("%s: got %s, want the cursor to be named", name, r)
		}
	}
}

func TestMemberDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, etag := b.create(t, kim)
	b.call(t, "DELETE", path, "").want(t, 200)
	for _, c := range []struct{ method, path, body string }{
		{"GET", path, ""}, {"PATCH", path, `{"name":"x"}`}, {"DELETE", path, ""},
	} {
		b.call(t, c.method, c.path, c.body).problem(t, 404, "not_found")
		b.call(t, c.method, c.path, c.body, with("If-Match", etag)).problem(t, 404, "not_found")
		b.call(t, c.method, c.path, c.body, with("If-Match", etag+`, "v9"`)).problem(t, 404, "not_found")
	}
	b.call(t, "POST", admin+"/members/"+someone+"/restore", "").problem(t, 404, "not_found")
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 3 {
		b.create(t, person(n))
	}
	path, _ := b.create(t, kim)
	b.call(t, "PATCH", path, `{"status":"approved"}`).want(t, 200)
	r := b.call(t, "GET", admin+"/dashboard", "").want(t, 200)
	for field, want := range map[string]float64{
		"total_members": 4, "monthly_signups": 4, "weekly_signups": 4, "today_signups": 4, "male_count": 3, "female_count": 1, "pending_reviews": 3,
	} {
		if r.object[field] != want {
			t.Errorf("got %s %v, want %v", field, r.object[field], want)
		}
	}
	if asOf, err := time.Parse(time.RFC3339, r.text("as_of")); err != nil || !asOf.Equal(start) {
		t.Errorf("got as_of %q, want %s", r.text("as_of"), start)
	}
	for _, query := range []string{"", "?from=2026-03-01&to=2026-03-04", "?to=2026-03-04", "?from=2026-03-04"} {
		s := b.call(t, "GET", admin+"/dashboard/signups"+query, "").want(t, 200)
		items, _ := s.object["items"].([]any)
		sum := 0.0
		for _, item := range items {
			sum += item.(map[string]any)["count"].(float64)
		}
		if sum != 4 || s.text("to") != "2026-03-04" {
			t.Errorf("%q: got %s, want 4 in all", query, s)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, etag := b.create(t, kim)
	for _, p := range []string{path, admin + "/members", admin + "/dashboard"} {
		get, head := b.call(t, "GET", p, "").want(t, 200), b.call(t, "HEAD", p, "").want(t, 200)
		if len(head.body) > 0 || head.header.Get("Content-Length") != fmt.Sprint(len(get.body)) {
			t.Errorf("HEAD %s: got %d bytes, length %s", p, len(head.body), head.header.Get("Content-Length"))
		}
	}
	b.call(t, "HEAD", path, "", with("If-None-Match", etag)).want(t, 304)
	b.call(t, "HEAD", admin+"/members/"+someone, "").want(t, 404)
}

// What a creation answers is not read back: it must be what a loader gives.
func TestCreationAnswersWhatIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, body := range map[string]string{
		"the least": `{"phone":"+82 10-1111-2222","name":"  Ａda ","gender":"other","birth_year":1990}`,
		"relations with little in them": `{"phone":"+82 10-1111-2223","name":"Ada","gender":"other","birth_year":1990,
			"profile":{},"lifestyle":{},"preference":{}}`,
		"much": `{"phone":"+82 10-1111-2224","name":"Ada","gender":"female","birth_year":1990,
			"profile":{"height":170,"introduction":" hello\n"},"lifestyle":{"pets":[],"hobbies":["chess","chess "]},
			"preference":{"age_min":20,"regions":["Seoul"]},
			"subscription":{"plan":"gold","started_at":"2026-01-01T00:00:00.123456789+09:00"}}`,
	} {
		created := b.call(t, "POST", admin+"/members", body)
		if created.status != 201 {
			t.Fatalf("%s: got %s", name, created)
		}
		loaded := b.call(t, "GET", created.header.Get("Location"), "")
		if diff := cmp.Diff(string(loaded.body), string(created.body)); diff != "" {
			t.Errorf("%s (-loaded +created):\n%s", name, diff)
		}
		if got, want := created.header.Get("Etag"), loaded.header.Get("Etag"); got != want {
			t.Errorf("%s: got ETag %s, want %s", name, got, want)
		}
	}
}

// A search in a body is the same list, with the same cursors, and strict.
func TestSearchInABody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 4 {
		b.create(t, person(n))
	}
	b.create(t, kim)
	first := b.call(t, "POST", admin+"/members/search", `{"q":"Person","limit":3,"sort":"name","gender":["male"],"has_photos":false}`).want(t, 200)
	items, _ := first.object["items"].([]any)
	if len(items) != 3 || first.text("next_cursor") == "" {
		t.Fatalf("got %s", first)
	}
	same := b.call(t, "GET", admin+"/members?q=Person&limit=3&sort=name&gender=male&has_photos=false", "").want(t, 200)
	if diff := cmp.Diff(first.object["items"], same.object["items"]); diff != "" {
		t.Errorf("(-in a body +in a query):\n%s", diff)
	}
	next := b.call(t, "POST", admin+"/members/search", `{"q":"Person","limit":3,"sort":"name","gender":["male"],"has_photos":false,"cursor":"`+same.text("next_cursor")+`"}`).want(t, 200)
	if items, _ = next.object["items"].([]any); len(items) != 1 {
		t.Errorf("got %s", next)
	}
	b.call(t, "POST", admin+"/members/search", `{}`).want(t, 200)
	for body, field := range map[string]string{
		`{"q":5}`: "q", `{"limit":"3"}`: "limit", `{"status":"pending"}`: "status", `{"status":["x"]}`: "status.0", `{"has_photos":"true"}`: "has_photos",
		`{"phone":"x"}`: "phone", `{"limit":1.5}`: "limit", `{"gender":[1]}`: "gender",
	} {
		if r := b.call(t, "POST", admin+"/members/search", body).problem(t, 422, "invalid"); r.fields()[field] == "" {
			t.Errorf("%s: got %s", body, r)
		}
	}
	b.call(t, "POST", admin+"/members/search", `{"q":`).want(t, 400)
	b.call(t, "POST", admin+"/members/search?q=x", `{}`).problem(t, 422, "invalid")
	b.call(t, "POST", admin+"/members/search", `{"q":"010-2345-6789"}`, b.as(t, operator.Viewer)).problem(t, 403, "forbidden")
	b.call(t, "POST", admin+"/members/search", `{"q":"010-2345-6789"}`).want(t, 200)
	if got := b.entries(t, "action=phone.search"); len(got) != 1 {
		t.Errorf("the record has %v", got)
	}
}

// Without a day, a series of sign-ups ends today, in the zone of the store.
func TestDayIsOfTheZone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reopen(t, func(o *httpapi.Options) { o.Zone = time.FixedZone("KST", 9*60*60) })
	b.clock.set(time.Date(2026, 1, 30, 15, 0, 0, 0, time.UTC))
	for query, want := range map[string][2]string{
		"": {"2026-01-02", "2026-01-31"}, "?to=2026-01-31": {"2026-01-02", "2026-01-31"}, "?from=2026-01-31": {"2026-01-31", "2026-01-31"},
	} {
		if r := b.call(t, "GET", admin+"/dashboard/signups"+query, "").want(t, 200); r.text("from") != want[0] || r.text("to") != want[1] {
			t.Errorf("%q: got %s, want %s", query, r, want)
		}
	}
}
