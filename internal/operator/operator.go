package operator

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
)

// The faults of operators and roles.
var (
	ErrNoOperator        = fault.New(fault.NotFound, "operator_not_found", "There is no such operator.")
	ErrNameTaken         = fault.New(fault.Conflict, "operator_name_taken", "Another operator has this name.")
	ErrVersionMismatch   = fault.New(fault.Stale, "version_mismatch", "It was changed since you loaded it. Load it again, and repeat your change if it still applies.")
	ErrLastAdministrator = fault.New(fault.Conflict, "last_administrator", "This is the last administrator: make another one first.")
	ErrPrivilegeExceeded = fault.New(fault.Forbidden, "privilege_exceeded", "Nobody gives away, or takes from another, what they do not hold.")
	ErrNoRole            = fault.New(fault.NotFound, "role_not_found", "There is no such role, or it is one that every store has.")
	ErrRoleInUse         = fault.New(fault.Conflict, "role_in_use", "Operators have this role: give them another first.")
)

// FirstAdministrator is the name of the operator that the first start makes.
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

// administrates reports whether the operator can always put things right.
func (o Operator) administrates() bool { return o.Role == Administrator && o.DisabledAt == nil }

// Caller is who calls, as the row of the token says at that moment.
type Caller struct {
	Token     ids.Row
	Operator  ids.Operator
	Role      string
	May       Permissions // what the role allows, and the token does not rule out
	Scoped    bool        // the token rules something out
	ExpiresAt *time.Time  // of the token; nil: never
}

// Root is who may do everything: whoever has the data folder or the database,
// and calls from the command line.
func Root() Caller { return Caller{May: All()} }

const maxName = 100

// checkName notes what is wrong with a name, which is trimmed.
func checkName(f *fault.Fields, name string) {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || !utf8.ValidString(name) {
		f.Add("name", "out_of_range", "has 1 to %d characters", maxName)
		return
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		f.Add("name", "not_printable", "has printable characters only")
	}
}

// nameKey is what two names share that a person takes for one.
func nameKey(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(name)), " "))
}
