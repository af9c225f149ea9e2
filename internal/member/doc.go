// Package member holds the member: types, rules, queries and operations.
//
// Its room: everything that is true of a member without HTTP. Numbers of members
// are in counters, the search index is in nameindex, and lists are in directory.
// The package knows nothing of engines and HTTP.
//
//   - member.go, details.go: the types
//   - rules.go, phone.go: what they may hold
//   - patch.go: merge patches, and what differs between two members
//   - relation.go, relations.go: what belongs to a member in tables of its own
//   - queries.go: the loader and the changes
//   - operations.go: create, update, delete, restore
//
// # Adding a field or a relation
//
// A field is a line of a struct in member.go or details.go, and a column in a new
// migration of internal/schema for each database. A relation is a type, a line in
// the list of relations.go, a field of [Detail], and a table in two migrations.
// All else follows from these.
package member
