package httpapi_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/testkit"
)

var trips = regexp.MustCompile(`^db;dur=[0-9.]+, trips;desc="(\d+)", node;desc="(?:sqlite|primary)"$`)

// cost is the number of round trips that a response says it took.
func (r response) cost(t *testing.T) int {
	t.Helper()
	m := trips.FindStringSubmatch(r.header.Get("Server-Timing"))
	if m == nil {
		t.Fatalf("got Server-Timing %q", r.header.Get("Server-Timing"))
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Cost is behaviour: no operation takes more round trips than it declares, and
// each declares no more than it takes at its worst.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, etag := b.create(t, kim)
	b.addMedia(t, path)
	for n := range 3 {
		b.create(t, person(n))
	}
	both := with("If-Match", etag+`, "v2", "v3", "v4", "v5", "v6"`)
	none := func(*http.Request) {}
	calls := map[string][]struct {
		method, path, body string
		option             option
	}{
		"list-members": {
			{"GET", admin + "/members", "", none},
			{"GET", admin + "/members?q=바다&status=pending&sort=name&include=profile,lifestyle,preference,subscription,photos,documents", "", none},
		},
		"create-member":  {{"POST", admin + "/members", person(11), none}, {"POST", admin + "/members", person(12), key("k")}},
		"get-member":     {{"GET", path, "", none}},
		"update-member":  {{"PATCH", path, `{"name":"x","profile":{"region":"y"},"lifestyle":{"smoking":"never"},"preference":{"age_min":20},"subscription":{"plan":"gold"}}`, both}},
		"delete-member":  {{"DELETE", path, "", both}},
		"restore-member": {{"POST", path + "/restore", "", both}},
		"get-dashboard":  {{"GET", admin + "/dashboard", "", none}},
		"get-signups":    {{"GET", admin + "/dashboard/signups", "", none}},
	}
	order := []string{"list-members", "get-member", "get-dashboard", "get-signups", "create-member", "update-member", "delete-member", "restore-member"}
	declared := map[string]int{}
	for _, o := range httpapi.Operations() {
		declared[o.ID] = o.Trips
		if o.Writes && testkit.OnPostgres() {
			declared[o.ID]++ // what may refuse a commit is known before it is sent
		}
		if calls[o.ID] == nil {
			t.Errorf("the budget of %s is not tried", o.ID)
		}
	}
	for _, id := range order {
		worst := 0
		for _, c := range calls[id] {
			r := b.call(t, c.method, c.path, c.body, c.option)
			if r.status >= 300 {
				t.Fatalf("%s: got %s", id, r)
			}
			worst = max(worst, r.cost(t))
		}
		if worst != declared[id] {
			t.Errorf("%s took %d round trips at its worst and declares %d", id, worst, declared[id])
		}
	}
}

// A refusal of what is malformed costs one look at the token, or nothing.
func TestRefusalsAreCheap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.call(t, "GET", admin+"/members?x=1", "").problem(t, 422, "invalid").cost(t); got != 1 {
		t.Errorf("a bad parameter: got %d round trips, want 1", got)
	}
	if got := b.call(t, "GET", admin+"/members", "", as("Bearer nothing")).problem(t, 401, "invalid_token").header.Get("Server-Timing"); got != "" {
		t.Errorf("a malformed token: got %q, want that the database was not asked", got)
	}
}

// Personal data and secrets are never in the log.
func TestLogHoldsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const name, phone, text = "Canaria Zwitscher", "+4915112345678", "kanarienvogel"
	body := `{"phone":"` + phone + `","name":"` + name + `","gender":"other","birth_year":1977,"profile":{"introduction":"` + text + `"}}`
	path, _ := b.create(t, body)
	b.addMedia(t, path)
	link, _ := b.call(t, "GET", path, "").want(t, 200).object["photos"].([]any)[0].(map[string]any)["url"].(string)
	for _, c := range []struct{ method, path, body string }{
		{"POST", admin + "/members", body}, // taken
		{"GET", admin + "/members?q=" + text, ""},
		{"GET", admin + "/members?" + text + "=" + text, ""},
		{"GET", "/" + text, ""},
		{"GET", admin + "/members/" + text, ""},
		{"PATCH", path, `{"name":"` + name + `","phone":"` + text + `"}`},
		{"PATCH", path, `{"` + text + `":"` + text + `"}`},
		{"POST", admin + "/members", `{"phone":"` + text + `","name":5}`},
		{strings.ToUpper(text), admin + "/members", ""},
		{"GET", link, ""},
		{"GET", link + text, ""},
		{"DELETE", path, ""},
	} {
		b.call(t, c.method, c.path, c.body, with("X-Request-Id", phone), with("User-Agent", text), with("Referer", "http://x/"+text),
			with("Muster-Position", text), with("Idempotency-Key", text))
	}
	b.call(t, "GET", admin+"/members", "", as("Bearer "+text))
	b.replace(t, panicking{})
	b.call(t, "GET", path+"?deleted=include", "").problem(t, 500, "internal")
	log := b.log.String()
	if strings.Count(log, "\n") < 12 || !strings.Contains(log, `"route":"/api/v1/admin/members/{user_id}"`) {
		t.Fatalf("the log is not there:\n%s", log)
	}
	signature := link[strings.LastIndexByte(link, '=')+1:]
	for what, canary := range map[string]string{
		"the name": name, "the phone": phone, "digits of the phone": phone[3:], "a text": strings.ToLower(text), "a method": strings.ToUpper(text),
		"the secret": b.secret.Reveal(), "the prefix of the secret": b.secret.Prefix(), "the hash": string(b.secret.Hash()), "the link": signature,
		"the member's id": path[len(admin+"/members/"):],
	} {
		if strings.Contains(log, canary) {
			t.Errorf("%s is in the log", what)
		}
	}
}
