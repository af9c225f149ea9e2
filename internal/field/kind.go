package field

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Kind is the kind of a field's values.
type Kind uint8

// The kinds of fields.
const (
	Other   Kind = iota // as the JSON library encodes it
	Text                // a string
	Integer             // an int or an int64
	Number              // a float64
	Boolean
	Time    // a time.Time
	ID      // a UUID with a text form
	Texts   // a list of strings
	Object  // a struct
	Objects // a list of structs
)

// formatDate is the format of a day, whose value is midnight in UTC.
const formatDate = "date"

var (
	timeType = reflect.TypeFor[time.Time]()
	appender = reflect.TypeFor[encoding.TextAppender]()
	readers  = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[encoding.TextUnmarshaler](),
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](), reflect.TypeFor[encoding.TextMarshaler](),
	}
)

func kindOf(t reflect.Type) Kind {
	switch {
	case t == timeType:
		return Time
	case t.Kind() == reflect.Array && t.Len() == 16 && t.Implements(appender):
		return ID
	case ownForm(t):
		return Other
	}
	switch t.Kind() {
	case reflect.String:
		return Text
	case reflect.Int, reflect.Int64:
		return Integer
	case reflect.Float64:
		return Number
	case reflect.Bool:
		return Boolean
	case reflect.Struct:
		return Object
	case reflect.Slice:
		switch kindOf(t.Elem()) {
		case Text:
			return Texts
		case Object:
			return Objects
		}
	}
	return Other
}

// ownForm reports whether a type defines its own JSON.
func ownForm(t reflect.Type) bool {
	for _, r := range readers {
		if t.Implements(r) || reflect.PointerTo(t).Implements(r) {
			return true
		}
	}
	return false
}

// ExampleID is the identifier that documentation and messages show.
const ExampleID = "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47"

// example returns the example in a tag as a JSON value of the kind.
func example(kind Kind, text string) any {
	if text == "" {
		return nil
	}
	switch kind {
	case Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic("field: the example " + text + " is not a whole number")
		}
		return n
	case Boolean:
		return text == "true"
	case Texts:
		return strings.Split(text, ",")
	default:
		return text
	}
}
