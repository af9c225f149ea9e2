package member_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
)

// object is a JSON object.
type object = map[string]any

// drawValue draws a valid value of a field, as JSON has it.
func drawValue(t *rapid.T, f *field.Field) any {
	text := rapid.StringMatching(`[a-z"\\가é]{2,20}`)
	if len(f.Choices) > 0 {
		text = rapid.SampledFrom(f.Choices)
	}
	switch f.Kind {
	case field.Text:
		if f.Name == "phone" {
			return rapid.SampledFrom([]string{"010-1234-5678", "+82 10 9876 5432"}).Draw(t, f.Name)
		}
		return text.Draw(t, f.Name)
	case field.Texts:
		return rapid.SliceOfN(text, 0, 3).Draw(t, f.Name)
	case field.Integer:
		least, most := *f.Min, *f.Max
		switch { // the end of a range does not come before its start
		case strings.HasSuffix(f.Name, "_min"):
			most = (least + most) / 2
		case strings.HasSuffix(f.Name, "_max"):
			least = (least + most) / 2
		case f.Name == "birth_year":
			most = 2000
		}
		return float64(rapid.Int64Range(least, most).Draw(t, f.Name))
	case field.Object:
		return drawObject(t, f.Struct, false)
	default:
		t.Fatalf("the test draws no values of the field %s", f.Name)
		return nil
	}
}

// drawObject draws a body that creates, or a merge patch.
func drawObject(t *rapid.T, s *field.Struct, patch bool) object {
	o := object{}
	for _, f := range s.Fields {
		required := f.Required || !f.Nullable && !f.Optional
		// A subscription is more than its fields: a new plan starts now.
		if f.ReadOnly || f.UpdateOnly || f.Name == "subscription" || (patch || !required) && rapid.Bool().Draw(t, "no "+f.Name) {
			continue
		}
		switch {
		case !required && rapid.Bool().Draw(t, "null "+f.Name):
			o[f.Name] = nil
		case f.Kind == field.Object:
			o[f.Name] = drawObject(t, f.Struct, patch)
		default:
			o[f.Name] = drawValue(t, f)
		}
	}
	return o
}

func mustMarshal(t *rapid.T, v any) []byte {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func drawMember(t *rapid.T) member.Detail {
	d, err := korea.Decode(mustMarshal(t, drawObject(t, field.For[member.Detail](), false)), now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// shown returns the JSON of a member as an object, without what is absent.
func shown(t *rapid.T, d member.Detail) object {
	body, err := field.AppendJSON(nil, &member.View{Detail: d, Include: member.WithAll})
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	return withoutAbsent(o)
}

func withoutAbsent(o object) object {
	maps.DeleteFunc(o, func(_ string, v any) bool {
		if inner, ok := v.(object); ok {
			withoutAbsent(inner)
		}
		list, ok := v.([]any)
		return v == nil || ok && len(list) == 0
	})
	return o
}

// merge is the algorithm of RFC 7396, section 2.
func merge(target any, patch object) object {
	to, ok := target.(object)
	if !ok {
		to = object{}
	}
	to = maps.Clone(to)
	for name, v := range patch {
		if v == nil {
			delete(to, name)
		} else if inner, ok := v.(object); ok {
			to[name] = merge(to[name], inner)
		} else {
			to[name] = v
		}
	}
	return to
}

// TestPatchIsMergePatch holds patches to RFC 7396 on the JSON of a member.
func TestPatchIsMergePatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old := drawMember(t)
		before := shown(t, old)
		patch := mustMarshal(t, drawObject(t, field.For[member.Detail](), true))
		d, err := member.Apply(old, patch, korea, now)
		if err != nil {
			t.Fatalf("%s: %v", patch, err)
		}
		if diff := cmp.Diff(before, shown(t, old)); diff != "" {
			t.Fatalf("%s changed the old member:\n%s", patch, diff)
		}
		var parsed object
		if err := json.Unmarshal(patch, &parsed); err != nil {
			t.Fatal(err)
		}
		if e164 := strings.NewReplacer("010-1234", "+821012345678", "+82 10 9", "+821098765432"); parsed["phone"] != nil {
			parsed["phone"] = e164.Replace(parsed["phone"].(string)[:8])
		}
		want := withoutAbsent(merge(before, parsed))
		if diff := cmp.Diff(want, shown(t, d)); diff != "" {
			t.Fatalf("%s (-RFC 7396 +ours):\n%s", patch, diff)
		}
		if again, err := member.Apply(d, patch, korea, now); err != nil || !reflect.DeepEqual(d, again) {
			t.Fatalf("%s, twice: %v\n%s", patch, err, cmp.Diff(d, again))
		}
	})
}

// TestDecodeReadsWhatIsShown creates a member from the JSON of another.
func TestDecodeReadsWhatIsShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawMember(t)
		o := shown(t, d)
		maps.DeleteFunc(o, func(name string, _ any) bool {
			f := field.For[member.Detail]().Field(name)
			return f.ReadOnly || f.UpdateOnly
		})
		again, err := korea.Decode(mustMarshal(t, o), now)
		if diff := cmp.Diff(d, again); err != nil || diff != "" {
			t.Fatalf("%v (-first +again):\n%s", err, diff)
		}
	})
}

// TestDifferences holds that two values differ exactly if their JSON does.
func TestDifferences(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := drawMember(t)
		b := a
		if rapid.Bool().Draw(t, "another") {
			b = drawMember(t)
		}
		for _, c := range []struct {
			fields *field.Struct
			a, b   any
		}{
			{field.For[member.User](), &a.User, &b.User},
			{field.For[member.Profile](), orEmpty(a.Profile), orEmpty(b.Profile)},
			{field.For[member.Lifestyle](), orEmpty(a.Lifestyle), orEmpty(b.Lifestyle)},
			{field.For[member.Preference](), orEmpty(a.Preference), orEmpty(b.Preference)},
		} {
			different := false
			c.fields.Differences(c.a, c.b, func(f *field.Field, x, y any) {
				different = true
				one, err1 := f.Append(nil, c.a)
				other, err2 := f.Append(nil, c.b)
				if err1 != nil || err2 != nil || slices.Equal(one, other) {
					t.Errorf("%s: %v and %v differ, but not as JSON: %s", f.Name, x, y, one)
				}
			})
			x, err1 := field.AppendJSON(nil, c.a)
			y, err2 := field.AppendJSON(nil, c.b)
			if err1 != nil || err2 != nil || slices.Equal(x, y) == different {
				t.Errorf("different is %t for\n%s\n%s", different, x, y)
			}
		}
	})
}

func orEmpty[T any](v *T) *T {
	if v == nil {
		return new(T)
	}
	return v
}
