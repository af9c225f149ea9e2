// Package export writes all members to a file, from one snapshot.
//
// Its room: members as CSV or JSON lines, streamed, so that memory does not grow
// with their number. It builds on directory and member; internal/csvfile writes
// the rows. The columns follow from the descriptors of members, photos and
// documents. An export holds the keys of photos and documents and never their
// links, which expire and grant access.
//
//   - record.go: the encoding of a member; operations.go: the export
package export
