package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// cluster is an API on a primary with a replica.
type cluster struct {
	*bundle
	engine           *postgres.Engine
	primary, replica *postgrestest.Server
}

func setupCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{primary: postgrestest.Start(t)}
	c.replica = c.primary.Replica()
	if _, err := schema.MigratePostgres(t.Context(), c.primary.URL()); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.engine, err = postgres.Open(t.Context(), postgres.Options{Primary: c.primary.URL(), Replicas: []string{c.replica.URL()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.engine.Close() })
	c.bundle = setupOn(t, session.New(c.engine))
	c.serve(t, c.engine)
	c.replica.CatchUp(t, c.primary)
	return c
}

// serve serves the cluster as one whose positions are of that history.
func (c *cluster) serve(t *testing.T, h session.History) {
	t.Helper()
	o := c.options(c.blob)
	o.History, o.Nodes = h, func() []session.Node {
		var list []session.Node
		for _, n := range c.engine.Nodes() {
			list = append(list, session.Node{Name: n.Name, Role: session.RoleReplica, Healthy: n.Healthy})
		}
		return list
	}
	api, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.server = httptest.NewServer(api)
	t.Cleanup(c.server.Close)
}

const (
	browser  = "Mozilla/5.0 (X11; Linux x86_64)"
	position = "Muster-Position"
)

// timing is the form of the header (Server Timing, section 3): tokens, and
// descriptions in quotes, in which nothing has to be escaped.
var timing = regexp.MustCompile(`^db;dur=\d+\.\d{3}, trips;desc="\d+", node;desc="([^"\\[:cntrl:]]+)"$`)

func node(t *testing.T, r response) string {
	t.Helper()
	m := timing.FindStringSubmatch(r.header.Get("Server-Timing"))
	if m == nil {
		t.Fatalf("got Server-Timing %q", r.header.Get("Server-Timing"))
	}
	return m[1]
}

func TestPositionsAreKept(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	for n := range 50 {
		made := c.call(t, "POST", admin+"/members", person(n)).want(t, 201)
		at := made.header.Get(position)
		if at == "" || strings.Contains(at, "/") || made.header.Get("Set-Cookie") != "" {
			t.Fatalf("got position %q and cookie %q, want one that is sealed, and no cookie for a program", at, made.header.Get("Set-Cookie"))
		}
		read := c.call(t, "GET", made.header.Get("Location"), "", with(position, at)).want(t, 200)
		if read.header.Get(position) == "" {
			t.Fatal("a read has no position")
		}
	}
	c.replica.HoldReplay(t)
	made := c.call(t, "POST", admin+"/members", person(100)).want(t, 201)
	read := c.call(t, "GET", made.header.Get("Location"), "", with(position, made.header.Get(position))).want(t, 200)
	if got := node(t, read); got != "primary, replicas behind" {
		t.Errorf("got the node %q, want the primary while the replica is behind", got)
	}
	c.replica.ResumeReplay(t)
	c.replica.CatchUp(t, c.primary)
	read = c.call(t, "GET", made.header.Get("Location"), "", with(position, made.header.Get(position))).want(t, 200)
	if got := node(t, read); !strings.HasPrefix(got, "replica 1") {
		t.Errorf("got the node %q, want the replica that has caught up", got)
	}
	ready := c.call(t, "GET", "/readyz", "").want(t, 200)
	if nodes, _ := ready.object["nodes"].([]any); len(nodes) != 2 {
		t.Errorf("got %s, want both nodes", ready)
	}
}

