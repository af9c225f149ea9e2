// Package counters keeps the numbers of members exact without scanning them.
//
// A change of a member appends a delta in its own transaction. [Rollup] moves
// deltas into the counters; a reader adds both in one snapshot. The package
// knows of a member when it was created, its gender and its status, the latter
// two as text.
//
//   - kind.go: days, slots and kinds: what members are counted by
//   - delta.go: the deltas that a change appends
//   - rollup.go: moving deltas into the counters
//   - count.go: totals
//   - recount.go: the store's time zone, and counting by a scan
package counters
