package field_test

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

type colour string

func (colour) Choices() []string { return []string{"red", "green"} }

type inner struct {
	Height *int     `json:"height" minimum:"50" maximum:"300"`
	Pets   []string `json:"pets" maxItems:"3" maxLength:"5"`
	Low    *int     `json:"low"`
	High   *int     `json:"high"`
}

// Check has the range in order.
func (i *inner) Check(wrong *fault.Fields, prefix string) {
	field.Ordered(wrong, prefix+"low", i.Low, prefix+"high", i.High, func(a, b int) bool { return a > b })
}

type sample struct {
	ID      ids.Member `json:"id" readOnly:"true"`
	Key     string     `json:"-" db:"s3_key"`
	Name    string     `json:"name" minLength:"2" maxLength:"10"`
	Colour  colour     `json:"colour,omitzero"`
	Year    *int       `json:"year" db:"year,zero" minimum:"1900" maximum:"2100"`
	Phone   *string    `json:"phone" required:"true"`
	Status  *string    `json:"status" write:"update" enum:"a,b"`
	Big     *int64     `json:"big"`
	At      *time.Time `json:"at"`
	Fine    bool       `json:"fine,omitzero"`
	Profile *inner     `json:"profile" db:"-"`
}

// codes are those of the fields of a fault, sorted.
func codes(err error) string {
	if s, ok := errors.AsType[*field.SyntaxError](err); ok {
		return strings.TrimSpace(s.Code + " " + s.Field + " " + s.FieldCode)
	}
	f := fault.As(err)
	if f == nil {
		return ""
	}
	var list []string
	for _, x := range f.Fields {
		list = append(list, x.Name+" "+x.Code)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestDecode(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat(`{"profile":`, n) + "{}" + strings.Repeat("}", n) }
	const good = `"name":"Kim","phone":"1",`
	for name, c := range map[string]struct{ body, want string }{
		"empty":                   {"", "body_missing"},
		"spaces":                  {" \n\t ", "body_missing"},
		"no JSON":                 {"name=Kim", "malformed_json"},
		"cut":                     {`{"name":"Kim"`, "malformed_json"},
		"trailing data":           {`{"name":"Kim"} {}`, "trailing_data"},
		"null":                    {"null", "body wrong_type"},
		"a list":                  {"[]", "body wrong_type"},
		"nothing":                 {"{}", "name required, phone required"},
		"null for required":       {`{"name":null,"phone":null}`, "name required, phone required"},
		"unknown":                 {`{` + good + `"Name":"Kim"}`, "Name unknown_field"},
		"read-only":               {`{` + good + `"id":"x"}`, "id read_only"},
		"not yet":                 {`{` + good + `"status":"a"}`, "status not_allowed"},
		"every wrong field":       {`{"x":1,"name":5,"phone":"1","profile":{"height":"tall","pets":[1],"y":{}}}`, "name wrong_type, profile.height wrong_type, profile.pets wrong_type, profile.y unknown_field, x unknown_field"},
		"fraction":                {`{` + good + `"year":1990.5}`, "year wrong_type"},
		"huge number":             {`{` + good + `"year":99999999999999999999}`, "year wrong_type"},
		"list for an object":      {`{` + good + `"profile":[]}`, "profile wrong_type"},
		"duplicate":               {`{"name":"Kim","n\u0061me":"Lee"}`, "malformed name duplicate"},
		"duplicate inside":        {`{"profile":{"height":1,"height":2}}`, "malformed profile.height duplicate"},
		"invalid UTF-8":           {"{\"name\":\"K\xffm\"}", "malformed name invalid_text"},
		"NUL":                     {`{"name":"K\u0000m"}`, "malformed name invalid_text"},
		"NUL in a list":           {`{"profile":{"pets":["a","\u0000"]}}`, "malformed profile.pets.1 invalid_text"},
		"half a surrogate":        {`{"name":"\ud800"}`, "malformed_json"},
		"too deep":                {deep(field.MaxDepth), "nested_too_deeply"},
		"far too deep":            {strings.Repeat("[", 200_000), "nested_too_deeply"},
		"long":                    {`{"name":"12345678901","phone":"1"}`, "name too_long"},
		"short":                   {`{"name":" 1 ","phone":"1"}`, "name too_short"},
		"range":                   {`{` + good + `"year":1899,"profile":{"height":301}}`, "profile.height out_of_range, year out_of_range"},
		"choice":                  {`{` + good + `"colour":"blue"}`, "colour not_a_choice"},
		"entries":                 {`{` + good + `"profile":{"pets":["","123456","ok"]}}`, "profile.pets.0 empty, profile.pets.1 too_long"},
		"many":                    {`{` + good + `"profile":{"pets":["a","b","c","d"]}}`, "profile.pets too_many"},
		"inverted":                {`{` + good + `"profile":{"low":3,"high":2}}`, "profile.high range_inverted"},
		"time":                    {`{` + good + `"at":"today"}`, "at wrong_type"},
		"time out of range":       {`{` + good + `"at":"1969-01-01T00:00:00Z"}`, "at out_of_range"},
		"control":                 {`{"name":"a\nb","phone":"1"}`, "name invalid_text"},
		"direction":               {`{"name":"a\u202eb","phone":"1"}`, "name invalid_text"},
		"invisible":               {`{"name":"\u3164\u200b\u2800\u00ad","phone":"1"}`, "name invalid_text"},
		"only a mark":             {`{"name":"\u0301\u0301","phone":"1"}`, "name invalid_text"},
		"a backslash before 0000": {`{"name":"\\u0000","phone":"1"}`, ""},
		"brackets in a text":      {`{"name":"[[[[[[","phone":"` + strings.Repeat("[", field.MaxDepth+1) + `"}`, ""},
		"whole, with a point":     {`{` + good + `"year":1990.0,"big":1e3,"at":"2026-01-31t09:00:00z"}`, ""},
		"all":                     {`{` + good + `"colour":"red","year":null,"fine":true,"profile":{"height":170,"pets":["cat"],"low":1,"high":1}}`, ""},
	} {
		var v sample
		if got := codes(field.Decode([]byte(c.body), &v)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestDecodeUpdate(t *testing.T) {
	t.Parallel()
	was := sample{Name: "Kim", Phone: new("1"), Year: new(1990), Profile: &inner{Height: new(170), Pets: []string{"cat"}}}
	before := *was.Profile
	got := was
	var wrong fault.Fields
	given := field.DecodeInto([]byte(`{"year":null,"status":"b","profile":{"pets":["e\u0301"," "," "],"height":171}}`), &got, field.Update, "", &wrong)
	if codes(wrong.Err()) != "profile.pets.1 empty, profile.pets.2 empty" || len(given) != 3 || given[1].Name != "status" {
		t.Errorf("got %v and %d fields", wrong.Err(), len(given))
	}
	if got.Year != nil || *got.Status != "b" || *got.Profile.Height != 171 || got.Profile.Pets[0] != "é" || got.Name != "Kim" {
		t.Errorf("got %+v, %+v", got, got.Profile)
	}
	if diff := cmp.Diff(before, *was.Profile); diff != "" {
		t.Errorf("the old value was changed: %s", diff)
	}
	field.DecodeInto([]byte(`{"profile":null}`), &got, field.Update, "", &wrong)
	if got.Profile != nil {
		t.Error("null did not take the object away")
	}
}

// TestAppendIsTheLibrarys holds the JSON that is written to what the library
// writes of the same value.
func TestAppendIsTheLibrarys(t *testing.T) {
	t.Parallel()
	moments := rapid.Custom(func(t *rapid.T) time.Time {
		unit := rapid.SampledFrom([]int64{1, 1000, 1_000_000}).Draw(t, "unit")
		return time.UnixMicro(rapid.Int64Range(-6e16, 2.5e17).Draw(t, "microseconds") / unit * unit).UTC()
	})
	type page struct {
		Items []sample       `json:"items"`
		Any   map[string]int `json:"any"`
		Next  *string        `json:"next,omitzero"`
	}
	rapid.Check(t, func(t *rapid.T) {
		v := page{Any: map[string]int{"a": 1}, Next: rapid.Ptr(rapid.String(), true).Draw(t, "next")}
		v.Items = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sample {
			s := sample{
				ID: ids.New[ids.Member](moments.Draw(t, "made")), Key: "hidden", Name: rapid.String().Draw(t, "name"),
				Colour: colour(rapid.SampledFrom([]string{"", "red"}).Draw(t, "colour")), Year: rapid.Ptr(rapid.Int(), true).Draw(t, "year"),
				Phone: rapid.Ptr(rapid.String(), true).Draw(t, "phone"), Big: rapid.Ptr(rapid.Int64(), true).Draw(t, "big"),
				At: rapid.Ptr(moments, true).Draw(t, "at"), Fine: rapid.Bool().Draw(t, "fine"),
			}
			if rapid.Bool().Draw(t, "profile") {
				s.Profile = &inner{Height: s.Year, Pets: rapid.SliceOf(rapid.String()).Draw(t, "pets")}
			}
			return s
		}), 0, 3).Draw(t, "items")
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := field.AppendJSON(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("(-library +ours):\n%s", diff)
		}
	})
}

func TestRows(t *testing.T) {
	t.Parallel()
	s := field.For[sample]()
	if got, want := s.Columns("x."), "x.id, x.s3_key, x.name, x.colour, x.year, x.phone, x.status, x.big, x.at, x.fine"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	v := sample{Key: "k", Colour: "red"}
	*s.Pointers(nil, &v)[3].(*string) = "green"
	values := s.Values(nil, &v)
	if v.Colour != "green" || values[1] != "k" || values[3] != "green" || values[4] != 0 || values[5] != nil || len(values) != len(s.ColumnNames()) {
		t.Errorf("got %+v and %v", v, values)
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	type parameters struct {
		Member ids.Member `path:"user_id"`
		Q      string     `query:"q" maxLength:"5"`
		Limit  int        `query:"limit" default:"50" minimum:"1" maximum:"200"`
		Status []colour   `query:"status" maxItems:"2"`
		Has    *bool      `query:"has"`
		From   *time.Time `query:"from"`
		Who    ids.Member `query:"who"`
	}
	s := field.For[parameters]()
	for query, want := range map[string]string{
		"": "",
		"q=a&limit=7&status=red,green,red&has=true&from=2026-01-31T00:00:00%2B09:00": "",
		"q=&limit=x&status=blue&has=1&from=now&who=me":                               "from wrong_type, has wrong_type, limit wrong_type, q empty, status.0 not_a_choice, who malformed",
		"q=abcdef&limit=0&status=red,green,blue&x=1":                                 "limit out_of_range, q too_long, status too_many, x unknown_parameter",
		"limit=1&limit=2&user_id=3":                                                  "limit duplicate, user_id unknown_parameter",
		"q=%00&status=%ff":                                                           "q invalid_text, status invalid_text",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var p parameters
		var wrong fault.Fields
		s.DecodeQuery(values, &p, &wrong)
		if got := codes(wrong.Err()); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
		if query == "" && (p.Limit != 50 || p.Has != nil || p.Status != nil) {
			t.Errorf("got %+v", p)
		}
	}
	var p parameters
	var wrong fault.Fields
	s.DecodeParameters([]byte(`{"q":"a","status":["red"],"has":false,"x":1,"user_id":"y"}`), &p, &wrong)
	s.DecodePath(func(string) string { return field.ExampleID }, &p, &wrong)
	if got := codes(wrong.Err()); got != "user_id unknown_field, x unknown_field" || p.Limit != 50 || p.Q != "a" || *p.Has || p.Member.String() != field.ExampleID {
		t.Errorf("got %q, %+v", got, p)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"Kim","phone":"1","profile":{"height":1}}`))
	f.Add([]byte(`{"name":"\u0000","x":[{"y":"\ud800"}]}`))
	f.Add([]byte("{\"\xff\":1,\"\":{}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v sample
		err := field.Decode(body, &v)
		if _, ok := errors.AsType[*field.SyntaxError](err); err != nil && fault.As(err) == nil && !ok {
			t.Errorf("%q: got %v, which is no fault", body, err)
		}
		if err == nil && (strings.IndexByte(v.Name, 0) >= 0 || v.Name == "" || v.Phone == nil) {
			t.Errorf("%q: %+v came through", body, v)
		}
	})
}

// TestEmptyIsNotGiven creates with an empty text and an empty list where the body
// must have one.
func TestEmptyIsNotGiven(t *testing.T) {
	t.Parallel()
	type body struct {
		Phone *string  `json:"phone" required:"true"`
		Pets  []string `json:"pets" required:"true"`
		Plan  string   `json:"plan" default:"gold"`
	}
	var v body
	if got := codes(field.Decode([]byte(`{"phone":" ","pets":[],"plan":null}`), &v)); got != "pets required, phone required, plan wrong_type" {
		t.Errorf("got %q", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	type times struct {
		At  *time.Time `json:"at"`
		Day *time.Time `json:"day" format:"date"`
	}
	for text, want := range map[string]string{
		`"at":"2026-01-31T18:00:00.1234567+09:00","day":"2026-01-31"`: "2026-01-31T09:00:00.123456Z 2026-01-31T00:00:00Z",
		`"at":"0001-01-01T00:00:00Z"`:                                 "at out_of_range",
		`"at":"9999-01-01T00:00:00Z"`:                                 "at out_of_range",
		`"at":"1970-01-01T00:00:00+09:00"`:                            "at out_of_range",
		`"at":"2026-01-31T9:00:00Z"`:                                  "at wrong_type",
		`"at":"2026-01-31T09:00:00,5Z"`:                               "at wrong_type",
		`"at":"2026-02-30T09:00:00Z"`:                                 "at wrong_type",
		`"at":"2026-01-31"`:                                           "at wrong_type",
		`"day":"2026-01-31T00:00:00Z"`:                                "day wrong_type",
	} {
		var v times
		got := codes(field.Decode([]byte("{"+text+"}"), &v))
		if v.At != nil && v.Day != nil {
			got = v.At.Format(time.RFC3339Nano) + " " + v.Day.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestFaultsAreBounded sends more wrong fields than are reported.
func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&body, `"x%d":1,`, i)
	}
	var v sample
	err := field.Decode([]byte("{"+body.String()+`"profile":{"low":2,"high":1}}`), &v)
	if f := fault.As(err); f == nil || len(f.Fields) > 52 {
		t.Errorf("got %v", err)
	}
}

// combined embeds two structs with rules of their own, which it runs.
type combined struct {
	inner
	other
}

type other struct {
	X string `json:"x"`
}

func (*other) Check(*fault.Fields, string) {}

func TestDescriptorsThatCannotBe(t *testing.T) {
	t.Parallel()
	type a struct {
		A int `json:"a"`
	}
	type twice struct {
		a
		B int `json:"a"`
	}
	type tag struct {
		A int `json:"a" minimum:"x"`
	}
	for name, describe := range map[string]func() *field.Struct{
		"a name that is declared twice": field.For[twice], "a bound that is not a number": field.For[tag], "rules that nothing runs": field.For[combined],
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			describe()
		}()
	}
}

// row is a row of an answer.
type row []any

func (r row) Scan(dest ...any) error {
	if len(dest) != len(r) {
		return fmt.Errorf("%d destinations for %d columns", len(dest), len(r))
	}
	for i, d := range dest {
		reflect.ValueOf(d).Elem().Set(reflect.ValueOf(r[i]))
	}
	return nil
}

// TestScanner scans rows one after another: none has anything of the one before.
func TestScanner(t *testing.T) {
	t.Parallel()
	s := field.NewScanner[inner]()
	a, err := s.Scan(row{new(1), []string{"cat"}, (*int)(nil), new(3)})
	if err != nil {
		t.Fatal(err)
	}
	var before string
	b, err := s.ScanAfter(row{"first", (*int)(nil), []string(nil), new(4), (*int)(nil)}, &before)
	if err != nil || before != "first" {
		t.Fatal(before, err)
	}
	if diff := cmp.Diff([]inner{{Height: new(1), Pets: []string{"cat"}, High: new(3)}, {Low: new(4)}}, []inner{a, b}); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Scan(row{}); err == nil {
		t.Error("a row without columns was scanned")
	}
}
