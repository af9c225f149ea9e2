package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/musterhq/muster/query"
)

// The values that every request sends and reads are encoded and decoded here, by
// the server's types: a type switch takes a fraction of the time in which the
// driver finds the plan for a type. The driver does all others, and a test
// compares the two.

// appendArgument encodes an argument of a common type; ok is false for others.
func appendArgument(b []byte, oid uint32, arg any) (_ []byte, format int16, ok bool) {
	switch v := arg.(type) {
	case string:
		if oid == pgtype.TextOID {
			return append(b, v...), pgx.TextFormatCode, true
		}
	case int:
		return appendInteger(b, oid, int64(v))
	case int64:
		return appendInteger(b, oid, v)
	case bool:
		if oid == pgtype.BoolOID {
			if v {
				return append(b, 1), pgx.BinaryFormatCode, true
			}
			return append(b, 0), pgx.BinaryFormatCode, true
		}
	case time.Time:
		if oid == pgtype.TimestamptzOID {
			return binary.BigEndian.AppendUint64(b, uint64(v.UnixMicro()-microsTo2000)), pgx.BinaryFormatCode, true //nolint:gosec // its bits
		}
	case query.UUID:
		if oid == pgtype.UUIDOID && reflect.TypeOf(arg).Kind() != reflect.Pointer { // which may be nil
			id := v.UUID()
			return append(b, id[:]...), pgx.BinaryFormatCode, true
		}
	}
	return b, 0, false
}

// microsTo2000 is the time from 1970 to 2000, where PostgreSQL's time starts.
const microsTo2000 = 946_684_800_000_000

func appendInteger(b []byte, oid uint32, v int64) (_ []byte, format int16, ok bool) {
	switch {
	case oid == pgtype.Int8OID:
		return binary.BigEndian.AppendUint64(b, uint64(v)), pgx.BinaryFormatCode, true //nolint:gosec // its bits
	case oid == pgtype.Int4OID && v == int64(int32(v)): //nolint:gosec // compared with the original
		return binary.BigEndian.AppendUint32(b, uint32(v)), pgx.BinaryFormatCode, true //nolint:gosec // its bits
	}
	return b, 0, false
}

// encodeOther has the driver encode an argument.
func encodeOther(types *pgtype.Map, oid uint32, arg any) ([]byte, int16, error) {
	var b pgx.ExtendedQueryBuilder
	if err := b.Build(types, &pgconn.StatementDescription{ParamOIDs: []uint32{oid}}, []any{convertOne(arg)}); err != nil {
		return nil, 0, err //nolint:wrapcheck // the caller says which argument it is
	}
	return b.ParamValues[0], b.ParamFormats[0], nil
}

// convertOne converts an argument to a type that the driver encodes.
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
		return arg // the driver refuses it
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

// column is how the values of a result's column are encoded.
type column struct {
	oid    uint32
	format int16
}

// columnsOf returns the columns that the server describes.
func columnsOf(d *pgproto3.RowDescription) []column {
	columns := make([]column, len(d.Fields))
	for i, f := range d.Fields {
		columns[i] = column{f.DataTypeOID, f.Format}
	}
	return columns
}

// resultFormats returns the formats in which the columns are read, and the
// columns in these formats.
func resultFormats(types *pgtype.Map, fields []pgconn.FieldDescription) (formats []int16, columns []column) {
	formats, columns = make([]int16, len(fields)), make([]column, len(fields))
	for i := range fields {
		formats[i] = types.FormatCodeForOID(fields[i].DataTypeOID)
		columns[i] = column{fields[i].DataTypeOID, formats[i]}
	}
	return formats, columns
}

// row is the row at which a result stands.
type row struct {
	types   *pgtype.Map
	columns []column
	values  [][]byte
}

// Scan implements [query.Row].
func (r *row) Scan(dest ...any) error {
	if len(dest) != len(r.values) || len(dest) != len(r.columns) {
		return fmt.Errorf("scanning: the row has %d columns and %d destinations", len(r.values), len(dest))
	}
	for i, d := range dest {
		c := r.columns[i]
		if scanCommon(c.oid, c.format, r.values[i], d) {
			continue
		}
		if err := r.types.Scan(c.oid, c.format, r.values[i], adapt(d)); err != nil {
			return fmt.Errorf("scanning column %d: %w", i+1, err)
		}
		inUTC(d)
	}
	return nil
}

