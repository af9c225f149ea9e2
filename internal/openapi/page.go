package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/rest"
)

//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the page load only what this server has.
const docsPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Mount adds the document and its page to a handler.
func Mount(h *rest.Handler, document []byte) error {
	page, err := docsPage(document)
	if err != nil {
		return err
	}
	h.Page("GET /openapi.json", rest.Static{ContentType: "application/openapi+json;version=3.1", Body: document}.Serve)
	h.Page("GET /docs", rest.Static{ContentType: "text/html; charset=utf-8", Body: page, Policy: docsPolicy}.Serve)
	h.Page("GET /docs/{file}", docsFile)
	return nil
}

// docsFile serves the style and the script of the page.
func docsFile(x *rest.Exchange) error {
	name := x.Request.PathValue("file")
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[path.Ext(name)]
	body, err := fs.ReadFile(docsFiles, path.Join("docs", name))
	if err != nil || kind == "" {
		return rest.ErrRoute
	}
	return rest.Static{ContentType: kind, Body: body}.Serve(x)
}

// docsPage returns the page of documentation for an OpenAPI document.
func docsPage(document []byte) ([]byte, error) {
	var doc node
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	p := &page{doc: doc}
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"prose": prose, "schema": p.rows, "type": p.typeOf, "curl": curl, "json": pretty,
		"node": func(v any) node { return v.(map[string]any) }, //nolint:forcetypeassert // every schema is an object
	}).ParseFS(docsFiles, "docs/page.html")
	if err != nil {
		return nil, fmt.Errorf("reading the page of documentation: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"Info": doc.at("info"), "Groups": p.groups(), "Schemas": doc.at("components", "schemas"), "Problems": rest.ProblemTypes(),
	})
	if err != nil {
		return nil, fmt.Errorf("writing the page of documentation: %w", err)
	}
	return out.Bytes(), nil
}

// node is a JSON object of the document.
type node map[string]any

func (n node) at(keys ...string) node {
	for _, k := range keys {
		n, _ = n[k].(map[string]any)
	}
	return n
}

func (n node) text(key string) string {
	s, _ := n[key].(string)
	return s
}

func (n node) list(key string) []node {
	raw, _ := n[key].([]any)
	list := make([]node, 0, len(raw))
	for _, v := range raw {
		if m, ok := v.(map[string]any); ok {
			list = append(list, m)
		}
	}
	return list
}

func keysOf(n node) []string { return slices.Sorted(maps.Keys(n)) }

type page struct{ doc node }

// group is a tag with its operations.
type group struct {
	Name, Doc  string
	Operations []docsOperation
}

type docsOperation struct {
	Method, Path, ID, Summary, Doc, Permission string
	Fields                                     node // of the body that require another permission
	Parameters                                 []node
	Body                                       node // its schema
	BodyType                                   string
	Example                                    any
	Status                                     string
	Answer                                     node
	Failures                                   []string
	Open                                       bool // it requires no token
}

var methods = []string{"get", "post", "patch", "put", "delete"}

func (p *page) groups() []group {
	var list []group
	for _, tag := range p.doc.list("tags") {
		g := group{Name: tag.text("name"), Doc: tag.text("description")}
		for _, path := range keysOf(p.doc.at("paths")) {
			for _, method := range methods {
				op := p.doc.at("paths", path, method)
				if tags, _ := op["tags"].([]any); len(tags) > 0 && tags[0] == g.Name {
					g.Operations = append(g.Operations, p.operation(method, path, op))
				}
			}
		}
		list = append(list, g)
	}
	return list
}

func (p *page) operation(method, path string, op node) docsOperation {
	o := docsOperation{
		Method: strings.ToUpper(method), Path: path, ID: op.text("operationId"), Summary: op.text("summary"),
		Doc: op.text("description"), Permission: op.text("x-permission"), Fields: op.at("x-field-permissions"), Parameters: op.list("parameters"),
	}
	content := op.at("requestBody", "content")
	for _, kind := range keysOf(content) { // application/json is before application/merge-patch+json
		o.BodyType, o.Body, o.Example = kind, content.at(kind, "schema"), content.at(kind)["example"]
	}
	for _, status := range keysOf(op.at("responses")) {
		if status[0] == '2' {
			o.Status, o.Answer = status, op.at("responses", status, "content", rest.TypeJSON, "schema")
		} else {
			o.Failures = append(o.Failures, status)
		}
	}
	security, given := op["security"].([]any)
	o.Open = given && len(security) == 0
	return o
}

// row is one field of a schema.
type row struct {
	Name, Doc string
	Required  bool
	Type      template.HTML
	Example   string
}

