package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/query"
)

// Values on disk: times are text of fixed width in UTC, so that text order is
// time order; booleans are 0 and 1; identifiers are 16 bytes; lists are JSON,
// in which identifiers are hexadecimal digits.

const timeLayout = "2006-01-02T15:04:05.000000Z"

var (
	errNull  = errors.New("NULL where a value was expected")
	errYears = errors.New("a time between the years 0000 and 9999 is expected")
)

func bind(s *sqlite3.Stmt, args []any) error {
	if want := s.BindCount(); want != len(args) {
		return fmt.Errorf("the text has %d placeholders and %d arguments", want, len(args))
	}
	for i, arg := range args {
		if err := bindOne(s, i+1, arg); err != nil {
			return fmt.Errorf("argument $%d: %w", i+1, err)
		}
	}
	return nil
}

func bindOne(s *sqlite3.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		return s.BindNull(i)
	case string:
		return s.BindText(i, v)
	case int:
		return s.BindInt(i, v)
	case int64:
		return s.BindInt64(i, v)
	case bool:
		return s.BindBool(i, v)
	case float64:
		return s.BindFloat(i, v)
	case []byte:
		return s.BindBlob(i, v)
	case json.RawMessage:
		return s.BindRawText(i, v)
	case time.Time:
		return bindTime(s, i, v)
	case *string:
		return bindPointer(s, i, v)
	case *int:
		return bindPointer(s, i, v)
	case *time.Time:
		return bindPointer(s, i, v)
	case []string:
		return bindJSON(s, i, v, v == nil)
	case []int:
		return bindJSON(s, i, v, v == nil)
	case query.UUID:
		if reflect.TypeOf(arg).Kind() != reflect.Pointer { // which may be nil
			id := v.UUID()
			return s.BindBlob(i, id[:])
		}
	}
	return bindReflected(s, i, reflect.ValueOf(arg))
}

func bindPointer[T any](s *sqlite3.Stmt, i int, v *T) error {
	if v == nil {
		return s.BindNull(i)
	}
	return bindOne(s, i, *v)
}

func bindTime(s *sqlite3.Stmt, i int, t time.Time) error {
	t = t.UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return errYears
	}
	var buffer [len(timeLayout)]byte
	return s.BindText(i, string(t.AppendFormat(buffer[:0], timeLayout)))
}

func bindJSON(s *sqlite3.Stmt, i int, list any, none bool) error {
	if none {
		return s.BindNull(i)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.BindRawText(i, text)
}

// bindReflected binds values of named types, such as identifiers and a status,
// pointers to them and lists of them.
func bindReflected(s *sqlite3.Stmt, i int, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return s.BindNull(i)
		}
		return bindOne(s, i, v.Elem().Interface())
	}
	switch v.Kind() {
	case reflect.String:
		return s.BindText(i, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return s.BindInt64(i, v.Int())
	case reflect.Bool:
		return s.BindBool(i, v.Bool())
	case reflect.Slice:
		return bindList(s, i, v)
	default:
		return fmt.Errorf("a %s cannot be stored", v.Type())
	}
}

func bindList(s *sqlite3.Stmt, i int, v reflect.Value) error {
	if !v.Type().Elem().Implements(reflect.TypeFor[query.UUID]()) {
		return bindJSON(s, i, v.Interface(), v.IsNil())
	}
	digits := make([]string, v.Len())
	for n := range digits {
		id, _ := reflect.TypeAssert[query.UUID](v.Index(n))
		b := id.UUID()
		digits[n] = hex.EncodeToString(b[:])
	}
	return bindJSON(s, i, digits, false)
}

// row is the row at which a statement stands.
type row struct{ stmt *sqlite3.Stmt }

// Scan implements [query.Row].
func (r row) Scan(dest ...any) error {
	if n := r.stmt.DataCount(); n != len(dest) {
		return fmt.Errorf("the row has %d columns and %d destinations", n, len(dest))
	}
	for i, d := range dest {
		if err := r.column(i, d); err != nil {
			return fmt.Errorf("column %d (%s): %w", i+1, r.stmt.ColumnName(i), err)
		}
	}
	return nil
}

