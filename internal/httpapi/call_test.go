package httpapi

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
)

// An operation that does not say who may call it, or says what is no
// permission, is not started; and if it were, nobody might.
func TestUndeclaredIsRefused(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]Access{
		"nothing":                  {},
		"no permission":            {Permission: operator.Permission(200)},
		"no permission of a field": {Permission: operator.ReadMembers, Fields: map[string]operator.Permission{"phone": 0}},
		"no permission to answer":  {Permission: operator.ReadMembers, Answer: operator.Permission(200)},
	} {
		e := rest.Query(rest.Operation{Method: "GET", Path: "/x", ID: "x"}, new(tokens).require(a), operators{}.list)
		if err := rest.NewHandler(rest.Options{}).Mount(e); !errors.Is(err, errUndeclared) {
			t.Errorf("%s: got %v, want that it is refused", name, err)
		}
	}
	for name, n := range map[string]need{"nothing": {}, "of no operation": new(Access).need(nil), "of any of its requests": new(Access).least()} {
		if err := n.check(operator.Root()); !errors.Is(err, errForbidden) {
			t.Errorf("a need of %s: got %v, want forbidden", name, err)
		}
	}
}

// What a body takes of its caller is what each of its fields takes.
func TestNeeds(t *testing.T) {
	t.Parallel()
	a := Access{Permission: operator.WriteMembers, Fields: map[string]operator.Permission{"phone": operator.WritePhones, "status": operator.ReviewMembers}}
	least := need{either: operator.Of(operator.WriteMembers, operator.WritePhones, operator.ReviewMembers)}
	for body, want := range map[string]need{
		`{"name":"x"}`:                  {all: operator.Of(operator.WriteMembers)},
		`{"status":"x"}`:                {all: operator.Of(operator.ReviewMembers)},
		`{"ph\u006fne":"x","status":1}`: {all: operator.Of(operator.ReviewMembers, operator.WritePhones)},
		`{"Phone":"x"}`:                 {all: operator.Of(operator.WriteMembers)},
		`{"status":"x","name":"y"}`:     {all: operator.Of(operator.ReviewMembers, operator.WriteMembers)},
		`{"status":1,"status":2}`:       least,
		`{}`:                            least,
		`[]`:                            least,
		`{"status":`:                    least,
		``:                              least,
	} {
		if got := a.need([]byte(body)); got != want {
			t.Errorf("%s takes %+v, want %+v", body, got, want)
		}
	}
}
