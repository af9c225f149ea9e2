package operator

import (
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
)

// Permission is one thing that a role may allow. The zero Permission is none:
// nobody has it.
type Permission uint8

// The permissions; [Permission.Meaning] says what each allows.
const (
	Anyone Permission = iota + 1 // that every operator has
	ReadMembers
	WriteMembers
	DeleteMembers
	ReviewMembers
	WritePhones
	RevealPhones
	RevealDocuments
	ReadDashboard
	ReadAudit
	ReadOperators
	WriteOperators
	WriteTokens
)

var permissions = [...]struct{ word, meaning string }{
	Anyone:          {"anyone", "see one's own name and permissions"},
	ReadMembers:     {"members:read", "list and open members, with masked fields masked"},
	WriteMembers:    {"members:write", "create members and change their data"},
	DeleteMembers:   {"members:delete", "delete and restore members"},
	ReviewMembers:   {"members:review", "change the status of members"},
	WritePhones:     {"phones:write", "change the phone of a member"},
	RevealPhones:    {"phones:reveal", "see a whole phone, for a reason, and search by more than its last four digits"},
	RevealDocuments: {"documents:reveal", "open a document, for a reason"},
	ReadDashboard:   {"dashboard:read", "see the dashboard"},
	ReadAudit:       {"audit:read", "read the audit log, with the values that changed"},
	ReadOperators:   {"operators:read", "see operators, roles and tokens"},
	WriteOperators:  {"operators:write", "manage operators, roles and the tokens of others"},
	WriteTokens:     {"tokens:write", "create and revoke one's own tokens"},
}

// String returns the word for the permission; empty for none.
func (p Permission) String() string {
	if int(p) < len(permissions) {
		return permissions[p].word
	}
	return ""
}

// Valid reports whether there is such a permission.
func (p Permission) Valid() bool { return p.String() != "" }

// Meaning returns what the permission allows, to complete "may …".
func (p Permission) Meaning() string {
	if p.Valid() {
		return permissions[p].meaning
	}
	return ""
}

// Grantable lists the permissions that a role can have, in order; every role has
// Anyone.
func Grantable() []Permission {
	list := make([]Permission, 0, len(permissions))
	for p := Anyone + 1; p.Valid(); p++ {
		list = append(list, p)
	}
	return list
}

// Permissions is a set of permissions. The zero value is empty.
type Permissions uint32

// Of returns the set of these permissions.
func Of(list ...Permission) (set Permissions) {
	for _, p := range list {
		if p.Valid() {
			set |= 1 << p
		}
	}
	return set
}

// All returns the set of all permissions.
func All() Permissions { return Of(Grantable()...) | Of(Anyone) }

// Has reports whether the permission is in the set.
func (s Permissions) Has(p Permission) bool { return p.Valid() && s&(1<<p) != 0 }

// Within reports whether the other set contains this one.
func (s Permissions) Within(other Permissions) bool { return s&^other == 0 }

// List returns the permissions of the set, except Anyone, in order.
func (s Permissions) List() []Permission {
	return slices.DeleteFunc(Grantable(), func(p Permission) bool { return !s.Has(p) })
}

// Word is the name of a permission on the wire, such as members:read.
type Word string

// Choices returns the words that a role or a scope may hold.
func (Word) Choices() []string { return All().Words() }

// Words returns the words of the permissions of the set, except Anyone, in order.
func (s Permissions) Words() []string {
	list := s.List()
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return words
}

// String returns the words, separated by spaces, as a row stores them.
func (s Permissions) String() string { return strings.Join(s.Words(), " ") }

// ParsePermissions reads words; field is their name on the wire. Faults: invalid,
// for an unknown word.
func ParsePermissions(field string, words []string) (set Permissions, err error) {
	for _, word := range words {
		p, known := byWord[word]
		if !known {
			var f fault.Fields
			f.Add(field, "not_a_choice", "Must be some of: %s.", All())
			return 0, f.Err()
		}
		set |= Of(p)
	}
	return set, nil
}

// byWord finds the permissions that a role can have.
var byWord = func() map[string]Permission {
	words := make(map[string]Permission)
	for _, p := range Grantable() {
		words[p.String()] = p
	}
	return words
}()

// stored reads the words of a row. It ignores unknown words, which a newer version
// of the program may have written.
func stored(text string) (set Permissions) {
	for word := range strings.FieldsSeq(text) {
		set |= Of(byWord[word])
	}
	return set
}