func (r row) column(i int, dest any) error {
	if r.stmt.ColumnType(i) == sqlite3.NULL {
		return setNull(dest)
	}
	switch d := dest.(type) {
	case *string:
		*d = r.stmt.ColumnText(i)
	case *int:
		*d = r.stmt.ColumnInt(i)
	case *int64:
		*d = r.stmt.ColumnInt64(i)
	case *bool:
		*d = r.stmt.ColumnBool(i)
	case *float64:
		*d = r.stmt.ColumnFloat(i)
	case *[]byte:
		*d = r.stmt.ColumnBlob(i, nil)
	case *json.RawMessage:
		*d = json.RawMessage(r.stmt.ColumnText(i))
	case *time.Time:
		t, err := parseTime(r.stmt.ColumnRawText(i))
		*d = t
		return err
	case **string:
		*d = new(r.stmt.ColumnText(i))
	case **int:
		*d = new(r.stmt.ColumnInt(i))
	case **int64:
		*d = new(r.stmt.ColumnInt64(i))
	case **time.Time:
		t, err := parseTime(r.stmt.ColumnRawText(i))
		*d = &t
		return err
	case query.UUIDSetter:
		return r.uuid(i, d)
	case *[]string:
		return parseList(r.stmt.ColumnRawText(i), d)
	default:
		return r.reflected(i, reflect.ValueOf(dest))
	}
	return nil
}

func (r row) uuid(i int, d query.UUIDSetter) error {
	b := r.stmt.ColumnRawBlob(i)
	if len(b) != 16 {
		return fmt.Errorf("an identifier has 16 bytes, not %d", len(b))
	}
	d.SetUUID([16]byte(b))
	return nil
}

// reflected sets a value of a named type, or a pointer to one.
func (r row) reflected(i int, dest reflect.Value) error {
	if dest.Kind() != reflect.Pointer || dest.IsNil() {
		return fmt.Errorf("a destination is a pointer, not a %s", dest.Type())
	}
	v := dest.Elem()
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return r.column(i, v.Interface())
	case reflect.String:
		v.SetString(r.stmt.ColumnText(i))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := r.stmt.ColumnInt64(i)
		if v.OverflowInt(n) {
			return fmt.Errorf("%d does not fit a %s", n, v.Type())
		}
		v.SetInt(n)
	case reflect.Bool:
		v.SetBool(r.stmt.ColumnBool(i))
	case reflect.Slice:
		return json.Unmarshal(r.stmt.ColumnRawText(i), dest.Interface())
	default:
		return fmt.Errorf("a %s cannot be read", v.Type())
	}
	return nil
}

// setNull sets a destination to no value.
func setNull(dest any) error {
	switch d := dest.(type) {
	case **string:
		*d = nil
	case **int:
		*d = nil
	case **int64:
		*d = nil
	case **time.Time:
		*d = nil
	case *[]byte:
		*d = nil
	case *json.RawMessage:
		*d = nil
	default:
		v := reflect.ValueOf(dest)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return fmt.Errorf("a destination is a pointer, not a %T", dest)
		}
		if k := v.Elem().Kind(); k != reflect.Pointer && k != reflect.Slice {
			return errNull
		}
		v.Elem().SetZero()
	}
	return nil
}

// parseList reads a JSON list of texts.
func parseList(b []byte, into *[]string) error {
	list, ok := query.CutTexts(b)
	if !ok {
		return json.Unmarshal(b, into)
	}
	*into = list
	return nil
}

// parseTime reads timeLayout; time.Parse does the same in five times the time.
func parseTime(b []byte) (time.Time, error) {
	if len(b) != len(timeLayout) || b[4] != '-' || b[7] != '-' || b[10] != 'T' ||
		b[13] != ':' || b[16] != ':' || b[19] != '.' || b[26] != 'Z' {
		return time.Time{}, fmt.Errorf("a time is stored as %s", timeLayout)
	}
	var bad bool
	number := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			bad = bad || c < '0' || c > '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	t := time.Date(number(0, 4), time.Month(number(5, 7)), number(8, 10),
		number(11, 13), number(14, 16), number(17, 19), number(20, 26)*1000, time.UTC)
	if bad {
		return time.Time{}, fmt.Errorf("a time is stored as %s", timeLayout)
	}
	return t, nil
}
