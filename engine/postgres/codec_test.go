package postgres

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/musterhq/muster/query"
)

// key is an identifier of a test.
type key [16]byte

func (k key) UUID() [16]byte      { return k }
func (k *key) SetUUID(b [16]byte) { *k = b }

// TestArgumentsAsTheDriver compares what is encoded here with the driver's bytes.
func TestArgumentsAsTheDriver(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	for name, c := range map[string]struct {
		oid uint32
		arg any
	}{
		"text":               {pgtype.TextOID, "바다 'quoted'"},
		"empty text":         {pgtype.TextOID, ""},
		"bigint of int":      {pgtype.Int8OID, math.MinInt64},
		"bigint":             {pgtype.Int8OID, int64(math.MaxInt64)},
		"integer":            {pgtype.Int4OID, math.MinInt32},
		"integer of int64":   {pgtype.Int4OID, int64(7)},
		"true":               {pgtype.BoolOID, true},
		"false":              {pgtype.BoolOID, false},
		"time":               {pgtype.TimestamptzOID, time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)},
		"time elsewhere":     {pgtype.TimestamptzOID, time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 9*3600))},
		"time before 2000":   {pgtype.TimestamptzOID, time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)},
		"identifier":         {pgtype.UUIDOID, key{1, 2, 3}},
		"identifier of none": {pgtype.UUIDOID, key{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, format, ok := appendArgument([]byte("before"), c.oid, c.arg)
			want, wantFormat, err := encodeOther(types, c.oid, c.arg)
			if err != nil || !ok || format != wantFormat || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("got %x in format %d (%t), want %x in %d, %v", got, format, ok, want, wantFormat, err)
			}
		})
	}
}

// TestOtherArgumentsAreLeftAlone leaves rare arguments, and those that do not fit,
// to the driver.
func TestOtherArgumentsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		oid uint32
		arg any
	}{
		"nothing":           {pgtype.TextOID, nil},
		"no identifier":     {pgtype.UUIDOID, (*key)(nil)},
		"too much":          {pgtype.Int4OID, math.MaxInt32 + 1},
		"text as a number":  {pgtype.Int4OID, "7"},
		"a list":            {pgtype.TextArrayOID, []string{"a"}},
		"a pointer":         {pgtype.TextOID, new("a")},
		"a number as text":  {pgtype.TextOID, 7},
		"a time as a day":   {pgtype.DateOID, time.Now()},
		"a bool as another": {pgtype.Int8OID, true},
	} {
		if b, _, ok := appendArgument(nil, c.oid, c.arg); ok || len(b) > 0 {
			t.Errorf("%s: got %x", name, b)
		}
	}
}

// TestColumnsAsTheDriver compares what is read here with what the driver reads.
func TestColumnsAsTheDriver(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	at := time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)
	for name, c := range map[string]struct {
		oid  uint32
		in   any // the stored value; nil is NULL
		dest any
		left bool // to the driver
	}{
		"text":                {pgtype.TextOID, "바다", new(string), false},
		"text or NULL":        {pgtype.TextOID, "바다", new(*string), false},
		"NULL text":           {pgtype.TextOID, nil, new(new("before")), false},
		"NULL where a text":   {pgtype.TextOID, nil, new(string), true},
		"word":                {pgtype.VarcharOID, "a", new(string), true},
		"bigint":              {pgtype.Int8OID, int64(math.MinInt64), new(int64), false},
		"bigint as int":       {pgtype.Int8OID, int64(math.MaxInt64), new(int), false},
		"integer":             {pgtype.Int4OID, int64(-7), new(int), false},
		"integer or NULL":     {pgtype.Int4OID, int64(-7), new(*int), false},
		"NULL integer":        {pgtype.Int4OID, nil, new(new(7)), false},
		"NULL where a number": {pgtype.Int4OID, nil, new(int), true},
		"bigint or NULL":      {pgtype.Int8OID, int64(-7), new(*int64), false},
		"NULL bigint":         {pgtype.Int8OID, nil, new(*int64), false},
		"smallint":            {pgtype.Int2OID, int64(7), new(int), true},
		"time":                {pgtype.TimestamptzOID, at, new(time.Time), false},
		"time or NULL":        {pgtype.TimestamptzOID, at, new(*time.Time), false},
		"NULL time":           {pgtype.TimestamptzOID, nil, new(&at), false},
		"NULL where a time":   {pgtype.TimestamptzOID, nil, new(time.Time), true},
		"infinity":            {pgtype.TimestamptzOID, pgtype.Timestamptz{Valid: true, InfinityModifier: pgtype.Infinity}, new(time.Time), true},
		"identifier":          {pgtype.UUIDOID, key{1, 2}, new(key), false},
		"NULL identifier":     {pgtype.UUIDOID, nil, new(key), true},
		"list":                {pgtype.JSONBOID, []string{"a", "b c", "바다"}, new([]string), false},
		"empty list":          {pgtype.JSONBOID, []string{}, new([]string), false},
		"NULL list":           {pgtype.JSONBOID, nil, new([]string{"before"}), false},
		"list with quotes":    {pgtype.JSONBOID, []string{`say "a", "b"`}, new([]string), true},
		"boolean":             {pgtype.BoolOID, true, new(bool), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			format := types.FormatCodeForOID(c.oid)
			var v []byte
			if c.in != nil {
				var err error
				if v, err = types.Encode(c.oid, format, convertOne(c.in), []byte{}); err != nil {
					t.Fatal(err)
				}
				if c.oid == pgtype.JSONBOID { // the server puts a space after each comma
					v = bytes.ReplaceAll(v, []byte(`","`), []byte(`", "`))
				}
			}
			want := reflect.New(reflect.TypeOf(c.dest).Elem())
			errWant := types.Scan(c.oid, format, v, adapt(want.Interface()))
			inUTC(want.Interface())
			if ok := scanCommon(c.oid, format, v, c.dest); ok == c.left {
				t.Fatalf("it is read here: %t", ok)
			}
			if c.left {
				return
			}
			if diff := cmp.Diff(want.Interface(), c.dest); diff != "" || errWant != nil {
				t.Errorf("the driver returns %v:\n%s", errWant, diff)
			}
		})
	}
}

// FuzzTexts compares lists with those of the JSON library.
func FuzzTexts(f *testing.F) {
	for _, seed := range []string{`[]`, `["a"]`, `["a", "b"]`, `["a","b"]`, `["a", ]`, `[, "a"]`, `["\n"]`, `["a"`, `[1]`, `null`, ``, `["a" "b"]`, `["a", "b", "c"]]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		if v == nil || !json.Valid(v) {
			return // the server sends none
		}
		got, ok := texts(pgtype.JSONBOID, pgx.TextFormatCode, v)
		if !ok {
			return
		}
		var want []string
		if err := json.Unmarshal(bytes.ToValidUTF8(v, nil), &want); err != nil {
			t.Fatalf("got %q of %q: %v", got, v, err)
		}
		if bytes.Equal(v, bytes.ToValidUTF8(v, nil)) && !cmp.Equal(got, want) {
			t.Errorf("got %q, want %q of %q", got, want, v)
		}
	})
}

var _ query.UUIDSetter = (*key)(nil)
