// Package export writes all members to a file, from one snapshot.
//
// Its room: members to CSV or JSON lines, streamed, at the same cost of memory
// for ten and for a million. It composes member; rows are internal/csvfile's. A
// file holds keys and facts of photos and documents and never their links,
// which expire and open doors.
//
//   - record.go: what is written of a member; operations.go: the export
package export