func TestPositionsOfBrowsers(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	c.replica.HoldReplay(t)
	agent := with("User-Agent", browser)
	made := c.call(t, "POST", admin+"/members", kim, agent).want(t, 201)
	cookie := made.header.Get("Set-Cookie")
	if !regexp.MustCompile(`^muster_position=[\w-]+; Path=/api/v1/admin; HttpOnly; SameSite=Strict$`).MatchString(cookie) {
		t.Errorf("got the cookie %q", cookie)
	}
	value, _, _ := strings.Cut(cookie, ";")
	read := c.call(t, "GET", made.header.Get("Location"), "", agent, with("Cookie", value)).want(t, 200)
	if got := node(t, read); !strings.HasPrefix(got, "primary") {
		t.Errorf("got the node %q, want the one that has the cookie's position", got)
	}

	// Over TLS it is another cookie, which never goes without.
	c.network.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.serve(t, c.engine)
	https := with("X-Forwarded-Proto", "https")
	made = c.call(t, "POST", admin+"/members", person(1), agent, https).want(t, 201)
	cookie = made.header.Get("Set-Cookie")
	if !regexp.MustCompile(`^__Secure-muster_position=[\w-]+; Path=/api/v1/admin; HttpOnly; Secure; SameSite=Strict$`).MatchString(cookie) {
		t.Errorf("got the cookie %q over TLS", cookie)
	}
	value, _, _ = strings.Cut(cookie, ";")
	read = c.call(t, "GET", made.header.Get("Location"), "", agent, https, with("Cookie", value)).want(t, 200)
	if got := node(t, read); !strings.HasPrefix(got, "primary") {
		t.Errorf("got the node %q, want the one that has the cookie's position", got)
	}
	// One that is no use is taken away, so that the browser begins anew by itself.
	bad := c.call(t, "GET", admin+"/dashboard", "", agent, with("Cookie", "muster_position=abc")).problem(t, 400, "position_invalid")
	if got := bad.header.Get("Set-Cookie"); !strings.HasPrefix(got, "muster_position=; Path=/api/v1/admin; Max-Age=0;") {
		t.Errorf("got the cookie %q, want that the bad one is taken away", got)
	}
}

// elsewhere is a history of another cluster.
type elsewhere struct{ *postgres.Engine }

func (elsewhere) System() string { return "another" }

func TestPositionsThatAreNone(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	good := c.call(t, "POST", admin+"/members", kim).want(t, 201).header.Get(position)
	for n := range 3 {
		c.create(t, person(n))
	}
	cursor := c.call(t, "GET", admin+"/members?limit=1", "", with(position, good)).want(t, 200).text("next_cursor")
	here := c.server
	c.serve(t, elsewhere{c.engine})
	foreign := c.call(t, "POST", admin+"/members", person(9)).want(t, 201).header.Get(position)
	c.server = here
	if cursor == "" || foreign == "" {
		t.Fatalf("got cursor %q and position %q", cursor, foreign)
	}
	changed := []byte(good)
	changed[len(changed)/2] ^= 1
	for name, header := range map[string]option{
		"empty": with(position, ""), "malformed": with(position, "1/3000148"), "changed": with(position, string(changed)),
		"cut": with(position, good[:len(good)-4]), "a cursor": with(position, cursor), "of another cluster": with(position, foreign),
		"long": with(position, strings.Repeat("A", 4096)),
		"two":  func(r *http.Request) { r.Header[position] = []string{good, good} },
		"a good cookie beside": func(r *http.Request) {
			r.Header.Set(position, "abc")
			r.Header.Set("Cookie", "muster_position="+good)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, call := range [][3]string{{"GET", "/dashboard", ""}, {"POST", "/members", person(99)}, {"GET", "/members?x=1", ""}} {
				r := c.call(t, call[0], admin+call[1], call[2], header).problem(t, 400, "position_invalid")
				if r.header.Get(position) != "" {
					t.Error("a position that is none comes back")
				}
				c.call(t, call[0], admin+call[1], call[2], header, as("Bearer nothing")).problem(t, 401, "invalid_token")
			}
			c.call(t, "GET", "/readyz", "", header).want(t, 200)
		})
	}
}

