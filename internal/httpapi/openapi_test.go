package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/httpapi"
)

var update = flag.Bool("update", false, "rewrite the files that tests compare with")

const committed = "../../api/openapi.json"

func document(t *testing.T) []byte {
	t.Helper()
	doc, err := httpapi.OpenAPI("")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPIDocumentIsCommitted(t *testing.T) {
	t.Parallel()
	got := document(t)
	if *update {
		if err := os.WriteFile(committed, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the API and api/openapi.json differ; if that is meant, run go test ./internal/httpapi -run OpenAPI -update (-committed +made):\n%s", diff)
	}
}

func TestOpenAPIDocumentIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if first := document(t); !bytes.Equal(first, document(t)) {
		t.Error("two documents of one program differ")
	}
}

// object is a part of the document.
type object = map[string]any

func TestOpenAPIDocumentIsComplete(t *testing.T) {
	t.Parallel()
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]object
		Components struct{ Schemas map[string]object }
	}
	if err := json.Unmarshal(document(t), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("got version %q, want 3.1.0", doc.OpenAPI)
	}
	for name, s := range doc.Components.Schemas {
		properties, _ := s["properties"].(object)
		for field, p := range properties {
			p, _ := p.(object)
			if p["description"] == nil {
				t.Errorf("%s.%s has no description", name, field)
			}
			if p["type"] == nil && p["$ref"] == nil && p["anyOf"] == nil && !anything(name, field) {
				t.Errorf("%s.%s has no type: %v", name, field, p)
			}
		}
	}
	for _, o := range httpapi.Operations() {
		op := doc.Paths["/api/v1/admin"+o.Path][strings.ToLower(o.Method)]
		if op == nil {
			t.Errorf("%s %s is not documented", o.Method, o.Path)
			continue
		}
		responses, _ := op["responses"].(object)
		for _, status := range []string{"401", "422", "500", "503"} {
			if responses[status] == nil {
				t.Errorf("%s documents no %s", o.ID, status)
			}
		}
		parameters, _ := op["parameters"].([]any)
		for _, p := range parameters {
			p, _ := p.(object)
			if p["description"] == "" || p["schema"] == nil {
				t.Errorf("%s: parameter %v is not described", o.ID, p["name"])
			}
		}
	}
	references(t, doc.Components.Schemas, document(t))
}

// anything reports whether a field may hold any JSON.
func anything(schema, field string) bool {
	return schema == "Problem" && (field == "current" || field == "info")
}

// references checks that each reference leads somewhere.
func references(t *testing.T, schemas map[string]object, doc []byte) {
	t.Helper()
	for part := range strings.SplitSeq(string(doc), `"#/components/schemas/`) {
		name, _, _ := strings.Cut(part, `"`)
		if strings.HasPrefix(part, "{") {
			continue
		}
		if schemas[name] == nil {
			t.Errorf("the schema %q is referred to and not there", name)
		}
	}
}

func TestOperationsAreDeclaredWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range httpapi.Operations() {
		if seen[o.ID] {
			t.Errorf("two operations are called %s", o.ID)
		}
		seen[o.ID] = true
		if o.Summary == "" || o.Doc == "" || o.Tag == "" || permissionOf(o) == "" || o.Trips < 1 {
			t.Errorf("%s lacks a summary, a description, a tag, a permission or a budget: %+v", o.ID, o.Operation)
		}
		if strings.HasSuffix(permissionOf(o), ":read") && o.Writes {
			t.Errorf("%s: needs %s, and writes", o.ID, permissionOf(o))
		}
	}
}
