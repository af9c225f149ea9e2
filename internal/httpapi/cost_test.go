package httpapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
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

// refusable are the operations whose last exchange may refuse the commit: it has
// the token, or a change that compares.
var refusable = []string{"create-member", "update-member", "delete-member", "restore-member", "update-operator", "delete-role"}

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
	document := b.call(t, "GET", path, "").object["documents"].([]any)[0].(map[string]any)["id"].(string)
	b.custom(t, "clerk", "members:read", "tokens:write")
	other := "/operators/" + b.call(t, "POST", admin+"/operators", `{"name":"kim","role":"administrator"}`).want(t, 201).text("id")
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
		"search-members": {{"POST", admin + "/members/search", `{"q":"바다","status":["pending"],"sort":"name","include":["photos"]}`, none}},
		"create-member":  {{"POST", admin + "/members", person(11), none}, {"POST", admin + "/members", person(12), key("k")}},
		"get-member":     {{"GET", path, "", none}},
		"update-member":  {{"PATCH", path, `{"name":"x","profile":{"region":"y"},"lifestyle":{"smoking":"never"},"preference":{"age_min":20},"subscription":{"plan":"gold"}}`, both}},
		"delete-member":  {{"DELETE", path, "", both}},
		"restore-member": {{"POST", path + "/restore", "", both}},
		"get-dashboard":  {{"GET", admin + "/dashboard", "", none}},
		"get-signups":    {{"GET", admin + "/dashboard/signups", "", none}},

		"reveal-member":      {{"POST", path + "/reveal", reveal(why), none}},
		"reveal-document":    {{"POST", path + "/documents/" + document + "/reveal", `{"reason":"` + why + `"}`, none}},
		"list-audit-entries": {{"GET", admin + "/audit?action=member.create", "", none}},
		"get-me":             {{"GET", admin + "/me", "", none}},
		"list-my-tokens":     {{"GET", admin + "/me/tokens", "", none}},
		"create-my-token":    {{"POST", admin + "/me/tokens", `{"name":"x"}`, none}},
		"revoke-my-token":    {{"DELETE", admin + "/me/tokens/" + b.newToken(t, "/me/tokens"), "", none}},
		"list-operators":     {{"GET", admin + "/operators", "", none}},
		"create-operator":    {{"POST", admin + "/operators", `{"name":"lee","role":"clerk"}`, none}},
		"get-operator":       {{"GET", admin + other, "", none}},
		"update-operator":    {{"PATCH", admin + other, `{"role":"clerk","name":"choi"}`, none}},
		"list-tokens":        {{"GET", admin + other + "/tokens", "", none}},
		"create-token":       {{"POST", admin + other + "/tokens", `{"name":"x"}`, none}},
		"revoke-token":       {{"DELETE", admin + other + "/tokens/" + b.newToken(t, other+"/tokens"), "", none}},
		"list-roles":         {{"GET", admin + "/roles", "", none}},
		"set-role":           {{"PUT", admin + "/roles/new", `{"permissions":["members:read"]}`, none}, {"PUT", admin + "/roles/clerk", `{"permissions":["members:read"]}`, none}},
		"delete-role":        {{"DELETE", admin + "/roles/new", "", none}},
	}
	order := []string{
		"reveal-member", "reveal-document", "list-audit-entries", "get-me", "list-my-tokens", "create-my-token", "revoke-my-token", "list-operators", "get-operator",
		"list-tokens", "create-token", "revoke-token", "update-operator", "create-operator", "list-roles", "set-role", "delete-role",
		"list-members", "search-members", "get-member", "get-dashboard", "get-signups", "create-member", "update-member", "delete-member", "restore-member"}
	declared := map[string]int{}
	for _, o := range httpapi.Operations() {
		declared[o.ID] = o.Trips
		if testkit.OnPostgres() && slices.Contains(refusable, o.ID) {
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

// newToken makes a token and gives its id.
func (b *bundle) newToken(t *testing.T, path string) string {
	t.Helper()
	return b.call(t, "POST", admin+path, `{"name":"x"}`).want(t, 201).text("id")
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
