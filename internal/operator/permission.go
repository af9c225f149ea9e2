package operator

import (
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
)

// Permission is one thing that a role may allow. The zero Permission is none,
// and nothing that needs it is allowed to anybody.
type Permission uint8

// The permissions. What each allows is said by [Permission.Meaning].
const (
	Anyone Permission = iota + 1 // of everybody who is an operator: to see who one is
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

// permissions are the words for each, and what they mean.
var permissions = [...]struct{ word, meaning string }{
	Anyone:          {"anyone", "to be an operator: to see one's own name and rights"},
	ReadMembers:     {"members:read", "to list and open members, with what is masked left masked"},
	WriteMembers:    {"members:write", "to create members and change what is known of them"},
	DeleteMembers:   {"members:delete", "to delete members and bring them back"},
	ReviewMembers:   {"members:review", "to change the status of members"},
	WritePhones:     {"phones:write", "to set the phone of a member"},
	RevealPhones:    {"phones:reveal", "to see a phone, for a reason, and to search by more than its last four digits"},
	RevealDocuments: {"documents:reveal", "to open a document, for a reason"},
	ReadDashboard:   {"dashboard:read", "to see the numbers"},
	ReadAudit:       {"audit:read", "to read the record of what operators did, with the values that changed"},
	ReadOperators:   {"operators:read", "to see operators, roles and tokens"},
	WriteOperators:  {"operators:write", "to manage operators, roles and the tokens of others"},
	WriteTokens:     {"tokens:write", "to make and end one's own tokens"},
}

// String is the word for the permission; empty for none.
func (p Permission) String() string {
	if int(p) < len(permissions) {
		return permissions[p].word
	}
	return ""
}

// Valid reports whether there is such a permission.
func (p Permission) Valid() bool { return p.String() != "" }

// Meaning says what the permission allows, as the end of "allows …".
func (p Permission) Meaning() string {
	if p.Valid() {
		return permissions[p].meaning
	}
	return ""
}

// Grantable lists the permissions that a role can have, in their order; Anyone
// is of every role.
func Grantable() []Permission {
	list := make([]Permission, 0, len(permissions))
	for p := Anyone + 1; p.Valid(); p++ {
		list = append(list, p)
	}
	return list
}

// Permissions is a set of them. The zero value is empty.
type Permissions uint32

// Of is the set of these permissions.
func Of(list ...Permission) (set Permissions) {
	for _, p := range list {
		if p.Valid() {
			set |= 1 << p
		}
	}
	return set
}

// All is the set of all permissions.
func All() Permissions { return Of(Grantable()...) | Of(Anyone) }

// Has reports whether the permission is in the set.
func (s Permissions) Has(p Permission) bool { return p.Valid() && s&(1<<p) != 0 }

// Within reports whether the other set has all of this one.
func (s Permissions) Within(other Permissions) bool { return s&^other == 0 }

// List gives the permissions of the set, but for Anyone, in their order.
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

// String gives the words with a space between, as a row has them.
func (s Permissions) String() string { return strings.Join(s.Words(), " ") }

// ParsePermissions reads words; field is what they are called to the caller.
// Faults: invalid, with a word that is none.
func ParsePermissions(field string, words []string) (set Permissions, err error) {
	for _, word := range words {
		p, known := byWord[word]
		if !known {
			var f fault.Fields
			f.Add(field, "not_a_choice", "It has words of: %s.", All())
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

// stored reads the words of a row. A word of a newer version of the program is
// none of this one's, and allows nothing.
func stored(text string) (set Permissions) {
	for word := range strings.FieldsSeq(text) {
		set |= Of(byWord[word])
	}
	return set
}
