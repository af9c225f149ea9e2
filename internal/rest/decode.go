package rest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/fault"
)

// strict refuses members that the type does not have. Names that come twice,
// text that is not UTF-8 and what follows the value are refused by default.
var strict = json.JoinOptions(json.RejectUnknownMembers(true))

// decode reads body into v, a pointer to a struct. What cannot be read at all
// is refused as malformed, naming the field if it is in one; what can be read
// and does not fit v is one fault with every such field.
func decode(body []byte, v any) error {
	start := bytes.TrimLeft(body, " \t\r\n")
	if len(start) == 0 {
		return malformed("body_missing", "The body is empty; a JSON object is needed.")
	}
	err := json.Unmarshal(body, v, strict)
	if err == nil && start[0] == '{' && !bytes.Contains(body, []byte(`\u0000`)) && shallow(body) {
		return nil
	}
	if err := checkSyntax(body); err != nil {
		return err
	}
	if start[0] != '{' {
		var wrong fault.Fields
		wrong.Add("body", "wrong_type", "It is an object.")
		return wrong.Err()
	}
	if err == nil {
		return nil
	}
	var e explainer
	e.explain("", body, reflect.TypeOf(v).Elem())
	if fields := e.wrong.Err(); fields != nil {
		return fields
	}
	return malformed("malformed", "The body could not be read.").because(err)
}

// checkObject is decode for a body that somebody else will read: it must be an
// object, well-formed and not too deep.
func checkObject(body []byte) error {
	var fields map[string]jsontext.Value
	return decode(body, &fields)
}

// shallow reports whether body nests no deeper than is taken, counting every
// bracket, those in strings too: a quick yes, or a perhaps.
func shallow(body []byte) bool {
	open := 0
	for _, c := range body {
		switch c {
		case '{', '[':
			if open++; open > maxDepth {
				return false
			}
		case '}', ']':
			open--
		}
	}
	return true
}

// checkSyntax reads body token by token.
func checkSyntax(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return syntaxFault(body, err)
		}
		if d.StackDepth() > maxDepth {
			return malformed("nested_too_deeply", "JSON is taken up to %d levels deep.", maxDepth)
		}
		if token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0 {
			return malformedField(orBody(fieldOf(d.StackPointer())), "nul", "It must not hold the character NUL.")
		}
		if d.StackDepth() == 0 {
			return checkEnd(body[d.InputOffset():])
		}
	}
}

func checkEnd(rest []byte) error {
	if len(bytes.TrimSpace(rest)) > 0 {
		return malformed("trailing_data", "Something follows the JSON value.")
	}
	return nil
}

func syntaxFault(body []byte, err error) error {
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) {
		return malformed("malformed_json", "The body is not JSON.").because(err)
	}
	name := orBody(fieldOf(s.JSONPointer))
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return malformedField(name, "duplicate", "It is there twice.")
	case !utf8.Valid(body):
		return malformedField(name, "invalid_utf8", "It must be UTF-8.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return malformed("malformed_json", "The JSON ends too early, at byte %d.", s.ByteOffset)
	}
	return malformed("malformed_json", "The body is not JSON: see byte %d.", s.ByteOffset)
}

// fieldOf writes a pointer the way fields are named: lifestyle.hobbies.2.
func fieldOf(p jsontext.Pointer) string {
	var b strings.Builder
	for name := range p.Tokens() {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(shown(name))
	}
	return b.String()
}

// shown makes a name that the caller chose fit to be told: bounded, printable.
func shown(name string) string {
	const most = 64
	name = strings.ToValidUTF8(name, "?")
	name = strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// explainer lists what does not fit, up to a bound.
type explainer struct {
	wrong fault.Fields
	n     int
}

func (e *explainer) add(name, code, message string) {
	const most = 50
	if e.n++; e.n <= most {
		e.wrong.Add(name, code, "%s", message)
	}
}

// explain notes every member of value that does not fit type t. Value is
// well-formed.
func (e *explainer) explain(name string, value jsontext.Value, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		if value.Kind() == 'n' {
			return
		}
		t = t.Elem()
	}
	members := membersOf(t)
	if members == nil || value.Kind() != '{' {
		if json.Unmarshal(value, reflect.New(t).Interface(), strict) != nil {
			e.add(orBody(name), "wrong_type", "It is "+wanted(t)+".")
		}
		return
	}
	d := jsontext.NewDecoder(bytes.NewReader(value))
	_, _ = d.ReadToken() // the opening brace
	for d.PeekKind() == '"' {
		key, _ := d.ReadToken()
		member := key.String()
		inner, err := d.ReadValue()
		if err != nil {
			return
		}
		path := strings.TrimPrefix(name+"."+shown(member), ".")
		if mt, known := members[member]; known {
			e.explain(path, inner, mt)
		} else {
			e.add(path, "unknown_field", "There is no such field.")
		}
	}
}

func orBody(name string) string {
	if name == "" {
		return "body"
	}
	return name
}

// membersOf gives the members that a struct has in JSON; nil for a type that
// reads its own JSON or is no struct.
func membersOf(t reflect.Type) map[string]reflect.Type {
	if t.Kind() != reflect.Struct || readsItself(t) {
		return nil
	}
	members := make(map[string]reflect.Type, t.NumField())
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" && f.IsExported() {
			members[name] = f.Type
		}
	}
	return members
}

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsFrom = reflect.TypeFor[json.UnmarshalerFrom]()
	readsText = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()
)

func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(readsJSON) || p.Implements(readsFrom) || p.Implements(readsText)
}

// wanted says in words what JSON a type takes.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "a time, such as 2026-01-31T09:00:00Z"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list, each of it " + wanted(t.Elem())
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Struct:
		if !readsItself(t) {
			return "an object"
		}
	}
	return "in another form; see /docs"
}
