package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

type sampleInner struct {
	Height *int     `json:"height" doc:"x"`
	Pets   []string `json:"pets" doc:"x"`
}

type sampleBody struct {
	Name    *string      `json:"name" doc:"x"`
	Year    *int         `json:"year" doc:"x"`
	Profile *sampleInner `json:"profile" doc:"x"`
}

// decode reads a body as an operation with that input does.
func decode(body []byte, in any) error {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", TypeJSON)
	i := newInput(in, http.MethodPost, false)
	_, err := i.decode(httptest.NewRecorder(), r, in)
	return err
}

func statusOf(err error) int {
	return problemOf(err, "", http.Header{}).Status
}

// told is what a fault says: its code, and the code of each field.
func told(err error) map[string]string {
	f := fault.As(err)
	if f == nil {
		return nil
	}
	if len(f.Fields) == 0 {
		return map[string]string{"": f.Code}
	}
	fields := map[string]string{}
	for _, field := range f.Fields {
		fields[field.Name] = field.Code
	}
	return fields
}

func TestDecode(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat(`{"profile":`, n) + "{}" + strings.Repeat("}", n) }
	for name, c := range map[string]struct {
		body   string
		status int
		want   map[string]string
	}{
		"empty":                    {"", 400, map[string]string{"": "body_missing"}},
		"only spaces":              {" \n\t ", 400, map[string]string{"": "body_missing"}},
		"no JSON":                  {"name=Kim", 400, map[string]string{"": "malformed_json"}},
		"cut":                      {`{"name":"Kim"`, 400, map[string]string{"": "malformed_json"}},
		"trailing data":            {`{"name":"Kim"} {"name":"Lee"}`, 400, map[string]string{"": "trailing_data"}},
		"trailing garbage":         {`{"name":"Kim"}x`, 400, map[string]string{"": "trailing_data"}},
		"null":                     {"null", 422, map[string]string{"body": "wrong_type"}},
		"a list":                   {"[]", 422, map[string]string{"body": "wrong_type"}},
		"a text":                   {`"name"`, 422, map[string]string{"body": "wrong_type"}},
		"unknown field":            {`{"nickname":"Kim"}`, 422, map[string]string{"nickname": "unknown_field"}},
		"another case":             {`{"Name":"Kim"}`, 422, map[string]string{"Name": "unknown_field"}},
		"every wrong field":        {`{"x":1,"name":5,"profile":{"height":"tall","pets":[1],"y":{}}}`, 422, map[string]string{"x": "unknown_field", "name": "wrong_type", "profile.height": "wrong_type", "profile.pets": "wrong_type", "profile.y": "unknown_field"}},
		"an object for a number":   {`{"year":{}}`, 422, map[string]string{"year": "wrong_type"}},
		"a fraction":               {`{"year":1990.5}`, 422, map[string]string{"year": "wrong_type"}},
		"a huge number":            {`{"year":99999999999999999999}`, 422, map[string]string{"year": "wrong_type"}},
		"a list for an object":     {`{"profile":[]}`, 422, map[string]string{"profile": "wrong_type"}},
		"duplicate":                {`{"name":"Kim","name":"Lee"}`, 400, map[string]string{"name": "duplicate"}},
		"duplicate inside":         {`{"profile":{"height":1,"height":2}}`, 400, map[string]string{"profile.height": "duplicate"}},
		"duplicate, escaped":       {`{"name":"Kim","n\u0061me":"Lee"}`, 400, map[string]string{"name": "duplicate"}},
		"invalid UTF-8":            {"{\"name\":\"K\xffm\"}", 400, map[string]string{"name": "invalid_text"}},
		"invalid UTF-8 in a name":  {"{\"\xc3\x28\":1}", 400, map[string]string{"body": "invalid_text"}},
		"half a surrogate":         {`{"name":"\ud800"}`, 400, map[string]string{"": "malformed_json"}},
		"NUL":                      {`{"name":"K\u0000m"}`, 400, map[string]string{"name": "invalid_text"}},
		"NUL as it is":             {"{\"name\":\"K\x00m\"}", 400, map[string]string{"": "malformed_json"}},
		"NUL in a name":            {`{"profile":{"\u0000":1}}`, 400, map[string]string{"profile.?": "invalid_text"}},
		"NUL in a list":            {`{"profile":{"pets":["a","\u0000"]}}`, 400, map[string]string{"profile.pets.1": "invalid_text"}},
		"too deep":                 {deep(field.MaxDepth), 400, map[string]string{"": "nested_too_deeply"}},
		"far too deep":             {strings.Repeat("[", 200_000), 400, map[string]string{"": "nested_too_deeply"}},
		"a byte order mark":        {"\ufeff{}", 400, map[string]string{"": "malformed_json"}},
		"a backslash before u0000": {`{"name":"\\u0000"}`, 0, nil},
		"brackets in a text":       {`{"name":"` + strings.Repeat("[", field.MaxDepth+1) + `"}`, 0, nil},
		"all of it":                {`{"name":"Kim","year":null,"profile":{"height":170,"pets":["cat"]}}`, 0, nil},
		"nothing in it":            {` {} `, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v sampleBody
			err := decode([]byte(c.body), &v)
			if diff := cmp.Diff(c.want, told(err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if err != nil && statusOf(err) != c.status {
				t.Errorf("got status %d, want %d", statusOf(err), c.status)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"Kim","profile":{"height":1}}`))
	f.Add([]byte(`{"name":"\u0000","x":[{"y":"\ud800"}]}`))
	f.Add([]byte("{\"\xff\":1,\"\":{}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v sampleBody
		err := decode(body, &v)
		if err != nil && fault.As(err) == nil {
			t.Errorf("%q: got %v, which is no fault", body, err)
		}
		if err == nil && v.Name != nil && strings.IndexByte(*v.Name, 0) >= 0 {
			t.Errorf("%q: a NUL came through", body)
		}
		problemOf(err, "", http.Header{}).encode()
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line went dead") }

func TestReadBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, encoding string
		body           io.Reader
		status         int
	}{
		"JSON":                       {"application/json", "", strings.NewReader("{}"), 0},
		"JSON with charset":          {"Application/JSON; charset=UTF-8", "", strings.NewReader("{}"), 0},
		"another charset":            {"application/json; charset=latin1", "", strings.NewReader("{}"), 415},
		"no type":                    {"", "", strings.NewReader("{}"), 415},
		"a form":                     {"application/x-www-form-urlencoded", "", strings.NewReader("{}"), 415},
		"a type that is none":        {"application/json/;;", "", strings.NewReader("{}"), 415},
		"compressed":                 {"application/json", "gzip", strings.NewReader("{}"), 415},
		"not compressed, and so":     {"application/json", "identity", strings.NewReader("{}"), 0},
		"10 MB":                      {"application/json", "", strings.NewReader(strings.Repeat(" ", 10<<20)), 413},
		"endless and without length": {"application/json", "", endless{}, 413},
		"just enough":                {"application/json", "", strings.NewReader(strings.Repeat(" ", maxBody)), 0},
		"one byte too many":          {"application/json", "", io.MultiReader(strings.NewReader(strings.Repeat(" ", maxBody)), strings.NewReader(" ")), 413},
		"broken off":                 {"application/json", "", broken{}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", c.body)
			r.Header.Set("Content-Type", c.kind)
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			_, err := readBody(httptest.NewRecorder(), r, TypeJSON)
			if got := statusOf(err); c.status == 0 && err != nil || c.status != 0 && got != c.status {
				t.Errorf("got %d, %v, want %d", got, err, c.status)
			}
		})
	}
}
