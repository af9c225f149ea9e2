package httpapi

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/internal/operator"
)

// An operation that does not say who may call it, or says what is no
// permission, is not started; and if it were, nobody might.
func TestUndeclaredIsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Operation{
		"nothing":                  {ID: "x"},
		"no permission":            {ID: "x", Permission: operator.Permission(200)},
		"no permission of a field": {ID: "x", Permission: operator.ReadMembers, Fields: map[string]operator.Permission{"phone": 0}},
	} {
		if err := o.check(); !errors.Is(err, errUndeclared) {
			t.Errorf("%s: got %v, want that it is refused", name, err)
		}
	}
	for name, n := range map[string]need{"nothing": {}, "of no operation": new(Operation).needs(nil), "of its door": new(Operation).door()} {
		if err := n.check(operator.Root()); !errors.Is(err, errForbidden) {
			t.Errorf("a need of %s: got %v, want forbidden", name, err)
		}
	}
}

// What a body takes of its caller is what each of its fields takes.
func TestNeeds(t *testing.T) {
	t.Parallel()
	o := Operation{Permission: operator.WriteMembers, Fields: map[string]operator.Permission{"phone": operator.WritePhones, "status": operator.ReviewMembers}}
	door := need{either: operator.Of(operator.WriteMembers, operator.WritePhones, operator.ReviewMembers)}
	for body, want := range map[string]need{
		`{"name":"x"}`:                  {all: operator.Of(operator.WriteMembers)},
		`{"status":"x"}`:                {all: operator.Of(operator.ReviewMembers)},
		`{"ph\u006fne":"x","status":1}`: {all: operator.Of(operator.ReviewMembers, operator.WritePhones)},
		`{"Phone":"x"}`:                 {all: operator.Of(operator.WriteMembers)},
		`{"status":"x","name":"y"}`:     {all: operator.Of(operator.ReviewMembers, operator.WriteMembers)},
		`{"status":1,"status":2}`:       door,
		`{}`:                            door,
		`[]`:                            door,
		`{"status":`:                    door,
		``:                              door,
	} {
		if got := o.needs([]byte(body)); got != want {
			t.Errorf("%s takes %+v, want %+v", body, got, want)
		}
	}
}
