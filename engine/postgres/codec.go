package postgres

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/musterhq/muster/query"
)

// texts are the rendered spellings. The texts of a program are few and fixed:
// they are made of constants.
var texts sync.Map

func rendered(common string) (string, error) {
	if text, ok := texts.Load(common); ok {
		return text.(string), nil //nolint:forcetypeassert // only strings are stored
	}
	text, err := query.Render(query.Postgres, common)
	if err == nil {
		texts.Store(common, text)
	}
	return text, err
}

// convert gives the arguments the types that the driver encodes.
func convert(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		out[i] = convertOne(arg)
	}
	return out
}

func convertOne(arg any) any {
	switch v := arg.(type) {
	case nil, string, int, int64, bool, float64, []byte, time.Time, []string, []int, *string, *int, *time.Time:
		return arg
	case query.UUID:
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			return nil
		}
		return pgtype.UUID{Bytes: v.UUID(), Valid: true}
	}
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return convertOne(v.Elem().Interface())
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Bool:
		return v.Bool()
	case reflect.Slice:
		return convertList(v)
	default:
		return arg // the driver says what it thinks of it
	}
}

func convertList(v reflect.Value) any {
	element := v.Type().Elem()
	switch {
	case element.Implements(reflect.TypeFor[query.UUID]()):
		list := make([]pgtype.UUID, v.Len())
		for i := range list {
			id, _ := reflect.TypeAssert[query.UUID](v.Index(i))
			list[i] = pgtype.UUID{Bytes: id.UUID(), Valid: true}
		}
		return list
	case element.Kind() == reflect.String:
		list := make([]string, v.Len())
		for i := range list {
			list[i] = v.Index(i).String()
		}
		return list
	default:
		return v.Interface()
	}
}

// row is the row at which a result stands.
type row struct{ rows pgx.Rows }

// Scan implements [query.Row].
func (r row) Scan(dest ...any) error {
	adapted := make([]any, len(dest))
	for i, d := range dest {
		adapted[i] = adapt(d)
	}
	if err := r.rows.Scan(adapted...); err != nil {
		return fmt.Errorf("scanning: %w", err)
	}
	for _, d := range dest { // the driver gives the local zone
		switch t := d.(type) {
		case *time.Time:
			*t = t.UTC()
		case **time.Time:
			if *t != nil {
				**t = (*t).UTC()
			}
		}
	}
	return nil
}

func adapt(dest any) any {
	if id, ok := dest.(query.UUIDSetter); ok {
		return uuid{id}
	}
	return dest
}

// uuid lets the driver set an identifier of ours.
type uuid struct{ to query.UUIDSetter }

// ScanUUID implements [pgtype.UUIDScanner].
func (u uuid) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		return fmt.Errorf("NULL where an identifier was expected")
	}
	u.to.SetUUID(v.Bytes)
	return nil
}
