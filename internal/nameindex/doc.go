// Package nameindex is the search index over normalized names and the last
// digits of phones.
//
// For each gram, the index has the sorted IDs of the members with this gram, in
// blocks. A row for each pair of gram and member would cost about ten times as
// much to write. Go intersects the blocks.
//
// An ID stays in the blocks when its member is renamed or deleted: a search checks
// the members that it finds. A new or renamed member waits in member_unindexed,
// which a search reads too, until [Update] runs: no two creates write to the same
// block.
//
//   - normalize.go: normalized names, and their grams
//   - blocks.go: the rows of the index
//   - index.go: adding members to the index
//   - lookup.go: the candidates of a search
package nameindex
