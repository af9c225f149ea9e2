package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

const matrixFile = "../../docs/security/matrix.md"

const matrixHead = `# Who may do what

Each operation of the API, and what becomes of a request of each role: ✓ it is carried out, – it is refused (403), 401 the caller is not known. A field of the body that takes a permission of its own has a row of its own; a second permission is what it takes to see the answer. Custom roles allow any choice of the permissions.

This table is made by asking a real server; ` + "`go test ./internal/httpapi -run TestMatrix`" + ` fails where the two differ, and rewrites it with ` + "`-update`" + `.

`

// as calls in the name of an operator with a role, which is made if need be.
func (b *bundle) as(t testing.TB, role string) option {
	t.Helper()
	_, secret := testkit.Token(t, b.db, "the "+role, role, 0, b.clock.Now())
	return as("Bearer " + secret.Reveal())
}

// scoped calls with a token of an administrator that is limited to a scope.
func (b *bundle) scoped(t testing.TB, scope ...string) option {
	t.Helper()
	var secret operator.Secret
	err := b.db.Write(t.Context(), func(w *session.Write) error {
		o, err := operator.Find(t.Context(), w, "tests")
		if err == nil {
			_, secret, err = operator.CreateToken(t.Context(), w, testkit.Principal(b.clock.Now()), o.ID, operator.NewToken{Name: "scoped", Scope: scope})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return as("Bearer " + secret.Reveal())
}

// custom makes a role.
func (b *bundle) custom(t testing.TB, name string, permissions ...string) {
	t.Helper()
	err := b.db.Write(t.Context(), func(w *session.Write) error {
		_, _, err := operator.SetRole(t.Context(), w, testkit.Principal(b.clock.Now()), name, permissions, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMatrix asks for every operation as every role, as nobody, and with tokens
// that are not good, and compares with the table that is committed.
func TestMatrix(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.custom(t, "idle")
	_, foreign := testkit.Token(t, testkit.Open(t), "elsewhere", operator.Administrator, 0, start)
	ended := b.token(t, "ended", time.Second)
	disabled := b.token(t, "disabled", 0)
	b.disable(t, "disabled")
	b.clock.set(start.Add(time.Hour))
	callers := []struct {
		name string
		option
	}{
		{"none", func(r *http.Request) { r.Header.Del("Authorization") }},
		{"forged", as("Bearer " + foreign.Reveal())},
		{"expired", as("Bearer " + ended.Reveal())},
		{"disabled", as("Bearer " + disabled.Reveal())},
		{"empty role", b.as(t, "idle")},
		{"viewer", b.as(t, operator.Viewer)},
		{"reviewer", b.as(t, operator.Reviewer)},
		{"manager", b.as(t, operator.Manager)},
		{"administrator", b.as(t, operator.Administrator)},
	}
	var table bytes.Buffer
	table.WriteString(matrixHead + "| operation | permission |")
	for _, c := range callers {
		table.WriteString(" " + c.name + " |")
	}
	table.WriteString("\n| --- | --- |" + strings.Repeat(" :-: |", len(callers)) + "\n")
	for _, o := range httpapi.Operations() {
		for _, row := range rowsOf(o) {
			fmt.Fprintf(&table, "| %s | %s |", row.name, row.permission)
			for _, c := range callers {
				r := b.call(t, o.Method, admin+fill(o.Path), row.body, c.option, with("Muster-Test", row.name))
				switch {
				case r.status == http.StatusUnauthorized:
					table.WriteString(" 401 |")
				case r.status == http.StatusForbidden:
					table.WriteString(" – |")
				case r.status >= 500:
					t.Errorf("%s as %s: got %s", row.name, c.name, r)
				default:
					table.WriteString(" ✓ |")
				}
			}
			table.WriteString("\n")
		}
	}
	if *update {
		if err := os.WriteFile(matrixFile, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table.String()); diff != "" {
		t.Errorf("what roles may do is not what docs/security/matrix.md says; if that is meant, run go test ./internal/httpapi -run TestMatrix -update (-committed +asked):\n%s", diff)
	}
}

// matrixRow is a request of the matrix.
type matrixRow struct{ name, permission, body string }

// rowsOf are the requests for an operation: one, and one for each field that
// takes a permission of its own.
func rowsOf(o *rest.Endpoint) []matrixRow {
	access := accessOf(o)
	name := o.Method + " " + o.Path
	body := ""
	if o.ID == "search-members" {
		body = `{"q":"바다"}`
	}
	if o.Writes && o.Method != http.MethodDelete && !strings.HasSuffix(o.Path, "/restore") {
		body = `{"name":"x"}`
	}
	shows := ""
	if p, ok := access["x-answer-permission"].(string); ok {
		shows = ", `" + p + "`"
	}
	list := []matrixRow{{"`" + name + "`", "`" + permissionOf(o) + "`" + shows, body}}
	fields, _ := access["x-field-permissions"].(map[string]string)
	for _, field := range []string{"phone", "status"} {
		if p := fields[field]; p != "" {
			list = append(list, matrixRow{"`" + name + "`, " + field, "`" + p + "`" + shows, `{"` + field + `":"x"}`})
		}
	}
	return list
}

// accessOf is what an operation declares about its callers.
func accessOf(o *rest.Endpoint) map[string]any {
	return o.Auth.(interface{ Extensions() map[string]any }).Extensions()
}

func permissionOf(o *rest.Endpoint) string { return accessOf(o)["x-permission"].(string) }

// fill puts ids of nothing into a path.
func fill(path string) string {
	path = strings.ReplaceAll(path, "{role}", "nothing")
	for _, name := range []string{"{user_id}", "{document_id}", "{operator_id}", "{token_id}"} {
		path = strings.ReplaceAll(path, name, ids.New[ids.Row](start).String())
	}
	return path
}

func (b *bundle) disable(t testing.TB, name string) {
	t.Helper()
	err := b.db.Write(t.Context(), func(w *session.Write) error {
		o, err := operator.Find(t.Context(), w, name)
		if err == nil {
			_, _, err = operator.Update(t.Context(), w, testkit.Principal(b.clock.Now()), o.ID, operator.Patch{Disabled: new(true)}, nil)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What a token opens is what the role allows at that moment, and the scope does
// not rule out.
func TestScopes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	narrow := b.scoped(t, "dashboard:read")
	b.call(t, "GET", admin+"/dashboard", "", narrow).want(t, 200)
	b.call(t, "GET", admin+"/members", "", narrow).problem(t, 403, "forbidden")
	me := b.call(t, "GET", admin+"/me", "", narrow).want(t, 200)
	if list, _ := me.object["permissions"].([]any); len(list) != 1 || list[0] != "dashboard:read" || me.text("role") != operator.Administrator {
		t.Errorf("got %s", me)
	}

	kim := b.as(t, operator.Manager)
	id := b.call(t, "GET", admin+"/me", "", kim).want(t, 200).text("operator_id")
	path, _ := b.create(t, person(1))
	b.call(t, "PATCH", path, `{"name":"y"}`, kim).want(t, 200)
	b.call(t, "PATCH", admin+"/operators/"+id, `{"role":"viewer"}`).want(t, 200)
	b.call(t, "PATCH", path, `{"name":"z"}`, kim).problem(t, 403, "forbidden")
	b.call(t, "PATCH", admin+"/operators/"+id, `{"disabled":true}`).want(t, 200)
	b.call(t, "GET", path, "", kim).problem(t, 401, "disabled_operator")
	b.call(t, "PATCH", admin+"/operators/"+id, `{"disabled":false}`).want(t, 200)
	b.call(t, "GET", path, "", kim).want(t, 200)
}

// slow is a database of which a server does not know yet what was changed.
type slow struct{ asked int }

func (*slow) System() string               { return "slow" }
func (*slow) Holds(session.Position) error { return nil }

func (s *slow) AwaitReplicas(context.Context, session.Position) error {
	s.asked++
	return session.ErrUnavailable
}

// What takes rights away is answered when it is so everywhere, also if it is
// asked for again.
func TestNarrowingWaitsForAllServers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, secret := testkit.Token(t, b.db, "kim", operator.Viewer, 0, start)
	kim := b.call(t, "GET", admin+"/me", "", as("Bearer "+secret.Reveal())).want(t, 200)
	path := admin + "/operators/" + kim.text("operator_id")
	b.call(t, "PUT", admin+"/roles/clerk", `{"permissions":["members:read","members:write"]}`).want(t, 200)
	var servers slow
	b.reopen(t, func(o *httpapi.Options) { o.History = &servers })
	want := 0
	for _, c := range []struct{ method, path, body string }{
		{"PUT", admin + "/roles/clerk", `{"permissions":["members:read"]}`}, {"PATCH", path, `{"role":"clerk"}`}, {"PATCH", path, `{"disabled":true}`},
		{"DELETE", path + "/tokens/" + kim.text("token_id"), ""},
	} {
		for range 2 {
			b.call(t, c.method, c.path, c.body).problem(t, 503, "replication_pending")
			if want++; servers.asked != want {
				t.Errorf("%s %s: asked %d times, want %d", c.method, c.body, servers.asked, want)
			}
		}
	}
	b.call(t, "PATCH", path, `{"disabled":false}`).want(t, 200) // which gives rights
}

// A token that nobody uses ends; to use it keeps it.
func TestIdleTokensEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reopen(t, func(o *httpapi.Options) { o.TokenIdle = 24 * time.Hour })
	used, idle := b.as(t, operator.Viewer), b.as(t, operator.Reviewer)
	b.clock.set(start.Add(20 * time.Hour))
	b.call(t, "GET", admin+"/me", "", used).want(t, 200)
	if err := b.usage.Flush(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	b.clock.set(start.Add(30 * time.Hour))
	b.call(t, "GET", admin+"/me", "", used).want(t, 200)
	b.call(t, "GET", admin+"/me", "", idle).problem(t, 401, "idle_token")
	b.call(t, "DELETE", admin+"/members/x", "", idle).problem(t, 401, "idle_token")
}

// A body may need several permissions, one for each of its fields.
func TestFieldsTakeTheirOwnPermission(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.custom(t, "clerk", "members:read", "members:write")
	clerk, reviewer := b.as(t, "clerk"), b.as(t, operator.Reviewer)
	path, _ := b.create(t, kim)
	b.call(t, "PATCH", path, `{"name":"x"}`, clerk).want(t, 200)
	b.call(t, "PATCH", path, `{"name":"y","status":"approved"}`, clerk).problem(t, 403, "forbidden")
	b.call(t, "PATCH", path, `{"name":"y","phone":"010-9999-9999"}`, clerk).problem(t, 403, "forbidden")
	b.call(t, "PATCH", path, `{"status":"approved"}`, reviewer).want(t, 200)
	b.call(t, "PATCH", path, `{"status":"suspended","name":"y"}`, reviewer).problem(t, 403, "forbidden")
	b.call(t, "POST", admin+"/members", person(2), clerk).problem(t, 403, "forbidden")
	if r := b.call(t, "GET", path, "").want(t, 200); r.text("name") != "x" || r.text("status") != "approved" {
		t.Errorf("got %s", r)
	}
}

// What a change is answered with is shown to who may read it.
func TestAnswersTakeTheRightToRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	blind := b.scoped(t, "members:write", "members:delete", "members:review", "phones:write")
	for _, c := range [][3]string{
		{"PATCH", path, `{}`}, {"PATCH", path, `{"status":"approved"}`}, {"PATCH", path, `{"phone":"010-9999-9999"}`}, {"PATCH", path, `{"name":"x"}`},
		{"PATCH", path, `not JSON`}, {"DELETE", path}, {"POST", path + "/restore"}, {"POST", admin + "/members", person(2)},
	} {
		b.call(t, c[0], c[1], c[2], blind).problem(t, 403, "forbidden")
	}
	b.call(t, "PATCH", path, `{}`, b.scoped(t, "phones:write", "members:read")).want(t, 200)
}

// Nobody gets more than they have, whatever they send.
func TestEscalation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	manager := b.as(t, operator.Manager)
	me := b.call(t, "GET", admin+"/me", "", manager).want(t, 200).text("operator_id")
	root := b.call(t, "GET", admin+"/me", "").want(t, 200).text("operator_id")
	path, _ := b.create(t, kim)
	limited := b.scoped(t, "tokens:write", "operators:write")
	ends := b.token(t, "ends", time.Hour)
	for name, c := range map[string]struct {
		method, path, body string
		by                 option
		status             int
	}{
		"one's own role":                       {"PATCH", "/operators/" + me, `{"role":"administrator"}`, manager, 403},
		"a role":                               {"PUT", "/roles/mine", `{"permissions":["operators:write"]}`, manager, 403},
		"an operator":                          {"POST", "/operators", `{"name":"x","role":"administrator"}`, manager, 403},
		"a token of an administrator":          {"POST", "/operators/" + root + "/tokens", `{"name":"x"}`, manager, 403},
		"permissions by a patch":               {"PATCH", path[len(admin):], `{"permissions":["operators:write"]}`, manager, 422},
		"a role by a patch":                    {"PATCH", path[len(admin):], `{"role":"administrator"}`, manager, 422},
		"another's id by a patch":              {"PATCH", path[len(admin):], `{"id":"` + root + `"}`, manager, 422},
		"permissions in an operator":           {"PATCH", "/operators/" + me, `{"permissions":["members:read"]}`, as("Bearer " + b.secret.Reveal()), 422},
		"the owner of a token":                 {"POST", "/me/tokens", `{"name":"x","operator_id":"` + root + `"}`, manager, 422},
		"the role of a token":                  {"POST", "/me/tokens", `{"name":"x","role":"administrator"}`, manager, 422},
		"a scope beyond the role":              {"POST", "/me/tokens", `{"name":"x","scope":["operators:write"]}`, manager, 422},
		"a scope that is none":                 {"POST", "/me/tokens", `{"name":"x","scope":["everything"]}`, manager, 422},
		"a whole token with a limited one":     {"POST", "/me/tokens", `{"name":"x"}`, limited, 422},
		"another scope with a limited one":     {"POST", "/me/tokens", `{"name":"x","scope":["phones:reveal"]}`, limited, 403},
		"a wider role with a limited token":    {"POST", "/operators", `{"name":"x","role":"viewer"}`, limited, 403},
		"an administrator with a limited one":  {"PATCH", "/operators/" + root, `{"disabled":true}`, limited, 403},
		"a life beyond that of one's token":    {"POST", "/me/tokens", `{"name":"x","expires_at":"2027-01-01T00:00:00Z"}`, as("Bearer " + ends.Reveal()), 422},
		"no end, with a token that has one":    {"POST", "/me/tokens", `{"name":"x","expires_at":null}`, as("Bearer " + ends.Reveal()), 422},
		"what ends with one's token":           {"POST", "/me/tokens", `{"name":"x"}`, as("Bearer " + ends.Reveal()), 201},
		"a token of one's own, in one's role":  {"POST", "/me/tokens", `{"name":"x","scope":["members:read"]}`, manager, 201},
		"the token of somebody by one's own":   {"DELETE", "/me/tokens/" + b.call(t, "GET", admin+"/me", "").text("token_id"), "", manager, 404},
		"a standard role":                      {"PUT", "/roles/viewer", `{"permissions":["operators:write"]}`, as("Bearer " + b.secret.Reveal()), 422},
		"the standard role of administrators":  {"DELETE", "/roles/administrator", "", as("Bearer " + b.secret.Reveal()), 404},
		"a role under the name of another one": {"PUT", "/roles/Viewer", `{"permissions":["operators:write"]}`, as("Bearer " + b.secret.Reveal()), 422},
	} {
		if r := b.call(t, c.method, admin+c.path, c.body, c.by); r.status != c.status {
			t.Errorf("%s: got %s, want %d", name, r, c.status)
		}
	}
	if r := b.call(t, "GET", admin+"/operators/"+me, "").want(t, 200); r.text("role") != operator.Manager {
		t.Errorf("the manager is now %s", r)
	}
}

// The last administrator stays, also where two demote each other at once.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	b := setup(t)
	me := func(by option) string { return b.call(t, "GET", admin+"/me", "", by).want(t, 200).text("operator_id") }
	first := as("Bearer " + b.secret.Reveal())
	b.call(t, "PATCH", admin+"/operators/"+me(first), `{"role":"viewer"}`).problem(t, 409, "last_administrator")
	b.call(t, "PATCH", admin+"/operators/"+me(first), `{"disabled":true}`).problem(t, 409, "last_administrator")
	other := b.token(t, "other", 0)
	second := as("Bearer " + other.Reveal())
	ids := map[string]string{"first": me(first), "second": me(second)}
	var wg sync.WaitGroup
	var one, two response
	wg.Go(func() { one = b.call(t, "PATCH", admin+"/operators/"+ids["second"], `{"role":"viewer"}`, first) })
	wg.Go(func() { two = b.call(t, "PATCH", admin+"/operators/"+ids["first"], `{"disabled":true}`, second) })
	wg.Wait()
	if won := min(one.status, two.status); won != 200 || max(one.status, two.status) < 400 {
		t.Errorf("got %s and %s, want that one of them wins", one, two)
	}
	left := 0
	list, err := operators(t, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		if o.Role == operator.Administrator && o.DisabledAt == nil {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d administrators are left", left)
	}
}

func operators(t *testing.T, b *bundle) (list []operator.Operator, err error) {
	t.Helper()
	err = b.db.Read(t.Context(), func(r *session.Read) (err error) {
		list, err = session.Run(t.Context(), r, operator.Operators())
		return err
	})
	return list, err
}

// Who may not know is not told whether there is such a path, or such a member.
func TestAnswersRevealNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	absent := admin + "/members/" + ids.New[ids.Member](start).String()
	_, foreign := testkit.Token(t, testkit.Open(t), "elsewhere", operator.Administrator, 0, start)
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	same := func(what string, by option, requests ...[3]string) {
		t.Helper()
		var first string
		for i, q := range requests {
			r := b.call(t, q[0], q[1], q[2], by)
			delete(r.object, "request_id")
			got := fmt.Sprint(r.status, r.object, r.header.Get("Allow"), r.header.Get("ETag"), r.header.Get("Location"))
			if i == 0 {
				first = got
			} else if got != first {
				t.Errorf("%s: %s %s is told %s, and the first %s", what, q[0], q[1], got, first)
			}
		}
	}
	paths := [][3]string{
		{"GET", path}, {"GET", absent}, {"GET", admin + "/members"}, {"GET", admin + "/nothing"}, {"PUT", admin + "/members"}, {"GET", "/api/v2"},
		{"DELETE", path}, {"PATCH", absent, `{"nothing":1}`}, {"GET", path + "?x=1"}, {"POST", admin + "/members", `not JSON`}, {"GET", admin + "/operators"},
	}
	same("nobody", none, paths...)
	same("a forged token", as("Bearer "+foreign.Reveal()), paths...)
	same("no token at all", as("Bearer x"), paths...)

	b.custom(t, "idle")
	idle := b.as(t, "idle")
	same("a reader without the right to read", idle, [3]string{"GET", path}, [3]string{"GET", absent})
	same("a writer without the right to write", idle, [3]string{"DELETE", path}, [3]string{"DELETE", absent})
	viewer := b.as(t, operator.Viewer)
	same("who may not create", viewer, [3]string{"POST", admin + "/members", kim}, [3]string{"POST", admin + "/members", person(1)})
	same("who may not reveal", viewer, [3]string{"POST", path + "/reveal", `{"fields":["phone"],"reason":"a reason for it"}`},
		[3]string{"POST", absent + "/reveal", `{"fields":["phone"],"reason":"a reason for it"}`})
	same("who may not reveal, and errs", viewer, [3]string{"POST", path + "/reveal", `{}`}, [3]string{"POST", absent + "/reveal", `{"x":1}`})
}
