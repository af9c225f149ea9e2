// Package member holds the member: types, rules, queries and operations.
//
// Its room: everything that is true of a member whether or not HTTP is there.
// Numbers of members are in counters, finding them by name in nameindex, lists
// in directory. It knows nothing of engines and HTTP.
//
//   - member.go, details.go: the types; rules.go, phone.go: what they may hold
//   - patch.go: the merge patch
//   - queries.go, table.go: the loader and the changes
//   - operations.go: what a session does: create, update, delete, restore
//
// # Adding a field to a profile
//
// Profile, lifestyle and preference are one struct each in details.go. A new
// field is: a line in the struct, its column at the same place of the adjacent
// list, its pointer at the same place of fields, a bound in check, and a column
// in a new migration of internal/schema. Loading, creating, patching and their
// tests follow from these.
package member
