package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
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

// docsPage returns the page of documentation for an OpenAPI document. The template
// walks the document itself.
func docsPage(document []byte) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"prose": prose, "compact": compact, "pretty": pretty, "upper": strings.ToUpper,
		"schemaName": path.Base, // of a reference
		"exampleID":  func() string { return field.ExampleID },
		"fill":       func(path string) string { return pathName.ReplaceAllString(path, field.ExampleID) },
	}).ParseFS(docsFiles, "docs/page.html")
	if err != nil {
		return nil, fmt.Errorf("reading the page of documentation: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"doc": doc, "problems": rest.ProblemTypes(), "methods": []string{"get", "post", "patch", "put", "delete"},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the page of documentation: %w", err)
	}
	return out.Bytes(), nil
}

var pathName = regexp.MustCompile(`{\w+}`)

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
