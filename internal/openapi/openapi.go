package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
)

const about = `The back office of a platform whose members are admitted by review.

**Tokens.** Every call needs ` + "`Authorization: Bearer muster_…`" + `. A token belongs to an operator; ` + "`muster token create`" + ` makes one. Keep it as a password: whoever has it is that operator.

**Rights.** Each operation says which permission it takes (` + "`x-permission`" + `); a field of the body may take one of its own (` + "`x-field-permissions`" + `), and the answer another (` + "`x-answer-permission`" + `). What an operator may is what its role allows at that moment (` + "`x-roles`" + `), as far as the token's scope does not rule it out.

**Masks.** Nobody sees a phone or a document in passing. ` + "`reveal`" + ` shows it for a reason, which is on the record.

**Failures** are problems (RFC 9457) with a stable ` + "`code`" + `; one that is wrong in several fields lists them all.

**Strictness.** Fields and parameters that are not known, come twice or do not fit are refused by name; bodies have at most 1 MiB and 32 levels.

**Versions.** A member's ` + "`ETag`" + ` is its version (and the window of its links). Send it as ` + "`If-Match`" + ` to change only what you have seen, and as ` + "`If-None-Match`" + ` to fetch only what is new.

**Reading your own writes.** Send the ` + "`Muster-Position`" + ` of the last answer with the next request: whichever server answers, it has seen at least that.

**Cost.** ` + "`Server-Timing`" + ` says how long the database took, in how many round trips, and which node answered.`

// OpenAPI makes the OpenAPI 3.1 document of the operations, indented, for a
// program of that version.
func OpenAPI(version string) ([]byte, error) {
	if version == "" {
		version = "1"
	}
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Muster", Version: version, Description: about},
		Components: &huma.Components{
			Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
			Responses:       map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", BearerFormat: "muster_<prefix>_<secret>", Description: "A token from `muster token create`."}}, //nolint:gosec // the form of a token, not one
		},
		Security:   []map[string][]string{{"token": {}}},
		Extensions: map[string]any{"x-roles": rolesDocument(), "x-permissions": permissionsDocument()},
		Tags: []*huma.Tag{
			{Name: "Members", Description: "The people on the roll."},
			{Name: "Dashboard", Description: "Numbers that add up."},
			{Name: "Record", Description: "What operators did and looked at."},
			{Name: "Me", Description: "Who calls, and with which tokens."},
			{Name: "Operators", Description: "Who works here, and what they may."},
			{Name: "Server", Description: "Whether it is there. No token is needed."},
		},
	}
	d := documenter{doc}
	operations := Operations()
	for i := range operations {
		d.add(&operations[i])
	}
	d.addProbes()
	d.describe()
	return indent(doc)
}

// rolesDocument is what the roles allow that every store has.
func rolesDocument() map[string][]string {
	roles := make(map[string][]string)
	for _, r := range operator.StandardRoles() {
		roles[r.Name] = r.Permissions.Words()
	}
	return roles
}

// permissionsDocument is what each permission means.
func permissionsDocument() map[string]string {
	meanings := map[string]string{operator.Anyone.String(): operator.Anyone.Meaning()}
	for _, p := range operator.Grantable() {
		meanings[p.String()] = p.Meaning()
	}
	return meanings
}

