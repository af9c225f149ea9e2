package httpapi

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/openapi"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// root is the path of all versions of the API.
const root = "/api/"

// Options configure the API. DB, Blob, CursorSecret and AuditLog must be set.
type Options struct {
	DB           *session.DB
	Blob         blob.Store
	Rules        member.Rules
	Zone         *time.Location // in which days start; nil is that of the rules, or UTC
	CursorSecret []byte         // at least 16 bytes, the same after a restart
	AuditLog     *audit.Log
	Usage        *operator.Usage // collects when tokens are used; nil forgets it
	Reveals      int             // how often in an hour an operator may see masked values; 0 is 30
	TokenIdle    time.Duration   // a token that is unused for so long expires; 0: none does
	Clock        func() time.Time
	Log          *slog.Logger
	MediaHandler http.Handler // serves /media/, if the store does not serve itself
	Version      string       // of the program, for the document

	Network rest.Network          // between callers and the API
	History session.History       // of the database, where sessions have positions
	Nodes   func() []session.Node // returns the servers of the database, for /readyz
	Observe func(rest.Seen)       // is called for each answered request, by its goroutine
}

// complete sets what the options leave out.
func (o *Options) complete() {
	o.Zone = cmp.Or(o.Zone, o.Rules.Zone, time.UTC)
	o.Rules.Zone = o.Zone
	o.Usage = cmp.Or(o.Usage, new(operator.Usage))
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Clock == nil {
		o.Clock = time.Now
	}
}

// New returns the handler of the API.
func New(o Options) (*rest.Handler, error) {
	if o.DB == nil || o.Blob == nil || o.AuditLog == nil {
		return nil, errors.New("httpapi: DB, Blob and AuditLog are required")
	}
	o.complete()
	key, err := query.NewCursorKey(o.CursorSecret)
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	h := rest.NewHandler(rest.Options{
		DB: o.DB, Clock: o.Clock, Log: o.Log, Network: o.Network, Observe: o.Observe, Nodes: o.Nodes,
		History: o.History, Seal: key, Prefix: Prefix,
	})
	t := &tokens{usage: o.Usage, idle: o.TokenIdle, auditLog: o.AuditLog}
	for _, e := range operations(&o, t, key) {
		if err := h.Mount(e); err != nil {
			return nil, fmt.Errorf("httpapi: %w", err)
		}
	}
	return h, mountPages(h, &o, t)
}

// operations returns every operation, by path and method.
func operations(o *Options, t *tokens, key *query.CursorKey) []*rest.Endpoint {
	r := reveals{tokens: t, blob: o.Blob, limit: cmp.Or(o.Reveals, defaultReveals)}
	list := slices.Concat(
		members{reveals: r, rules: o.Rules, cursors: key}.operations(),
		r.operations(),
		numbers{tokens: t, rules: o.Rules, zone: o.Zone}.operations(),
		me{t}.operations(),
		operators{t}.operations(),
		t.operations(),
		roles{t}.operations(),
		auditLog{tokens: t, cursors: key}.operations(),
	)
	slices.SortStableFunc(list, func(a, b *rest.Endpoint) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return list
}

// Operations returns every operation of the API, by path and method, as they are
// declared: they cannot be mounted.
func Operations() []*rest.Endpoint { return operations(new(Options), new(tokens), nil) }

//go:embed about.md
var about string

// OpenAPI returns the OpenAPI 3.1 document of the operations, for a version of the
// program.
func OpenAPI(version string) ([]byte, error) {
	return openapi.Document(openapi.Options{
		Title: "Muster", Version: cmp.Or(version, "1"), Description: strings.TrimSpace(about), Prefix: Prefix,
		Tags: []openapi.Tag{
			{Name: "Members", Description: "The members of the platform."},
			{Name: "Dashboard", Description: "Numbers that add up."},
			{Name: "Audit log", Description: "What operators did and saw."},
			{Name: "Me", Description: "The caller and its tokens."},
			{Name: "Operators", Description: "Who works here, and with which permissions."},
		},
		Names: map[reflect.Type]string{
			reflect.TypeFor[member.View](): "Member", reflect.TypeFor[member.Detail](): "Member",
			reflect.TypeFor[audit.Entry](): "AuditEntry", reflect.TypeFor[fault.Field](): "FieldProblem",
		},
		Extensions: map[string]any{"x-roles": rolesDocument(), "x-permissions": permissionsDocument()},
	}, Operations())
}

// rolesDocument returns the permissions of the built-in roles.
func rolesDocument() map[string][]string {
	roles := make(map[string][]string)
	for _, r := range operator.StandardRoles() {
		roles[r.Name] = r.Permissions.Words()
	}
	return roles
}

// permissionsDocument returns the meaning of each permission.
func permissionsDocument() map[string]string {
	meanings := map[string]string{operator.Anyone.String(): operator.Anyone.Meaning()}
	for _, p := range operator.Grantable() {
		meanings[p.String()] = p.Meaning()
	}
	return meanings
}

// mountPages mounts everything that is not an operation.
func mountPages(h *rest.Handler, o *Options, t *tokens) error {
	document, err := OpenAPI(o.Version)
	if err != nil {
		return err
	}
	if err := openapi.Mount(h, document); err != nil {
		return err
	}
	h.Page("GET /{$}", func(x *rest.Exchange) error {
		http.Redirect(x, x.Request, "/docs", http.StatusFound)
		return nil
	})
	if o.MediaHandler != nil {
		h.Page("/media/", func(x *rest.Exchange) error { return x.ServeObject(o.MediaHandler) })
	}
	h.Page("/", func(x *rest.Exchange) error {
		err := h.NoRoute(x.Request)
		if !strings.HasPrefix(x.Request.URL.Path, root) {
			return err
		}
		return rest.Refuse(h, x, t.may(operator.Anyone), err) // a stranger does not learn which paths exist
	})
	return nil
}
