// Package member holds the member: types, rules, queries and operations.
//
// Its room: everything that is true of a member whether or not HTTP is there.
// It imports query, session, fault, ids and media, and one library each for
// phones and for the forms of Unicode. It knows nothing of engines and HTTP.
//
//   - member.go, details.go: the types; rules.go, names.go: what they may hold
//   - patch.go: the merge patch
//   - queries.go, table.go: the loader and the changes
//   - list.go: pages of members; filter.go, plan.go: the way to each
//   - search.go: free text; index.go: what it looks in
//   - counters.go: the deltas behind every number, and their folding
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
