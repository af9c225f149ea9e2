// Package nameindex is the search index over normalized names and the last
// digits of phones.
//
// The search index says for each gram which members have it: their ids in
// order, in blocks. A row for each pair of gram and member would cost about ten
// times as much to write, and the blocks are intersected in Go.
//
// An id stays in the blocks when its member is renamed or deleted: a search
// looks at the members that it finds. A new member, or a renamed one, waits in
// member_unindexed, where a search looks as well, until [Update] runs: so no two
// creates write to the same block.
//
//   - normalize.go: the normalized form, and the grams of it
//   - blocks.go: the rows of the index
//   - index.go: bringing members into the index
//   - lookup.go: what the index knows of the members that can match
package nameindex
