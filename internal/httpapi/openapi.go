package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/fault"
)

const about = `The back office of a platform whose members are admitted by review.

**Tokens.** Every call needs ` + "`Authorization: Bearer muster_…`" + `; ` + "`muster token create`" + ` makes one.

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
		Security: []map[string][]string{{"token": {}}},
		Tags: []*huma.Tag{
			{Name: "Members", Description: "The people on the roll."},
			{Name: "Dashboard", Description: "Numbers that add up."},
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
	if t == reflect.TypeFor[fault.Field]() {
		return "FieldProblem"
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
		Extensions: map[string]any{"x-permission": o.Permission, "x-round-trips": o.Trips},
	}
	if o.body != nil {
		body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range o.accepts {
			body.Content[kind] = &huma.MediaType{Schema: d.schema(o.body), Example: examples[o.ID]}
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

func parametersOf(o *Operation) []*huma.Param {
	var list []*huma.Param
	if strings.Contains(o.Path, "{user_id}") {
		list = append(list, &huma.Param{
			Name: "user_id", In: "path", Required: true, Description: "The id of the member.",
			Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid", Examples: []any{exampleID}},
		})
	}
	for _, p := range o.query {
		list = append(list, p.document())
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
		headers["ETag"] = text("The version of the member.")
	}
	if o.status == http.StatusCreated {
		headers["Location"] = text("Where the member is.")
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
	if o.body != nil {
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
