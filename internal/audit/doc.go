// Package audit is the audit log: what was done and seen, by whom, and when.
//
// Its room: an [Event] becomes an [Entry] in the transaction of the change that it
// describes. Each entry has a MAC, made with a key that the database does not
// hold, and shortly afterwards the entries are sealed, in order, into a chain.
// Whoever can write to the database but does not have the key cannot change,
// remove, insert or swap a sealed entry unnoticed, and cannot cut the chain off
// below a [Head] that somebody has kept ([Log.Verify]).
//
// What to log, and who may see it, is not its business: the rooms that act name
// their actions and mask phones. It knows nothing of HTTP or of files.
//
//   - audit.go: types and rules; log.go: keys, the canonical form, adding entries
//   - queries.go: reading entries; stored.go: reading what is stored, to check it
//   - operations.go, verify.go: sealing and verifying
package audit