func (p *page) rows(schema node) []row {
	if name := refName(schema); name != "" {
		schema = p.doc.at("components", "schemas", name)
	}
	required, _ := schema["required"].([]any)
	properties := schema.at("properties")
	list := make([]row, 0, len(properties))
	for _, name := range keysOf(properties) {
		s := properties.at(name)
		r := row{Name: name, Doc: s.text("description"), Required: slices.Contains(required, any(name)), Type: p.typeOf(s)}
		if examples, _ := s["examples"].([]any); len(examples) > 0 {
			r.Example = compact(examples[0])
		}
		list = append(list, r)
	}
	return list
}

func refName(s node) string {
	return strings.TrimPrefix(s.text("$ref"), "#/components/schemas/")
}

// typeOf describes a schema in few words, with links to other schemas.
func (p *page) typeOf(s node) template.HTML {
	if name := refName(s); name != "" {
		return template.HTML(`<a href="#schema-` + template.HTMLEscapeString(name) + `">` + template.HTMLEscapeString(name) + `</a>`) //nolint:gosec // escaped
	}
	if either := s.list("anyOf"); len(either) > 0 {
		parts := make([]string, len(either))
		for i, a := range either {
			parts[i] = string(p.typeOf(a))
		}
		return template.HTML(strings.Join(parts, " or ")) //nolint:gosec // escaped above
	}
	kind := kinds(s)
	if s.text("type") == "array" {
		return "list of " + p.typeOf(s.at("items"))
	}
	if f := s.text("format"); f != "" && f != "int64" && f != "int32" {
		kind += " (" + f + ")"
	}
	if enum, _ := s["enum"].([]any); len(enum) > 0 {
		words := make([]string, len(enum))
		for i, e := range enum {
			words[i] = strings.Trim(compact(e), `"`)
		}
		return template.HTML(template.HTMLEscapeString(strings.Join(words, " | "))) //nolint:gosec // escaped
	}
	return template.HTML(template.HTMLEscapeString(kind + limits(s))) //nolint:gosec // escaped
}

func kinds(s node) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		words := make([]string, len(t))
		for i, w := range t {
			words[i], _ = w.(string)
		}
		return strings.Join(words, " or ")
	}
	return "anything"
}

func limits(s node) string {
	low, hasLow := s["minimum"].(float64)
	high, hasHigh := s["maximum"].(float64)
	long, hasLong := s["maxLength"].(float64)
	switch {
	case hasLow && hasHigh:
		return fmt.Sprintf(", %.0f to %.0f", low, high)
	case hasLow:
		return fmt.Sprintf(", at least %.0f", low)
	case hasLong:
		return fmt.Sprintf(", up to %.0f characters", long)
	}
	return ""
}

// curl returns the call of an operation with curl.
func curl(o docsOperation) string {
	var b strings.Builder
	b.WriteString("curl")
	if o.Method != http.MethodGet {
		b.WriteString(" -X " + o.Method)
	}
	if !o.Open {
		b.WriteString(` -H "Authorization: Bearer $MUSTER_TOKEN"`)
	}
	if o.BodyType != "" {
		b.WriteString(" \\\n  -H 'Content-Type: " + o.BodyType + "'")
	}
	path := o.Path
	for _, p := range o.Parameters {
		if p.text("in") == "path" {
			path = strings.Replace(path, "{"+p.text("name")+"}", field.ExampleID, 1)
		}
		if p.text("name") == rest.HeaderKey {
			b.WriteString(" -H 'Idempotency-Key: " + field.ExampleID + "'")
		}
	}
	if o.ID == "list-members" {
		path += "?" + url.Values{"status": {"pending"}, "limit": {"10"}}.Encode()
	}
	if o.Example != nil {
		b.WriteString(" \\\n  -d '" + compact(o.Example) + "'")
	}
	b.WriteString(" \\\n  'http://127.0.0.1:8080" + path + "'")
	return b.String()
}

func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // it was read from JSON
	return strings.TrimSpace(b.String())
}

func pretty(v any) string {
	var b bytes.Buffer
	_ = json.Indent(&b, []byte(compact(v)), "", "  ") // it is JSON
	return b.String()
}

// prose returns the HTML of a description, which may have paragraphs, **strong**
// and `code`.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		s := template.HTMLEscapeString(paragraph)
		s = paired(s, "**", "strong")
		s = paired(s, "`", "code")
		b.WriteString("<p>" + s + "</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // escaped
}

func paired(s, mark, element string) string {
	parts := strings.Split(s, mark)
	for i := 1; i < len(parts)-1; i += 2 {
		parts[i] = "<" + element + ">" + parts[i] + "</" + element + ">"
	}
	return strings.Join(parts, "")
}