// inUTC converts a time, which the driver returns in the local zone.
func inUTC(dest any) {
	switch t := dest.(type) {
	case *time.Time:
		*t = t.UTC()
	case **time.Time:
		if *t != nil {
			**t = (*t).UTC()
		}
	}
}

// scanCommon reads a column of a common type; it returns false for others, and
// for values that are wrong.
func scanCommon(oid uint32, format int16, v []byte, dest any) (ok bool) {
	switch d := dest.(type) {
	case *string:
		if ok = v != nil && oid == pgtype.TextOID; ok {
			*d = string(v)
		}
	case *int:
		var n int64
		if n, ok = integer(oid, format, v); ok {
			*d = int(n)
		}
	case *int64:
		var n int64
		if n, ok = integer(oid, format, v); ok {
			*d = n
		}
	case *time.Time:
		if ok = isTime(oid, format, v); ok {
			*d = moment(v)
		}
	case *[]string:
		var list []string
		if list, ok = texts(oid, format, v); ok {
			*d = list
		}
	case query.UUIDSetter:
		if ok = oid == pgtype.UUIDOID && format == pgx.BinaryFormatCode && len(v) == 16; ok {
			d.SetUUID([16]byte(v))
		}
	default:
		return scanNullable(oid, format, v, dest)
	}
	return ok
}

// scanNullable is scanCommon for a column that may be NULL.
func scanNullable(oid uint32, format int16, v []byte, dest any) bool {
	switch d := dest.(type) {
	case **string:
		return scanMaybe(d, v, oid == pgtype.TextOID, func(v []byte) string { return string(v) })
	case **int:
		n, ok := integer(oid, format, v)
		return scanMaybe(d, v, ok || v == nil, func([]byte) int { return int(n) })
	case **int64:
		n, ok := integer(oid, format, v)
		return scanMaybe(d, v, ok || v == nil, func([]byte) int64 { return n })
	case **time.Time:
		return scanMaybe(d, v, v == nil || isTime(oid, format, v), moment)
	default:
		return false
	}
}

// scanMaybe reads a value that may be NULL, if it is of the type.
func scanMaybe[T any](dest **T, v []byte, fits bool, read func([]byte) T) bool {
	if !fits {
		return false
	}
	if v == nil {
		*dest = nil
	} else {
		*dest = new(read(v))
	}
	return true
}

func integer(oid uint32, format int16, v []byte) (int64, bool) {
	switch {
	case format != pgx.BinaryFormatCode:
		return 0, false
	case oid == pgtype.Int8OID && len(v) == 8:
		return int64(binary.BigEndian.Uint64(v)), true //nolint:gosec // its bits
	case oid == pgtype.Int4OID && len(v) == 4:
		return int64(int32(binary.BigEndian.Uint32(v))), true //nolint:gosec // its bits
	}
	return 0, false
}

// isTime reports whether v is a time that is not infinite.
func isTime(oid uint32, format int16, v []byte) bool {
	if oid != pgtype.TimestamptzOID || format != pgx.BinaryFormatCode || len(v) != 8 {
		return false
	}
	n := int64(binary.BigEndian.Uint64(v)) //nolint:gosec // its bits
	return n != math.MaxInt64 && n != math.MinInt64
}

func moment(v []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(v)) + microsTo2000).UTC() //nolint:gosec // its bits
}

// texts reads a JSON list of texts in which nothing is escaped.
func texts(oid uint32, format int16, v []byte) ([]string, bool) {
	if oid != pgtype.JSONBOID || format != pgx.TextFormatCode {
		return nil, false
	}
	if v == nil {
		return nil, true
	}
	return query.CutTexts(v)
}

func adapt(dest any) any {
	if id, ok := dest.(query.UUIDSetter); ok {
		return uuid{id}
	}
	return dest
}

// uuid lets the driver set one of our identifiers.
type uuid struct{ to query.UUIDSetter }

// ScanUUID implements [pgtype.UUIDScanner].
func (u uuid) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		return fmt.Errorf("NULL where an identifier was expected")
	}
	u.to.SetUUID(v.Bytes)
	return nil
}
