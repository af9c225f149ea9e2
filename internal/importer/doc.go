// Package importer creates members from the rows of a file.
//
// Its room: a [Map] says which column feeds which field, and how. [Run] streams the
// file in bounded batches. Each is one write session, which also records how far
// the import has come. A row that fails goes to the file of rejects with the
// remedy, and the others are imported. The [Report] says how every column was used.
// The package builds on member; internal/csvfile reads the rows.
//
//   - mapping.go: the map; target.go: the fields that it can feed; text.go: words
//     and numbers
//   - convert.go: text to values; entry.go: a row and its problems; plan.go: a map
//     bound to the header of a file; source.go: the file, in batches
//   - rejects.go, report.go: what the user learns
//   - queries.go: how far an import has come; operations.go: the import
//
// # Memory
//
// At most two batches are held, each of at most [mostRows] rows and about
// [batchBytes] bytes, however long the file is.
package importer