func TestPositionThatAFailoverLost(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	kept := c.call(t, "POST", admin+"/members", kim).want(t, 201).header.Get(position)
	c.replica.CatchUp(t, c.primary)
	c.replica.Kill()
	lost := c.call(t, "POST", admin+"/members", person(1)).want(t, 201).header.Get(position)
	c.primary.Kill()
	unavailable := c.call(t, "POST", admin+"/members", person(2)).problem(t, 503, "unavailable")
	if unavailable.header.Get("Retry-After") == "" {
		t.Error("without a primary there is no Retry-After")
	}
	if nodes, _ := c.call(t, "GET", "/readyz", "").problem(t, 503, "unavailable").object["info"].([]any); len(nodes) != 2 {
		t.Error("/readyz does not say how the nodes are")
	}
	c.replica.Run()
	c.call(t, "GET", admin+"/dashboard", "", with(position, lost)).want(t, 503) // nobody can say yet
	c.replica.Promote()
	for r := (response{status: 503}); r.status == 503; { // until the new primary is found; bounded by the test's time
		r = c.call(t, "POST", admin+"/members", person(3), with(position, kept))
		if r.status != 503 {
			r.want(t, 201)
		}
	}
	agent := with("User-Agent", browser)
	for _, call := range [][3]string{{"GET", "/dashboard", ""}, {"POST", "/members", person(4)}, {"GET", "/members?x=1", ""}} {
		r := c.call(t, call[0], admin+call[1], call[2], with(position, lost)).problem(t, 409, "position_lost")
		if r.header.Get(position) != "" {
			t.Errorf("%s: a lost position comes back", call[0])
		}
		r = c.call(t, call[0], admin+call[1], call[2], agent, with("Cookie", "muster_position="+lost)).problem(t, 409, "position_lost")
		if got := r.header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
			t.Errorf("%s: got the cookie %q, want that the lost one is taken away", call[0], got)
		}
	}
	total := c.call(t, "GET", admin+"/dashboard", "").want(t, 200)
	if got := fmt.Sprint(total.object["total_members"]); got != "2" {
		t.Errorf("got %s members, want kim and the one of after the failover: what was refused was not written", got)
	}
}

// A token that is revoked opens nothing more on any server, once that is
// answered, though a replica does not know it: it is left out by then.
func TestRevokedEverywhere(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	path, _ := c.create(t, kim)
	c.replica.CatchUp(t, c.primary)
	made := c.call(t, "POST", admin+"/me/tokens", `{"name":"leaked"}`).want(t, 201)
	leaked := as("Bearer " + made.text("token"))
	c.replica.CatchUp(t, c.primary)

	// Another server of the same cluster, which knows of no revocation.
	engine, err := postgres.Open(t.Context(), postgres.Options{Primary: c.primary.URL(), Replicas: []string{c.replica.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	other := &cluster{bundle: setupOn(t, session.New(engine)), engine: engine, primary: c.primary, replica: c.replica}
	other.serve(t, engine)
	for end := time.Now().Add(time.Minute); ; { // until it has seen that the replica is not behind
		r := other.call(t, "GET", path, "", leaked).want(t, 200)
		if node(t, r) == "replica 1" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it is answered by %s, so that the test shows little", node(t, r))
		}
	}

	c.replica.HoldReplay(t)
	other.call(t, "GET", path, "", leaked).want(t, 200)
	c.call(t, "DELETE", admin+"/me/tokens/"+made.text("id"), "").want(t, 200)
	for range 20 {
		other.call(t, "GET", path, "", leaked).problem(t, 401, "revoked_token")
		c.call(t, "GET", path, "", leaked).problem(t, 401, "revoked_token")
	}
	c.replica.ResumeReplay(t)
}

// A token that a replica does not know yet is not called invalid.
func TestNewTokenIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	c := setupCluster(t)
	path, _ := c.create(t, kim)
	c.replica.CatchUp(t, c.primary)
	c.replica.HoldReplay(t)
	made := as("Bearer " + c.call(t, "POST", admin+"/me/tokens", `{"name":"new"}`).want(t, 201).text("token"))
	if r := c.call(t, "GET", path, "", made).want(t, 200); node(t, r) != "primary" {
		t.Errorf("it is answered by %s, which knows nothing of it", node(t, r))
	}
	c.call(t, "POST", admin+"/members", person(1), made).want(t, 201)
	c.call(t, "GET", admin+"/members?x=1", "", made).problem(t, 422, "invalid")
	c.replica.ResumeReplay(t)
}
