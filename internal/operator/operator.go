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

// FirstName is the name of the operator that the first start makes.
const FirstName = "administrator"

// Operator is a person or a program that works here.
type Operator struct {
	ID         ids.Operator `json:"id"`
	Name       string       `json:"name"`
	Role       string       `json:"role"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`
	DisabledAt *time.Time   `json:"disabled_at"` // absent: enabled
	Version    int64        `json:"version"`
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
