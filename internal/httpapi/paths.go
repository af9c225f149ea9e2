package httpapi

import "github.com/musterhq/muster/internal/ids"

// Prefix is the path of the API.
const Prefix = "/api/v1/admin"

type memberPath struct {
	Member ids.Member `path:"user_id" doc:"The ID of the member." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
}

type operatorPath struct {
	Operator ids.Operator `path:"operator_id" doc:"The ID of the operator." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
}

type tokenPath struct {
	Token ids.Row `path:"token_id" doc:"The ID of the token." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
}

type rolePath struct {
	Role string `path:"role" doc:"The name of the role." example:"accountant" maxLength:"50" pattern:"^[a-z][a-z0-9_-]{0,49}$"`
}
