// Package counters keeps exact numbers of members without scanning them.
//
// A change of a member appends a delta in its own transaction. [Rollup] moves
// deltas into the counters. A reader adds both in one snapshot. The package knows
// the time of creation, the gender and the status of a member, the last two as
// text.
//
//   - kind.go: days, slots and kinds, by which members are counted
//   - delta.go: the deltas that a change appends
//   - rollup.go: moving deltas into the counters
//   - count.go: totals
//   - recount.go: the store's time zone, and counting by a scan
package counters
