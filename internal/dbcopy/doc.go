// Package dbcopy copies a whole store from one database to another, and its
// objects from one object store to another.
//
// Its room: what tables and columns there are, which both databases say; the walk
// that makes one table equal to another; and the digests that compare them. A new
// table or column is copied without a change here. The package knows no engine
// and no meaning of a table.
//
//   - dbcopy.go: options, report and faults
//   - schema.go, tables.go: the tables and their statements; digest.go: the digest
//   - operations.go: copying rows; objects.go: copying objects
package dbcopy
