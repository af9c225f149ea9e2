package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/rest"
)

// Tag is a group of operations.
type Tag = huma.Tag

// Options say what is not in the operations.
type Options struct {
	Title, Version, Description string
	Prefix                      string // of the paths of operations
	Tags                        []Tag
	Names                       map[reflect.Type]string // of schemas whose types have another name
	Extensions                  map[string]any
}

// Document returns the OpenAPI 3.1 document of the operations, indented.
func Document(o Options, endpoints []*rest.Endpoint) ([]byte, error) {
	s := newSchemas(o.Names, endpoints)
	d := documenter{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: o.Title, Version: o.Version, Description: o.Description},
			Components: &huma.Components{
				Schemas:         s,
				Responses:       map[string]*huma.Response{},
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", BearerFormat: "muster_<prefix>_<secret>", Description: "A token from `muster token create`."}}, //nolint:gosec // the form of a token, not one
			},
			Security:   []map[string][]string{{"token": {}}},
			Extensions: o.Extensions,
		},
		schemas: s, prefix: o.Prefix,
	}
	for _, t := range append(o.Tags, Tag{Name: "Server", Description: "The state of the server. No token is required."}) {
		d.Tags = append(d.Tags, &t)
	}
	for _, e := range endpoints {
		d.add(e)
	}
	d.addProbes()
	return indent(d.OpenAPI)
}

func indent(doc *huma.OpenAPI) ([]byte, error) {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return append(text, '\n'), nil
}

type documenter struct {
	*huma.OpenAPI
	schemas *schemas
	prefix  string
}

// add documents one operation.
func (d documenter) add(e *rest.Endpoint) {
	op := &huma.Operation{
		Method: e.Method, Path: d.prefix + e.Path, OperationID: e.ID, Tags: []string{e.Tag},
		Summary: e.Summary, Description: e.Doc, Parameters: d.parameters(e), RequestBody: d.body(e),
		Responses:  map[string]*huma.Response{strconv.Itoa(e.Status): d.success(e)},
		Extensions: map[string]any{"x-round-trips": e.Trips},
	}
	if a, ok := e.Auth.(interface{ Extensions() map[string]any }); ok {
		maps.Copy(op.Extensions, a.Extensions())
	}
	if e.Tagged && !e.Writes {
		op.Responses["304"] = &huma.Response{Description: "The caller has the current version."}
	}
	for _, status := range failures(e) {
		op.Responses[strconv.Itoa(status)] = d.failure(status)
	}
	d.AddOperation(op)
}

// body documents the body of a request; nil for none.
func (d documenter) body(e *rest.Endpoint) *huma.RequestBody {
	if e.Input.Body == nil {
		return nil
	}
	body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, kind := range e.Input.Accepts {
		schema := d.schemas.body(e)
		body.Content[kind] = &huma.MediaType{Schema: schema, Example: e.Example}
	}
	return body
}

// parameters documents the path, the query and the headers of a request.
func (d documenter) parameters(e *rest.Endpoint) (list []*huma.Param) {
	for _, f := range e.Input.Fields.Fields {
		switch {
		case f.Source == field.Path:
			list = append(list, &huma.Param{Name: f.Name, In: "path", Required: true, Description: f.Doc, Schema: parameter(f)})
		case f.Source == field.Query && !e.Input.QueryInBody:
			p := &huma.Param{Name: f.Name, In: "query", Description: f.Doc, Schema: parameter(f)}
			if f.Kind == field.Texts {
				p.Style, p.Explode = "form", new(false)
				p.Description += fmt.Sprintf(" Up to %d, separated by commas.", f.MaxItems)
			}
			list = append(list, p)
		}
	}
	header := func(name, doc string, s *huma.Schema) {
		s.Type = huma.TypeString
		list = append(list, &huma.Param{Name: name, In: "header", Description: doc, Schema: s})
	}
	if e.Tagged && !e.Writes {
		header("If-None-Match", "The ETag of the version that the caller has. If it is current, the answer is 304.", &huma.Schema{Examples: []any{`"v7"`}})
	}
	if e.Input.IfMatch {
		header("If-Match", "The ETag of the version that the caller has seen. If it is not current, the answer is 412 and nothing changes.", &huma.Schema{Examples: []any{`"v7"`}})
	}
	if e.Repeatable {
		header(rest.HeaderKey, "A text of the caller's choice: a new one for each new request, the same for a repetition.",
			&huma.Schema{MinLength: new(1), MaxLength: new(rest.MaxKey), Pattern: "^[!-~]+$", Examples: []any{"7d9f3a52-signup-4711"}})
	}
	header(rest.HeaderPosition, "The position of an earlier answer: this answer is not older. A browser sends it as a cookie.", &huma.Schema{Pattern: "^[0-9A-Za-z_-]+$"})
	header(rest.HeaderRequestID, "The caller's request ID; generated if absent.", &huma.Schema{MinLength: new(16), MaxLength: new(64), Pattern: "^[0-9A-Za-z_-]+$"})
	return list
}

func (d documenter) success(e *rest.Endpoint) *huma.Response {
	text := func(doc string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	headers := map[string]*huma.Param{
		rest.HeaderRequestID: text("The request ID."),
		"Server-Timing":      text("The work of the database: `db` with milliseconds, `trips`, `node`."),
		rest.HeaderPosition:  text("The position of this answer, to send with the next request; absent on the embedded store."),
	}
	if e.Tagged {
		headers["ETag"] = text("The version of the answer.")
	}
	if e.Status == http.StatusCreated && e.Tagged {
		headers["Location"] = text("The path of the new resource.")
	}
	if e.Repeatable {
		headers[rest.HeaderReplayed] = text("`true` if this repeats the first answer.")
	}
	return &huma.Response{
		Description: http.StatusText(e.Status), Headers: headers,
		Content: map[string]*huma.MediaType{rest.TypeJSON: {Schema: d.schemas.of(e.Result, answer)}},
	}
}

// failures returns the statuses of the problems that an operation can have.
func failures(e *rest.Endpoint) []int {
	list := []int{400, 401, 403, 406, 409, 422, 500, 503}
	if e.Input.Body != nil {
		list = append(list, 413, 415)
	}
	for _, k := range e.Faults {
		list = append(list, rest.StatusOf(k))
	}
	return list
}

// failure returns a reference to the one description of a status.
func (d documenter) failure(status int) *huma.Response {
	name := "Problem" + strconv.Itoa(status)
	if d.Components.Responses[name] == nil {
		d.Components.Responses[name] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{rest.TypeProblem: {Schema: d.schemas.of(field.For[rest.Problem](), answer)}},
		}
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

// Liveness is the answer of /healthz.
type Liveness struct {
	Status string `json:"status" enum:"ok" doc:"The state of the process."`
}

// addProbes documents what needs no token.
func (d documenter) addProbes() {
	d.addProbe("/healthz", "Check that the process runs", "The process runs.", field.For[Liveness]())
	d.addProbe("/readyz", "Check that the server accepts requests, and see the servers of the database",
		"A server of the database answers, and this server is not stopping.", field.For[rest.Readiness]())
}

func (d documenter) addProbe(path, summary, success string, s *field.Struct) {
	d.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: strings.TrimPrefix(path, "/"), Tags: []string{"Server"}, Summary: summary,
		Security: []map[string][]string{},
		Responses: map[string]*huma.Response{
			"200": {Description: success, Content: map[string]*huma.MediaType{rest.TypeJSON: {Schema: d.schemas.of(s, answer)}}},
			"503": d.failure(http.StatusServiceUnavailable),
		},
	})
}
