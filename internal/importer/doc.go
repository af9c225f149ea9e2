// Package importer makes members of the rows of a file.
//
// Its room: a [Map] says which column feeds which field and how; [Run] streams
// the file through it in bounded batches, each one write session that also
// records how far the import has come, and gives a [Report] of how every column
// was used. A row that fails goes to the rejects with the remedy; the others go
// in. The package composes member; rows and encodings are internal/csvfile's.
//
//   - intakemap.go: what a map may say; target.go: the fields that it can feed
//   - convert.go: text to values; plan.go: a map bound to a file's header
//   - rejects.go, report.go: what is told of it
//   - queries.go: how far an import has come; operations.go: the import
//
// # Memory
//
// At most two batches are held, each of at most [mostRows] rows and about
// [batchBytes] bytes, however long the file is.
package importer
