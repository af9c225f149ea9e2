package httpapi

import (
	"context"
	"net/http"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// operators are the operations on operators.
type operators struct{ *tokens }

// NewOperator is what an operator is created from.
type NewOperator struct {
	Name string `json:"name" doc:"The name." example:"Kim Minji" minLength:"1" maxLength:"100"`
	Role string `json:"role" doc:"The role: viewer, reviewer, manager, administrator, or a custom role." example:"reviewer" minLength:"1" maxLength:"50"`
}

// OperatorPatch is what can be changed of an operator (RFC 7396).
type OperatorPatch struct {
	Name     *string `json:"name,omitempty" doc:"The name." example:"Kim Minji" minLength:"1" maxLength:"100"`
	Role     *string `json:"role,omitempty" doc:"The role: viewer, reviewer, manager, administrator, or a custom role." example:"reviewer" minLength:"1" maxLength:"50"`
	Disabled *bool   `json:"disabled,omitempty" doc:"Whether the operator is disabled, and may do nothing."`
}

// OperatorList is all operators.
type OperatorList struct {
	Items []operator.Operator `json:"items" doc:"The operators."`
}

func (o operators) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/operators", ID: "list-operators", Tag: "Operators", Trips: 1,
			Summary: "List operators",
			Doc:     "Returns all operators, in order of creation; at most 1,000.",
		}, o.may(operator.ReadOperators), o.list),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/operators", ID: "create-operator", Tag: "Operators", Trips: 3, Repeatable: true,
			Summary: "Create an operator",
			Doc:     "Creates an operator without tokens. The role may allow no more than the caller may.",
			Faults:  []fault.Kind{fault.Conflict},
			Example: map[string]any{"name": "Kim Minji", "role": "reviewer"},
		}, o.may(operator.WriteOperators), byPrincipal(o.create)),
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/operators/{operator_id}", ID: "get-operator", Tag: "Operators", Trips: 1,
			Summary: "Get an operator",
			Doc:     "Returns an operator.",
			Faults:  []fault.Kind{fault.NotFound},
		}, o.may(operator.ReadOperators), o.get),
		rest.Write(rest.Operation{
			Method: http.MethodPatch, Path: "/operators/{operator_id}", ID: "update-operator", Tag: "Operators", Trips: 5,
			Summary: "Update an operator",
			Doc:     "Changes the name or the role, and disables or enables the operator. Once this is answered, every server applies the new rights. At least one enabled administrator always remains.",
			Faults:  []fault.Kind{fault.NotFound, fault.Conflict, fault.Stale},
			Example: map[string]any{"disabled": true},
		}, o.may(operator.WriteOperators), byPrincipal(o.update)),
	}
}

func (o operators) list(*Call, struct{}) query.Query[OperatorList] {
	return query.Map(operator.Operators(), func(list []operator.Operator) (OperatorList, error) { return OperatorList{list}, nil })
}

func (o operators) get(_ *Call, in operatorPath) query.Query[rest.Tagged[operator.Operator]] {
	return query.Map(operator.ByID(in.Operator), func(o operator.Operator) (rest.Tagged[operator.Operator], error) { return taggedOperator(o), nil })
}

func taggedOperator(o operator.Operator) rest.Tagged[operator.Operator] {
	return rest.Tagged[operator.Operator]{Value: o, ETag: rest.ETag(o.Version)}
}

func (o operators) create(ctx context.Context, w *session.Write, p operator.Principal, in NewOperator) (created rest.Created[rest.Tagged[operator.Operator]], err error) {
	made, err := operator.Create(ctx, w, p, operator.New{Name: in.Name, Role: in.Role})
	created.Value, created.Location = taggedOperator(made), Prefix+"/operators/"+made.ID.String()
	return created, err
}

type updateOperator struct {
	operatorPath
	rest.IfMatch
	OperatorPatch
}

func (o operators) update(ctx context.Context, w *session.Write, p operator.Principal, in updateOperator) (changed rest.Replicated[rest.Tagged[operator.Operator]], err error) {
	after, narrows, err := operator.Update(ctx, w, p, in.Operator, operator.Patch{Name: in.Name, Role: in.Role, Disabled: in.Disabled}, in.One())
	changed.Value, changed.Narrow = taggedOperator(after), narrows
	return changed, err
}
