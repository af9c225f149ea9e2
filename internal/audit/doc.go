// Package audit is the record of what was done and looked at, and by whom.
//
// Its room: an [Event] becomes an entry in the transaction of the change that
// it tells of; each entry has a mac, made with a key that the database does not
// hold; and a little later the entries are sealed, in order, into a chain. Who
// can write to the database and does not have the key cannot change, remove,
// insert or swap a sealed entry unseen, and cannot cut the chain off below a
// [Head] that somebody has kept ([Log.Verify]).
//
// What may be recorded, and of whom what may be seen, is not its business: the
// actions are named by the rooms that do them, and phones come masked. It
// imports query, session, fault and ids, and knows nothing of HTTP or of files.
package audit