func indent(doc *huma.OpenAPI) ([]byte, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// schemaName keeps the names of types apart that two packages have.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[fault.Field]():
		return "FieldProblem"
	case reflect.TypeFor[audit.Entry]():
		return "RecordEntry"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

type documenter struct{ *huma.OpenAPI }

func (d documenter) schema(t reflect.Type) *huma.Schema {
	return d.Components.Schemas.Schema(t, true, "")
}

// add documents one operation.
func (d documenter) add(o *Operation) {
	op := &huma.Operation{
		Method: o.Method, Path: prefix + o.Path, OperationID: o.ID, Tags: []string{o.Tag},
		Summary: o.Summary, Description: o.Doc, Parameters: parametersOf(o),
		Responses:  map[string]*huma.Response{strconv.Itoa(o.status): d.success(o)},
		Extensions: map[string]any{"x-permission": o.Permission.String(), "x-round-trips": o.Trips},
	}
	if o.Shows != 0 {
		op.Extensions["x-answer-permission"] = o.Shows.String()
	}
	if len(o.Fields) > 0 {
		fields := make(map[string]string, len(o.Fields))
		for name, p := range o.Fields {
			fields[name] = p.String()
		}
		op.Extensions["x-field-permissions"] = fields
	}
	if o.body != nil || o.inBody {
		body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range o.accepts {
			schema := fieldsSchema(o.query)
			if o.body != nil {
				schema = d.schema(o.body)
			}
			body.Content[kind] = &huma.MediaType{Schema: schema, Example: examples[o.ID]}
		}
		op.RequestBody = body
	}
	if o.tagged && !o.Writes {
		op.Responses["304"] = &huma.Response{Description: "It is as the caller has it."}
	}
	for _, status := range failures(o) {
		op.Responses[strconv.Itoa(status)] = d.failure(status)
	}
	d.AddOperation(op)
}

// pathDocs say what a path leaves open.
var pathDocs = map[string]string{
	"user_id": "The id of the member.", "document_id": "The id of the document.", "operator_id": "The id of the operator.",
	"token_id": "The id of the token.", "role": "The name of the role.",
}

func parametersOf(o *Operation) []*huma.Param {
	var list []*huma.Param
	for _, name := range pathNames(o.Path) {
		p := &huma.Param{Name: name, In: "path", Required: true, Description: pathDocs[name], Schema: &huma.Schema{Type: huma.TypeString}}
		if name == "role" {
			p.Schema.Pattern, p.Schema.Examples = "^[a-z][a-z0-9_-]{0,49}$", []any{"accountant"}
		} else {
			p.Schema.Format, p.Schema.Examples = "uuid", []any{exampleID}
		}
		list = append(list, p)
	}
	if !o.inBody {
		for _, p := range o.query {
			list = append(list, p.document())
		}
	}
	header := func(name, doc string, s *huma.Schema) {
		s.Type = huma.TypeString
		list = append(list, &huma.Param{Name: name, In: "header", Description: doc, Schema: s})
	}
	if o.tagged && !o.Writes {
		header("If-None-Match", "The ETag of what the caller has: if it is still so, the answer is 304.", &huma.Schema{Examples: []any{`"v7"`}})
	}
	if o.compares {
		header("If-Match", "The ETag of what the caller has seen: if it was changed since, the answer is 412 and nothing is changed.", &huma.Schema{Examples: []any{`"v7"`}})
	}
	if o.repeated {
		header(headerKey, "A text of the caller's choice, new for each new request, the same for a repetition.",
			&huma.Schema{MinLength: new(1), MaxLength: new(maxKey), Pattern: "^[!-~]+$", Examples: []any{"7d9f3a52-signup-4711"}})
	}
	header(headerPosition, "The position of an earlier answer: this one is not older. A browser sends it as a cookie.", &huma.Schema{Pattern: "^[0-9A-Za-z_-]+$"})
	header(headerRequestID, "A number of the caller's, to find the request by; made if it is absent.", &huma.Schema{MinLength: new(16), MaxLength: new(64), Pattern: "^[0-9A-Za-z_-]+$"})
	return list
}

func (d documenter) success(o *Operation) *huma.Response {
	text := func(doc string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	headers := map[string]*huma.Param{
		headerRequestID: text("The number of the request."),
		"Server-Timing": text("What the database did: `db` with milliseconds, `trips`, `node`."),
		headerPosition:  text("What this answer has seen, to be sent with the next request; absent on the embedded store."),
	}
	if o.tagged {
		headers["ETag"] = text("The version of what is answered.")
	}
	if o.status == http.StatusCreated && o.tagged {
		headers["Location"] = text("Where it is.")
	}
	if o.repeated {
		headers[headerReplayed] = text("`true` if this is the first answer once more.")
	}
	return &huma.Response{
		Description: http.StatusText(o.status), Headers: headers,
		Content: map[string]*huma.MediaType{typeJSON: {Schema: d.schema(o.answer)}},
	}
}

// failures are the statuses of the problems that an operation can have.
func failures(o *Operation) []int {
	list := []int{400, 401, 403, 406, 409, 422, 500, 503}
	if slices.ContainsFunc(o.query, func(p param) bool { return p.name == "q" }) {
		list = append(list, http.StatusTooManyRequests)
	}
	if o.body != nil || o.inBody {
		list = append(list, 413, 415)
	}
	for _, k := range o.faults {
		list = append(list, sorts[k].status)
	}
	return list
}

// failure refers to the one description of a status.
func (d documenter) failure(status int) *huma.Response {
	name := "Problem" + strconv.Itoa(status)
	if d.Components.Responses[name] == nil {
		d.Components.Responses[name] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{problem[0]: {Schema: d.schema(reflect.TypeFor[Problem]())}},
		}
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

// addProbes documents what needs no token.
func (d documenter) addProbes() {
	alive := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"status"},
		Properties: map[string]*huma.Schema{"status": {Type: huma.TypeString, Description: "How it is.", Enum: []any{"ok"}}},
	}
	d.addProbe("/healthz", "See whether the process runs", "It runs.", alive)
	d.addProbe("/readyz", "See whether requests are welcome, and how the servers of the database are",
		"A server of the database answers and this one is not stopping.", d.schema(reflect.TypeFor[Readiness]()))
}

func (d documenter) addProbe(path, summary, success string, answer *huma.Schema) {
	d.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: strings.TrimPrefix(path, "/"), Tags: []string{"Server"}, Summary: summary,
		Security: []map[string][]string{},
		Responses: map[string]*huma.Response{
			"200": {Description: success, Content: map[string]*huma.MediaType{typeJSON: {Schema: answer}}},
			"503": d.failure(http.StatusServiceUnavailable),
		},
	})
}
