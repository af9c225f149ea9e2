package operator

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

// The faults of operators.
var (
	ErrNoOperator        = fault.New(fault.NotFound, "operator_not_found", "No such operator.")
	ErrNameTaken         = fault.New(fault.Conflict, "operator_name_taken", "Another operator has this name.")
	ErrVersionMismatch   = fault.New(fault.Stale, "version_mismatch", "Changed since you loaded it. Load it again and repeat your change if it still applies.")
	ErrLastAdministrator = fault.New(fault.Conflict, "last_administrator", "This is the last administrator. Create another one first.")
)

// FirstAdministrator is the name of the operator that the first start creates.
const FirstAdministrator = "administrator"

// Operator is a person or a program that works here.
type Operator struct {
	ID         ids.Operator `json:"id" doc:"The id. Ids sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Name       string       `json:"name" doc:"The name." example:"Kim Minji" minLength:"1" maxLength:"100"`
	Role       string       `json:"role" doc:"The role: viewer, reviewer, manager, administrator, or a custom role." example:"reviewer" minLength:"1" maxLength:"50"`
	CreatedAt  time.Time    `json:"created_at" doc:"The time of creation." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	UpdatedAt  time.Time    `json:"updated_at" doc:"The time of the last change." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	DisabledAt *time.Time   `json:"disabled_at" doc:"The time at which the operator was disabled; null while it is enabled." readOnly:"true"`
	Version    int64        `json:"version" doc:"The version, which grows with every change." example:"3" minimum:"1" readOnly:"true"`
}

var operators = field.For[Operator]()

// check normalizes the name and the role, and returns what is wrong with them.
func (o *Operator) check() error {
	var f fault.Fields
	operators.Check(o, "", &f)
	return f.Err()
}

// isAdministrator reports whether the operator can always put things right.
func (o *Operator) isAdministrator() bool { return o.Role == Administrator && o.DisabledAt == nil }

// normalizedName is the same for names that a person cannot tell apart.
func normalizedName(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(name)), " "))
}
