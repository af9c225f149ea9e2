package operator

import (
	"regexp"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// The faults of roles.
var (
	ErrNoRole    = fault.New(fault.NotFound, "role_not_found", "No such custom role.")
	ErrRoleInUse = fault.New(fault.Conflict, "role_in_use", "Operators have this role. Give them another one first.")
)

// Role is a name for what operators may do.
type Role struct {
	Name        string      `json:"-" db:"name"`
	Permissions Permissions `json:"-"`
	Custom      bool        `json:"-"` // created here, and not a standard role
	CreatedAt   time.Time   `json:"-" db:"created_at"`
	UpdatedAt   time.Time   `json:"-" db:"updated_at"`
	Version     int64       `json:"-" db:"version"`
}

var roles = field.For[Role]()

// The standard roles, which every store has. They are part of the program, so
// that no row can change what they allow.
const (
	Viewer        = "viewer"
	Reviewer      = "reviewer"
	Manager       = "manager"
	Administrator = "administrator"
)

// standard holds the standard roles; each allows all that the one before it does.
var standard = func() []Role {
	list := []Role{
		{Name: Viewer, Permissions: Of(ReadMembers, ReadDashboard)},
		{Name: Reviewer, Permissions: Of(ReviewMembers, RevealDocuments, WriteTokens)},
		{Name: Manager, Permissions: Of(WriteMembers, DeleteMembers, WritePhones, RevealPhones, ReadAudit, ReadOperators)},
		{Name: Administrator, Permissions: All()},
	}
	for i := range list[1:] {
		list[i+1].Permissions |= list[i].Permissions
	}
	return list
}()

// StandardRoles returns the standard roles, the narrowest first.
func StandardRoles() []Role { return slices.Clone(standard) }

func standardRole(name string) (Role, bool) {
	i := slices.IndexFunc(standard, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return standard[i], true
}

// allowed returns what a role allows; row holds the permissions of a custom role,
// and is nil for one that does not exist, which allows nothing.
func allowed(name string, row *string) Permissions {
	set := Of(Anyone)
	if r, ok := standardRole(name); ok {
		return set | r.Permissions
	}
	if row != nil {
		set |= stored(*row)
	}
	return set
}

var roleName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,49}$`)

func checkRoleName(name string) error {
	var f fault.Fields
	if _, taken := standardRole(name); taken {
		f.Add("role", "not_allowed", "The standard role %s cannot be changed. Choose another name.", name)
	} else if !roleName.MatchString(name) {
		f.Add("role", "malformed", "Must be up to 50 lower-case letters, digits, - and _, starting with a letter.")
	}
	return f.Err()
}
