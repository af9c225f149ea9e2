package operator

import (
	"regexp"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// Role is a name for what operators may do.
type Role struct {
	Name        string
	Permissions Permissions
	Custom      bool // made here, and not one of those that every store has
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Version     int64
}

// The roles that every store has. They are in the program, so that no row can
// change what they allow.
const (
	Viewer        = "viewer"
	Reviewer      = "reviewer"
	Manager       = "manager"
	Administrator = "administrator"
)

// standard are the roles that every store has; each allows what the one before
// it does.
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

// StandardRoles are the roles that every store has, the narrowest first.
func StandardRoles() []Role { return slices.Clone(standard) }

// standardRole finds one by its name.
func standardRole(name string) (Role, bool) {
	i := slices.IndexFunc(standard, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return standard[i], true
}

// allowed is what a role allows of which the row, if there is one, has this
// text. A role that is neither standard nor there allows nothing.
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
		f.Add("role", "standard_role", "%s is a role that every store has, and cannot be changed; choose another name.", name)
	} else if !roleName.MatchString(name) {
		f.Add("role", "malformed", "A name has up to 50 lower-case letters, digits, - and _, a letter first.")
	}
	return f.Err()
}
